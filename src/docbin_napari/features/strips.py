"""Sample strips of rows from a page, and find extremes near each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from docbin_napari.io.row_source import spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource

_STRIP = 192
_MOST_STRIPS, _FEWEST_STRIPS = 8, 3
_EVERY = 4
_WIDEST = 4096


@dataclass(frozen=True)
class SampledStrip:
    """Every fourth row of a strip of a page.

    Parameters
    ----------
    rows : slice
        Where the strip lies on the page.
    left : int
        First column of the page that `values` hold.
    values : ndarray
        float32 (h, w), 0 to 255: green, which is much like luma.
    """

    rows: slice
    left: int
    values: NDArray[np.float32]


def sampled_rows(pixels: RowSource) -> list[SampledStrip]:
    """Take strips that are spread over a page, without the margins of a very wide one.

    Of a large page that is decoded as it is asked for, most need not be decoded for this.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    list of SampledStrip
        From top to bottom; of a small page all of it.

    Examples
    --------
    >>> [strip] = sampled_rows(np.zeros((64, 20, 3), np.uint8))
    >>> strip.values.shape
    (16, 20)
    """
    height, width = pixels.shape[:2]
    # Strips of a large page are wide, and cost as much to decode as many of a small one.
    most = max(_FEWEST_STRIPS, _MOST_STRIPS * _WIDEST // max(_WIDEST, width))
    left = max(0, (width - _WIDEST) // 2)
    return [
        sample(np.asarray(pixels[rows])[:, left : left + _WIDEST], rows, left)
        for rows in spread_rows(height, _STRIP, most)
    ]


def sample(strip: NDArray[np.uint8], rows: slice, left: int = 0) -> SampledStrip:
    """Take every fourth row of a strip that is at hand.

    Parameters
    ----------
    strip : ndarray
        uint8 (h, w, 3), RGB.
    rows : slice
        Where it lies on the page.
    left : int, optional
        Column of the page where it begins.

    Returns
    -------
    SampledStrip
        The rows.
    """
    return SampledStrip(rows, left, strip[::_EVERY, :, 1].astype(np.float32))


Values = TypeVar("Values", bound="NDArray[Any]")

_DOUBLINGS = 4


def spread(
    values: Values,
    operation: Callable[..., Any],
    *,
    axes: Sequence[int] = (0, 1),
    backwards: bool = False,
) -> Values:
    """Take the largest or smallest of 16 values along each axis that begin at each pixel.

    In four doublings: of 2 pixels it is known, then of 4, which are two pairs, of 8 and of 16.

    Parameters
    ----------
    values : ndarray
        (H, W), any type.
    operation : callable
        A ufunc of two arrays, such as ``numpy.maximum``.
    axes : sequence of int, optional
        Along which to look.
    backwards : bool, optional
        Look at the 16 values that end at each pixel instead.

    Returns
    -------
    ndarray
        (H, W), of the same type. Beyond the border there is nothing.

    Examples
    --------
    >>> row = np.zeros((1, 40), int)
    >>> row[0, 20] = 1
    >>> np.flatnonzero(spread(row, np.maximum, axes=(1,)))[[0, -1]].tolist()
    [5, 20]
    """
    result = values.copy()
    for axis in axes:
        turned = np.moveaxis(result, axis, 0)
        for reach in (2**doubling for doubling in range(_DOUBLINGS)):
            here, there = turned[:-reach], turned[reach:]
            if backwards:
                here, there = there, here
            if len(here):
                here[...] = operation(here, there.copy())
    return result
