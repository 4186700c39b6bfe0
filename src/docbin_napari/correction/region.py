"""Regions of a page drawn by a user, and a threshold of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of a page.

    Parameters
    ----------
    rows, columns : slice
        The smallest rectangle that holds them.
    inside : ndarray
        bool, the size of that rectangle: True where a pixel belongs to the region.
    """

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]

    @property
    def place(self) -> tuple[slice, slice]:
        """Rows and columns, to index a page with."""
        return self.rows, self.columns

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.inside))


def rectangle(first: Point, second: Point, shape: tuple[int, int]) -> Region | None:
    """Take all pixels that a rectangle touches.

    Parameters
    ----------
    first, second : (float, float)
        Row and column of two opposite corners; pixel centres are whole numbers.
    shape : (int, int)
        Height and width of the page.

    Returns
    -------
    Region or None
        None if the rectangle lies off the page.

    Examples
    --------
    >>> rectangle((2, 1), (0.2, 3.4), (10, 3)).inside.shape
    (3, 2)
    """
    parts = [_span(one, other, side) for one, other, side in zip(first, second, shape, strict=True)]
    if any(part.stop <= part.start for part in parts):
        return None
    rows, columns = parts
    size = rows.stop - rows.start, columns.stop - columns.start
    return Region(rows, columns, np.ones(size, bool))


def lasso(points: Sequence[Point], shape: tuple[int, int]) -> Region | None:
    """Take all pixels whose centre a closed line goes round.

    Parameters
    ----------
    points : sequence of (float, float)
        Row and column of the corners; the last one is joined to the first.
    shape : (int, int)
        Height and width of the page.

    Returns
    -------
    Region or None
        None if no pixel of the page is inside.
    """
    from skimage.draw import polygon2mask

    corners = np.asarray(points, float)
    if len(corners) < 3:
        return None
    frame = rectangle(
        (corners[:, 0].min(), corners[:, 1].min()),
        (corners[:, 0].max(), corners[:, 1].max()),
        shape,
    )
    if frame is None:
        return None
    corners = corners - (frame.rows.start, frame.columns.start)
    inside = polygon2mask(frame.inside.shape, corners)  # type: ignore[no-untyped-call]
    if not inside.any():
        return None
    return Region(frame.rows, frame.columns, inside)


def whole(shape: tuple[int, int]) -> Region:
    """Take a page as a whole.

    Parameters
    ----------
    shape : (int, int)
        Its height and width.

    Returns
    -------
    Region
        All of it; `Region.inside` takes one byte of memory, not one for each pixel.
    """
    everything = np.broadcast_to(np.True_, shape)
    return Region(slice(0, shape[0]), slice(0, shape[1]), everything)


def _span(one: float, other: float, side: int) -> slice:
    low, high = sorted((one, other))
    return slice(min(max(0, round(low)), side), max(0, min(side, round(high) + 1)))


def cut_region(
    labels: NDArray[np.integer],
    probability: NDArray[np.uint8],
    region: Region,
    level: int,
) -> NDArray[np.integer]:
    """Cut the ink of a region at a level of its own.

    Parameters
    ----------
    labels : ndarray
        (H, W), the page before: 0 background, 1 ink, 2 unlabelled.
    probability : ndarray
        uint8 (H, W), ink probability times 255.
    region : Region
        What follows the level; what is unlabelled in it stays so.
    level : int
        Smallest probability that counts as ink, 1 to 255; 256 leaves none.

    Returns
    -------
    ndarray
        The new labels of the rectangle round the region, with the dtype of `labels`.
    """
    before = labels[region.place]
    after = before.copy()
    follows = region.inside & (before <= 1)
    after[follows] = (probability[region.place] >= level)[follows]
    return after
