"""``docbin pairs import``: public data sets and other people's folders become collections."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from docbin_napari.cli.console import Console, UsageError, option, table

if TYPE_CHECKING:
    from docbin_napari.pairs.importing import Imported
    from docbin_napari.pairs.source import Matching, Source


@dataclass(frozen=True)
class ImportCommand:
    """Bring pages with their masks from a folder or a zip file into a collection.

    A mask is known by its name (NAME_gt, NAME-GT, NAME_estGT, ...) or by a folder above it (GT,
    GTimages, 1_gt, gt_img, ground_truth, fg_mask, ...). Pages are copied as they are, masks become
    PNG with black ink. Nothing is overwritten: a name that is taken gets a number. What cannot
    be matched is listed. In a zip file, paths that leave it and links are refused, as are files
    of more than 1 GiB, and more than 32 GiB or 100,000 entries in all.

    Parameters
    ----------
    source : Path
        Folder or zip file of images: PNG, BMP, TIFF, JPEG and the others that can be read.
    folder : Path
        Folder of collections; the pairs go into a collection in it.
    collection : str, optional
        Name of the collection.
    reversed_ink : bool
        Turn round the masks whose ink and background look exchanged, white ink to black.
    dry_run : bool
        Read everything and show the table, but write nothing.
    """

    source: Annotated[Path, tyro.conf.Positional, option(metavar="SOURCE", default="-")]
    folder: Annotated[Path, tyro.conf.Positional, option(metavar="DIR", default="-")]
    collection: Annotated[str | None, option(metavar="NAME", default="that of the source")] = None
    reversed_ink: Annotated[bool, option(default="-")] = False
    dry_run: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Import, and print what became of each pair.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            Exit code: 0, or 1 if something was left out, could not be matched, was refused,
            or looks reversed.

        Raises
        ------
        UsageError
            If the source or the target cannot be used, or no mask has a page.
        """
        # Imported late: these bring numpy, which no help text needs.
        from docbin_napari.io.errors import PairError
        from docbin_napari.pairs.importing import collection_name
        from docbin_napari.pairs.source import match_pairs, open_source

        try:
            target = self._checked_folder() / collection_name(self.source, self.collection)
        except ValueError as error:
            raise UsageError(f"--collection: {error}") from error
        try:
            with open_source(self.source, apart_from=self.folder) as source:
                matching = match_pairs(source.images)
                _name_left_over(source, matching, console)
                if not matching.matches:
                    raise UsageError(
                        f"{self.source}: no mask has a page here; masks are known by names such as "
                        "NAME_gt or NAME-GT, or by a folder such as GT, and pages by the same NAME"
                    )
                done = self._bring(source, matching, target, console)
        except PairError as error:
            raise UsageError(str(error)) from error
        return self._sum_up(done, target, bool(matching.alone or source.refused), console)

    def _checked_folder(self) -> Path:
        """Refuse a target that is a file or a collection itself."""
        from docbin_napari.io.page import GROUND_TRUTH_FOLDER

        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: this is a file; name a folder for the collections")
        if (self.folder / GROUND_TRUTH_FOLDER).is_dir():
            name = self.folder.resolve()
            raise UsageError(
                f"{self.folder}: this is a collection; give the folder above it, "
                f"{name.parent}, with --collection {name.name}"
            )
        return self.folder

    def _bring(
        self, source: Source, matching: Matching, target: Path, console: Console
    ) -> list[Imported]:
        from tqdm import tqdm

        from docbin_napari.pairs.importing import import_pairs

        events = import_pairs(
            source,
            matching.matches,
            target,
            reversed_ink=self.reversed_ink,
            dry_run=self.dry_run,
        )
        bar = tqdm(
            events,
            total=len(matching.matches),
            unit="pair",
            leave=False,
            disable=not console.shows_bars,
        )
        done = list(bar)
        rows = [
            [str(one.match.page), str(one.match.mask), _where(one), "; ".join(one.remarks)]
            for one in done
        ]
        console.say(table([["page", "mask", "becomes", "remarks"], *rows], left=4))
        return done

    def _sum_up(self, done: list[Imported], target: Path, rest: bool, console: Console) -> int:
        counts = Counter(one.outcome for one in done)
        words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        console.say(f"{target}: {words}")
        suspects = sum(one.suspect for one in done)
        if suspects:
            number = "1 mask looks" if suspects == 1 else f"{suspects} masks look"
            again = "" if self.dry_run else f"remove these pairs from {target} and "
            fix = f"if they are right, {again}import again with --reversed-ink"
            if self.reversed_ink:
                fix = "turned round they look no better, so they were left as they are"
            console.complain(f"{number} as if ink and background were exchanged, see above; {fix}")
        return 1 if rest or suspects or counts["left out"] else 0


def _where(one: Imported) -> str:
    if one.outcome == "left out" or one.page is None:
        return "left out"
    name = f"{one.page.parent.name}/{one.page.name}"
    return f"{name} (already there)" if one.outcome == "already there" else name


def _name_left_over(source: Source, matching: Matching, console: Console) -> None:
    for refused in source.refused:
        console.complain(f"{refused.name}: {refused.reason}")
    for name, why in matching.alone:
        console.complain(f"not matched: {name}: {why}")
