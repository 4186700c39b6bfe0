"""Three kinds of error: at the borders of strokes, false ink elsewhere, and strokes not found.

Where a border lies is a matter of taste in every ground truth, so errors there say little. What a
reader sees is ink where there is none, and strokes that are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from docbin_napari.metrics.rates import BoolArray, compare, f_measure_of

NEAR = 3
"""How far from ink an error may lie to be one of the border, in pixels."""


@dataclass(frozen=True)
class ErrorMaps:
    """Where a prediction errs, by kind; no pixel is in two.

    Parameters
    ----------
    border : ndarray of bool, shape (H, W)
        Wrong pixels within 3 pixels of true ink and, where ink was missed, of ink that was found.
    false_ink : ndarray of bool, shape (H, W)
        Ink farther than 3 pixels from any true ink.
    missed : ndarray of bool, shape (H, W)
        Missed ink farther than 3 pixels from any ink that was found.
    """

    border: BoolArray
    false_ink: BoolArray
    missed: BoolArray


@dataclass(frozen=True)
class ErrorKinds:
    """How much of each kind of error a page has.

    Parameters
    ----------
    border : float
        Errors at borders, percent of the labelled pixels.
    false_ink : float
        Ink away from true ink, percent of the labelled pixels.
    missed : float
        Strokes that were not found, percent of the labelled pixels.
    false_ink_cost : float
        F-measure that would be gained without the false ink, percentage points.
    missed_cost : float
        F-measure that would be gained if the missed strokes were there, percentage points.
    """

    border: float
    false_ink: float
    missed: float
    false_ink_cost: float
    missed_cost: float


def error_maps(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> ErrorMaps:
    """Tell errors at borders, false ink and missed strokes apart.

    Distances are Euclidean, between the centres of pixels.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    ErrorMaps
        The three kinds.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Examples
    --------
    >>> truth = np.zeros((9, 20), bool)
    >>> truth[3:6, 2:5] = True
    >>> found = truth.copy()
    >>> found[3:6, 5] = True  # one pixel too bold
    >>> found[4, 15] = True  # a speck far away
    >>> maps = error_maps(found, truth)
    >>> int(maps.border.sum()), int(maps.false_ink.sum()), int(maps.missed.sum())
    (3, 1, 0)
    """
    comparison = compare(prediction, ground_truth, labelled)
    false = comparison.predicted & ~comparison.truth
    missing = comparison.truth & ~comparison.predicted
    false_ink = false & ~_near(comparison.truth)
    missed = missing & ~_near(comparison.predicted)
    return ErrorMaps((false | missing) & ~(false_ink | missed), false_ink, missed)


def error_kinds(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> ErrorKinds:
    """Measure how much of each kind of error a page has.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out.

    Returns
    -------
    ErrorKinds
        Shares and costs.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Examples
    --------
    >>> blank = np.zeros((10, 10), bool)
    >>> specks = blank.copy()
    >>> specks[2, 2] = True
    >>> error_kinds(specks, blank).false_ink
    1.0
    """
    counts = compare(prediction, ground_truth, labelled).counts()
    maps = error_maps(prediction, ground_truth, labelled)
    border, false_ink, missed = (int(np.count_nonzero(area)) for area in vars(maps).values())
    now = f_measure_of(counts)
    found = replace(counts, hits=counts.hits + missed, missed=counts.missed - missed)
    return ErrorKinds(
        border=100 * border / counts.pixels,
        false_ink=100 * false_ink / counts.pixels,
        missed=100 * missed / counts.pixels,
        false_ink_cost=f_measure_of(replace(counts, false=counts.false - false_ink)) - now,
        missed_cost=f_measure_of(found) - now,
    )


def _near(ink: BoolArray) -> BoolArray:
    """True within a disc of radius `NEAR` of ink."""
    rows, columns = np.ogrid[-NEAR : NEAR + 1, -NEAR : NEAR + 1]
    disc = rows**2 + columns**2 <= NEAR**2
    return np.asarray(ndimage.binary_dilation(ink, disc))
