"""All metrics of a page at once, and their mean over the pages of a set."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.metrics import rates
from docbin_napari.metrics.confusion import BoolArray, compare
from docbin_napari.metrics.distortion import drd_of
from docbin_napari.metrics.skeleton import skeleton_pseudo_f_measure_of
from docbin_napari.metrics.weighted import weighted_pseudo_f_measure_of

if TYPE_CHECKING:
    from collections.abc import Sequence

PERFECT_PSNR = 100.0


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
    """

    f_measure: float
    weighted_pseudo_f_measure: float
    skeleton_pseudo_f_measure: float
    psnr: float
    drd: float
    nrm: float
    precision: float
    recall: float


@dataclass(frozen=True)
class MeanScores(PageScores):
    """Arithmetic means of the metrics over the pages of a set.

    Parameters
    ----------
    f_measure, weighted_pseudo_f_measure, skeleton_pseudo_f_measure, psnr, drd, nrm : float
        As in `PageScores`. A perfect page enters the mean PSNR with 100 dB. A page whose NRM is
        undefined makes the mean NRM NaN.
    precision, recall : float
        Percent.
    pages : int
        How many pages were averaged.
    perfect_pages : int
        How many of them were perfect, that is, entered the mean PSNR with 100 dB.
    """

    pages: int
    perfect_pages: int


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
    comparison = compare(prediction, ground_truth, labelled)
    counts = comparison.counts()
    return PageScores(
        f_measure=rates.f_measure_of(counts),
        weighted_pseudo_f_measure=weighted_pseudo_f_measure_of(comparison),
        skeleton_pseudo_f_measure=skeleton_pseudo_f_measure_of(comparison),
        psnr=rates.psnr_of(counts),
        drd=drd_of(comparison),
        nrm=rates.nrm_of(counts),
        precision=rates.precision_of(counts),
        recall=rates.recall_of(counts),
    )


def mean_scores(scores: Sequence[PageScores]) -> MeanScores:
    """Average the metrics of pages; each page counts the same, whatever its size.

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
    means = {
        field.name: float(np.mean([getattr(score, field.name) for score in scores]))
        for field in fields(PageScores)
    }
    means["psnr"] = float(np.mean([min(score.psnr, PERFECT_PSNR) for score in scores]))
    perfect = sum(score.psnr > PERFECT_PSNR for score in scores)
    return MeanScores(**means, pages=len(scores), perfect_pages=perfect)
