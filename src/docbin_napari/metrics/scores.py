"""Compute all metrics of a page, and their means over a set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from docbin_napari.metrics.error_kinds import error_kinds
from docbin_napari.metrics.pseudo_f_measure import (
    skeleton_pseudo_f_measure,
    weighted_pseudo_f_measure,
)
from docbin_napari.metrics.rates import (
    BoolArray,
    compare,
    drd,
    f_measure,
    nrm,
    precision,
    psnr,
    recall,
)

PERFECT_PSNR = 100.0
SHARES = ("ink", "border", "false_ink", "missed")
"""Shares of the labelled pixels: the figures that a page without true ink has, too."""


@dataclass(frozen=True)
class PageScores:
    """The metrics of one page.

    Parameters
    ----------
    f_measure : float
        F-measure, percent.
    weighted_pseudo_f_measure : float
        Pseudo-F-measure of the weighted kind, percent.
    skeleton_pseudo_f_measure : float
        Pseudo-F-measure of the skeleton kind, percent.
    psnr : float
        Peak signal-to-noise ratio, decibel; ``inf`` for a perfect page.
    drd : float
        Distance reciprocal distortion, lower is better.
    nrm : float
        Negative rate metric, a ratio, lower is better.
    precision, recall : float
        Percent.
    ink : float
        True ink, percent of the labelled pixels. A page without any has no figure but its
        false ink, since the others are ratios to true ink.
    border, false_ink, missed : float
        Errors within 3 pixels of ink, ink away from true ink, and strokes that were not found,
        each in percent of the labelled pixels.
    false_ink_cost, missed_cost : float
        F-measure that would be gained without the false ink, and with the missed strokes,
        percentage points.
    """

    f_measure: float
    weighted_pseudo_f_measure: float
    skeleton_pseudo_f_measure: float
    psnr: float
    drd: float
    nrm: float
    precision: float
    recall: float
    ink: float
    border: float
    false_ink: float
    missed: float
    false_ink_cost: float
    missed_cost: float

    @property
    def is_blank(self) -> bool:
        """Whether the ground truth has no ink, so that only the false ink says something."""
        return self.ink == 0


@dataclass(frozen=True)
class MeanScores(PageScores):
    """Arithmetic means of the metrics over the pages of a set.

    The shares of `ink`, `border`, `false_ink` and `missed` are means over all pages, everything
    else over the pages whose ground truth has ink, and NaN if there is none. A perfect page enters
    the mean PSNR with 100 dB. A page whose NRM is undefined makes the mean NRM NaN.

    Parameters
    ----------
    pages : int
        How many pages were averaged.
    blank_pages : int
        How many of them have ground truth without ink.
    perfect_pages : int
        How many of the others were perfect, that is, entered the mean PSNR with 100 dB.
    worst_false_ink : float
        Largest false ink of a page, percent of its labelled pixels.
    """

    pages: int
    blank_pages: int
    perfect_pages: int
    worst_false_ink: float


def score_page(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> PageScores:
    """Compute all metrics of one page.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    PageScores
        The metrics.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Examples
    --------
    >>> import numpy as np
    >>> stroke = np.eye(16, dtype=bool)
    >>> score_page(stroke, stroke).f_measure
    100.0
    """
    given = prediction, ground_truth, labelled
    counts = compare(*given).counts()
    return PageScores(
        f_measure=f_measure(*given),
        weighted_pseudo_f_measure=weighted_pseudo_f_measure(*given),
        skeleton_pseudo_f_measure=skeleton_pseudo_f_measure(*given),
        psnr=psnr(*given),
        drd=drd(*given),
        nrm=nrm(*given),
        precision=precision(*given),
        recall=recall(*given),
        ink=100 * (counts.hits + counts.missed) / counts.pixels,
        **asdict(error_kinds(*given)),
    )


def mean_scores(scores: Sequence[PageScores]) -> MeanScores:
    """Average the metrics of pages; each page counts the same, whatever its size.

    Of pages without true ink only the shares of pixels enter the means; see `MeanScores`.

    Parameters
    ----------
    scores : sequence of PageScores
        The metrics of the pages.

    Returns
    -------
    MeanScores
        The means, the number of pages and how many of them were perfect.

    Raises
    ------
    ValueError
        If there are no pages.

    Examples
    --------
    >>> import numpy as np
    >>> stroke = np.eye(16, dtype=bool)
    >>> mean = mean_scores([score_page(stroke, stroke)])
    >>> mean.psnr, mean.perfect_pages
    (100.0, 1)
    """
    if not scores:
        raise ValueError("there are no pages to average")
    inked = [score for score in scores if not score.is_blank]

    def mean(name: str) -> float:
        pages = scores if name in SHARES else inked
        values = [getattr(score, name) for score in pages]
        if name == "psnr":
            values = [min(value, PERFECT_PSNR) for value in values]
        return float(np.mean(values)) if values else math.nan

    return MeanScores(
        **{field.name: mean(field.name) for field in fields(PageScores)},
        pages=len(scores),
        blank_pages=len(scores) - len(inked),
        perfect_pages=sum(score.psnr > PERFECT_PSNR for score in inked),
        worst_false_ink=max(score.false_ink for score in scores),
    )
