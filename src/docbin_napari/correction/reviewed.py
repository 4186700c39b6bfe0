"""Grid of windows of a page that a user has reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 256
"""Side of a window of the grid, pixels: some words of a page at 300 dpi."""

_MAGIC = b"reviewed 1"


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
        looked: bool = True,
        inside: NDArray[np.bool_] | None = None,
    ) -> None:
        """Mark a region as reviewed, or as not.

        Windows of which at least half lies in the region count; if there are none, because
        the region is small, the window in which most of it lies.

        Parameters
        ----------
        rows, columns : slice
            The rectangle round the region, pixels; what is off the page is left out.
        looked : bool
            False takes the mark away, from every window that the region touches.
        inside : ndarray or None
            bool, of the shape of the rectangle, which then lies on the page: which of its
            pixels belong to the region; None if all do.
        """
        parts = [
            _overlap(part, side, self.window)
            for part, side in zip((rows, columns), self.shape, strict=True)
        ]
        covered = np.outer(parts[0], parts[1])
        if inside is not None:
            self._keep_inside(covered, rows, columns, inside)
        if not covered.any():
            return
        if looked:
            enough = covered >= 0.5
            self.grid |= enough if enough.any() else covered == covered.max()
        else:
            self.grid &= covered == 0

    def _keep_inside(
        self,
        covered: NDArray[np.float64],
        rows: slice,
        columns: slice,
        inside: NDArray[np.bool_],
    ) -> None:
        """Make the share of each window that of the region, not of the rectangle round it."""
        for place in np.argwhere(covered):
            window = self.place(int(place[0]), int(place[1]))
            top, left = (max(part.start, 0) for part in (rows, columns))
            ours = tuple(
                slice(max(span.start - start, 0), max(span.stop - start, 0))
                for span, start in zip(window, (top, left), strict=True)
            )
            area = (window[0].stop - window[0].start) * (window[1].stop - window[1].start)
            covered[tuple(place)] = np.count_nonzero(inside[ours]) / area

    def place(self, row: int, column: int) -> tuple[slice, slice]:
        """Tell which pixels a window of the grid covers.

        Parameters
        ----------
        row, column : int
            Place in the grid.

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
        """Pack the grid, one bit a window, with a line that holds the sizes."""
        head = b"%s %d %d %d\n" % (_MAGIC, *self.shape, self.window)
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
        words = head.split()
        sizes = words[2:]
        known = head.startswith(_MAGIC + b" ") and len(sizes) == 3
        if not known or not all(word.isdigit() for word in sizes):
            raise ValueError("this is no grid of reviewed windows")
        height, width, window = (int(word) for word in sizes)
        reviewed = cls((height, width), window)
        size = reviewed.grid.size
        if len(bits) != (size + 7) // 8:
            raise ValueError("the grid of reviewed windows is damaged: its length is wrong")
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


def _overlap(part: slice, side: int, window: int) -> NDArray[np.float64]:
    """Share of each window along an axis that lies in a part of it."""
    first, last, _ = part.indices(side)
    starts = np.arange(0, side, window)
    stops = np.minimum(starts + window, side)
    inside = np.minimum(stops, last) - np.maximum(starts, first)
    share: NDArray[np.float64] = np.clip(inside, 0, None) / (stops - starts)
    return share
