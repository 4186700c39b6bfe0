"""Measure the doubt of the network in each window, and choose the next window to check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.correction.reviewed import WINDOW, grid_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.correction.reviewed import Reviewed


def entropy_table() -> NDArray[np.float64]:
    """Binary entropy of every 8-bit probability.

    Returns
    -------
    ndarray
        float64 (256,), bits: 0 where the network is sure, 1 at one half.

    Examples
    --------
    >>> table = entropy_table()
    >>> float(table[0]), float(table[255]), round(float(table[128]), 3)
    (0.0, 0.0, 1.0)
    """
    ink = np.arange(256) / 255
    shares = np.stack([ink, 1 - ink])
    bits: NDArray[np.float64] = np.abs(shares * np.log2(np.where(shares > 0, shares, 1)))
    total: NDArray[np.float64] = bits.sum(axis=0)
    return total


def doubt_grid(
    probability: NDArray[np.uint8],
    second: NDArray[np.uint8] | None = None,
    window: int = WINDOW,
) -> NDArray[np.float64]:
    """Measure the doubt in every window of a page.

    Strategy: an 8-bit probability has only 256 values, so a window is counted into a
    histogram, and its doubt is the histogram times a table. No float copy of the page is made.

    Parameters
    ----------
    probability : ndarray
        uint8 (H, W), ink probability times 255.
    second : ndarray or None
        Another opinion on the same page, as `probability`. Then the doubt is how far the two
        are apart: two networks that are both sure and differ deserve the first look.
    window : int
        Side of a window, pixels.

    Returns
    -------
    ndarray
        float64 (rows of windows, columns of windows), 0 to 1: binary entropy in bits, or
        difference of the two probabilities, summed over the window and divided by the pixels of
        a whole window. So a sliver at the edge of the page counts as little as it holds.

    Raises
    ------
    ValueError
        If the two opinions are of different sizes.
    """
    if second is not None and second.shape != probability.shape:
        raise ValueError(
            f"the second opinion has {second.shape} pixels, the first one {probability.shape}"
        )
    weights = entropy_table() if second is None else np.arange(256) / 255
    height, width = probability.shape
    whole = min(window, height) * min(window, width)
    doubt = np.zeros(grid_shape((height, width), window))
    for row, column in np.ndindex(*doubt.shape):
        place = np.s_[
            row * window : (row + 1) * window,
            column * window : (column + 1) * window,
        ]
        values = probability[place]
        if second is not None:
            values = np.maximum(values, second[place]) - np.minimum(values, second[place])
        counts = np.bincount(values.ravel(), minlength=256)
        doubt[row, column] = counts @ weights / whole
    return doubt


def next_place(
    doubt: NDArray[np.float64] | None, reviewed: Reviewed, skip: tuple[int, int] | None = None
) -> tuple[int, int] | None:
    """Choose the window to review next.

    Parameters
    ----------
    doubt : ndarray or None
        As `doubt_grid` gives it; None where nothing is known of doubt, then windows come in
        reading order.
    reviewed : Reviewed
        What was reviewed.
    skip : (int, int) or None
        A window that is not meant, as the one that is shown.

    Returns
    -------
    (int, int) or None
        Row and column in the grid; None if everything was reviewed.
    """
    left = ~reviewed.grid
    if skip is not None:
        left[skip] = False
    if not left.any():
        return None
    rank = np.zeros(left.shape) if doubt is None else doubt
    row, column = np.unravel_index(int(np.argmax(np.where(left, rank, -1.0))), left.shape)
    return int(row), int(column)
