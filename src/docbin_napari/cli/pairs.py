"""``docbin pairs``: check, import and list training pairs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from docbin_napari.cli.console import Console, UsageError, option, table, usage_errors
from docbin_napari.io.page import GROUND_TRUTH_FOLDER
from docbin_napari.pairs.source import Matching, Source, match_pairs, open_source

if TYPE_CHECKING:
    from docbin_napari.pairs.importing import Imported
    from docbin_napari.pairs.pair import Summary

# Functions import what brings numpy or SciPy, which no help text needs.


@dataclass(frozen=True)
class CheckCommand:
    """Name whatever would spoil a training or its test, one line each, with what to do.

    Pages and masks without a partner, files that cannot be read, masks of another size than
    their page, with ink and background exchanged, with numbers of labels, shifted, mirrored or
    of another page, without ink, without a labelled pixel, and pages that are there twice or
    are part of another, also at another size, JPEG quality or slightly cut.
    Exit code 0: nothing was found; 1: something was; 2: there are no pairs to check.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with train and test.
    """

    folder: Annotated[Path, tyro.conf.Positional, option(metavar="DIR", default="-")]

    def run(self, console: Console) -> int:
        """Check, and print the findings.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code: 0, or 1 if there is a finding.

        Raises
        ------
        UsageError, PairError
            If there is no collection, or nothing in it.
        """
        from tqdm import tqdm

        from docbin_napari.pairs.check import Checked, check_pairs

        kinds: Counter[str] = Counter()
        pairs = 0
        with tqdm(unit="step", leave=False, disable=not console.shows_bars) as bar:
            for event in check_pairs(self.folder):
                if isinstance(event, Checked):
                    bar.total, pairs = event.total, event.total // 2
                    bar.update(event.done - bar.n)
                    continue
                kinds[event.kind] += 1
                console.say(f"{event.kind}: {event}")
        if not pairs and not kinds:
            raise UsageError(
                f"{self.folder}: there are no pairs to check: add pages, and their masks "
                f"in {GROUND_TRUTH_FOLDER}/"
            )
        number = "1 pair" if pairs == 1 else f"{pairs} pairs"
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        console.say(f"{number} checked: {counts or 'nothing to fix'}")
        return 1 if kinds else 0


@dataclass(frozen=True)
class ImportCommand:
    """Bring pages with their masks from a folder or a zip file into a collection.

    A mask is found by its name (NAME_gt, NAME-GT, NAME_estGT, ...) or by a folder above it (GT,
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
        Invert the masks whose ink and background seem exchanged: white ink becomes black.
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
        UsageError, PairError
            If the source or the target cannot be used, or no mask has a page.
        """
        from docbin_napari.pairs.importing import collection_name

        self._check_folder()
        with usage_errors(ValueError, prefix="--collection: "):
            target = self.folder / collection_name(self.source, self.collection)
        with open_source(self.source, apart_from=self.folder) as source:
            matching = match_pairs(source.images)
            for name, why in source.refused:
                console.complain(f"{name}: {why}")
            for image, why in matching.alone:
                console.complain(f"not matched: {image}: {why}")
            if not matching.matches:
                raise UsageError(
                    f"{self.source}: no mask has a page here; masks are known by names such as "
                    "NAME_gt or NAME-GT, or by a folder such as GT, and pages by the same NAME"
                )
            done = self._bring(source, matching, target, console)
        return self._sum_up(done, target, bool(matching.alone or source.refused), console)

    def _check_folder(self) -> None:
        """Refuse a target that is a file or a collection itself."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: this is a file; name a folder for the collections")
        if (self.folder / GROUND_TRUTH_FOLDER).is_dir():
            name = self.folder.resolve()
            raise UsageError(
                f"{self.folder}: this is a collection; give the folder above it, "
                f"{name.parent}, with --collection {name.name}"
            )

    def _bring(
        self, source: Source, matching: Matching, target: Path, console: Console
    ) -> list[Imported]:
        from tqdm import tqdm

        from docbin_napari.pairs.importing import import_pairs

        settings = {"reversed_ink": self.reversed_ink, "dry_run": self.dry_run}
        events = import_pairs(source, matching.matches, target, **settings)
        count, hidden = len(matching.matches), not console.shows_bars
        done = list(tqdm(events, total=count, unit="pair", leave=False, disable=hidden))
        rows = [
            (one.match.page, one.match.mask, _where(one), "; ".join(one.remarks)) for one in done
        ]
        console.say(*table([["page", "mask", "becomes", "remarks"], *rows], left=4))
        return done

    def _sum_up(self, done: list[Imported], target: Path, rest: bool, console: Console) -> int:
        counts = Counter(one.outcome for one in done)
        words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        console.say(f"{target}: {words}")
        suspects = sum(one.suspect for one in done)
        if suspects:
            number = "1 mask looks" if suspects == 1 else f"{suspects} masks look"
            again = "" if self.dry_run else f"remove these pairs from {target} and "
            fix = f"if they are, {again}import again with --reversed-ink"
            if self.reversed_ink:
                fix = "inverted they fit no better, so they were left as they are"
            console.complain(f"{number} as if ink and background were exchanged, see above; {fix}")
        return 1 if rest or suspects or counts["left out"] else 0


def _where(one: Imported) -> str:
    if one.outcome == "left out" or one.page is None:
        return "left out"
    name = f"{one.page.parent.name}/{one.page.name}"
    return f"{name} (already there)" if one.outcome == "already there" else name


@dataclass(frozen=True)
class ListCommand:
    """List collections: pages, megapixels, how much is ink, how much is labelled.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with train and test.
    json : bool
        Print JSON for programs; shares are 0 to 1, or null where there is nothing to count.
    """

    folder: Annotated[Path, tyro.conf.Positional, option(metavar="DIR")] = Path("datasets")
    json: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Print the list.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            Exit code: 0, or 1 if some files could not be read and are not counted.

        Raises
        ------
        PairError
            If there is no collection.
        """
        from docbin_napari.pairs.pair import summarize_collections

        found = list(summarize_collections(self.folder))
        console.say(*(_as_json(found).split("\n") if self.json else _as_table(found)))
        troubles = [trouble for summary in found for trouble in summary.troubles]
        for trouble in troubles:
            console.complain(f"not counted: {trouble}")
        return 1 if troubles else 0


def _total(found: list[Summary]) -> dict[str, Any]:
    pages, waiting, pixels, labelled, ink = (
        sum(getattr(summary, name) for summary in found)
        for name in ("pages", "without_mask", "pixels", "labelled", "ink")
    )
    return {
        "pages": pages,
        "without_mask": waiting,
        "megapixels": pixels / 1e6,
        "ink_share": ink / labelled if labelled else None,
        "labelled_share": labelled / pixels if pixels else None,
    }


def _as_table(found: list[Summary]) -> list[str]:
    rows = [_row(summary.collection.name, _total([summary])) for summary in found]
    if len(found) > 1:
        rows.append(_row("all", _total(found)))
    return table([["collection", "pages", "without mask", "Mpix", "ink", "labelled"], *rows])


def _row(name: str, figures: dict[str, Any]) -> list[str]:
    shares = [figures["ink_share"], figures["labelled_share"]]
    return [
        name,
        str(figures["pages"]),
        str(figures["without_mask"]),
        f"{figures['megapixels']:.1f}",
        *("-" if share is None else f"{100 * share:.1f} %" for share in shares),
    ]


def _as_json(found: list[Summary]) -> str:
    collections = [
        {
            "collection": summary.collection.path.resolve().name,
            "split": summary.collection.split or None,
            "path": str(summary.collection.path),
            **_total([summary]),
        }
        for summary in found
    ]
    return json.dumps({"collections": collections, "all": _total(found)}, indent=2)


PairsCommand = (
    Annotated[CheckCommand, tyro.conf.subcommand("check")]
    | Annotated[ImportCommand, tyro.conf.subcommand("import")]
    | Annotated[ListCommand, tyro.conf.subcommand("list")]
)
"""The three subcommands of ``docbin pairs``."""
