"""Metrics from the numbers of right and wrong pixels."""

from __future__ import annotations

import math

from docbin_napari.metrics.confusion import BoolArray, Counts, compare


def f_measure(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """F-measure: the harmonic mean of precision and recall of the ink.

    ``200 TP / (2 TP + FP + FN)``.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    float
        Percent. 0 without a hit, but 100 where both arrays are without ink (there the
        official tool of the DIBCO contests gives NaN).

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0]], dtype=bool)
    >>> prediction = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], dtype=bool)
    >>> f_measure(prediction, truth)
    80.0
    """
    return f_measure_of(compare(prediction, ground_truth, labelled).counts())


def precision(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Precision: how much of the predicted ink is ink, ``100 TP / (TP + FP)``.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    float
        Percent. 0 without a hit, but 100 where both arrays are without ink.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.
    """
    return precision_of(compare(prediction, ground_truth, labelled).counts())


def recall(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Recall: how much of the ink is found, ``100 TP / (TP + FN)``.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    float
        Percent. 0 without a hit, but 100 where both arrays are without ink.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.
    """
    return recall_of(compare(prediction, ground_truth, labelled).counts())


def psnr(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Peak signal-to-noise ratio, ``10 log10(N / (FP + FN))``.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out, of N as well.

    Returns
    -------
    float
        Decibel; ``inf`` where nothing is wrong.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.
    """
    return psnr_of(compare(prediction, ground_truth, labelled).counts())


def nrm(prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None) -> float:
    """Negative rate metric: the mean of the two error rates.

    ``(FN / (FN + TP) + FP / (FP + TN)) / 2``.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    float
        Ratio, 0 to 1. 0 where nothing is wrong. NaN where something is wrong and the ground
        truth is all ink or all background, because one of the rates is then undefined.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.
    """
    return nrm_of(compare(prediction, ground_truth, labelled).counts())


def f_measure_of(counts: Counts) -> float:
    """F-measure in percent from counts."""
    if counts.hits + counts.errors == 0:
        return 100.0
    return 200 * counts.hits / (2 * counts.hits + counts.errors)


def precision_of(counts: Counts) -> float:
    """Precision in percent from counts."""
    return _percent(counts.hits, counts.hits + counts.false, counts.errors)


def recall_of(counts: Counts) -> float:
    """Recall in percent from counts."""
    return _percent(counts.hits, counts.hits + counts.missed, counts.errors)


def psnr_of(counts: Counts) -> float:
    """PSNR in decibel from counts."""
    if counts.errors == 0:
        return math.inf
    return 10 * math.log10(counts.pixels / counts.errors)


def nrm_of(counts: Counts) -> float:
    """Negative rate metric from counts."""
    if counts.errors == 0:
        return 0.0
    ink, background = counts.hits + counts.missed, counts.clear + counts.false
    if ink == 0 or background == 0:
        return math.nan
    return (counts.missed / ink + counts.false / background) / 2


def _percent(part: int, whole: int, errors: int) -> float:
    if whole == 0:
        return 0.0 if errors else 100.0
    return 100 * part / whole
