"""``docbin evaluate``: how good masks are, page by page and in the mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from docbin_napari.cli.console import Console, UsageError, option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.cli.figures import Figures
    from docbin_napari.cli.matching import Match, Matches
    from docbin_napari.metrics import PageScores

_FILE = option(metavar="FILE", default="not written; - prints it")


@dataclass(frozen=True)
class EvaluateCommand:
    """Compare masks with ground truth: FM, pFM, skeleton pFM, PSNR, DRD, NRM, precision, recall.

    Give two folders, in which files are matched by their name before the suffix, or two files.
    Pixels that the ground truth leaves unlabelled (gray 128) count nowhere. pFM is the weighted
    pseudo-F-measure, official in the DIBCO contests since 2013; skeleton pFM is the older kind.

    Parameters
    ----------
    predictions : Path
        The masks to judge: a folder of them, a folder of pages with a folder auto_bin, or one
        file. With --baseline: the pages.
    ground_truth : Path
        The ground truth: a folder of masks, a collection with a folder fg_mask, a folder of
        such collections, or one file.
    baseline : {"otsu", "sauvola"}, optional
        Judge this classical method, run on the pages, instead of masks.
    csv : Path, optional
        Write the figures as CSV.
    json : Path, optional
        Write the figures as JSON; those that are infinite or undefined as null.
    """

    predictions: Annotated[Path, tyro.conf.Positional, option(metavar="PREDICTIONS|IMAGES")]
    ground_truth: Annotated[Path, tyro.conf.Positional, option(metavar="GROUND_TRUTH")]
    baseline: Annotated[
        Literal["otsu", "sauvola"] | None,
        option(metavar="{otsu,sauvola}", default="judge masks"),
    ] = None
    csv: Annotated[Path | None, _FILE] = None
    json: Annotated[Path | None, _FILE] = None

    def run(self, console: Console) -> int:
        """Evaluate, and print or write the figures.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code: 0, or 1 if a page could not be evaluated or had no prediction.

        Raises
        ------
        UsageError
            If the paths do not fit together.
        """
        # Imported late: they bring numpy, which no help text needs.
        from docbin_napari.cli.figures import Figures
        from docbin_napari.cli.matching import match_files

        matches = match_files(self.predictions, self.ground_truth, pages=self.baseline is not None)
        _name_unmatched(matches, console)
        figures = Figures(dict(self._score(matches, console)))
        failed = len(matches.pages) - len(figures.pages) + len(matches.without_prediction)
        if not figures.pages:
            raise UsageError("there is no page to evaluate")
        self._show(figures, console)
        return 1 if failed else 0

    def _score(self, matches: Matches, console: Console) -> Iterator[tuple[str, PageScores]]:
        """Score page by page; name what cannot be scored."""
        from tqdm import tqdm

        from docbin_napari.io.errors import FileError

        for match in tqdm(matches.pages, unit="page", leave=False, disable=not console.shows_bars):
            try:
                yield match.name, self._score_page(match)
            except FileError as error:
                console.complain(f"failed: {error}")
            except ValueError as error:
                console.complain(f"failed: {match.prediction}: {error}")

    def _score_page(self, match: Match) -> PageScores:
        from docbin_napari.io.mask import read_ground_truth
        from docbin_napari.metrics import score_page

        truth = read_ground_truth(match.ground_truth)
        return score_page(self._ink(match.prediction), truth.ink, truth.labelled)

    def _ink(self, path: Path) -> NDArray[np.bool_]:
        """Read a mask, or run the baseline on a page."""
        from docbin_napari.io.mask import read_ground_truth

        if self.baseline is None:
            return read_ground_truth(path).ink
        from docbin_napari.inference.classical import BASELINES
        from docbin_napari.io.page import PageError, read_pages

        page = next(read_pages(path))
        if page.count > 1:
            raise PageError(path, f"one page is needed here, but this file holds {page.count}")
        return BASELINES[self.baseline](page.pixels)

    def _show(self, figures: Figures, console: Console) -> None:
        """Write the files that are wanted; print the table unless one of them is printed."""
        from docbin_napari.io.atomic import atomic_path, writing_trouble

        wanted = [
            (self.csv, figures.as_csv),
            (self.json, figures.as_json),
        ]
        texts = [(path, text()) for path, text in wanted if path is not None]
        printed = [text for path, text in texts if str(path) == "-"]
        for text in printed or [figures.as_table()]:
            console.say(text.rstrip("\n"))
        for path, text in texts:
            if str(path) != "-":
                try:
                    with atomic_path(path) as temporary:
                        temporary.write_text(text, encoding="utf-8", newline="")
                except OSError as error:
                    raise UsageError(f"{path}: {writing_trouble(error)}") from error


def _name_unmatched(matches: Matches, console: Console) -> None:
    for path in matches.without_prediction:
        console.complain(f"no prediction for {path}")
    for path in matches.without_ground_truth:
        console.complain(f"no ground truth for {path}")
