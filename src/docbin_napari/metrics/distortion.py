"""Distance reciprocal distortion: visibility of wrong pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.metrics.confusion import BoolArray, Comparison, compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACH = 2
_BLOCK = 8
# Wrong pixels treated at once: bounds the memory on a page where everything is wrong.
_CHUNK = 1 << 20


def drd(prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None) -> float:
    """Distance reciprocal distortion of Lu, Kot and Shi.

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
    return drd_of(compare(prediction, ground_truth, labelled))


def drd_of(comparison: Comparison) -> float:
    """Distance reciprocal distortion of a comparison.

    Strategy: only wrong pixels cost anything, and there are few. Their coordinates are listed
    once, and for each of the 24 neighbour positions one look-up into the padded ground truth
    fetches that neighbour of all of them. As a wrong pixel is the opposite of its ground truth,
    a neighbour differs from it exactly where it *equals* the ground truth under the pixel.
    """
    wrong_pixels = np.argwhere(comparison.wrong)
    if not len(wrong_pixels):
        return 0.0
    blocks = _mixed_blocks(comparison)
    if blocks == 0:
        return math.inf
    values = _padded_values(comparison)
    weights = _weights()
    total = 0.0
    for start in range(0, len(wrong_pixels), _CHUNK):
        rows, columns = wrong_pixels[start : start + _CHUNK].T
        own = values[rows + _REACH, columns + _REACH]
        for (row, column), weight in np.ndenumerate(weights):
            total += weight * np.count_nonzero(values[rows + row, columns + column] == own)
    return float(total / blocks)


def _weights() -> NDArray[np.float64]:
    """Reciprocal distances to the middle of a 5 x 5 square, 0 in the middle, sum 1."""
    rows, columns = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    distance = np.hypot(rows, columns)
    distance[_REACH, _REACH] = math.inf
    weights: NDArray[np.float64] = 1 / distance
    weights /= weights.sum()
    return weights


def _padded_values(comparison: Comparison) -> NDArray[np.uint8]:
    """Ground truth as 0 and 1, and 2 (equal to neither) outside the page and where unlabelled."""
    values = comparison.truth.astype(np.uint8)
    if comparison.labelled is not None:
        values[~comparison.labelled] = 2
    return np.pad(values, _REACH, constant_values=2)


def _mixed_blocks(comparison: Comparison) -> int:
    """Count the whole 8 x 8 blocks of the ground truth that hold both ink and background."""
    truth, labelled = comparison.truth, comparison.labelled
    background = ~truth if labelled is None else labelled & ~truth
    return int(np.count_nonzero(_any_per_block(truth) & _any_per_block(background)))


def _any_per_block(array: BoolArray) -> BoolArray:
    rows, columns = (side // _BLOCK for side in array.shape)
    whole = array[: rows * _BLOCK, : columns * _BLOCK]
    return np.asarray(whole.reshape(rows, _BLOCK, columns, _BLOCK).any(axis=(1, 3)))
