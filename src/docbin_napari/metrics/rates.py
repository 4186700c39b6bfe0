"""Compare two ink arrays; metrics from the right and wrong pixels, and from what is about them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]

_REACH = 2
_BLOCK = 8


@dataclass(frozen=True)
class Comparison:
    """A prediction beside its ground truth, unlabelled pixels already taken out.

    Parameters
    ----------
    predicted : ndarray of bool, shape (H, W)
        Predicted ink; False where unlabelled.
    truth : ndarray of bool, shape (H, W)
        Ink of the ground truth; False where unlabelled.
    labelled : ndarray of bool, shape (H, W), or None
        True where the ground truth says something; None means everywhere.
    """

    predicted: BoolArray
    truth: BoolArray
    labelled: BoolArray | None = None

    def counts(self) -> Counts:
        """Count the four outcomes."""
        hits = int(np.count_nonzero(self.predicted & self.truth))
        predicted = int(np.count_nonzero(self.predicted))
        truth = int(np.count_nonzero(self.truth))
        pixels = self.truth.size if self.labelled is None else int(np.count_nonzero(self.labelled))
        false, missed = predicted - hits, truth - hits
        return Counts(hits, false, missed, pixels - hits - false - missed)


@dataclass(frozen=True)
class Counts:
    """Numbers of labelled pixels by outcome.

    Parameters
    ----------
    hits : int
        Ink found (true positives).
    false : int
        Background found as ink (false positives).
    missed : int
        Ink taken for background (false negatives).
    clear : int
        Background left clear (true negatives).
    """

    hits: int
    false: int
    missed: int
    clear: int

    def __add__(self, other: Counts) -> Counts:
        sums = {name: value + getattr(other, name) for name, value in vars(self).items()}
        return Counts(**sums)

    @property
    def errors(self) -> int:
        """Number of wrong pixels."""
        return self.false + self.missed

    @property
    def pixels(self) -> int:
        """Number of labelled pixels."""
        return self.hits + self.false + self.missed + self.clear


def compare(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> Comparison:
    """Check the arrays of a metric and take the unlabelled pixels out.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        True where the ground truth says something. Everywhere if not given.

    Returns
    -------
    Comparison
        The two arrays, ready to be counted.

    Raises
    ------
    ValueError
        If an array is not bool, not two-dimensional or of another shape, or if
        not one pixel is labelled.
    """
    arrays = {"ground_truth": ground_truth, "prediction": prediction}
    if labelled is not None:
        arrays["labelled"] = labelled
    for name, array in arrays.items():
        if array.dtype != np.bool_ or array.ndim != 2:
            raise ValueError(
                f"{name} must be a bool array of shape (H, W), not {array.dtype} {array.shape}"
            )
        if array.shape != ground_truth.shape:
            sizes = [f"{width} x {height}" for height, width in (array.shape, ground_truth.shape)]
            raise ValueError("{} has {} pixels, the ground truth {}".format(name, *sizes))
    if ground_truth.size == 0 or (labelled is not None and not labelled.any()):
        raise ValueError("the ground truth has no labelled pixel")
    if labelled is None or labelled.all():
        return Comparison(prediction, ground_truth)
    return Comparison(prediction & labelled, ground_truth & labelled, labelled)


def f_measure(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Compute the F-measure: the harmonic mean of precision and recall of the ink.

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
    """Compute the precision: how much of the predicted ink is ink, ``100 TP / (TP + FP)``.

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
    counts = compare(prediction, ground_truth, labelled).counts()
    return _percent(counts.hits, counts.hits + counts.false, counts.errors)


def recall(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Compute the recall: how much of the ink is found, ``100 TP / (TP + FN)``.

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
    counts = compare(prediction, ground_truth, labelled).counts()
    return _percent(counts.hits, counts.hits + counts.missed, counts.errors)


def psnr(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Compute the peak signal-to-noise ratio, ``10 log10(N / (FP + FN))``.

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
    counts = compare(prediction, ground_truth, labelled).counts()
    return 10 * math.log10(counts.pixels / counts.errors) if counts.errors else math.inf


def nrm(prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None) -> float:
    """Compute the negative rate metric: the mean of the two error rates.

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
    counts = compare(prediction, ground_truth, labelled).counts()
    if counts.errors == 0:
        return 0.0
    ink, background = counts.hits + counts.missed, counts.clear + counts.false
    if ink == 0 or background == 0:
        return math.nan
    return (counts.missed / ink + counts.false / background) / 2


def f_measure_of(counts: Counts) -> float:
    """Compute the F-measure, in percent, from counts."""
    return _percent(2 * counts.hits, 2 * counts.hits + counts.errors, counts.errors)


def _percent(part: int, whole: int, errors: int) -> float:
    if whole == 0:
        return 0.0 if errors else 100.0
    return 100 * part / whole


def drd(prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None) -> float:
    """Compute the distance reciprocal distortion of Lu, Kot and Shi.

    A wrong pixel costs the more, the more of the 5 x 5 pixels about it differ from it in the
    ground truth, nearer ones weighing more. The sum is divided by the number of 8 x 8 blocks
    of the ground truth that hold both ink and background (a measure of how much writing there
    is). Lower is better.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out: they are never wrong, cost nothing as a
        neighbour, and do not count as a value of their block.

    Returns
    -------
    float
        The distortion, 0 where nothing is wrong. ``inf`` where something is wrong but no block
        holds both values. The blocks start at the top left and incomplete ones are dropped,
        so turning a page whose sides are no multiples of 8 can change the result.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    References
    ----------
    .. [1] H. Lu, A. C. Kot, Y. Q. Shi, "Distance-reciprocal distortion measure for binary
       document images", 2004, doi:10.1109/LSP.2003.821748

    Examples
    --------
    A pixel missing from the end of a line leaves one direct neighbour and one two away:

    >>> import numpy as np
    >>> truth = np.zeros((8, 8), dtype=bool)
    >>> truth[4, 1:6] = True
    >>> prediction = truth.copy()
    >>> prediction[4, 5] = False
    >>> round(drd(prediction, truth), 6)
    0.108536
    """
    # Strategy: as a wrong pixel is the opposite of its ground truth, a neighbour differs from it
    # exactly where it *equals* the ground truth under the pixel. So for each of the 24 neighbour
    # positions the ground truth, shifted, is compared with itself and counted at wrong pixels.
    comparison = compare(prediction, ground_truth, labelled)
    wrong = comparison.predicted ^ comparison.truth
    if not wrong.any():
        return 0.0
    # 0 and 1, and 2, equal to neither, where unlabelled and, below, outside the page.
    values = comparison.truth.astype(np.uint8)
    if comparison.labelled is not None:
        values[~comparison.labelled] = 2
    height, width = values.shape
    down, across = height // _BLOCK, width // _BLOCK
    whole = values[: down * _BLOCK, : across * _BLOCK]
    blocks = whole.reshape(down, _BLOCK, across, _BLOCK)
    paper, ink = ((blocks == value).any(axis=(1, 3)) for value in (0, 1))
    mixed = np.count_nonzero(paper & ink)
    if mixed == 0:
        return math.inf
    around = np.pad(values, _REACH, constant_values=2)
    total = 0.0
    for (row, column), weight in np.ndenumerate(_weights()):
        neighbours = around[row : row + height, column : column + width]
        total += weight * np.count_nonzero(wrong & (neighbours == values))
    return float(total / mixed)


def _weights() -> NDArray[np.float64]:
    """Reciprocal distances to the middle of a 5 x 5 square, 0 in the middle, sum 1."""
    rows, columns = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    distance = np.hypot(rows, columns)
    distance[_REACH, _REACH] = math.inf
    return np.asarray(1 / distance / (1 / distance).sum())
