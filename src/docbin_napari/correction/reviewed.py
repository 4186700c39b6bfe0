"""Windows of a page: which a user has reviewed, where the network is in doubt, which comes next."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray

WINDOW = 256
"""Side of a window of the grid, pixels: some words of a page at 300 dpi."""


class Reviewed:
    """Grid of windows, each of them reviewed or not.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page, pixels.
    window : int
        Side of a window, pixels; those at the right and the lower edge may be smaller.

    Attributes
    ----------
    grid : ndarray
        bool (rows of windows, columns of windows): True where somebody has reviewed.

    Raises
    ------
    ValueError
        If a side of the page or of the window is below 1.

    Examples
    --------
    >>> reviewed = Reviewed((512, 1024))
    >>> reviewed.mark(slice(0, 256), slice(0, 512))
    >>> reviewed.grid.astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 0, 0]])
    >>> reviewed.share
    0.25
    """

    def __init__(self, shape: tuple[int, int], window: int = WINDOW) -> None:
        if min(*shape, window) < 1:
            raise ValueError(f"a page of {shape} in windows of {window} pixels has no windows")
        self.shape = int(shape[0]), int(shape[1])
        self.window = int(window)
        self.grid = np.zeros(grid_shape(self.shape, self.window), bool)

    def mark(
        self,
        rows: slice,
        columns: slice,
        reviewed: bool = True,
        inside: NDArray[np.bool_] | None = None,
    ) -> None:
        """Mark a region as reviewed, or as not.

        Windows of which at least half lies in the region count; if there are none, because
        the region is small, the window in which most of it lies.

        Parameters
        ----------
        rows, columns : slice
            The rectangle round the region, pixels; what is off the page is left out.
        reviewed : bool
            False takes the mark away, from every window that the region touches.
        inside : ndarray or None
            bool, of the shape of the rectangle, which then lies on the page: which of its
            pixels belong to the region; None if all do.
        """
        top, bottom, _ = rows.indices(self.shape[0])
        left, right, _ = columns.indices(self.shape[1])
        if inside is None:
            inside = np.ones((max(0, bottom - top), max(0, right - left)), bool)
        covered = np.zeros(self.grid.shape)
        for row in range(top // self.window, -(-bottom // self.window)):
            for column in range(left // self.window, -(-right // self.window)):
                down, across = self.place(row, column)
                part = inside[
                    max(down.start - top, 0) : max(down.stop - top, 0),
                    max(across.start - left, 0) : max(across.stop - left, 0),
                ]
                area = (down.stop - down.start) * (across.stop - across.start)
                covered[row, column] = np.count_nonzero(part) / area
        if not covered.any():
            return
        if reviewed:
            enough = covered >= 0.5
            self.grid |= enough if enough.any() else covered == covered.max()
        else:
            self.grid &= covered == 0

    def place(self, row: int, column: int) -> tuple[slice, slice]:
        """Tell which pixels a window of the grid covers.

        Parameters
        ----------
        row, column : int
            Position in the grid.

        Returns
        -------
        rows, columns : slice
            Pixels of the page.
        """
        return _span(row, self.shape[0], self.window), _span(column, self.shape[1], self.window)

    @property
    def share(self) -> float:
        """Share of the page's pixels that was reviewed, 0 to 1."""
        heights, widths = (_sides(side, self.window) for side in self.shape)
        reviewed = float(heights @ self.grid @ widths)
        return reviewed / (self.shape[0] * self.shape[1])

    def to_bytes(self) -> bytes:
        """Pack the grid, one bit per window, behind a line with the sizes."""
        head = b"reviewed 1 %d %d %d\n" % (*self.shape, self.window)
        return head + np.packbits(self.grid).tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Reviewed:
        """Unpack what `to_bytes` gave.

        Parameters
        ----------
        stored : bytes
            The packed grid.

        Returns
        -------
        Reviewed
            An equal grid.

        Raises
        ------
        ValueError
            If these are not the bytes of a grid, or not all of them.
        """
        head, _, bits = stored.partition(b"\n")
        sizes = re.fullmatch(rb"reviewed 1 (\d+) (\d+) (\d+)", head)
        if sizes is None:
            raise ValueError("this is not a grid of reviewed windows")
        height, width, window = map(int, sizes.groups())
        size = math.prod(grid_shape((height, width), window)) if window else 0
        if len(bits) != (size + 7) // 8:  # Or a file decides how much memory is taken.
            raise ValueError("the grid of reviewed windows is damaged: its length is wrong")
        reviewed = cls((height, width), window)
        flat = np.unpackbits(np.frombuffer(bits, np.uint8), count=size).astype(bool)
        reviewed.grid = flat.reshape(reviewed.grid.shape)
        return reviewed


def grid_shape(shape: tuple[int, int], window: int = WINDOW) -> tuple[int, int]:
    """Count the windows of a page.

    Parameters
    ----------
    shape : (int, int)
        Height and width, pixels.
    window : int
        Side of a window, pixels.

    Returns
    -------
    (int, int)
        Rows and columns of windows.

    Examples
    --------
    >>> grid_shape((256, 257))
    (1, 2)
    """
    return -(-shape[0] // window), -(-shape[1] // window)


def _span(place: int, side: int, window: int) -> slice:
    return slice(place * window, min((place + 1) * window, side))


def _sides(side: int, window: int) -> NDArray[np.int64]:
    """Length of each window along an axis, pixels."""
    starts = np.arange(0, side, window)
    return np.minimum(starts + window, side) - starts


def entropy_table() -> NDArray[np.float64]:
    """Compute the binary entropy of every 8-bit probability.

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
    bits = np.abs(shares * np.log2(np.where(shares > 0, shares, 1)))
    return np.asarray(bits.sum(axis=0))


def doubt_grid(
    probability: NDArray[np.uint8], second: NDArray[np.uint8] | None = None, window: int = WINDOW
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
        are apart: where two networks are sure and differ, review comes first.
    window : int
        Side of a window, pixels.

    Returns
    -------
    ndarray
        float64 (rows of windows, columns of windows), 0 to 1: binary entropy in bits, or
        difference of the two probabilities, summed over the window and divided by the pixels of
        a whole window. So a sliver at the edge of the page counts only for its own pixels.

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
        place = np.s_[row * window : (row + 1) * window, column * window : (column + 1) * window]
        values = probability[place]
        if second is not None:
            values = np.maximum(values, second[place]) - np.minimum(values, second[place])
        counts = np.bincount(values.ravel(), minlength=256)
        doubt[row, column] = counts @ weights / whole
    return doubt


def next_place(doubt: NDArray[np.float64] | None, reviewed: Reviewed) -> tuple[int, int] | None:
    """Choose the window to review next.

    Parameters
    ----------
    doubt : ndarray or None
        As `doubt_grid` gives it; None where nothing is known of doubt, then windows come in
        reading order.
    reviewed : Reviewed
        What was reviewed.

    Returns
    -------
    (int, int) or None
        Row and column in the grid; None if everything was reviewed.
    """
    if reviewed.grid.all():
        return None
    rank = np.where(reviewed.grid, -1.0, 0.0 if doubt is None else doubt)
    row, column = np.unravel_index(int(np.argmax(rank)), rank.shape)
    return int(row), int(column)
