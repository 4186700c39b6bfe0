"""Format the figures of an evaluation as table, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, dataclass, fields

from docbin_napari.metrics import SHARES, MeanScores, PageScores, mean_scores
from docbin_napari.report.text_table import table

COLUMNS = {
    "f_measure": ("FM", "%", ".2f"),
    "weighted_pseudo_f_measure": ("pFM", "%", ".2f"),
    "skeleton_pseudo_f_measure": ("skeleton pFM", "%", ".2f"),
    "psnr": ("PSNR", "dB", ".2f"),
    "drd": ("DRD", "", ".2f"),
    "nrm": ("NRM", "", ".4f"),
    "precision": ("precision", "%", ".2f"),
    "recall": ("recall", "%", ".2f"),
    "border": ("border", "%", ".3f"),
    "false_ink": ("false ink", "%", ".3f"),
    "missed": ("missed", "%", ".3f"),
    "false_ink_cost": ("FM lost to false ink", "", ".2f"),
    "missed_cost": ("to missed", "", ".2f"),
}
"""Heading, unit and number format of each metric in tables."""


@dataclass(frozen=True)
class Figures:
    """Scores of pages.

    Parameters
    ----------
    pages : dict of str to PageScores
        Name of each page and its scores, at least one.
    """

    pages: dict[str, PageScores]

    @property
    def mean(self) -> MeanScores:
        """Means over the pages."""
        return mean_scores(list(self.pages.values()))

    def as_table(self) -> str:
        """Format for reading.

        Returns
        -------
        str
            A header, a line for each page and one for the mean.
        """
        mean = self.mean
        name = "mean of 1 page" if mean.pages == 1 else f"mean of {mean.pages} pages"
        rows = [["page", *(heading for heading, _, _ in COLUMNS.values())]]
        rows += [[page, *cells(scores)] for page, scores in self.pages.items()]
        lines = table([*rows, [name, *cells(mean)]])
        if mean.perfect_pages:
            number = "1 page is" if mean.perfect_pages == 1 else f"{mean.perfect_pages} pages are"
            lines += f"\n{number} perfect; in the mean PSNR that counts as 100 dB"
        if mean.blank_pages:
            number = "1 page has" if mean.blank_pages == 1 else f"{mean.blank_pages} pages have"
            lines += (
                f"\n{number} no ink in the ground truth and only count with the false ink, "
                f"{mean.worst_false_ink:.3f} % on the worst page"
            )
        return lines

    def as_csv(self) -> str:
        """Format for spreadsheets.

        Returns
        -------
        str
            A header, a line for each page and a last one that is called ``mean``.
        """
        names = [field.name for field in fields(PageScores)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["page", *names])
        for page, scores in [*self.pages.items(), ("mean", self.mean)]:
            writer.writerow([page, *(getattr(scores, name) for name in names)])
        return text.getvalue()

    def as_json(self) -> str:
        """Format for programs.

        Returns
        -------
        str
            An object with ``pages`` and ``mean``; infinite and undefined figures are null.
        """
        pages = [{"page": page, **_finite(scores)} for page, scores in self.pages.items()]
        return json.dumps({"pages": pages, "mean": _finite(self.mean)}, indent=2) + "\n"


def cells(scores: PageScores) -> list[str]:
    """Format the scores in the order of `COLUMNS`; a dash where a page has no such figure.

    Examples
    --------
    >>> import numpy as np
    >>> from docbin_napari.metrics import score_page
    >>> cells(score_page(np.eye(9, dtype=bool), np.zeros((9, 9), bool)))[:2]
    ['-', '-']
    """
    blank = (
        scores.blank_pages == scores.pages if isinstance(scores, MeanScores) else scores.is_blank
    )
    return [
        "-" if blank and key not in SHARES else format(getattr(scores, key), form)
        for key, (_, _, form) in COLUMNS.items()
    ]


def _finite(scores: PageScores) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in asdict(scores).items()}
