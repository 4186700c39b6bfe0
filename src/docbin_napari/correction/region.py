"""Select regions of a page, cut their ink at their own threshold, and find pieces of ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Corner = Point | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Region:
    """Pixels of a page.

    Parameters
    ----------
    rows, columns : slice
        The smallest rectangle around them.
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


def rectangle(first: Corner, second: Corner, shape: tuple[int, int]) -> Region | None:
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
    """Take all pixels whose centre lies inside a closed line.

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
    frame = rectangle(corners.min(axis=0), corners.max(axis=0), shape)
    if frame is None:
        return None
    corners = corners - (frame.rows.start, frame.columns.start)
    inside = polygon2mask(frame.inside.shape, corners)  # type: ignore[no-untyped-call]
    return Region(frame.rows, frame.columns, inside) if inside.any() else None


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
    labels: NDArray[np.integer], probability: NDArray[np.uint8], region: Region, level: int
) -> NDArray[np.integer]:
    """Cut the ink of a region at its own level.

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


_EIGHT = np.ones((3, 3), bool)
_FIRST_REACH = 128


def _label(ink: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the pieces; pixels that touch at a corner are connected."""
    from scipy import ndimage  # A panel is open before it: its import takes tenths of a second.

    labelled, count = ndimage.label(ink, _EIGHT, output=np.int32)
    return labelled, int(count)


def nearest_ink(
    ink: NDArray[np.bool_], row: int, column: int, reach: int
) -> tuple[int, int] | None:
    """Find the ink that is meant by a click, which may miss a speck by a little.

    Parameters
    ----------
    ink : ndarray
        bool (H, W), or anything that gives bool when it is sliced by rows and columns.
    row, column : int
        The pixel that was clicked.
    reach : int
        How far the click may be off, pixels.

    Returns
    -------
    (int, int) or None
        Row and column of the nearest ink; None if there is none within reach.
    """
    top, left = max(0, row - reach), max(0, column - reach)
    found = np.argwhere(ink[top : max(0, row + reach + 1), left : max(0, column + reach + 1)])
    if not len(found):
        return None
    found += (top, left)
    distance = ((found - (row, column)) ** 2).sum(axis=1)
    best = found[int(np.argmin(distance))]
    return None if distance.min() > reach * reach else (int(best[0]), int(best[1]))


def component_at(ink: NDArray[np.bool_], row: int, column: int) -> Region:
    """Take the piece of ink that contains a pixel; pixels that touch at a corner are connected.

    Strategy: most pieces are small and pages are large. A window round the pixel is labelled; where
    the piece runs on over one of its sides, that side is moved out, twice as far each time. So
    a ruled line across the page needs a long window but not a high one.

    Parameters
    ----------
    ink : ndarray
        bool (H, W), or anything that gives bool when it is sliced by rows and columns.
    row, column : int
        A pixel of ink.

    Returns
    -------
    Region
        The piece.

    Raises
    ------
    ValueError
        If the pixel is not ink.
    """
    from scipy import ndimage

    height, width = ink.shape
    reach = [_FIRST_REACH] * 4
    while True:
        top, left = max(0, row - reach[0]), max(0, column - reach[2])
        bottom, right = min(height, row + reach[1] + 1), min(width, column + reach[3] + 1)
        labelled, _ = _label(ink[top:bottom, left:right])
        own = labelled[row - top, column - left]
        if not own:
            raise ValueError(f"there is no ink at row {row}, column {column}")
        piece = labelled == own
        runs_on = (
            top > 0 and piece[0].any(),
            bottom < height and piece[-1].any(),
            left > 0 and piece[:, 0].any(),
            right < width and piece[:, -1].any(),
        )
        if not any(runs_on):
            break
        reach = [side * 2 if more else side for side, more in zip(reach, runs_on, strict=True)]
    rows, columns = ndimage.find_objects(piece.astype(np.uint8))[0]
    return Region(
        slice(top + rows.start, top + rows.stop),
        slice(left + columns.start, left + columns.stop),
        piece[rows, columns].copy(),
    )


@dataclass(frozen=True, eq=False)
class PieceSizes:
    """The pieces of ink in a part of a page, with their sizes.

    Parameters
    ----------
    labelled : ndarray
        int32 (H, W), 0 where there is no ink, else the number of the piece.
    sizes : ndarray
        int64 (pieces + 1,), pixels of each piece; the first entry, for no ink, is the
        largest number, as are those of pieces that are seen in part.
    """

    labelled: NDArray[np.int32]
    sizes: NDArray[np.int64]

    def below(self, size: int) -> NDArray[np.bool_]:
        """Find the pixels of all pieces that are smaller than a size.

        Parameters
        ----------
        size : int
            Pixels; a piece of exactly this size is not among them.

        Returns
        -------
        ndarray
            bool (H, W).
        """
        return np.asarray((self.sizes < size)[self.labelled])

    def count_below(self, size: int) -> int:
        """Count the pieces that are smaller than a size, in pixels."""
        return int(np.count_nonzero(self.sizes < size))


def measure_pieces(ink: NDArray[np.bool_], region: Region, shape: tuple[int, int]) -> PieceSizes:
    """Find the pieces of ink in a region and their sizes.

    Parameters
    ----------
    ink : ndarray
        bool, the rectangle round the region.
    region : Region
        Where to search. A piece that runs on over its edge counts as larger than any other,
        because only a part of it is seen.
    shape : (int, int)
        Height and width of the page, over whose edges nothing runs on.

    Returns
    -------
    PieceSizes
        Pixels that touch at a corner are connected.

    Examples
    --------
    >>> pieces = measure_pieces(np.array([[1, 0, 1, 1], [0, 0, 0, 1]], bool), whole((2, 4)), (2, 4))
    >>> pieces.count_below(2), pieces.below(2).astype(int).tolist()
    (1, [[1, 0, 0, 0], [0, 0, 0, 0]])
    """
    labelled, count = _label(ink)
    sizes = np.bincount(labelled.ravel(), minlength=count + 1).astype(np.int64)
    cut = ~region.inside
    cut[0] |= region.rows.start > 0
    cut[-1] |= region.rows.stop < shape[0]
    cut[:, 0] |= region.columns.start > 0
    cut[:, -1] |= region.columns.stop < shape[1]
    sizes[0] = sizes[labelled[cut]] = np.iinfo(np.int64).max
    return PieceSizes(labelled, sizes)
