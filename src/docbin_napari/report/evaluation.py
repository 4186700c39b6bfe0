"""Hold what an evaluation judges and its figures; format them as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from docbin_napari.metrics.scores import SHARES, MeanScores, PageScores, mean_scores

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
class Judged:
    """The ink that is to be judged on one page.

    Parameters
    ----------
    ink : ndarray of bool, shape (H, W)
        Found ink.
    probability : ndarray of uint8, shape (H, W), optional
        Probability of ink times 255, where it is known.
    pixels : ndarray of uint8, shape (H, W, 3), optional
        The page, RGB, where it was read anyway.
    """

    ink: NDArray[np.bool_]
    probability: NDArray[np.uint8] | None = None
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Evaluation:
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
    >>> from docbin_napari.metrics.scores import score_page
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
