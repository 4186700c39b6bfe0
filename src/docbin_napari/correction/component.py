"""Connected pieces of ink: the one at a point, and all below a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.correction.region import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EIGHT = np.ones((3, 3), bool)
_FIRST_REACH = 128


def _label(ink: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the pieces, which touch at a corner at least."""
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
    if distance.min() > reach * reach:
        return None
    return int(best[0]), int(best[1])


def component_at(ink: NDArray[np.bool_], row: int, column: int) -> Region:
    """Take the piece of ink that holds a pixel; pixels that touch at a corner are connected.

    Strategy: most pieces are small and pages are large. A window round the pixel is labelled; where
    the piece runs on over one of its sides, that side is moved out, twice as far each time. So
    a ruled line across the page needs a long window but no high one.

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
        If the pixel is no ink.
    """
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
            return _tight(piece, top, left)
        reach = [side * 2 if more else side for side, more in zip(reach, runs_on, strict=True)]


def _tight(piece: NDArray[np.bool_], top: int, left: int) -> Region:
    rows = np.flatnonzero(piece.any(axis=1))
    columns = np.flatnonzero(piece.any(axis=0))
    place = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Region(
        slice(int(top + rows[0]), int(top + rows[-1] + 1)),
        slice(int(left + columns[0]), int(left + columns[-1] + 1)),
        piece[place].copy(),
    )


@dataclass(frozen=True, eq=False)
class PieceSizes:
    """The pieces of ink in a part of a page, with their sizes.

    Parameters
    ----------
    labelled : ndarray
        int32 (H, W), 0 where there is no ink, else the number of the piece.
    sizes : ndarray
        int64 (pieces + 1,), pixels of each piece; the first entry stands for no ink.
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
        small = self.sizes < size
        small[0] = False
        found: NDArray[np.bool_] = small[self.labelled]
        return found

    def count_below(self, size: int) -> int:
        """Count the pieces that are smaller than a size, in pixels."""
        return int(np.count_nonzero(self.sizes[1:] < size))


def measure_pieces(ink: NDArray[np.bool_], region: Region, shape: tuple[int, int]) -> PieceSizes:
    """Find the pieces of ink in a region and their sizes.

    Parameters
    ----------
    ink : ndarray
        bool, the rectangle round the region.
    region : Region
        Where to look. A piece that runs on over its edge is as large as can be, because only
        a part of it is seen.
    shape : (int, int)
        Height and width of the page, over whose edges nothing runs on.

    Returns
    -------
    PieceSizes
        Pixels that touch at a corner are connected.

    Examples
    --------
    >>> from docbin_napari.correction.region import whole
    >>> pieces = measure_pieces(np.array([[1, 0, 1, 1], [0, 0, 0, 1]], bool), whole((2, 4)), (2, 4))
    >>> pieces.count_below(2), pieces.below(2).astype(int).tolist()
    (1, [[1, 0, 0, 0], [0, 0, 0, 0]])
    """
    labelled, count = _label(ink)
    sizes = np.bincount(labelled.ravel(), minlength=count + 1).astype(np.int64)
    edges = [
        labelled[0] if region.rows.start > 0 else None,
        labelled[-1] if region.rows.stop < shape[0] else None,
        labelled[:, 0] if region.columns.start > 0 else None,
        labelled[:, -1] if region.columns.stop < shape[1] else None,
        None if region.inside.all() else labelled[~region.inside],
    ]
    for edge in edges:
        if edge is not None:
            sizes[edge] = np.iinfo(np.int64).max
    return PieceSizes(labelled, sizes)
