"""Sample strips of rows from a page, and find extremes near each pixel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from docbin_napari.io.row_source import spread_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource

_STRIP = 192
_MOST_STRIPS, _FEWEST_STRIPS = 8, 3
_LONGEST = 4096
EVERY = 4
"""Rows of the page for each row of `PageStrip.green`."""


@dataclass(frozen=True)
class PageStrip:
    """Some rows of a page.

    Parameters
    ----------
    rows : slice
        Where they lie on the page.
    colours : ndarray
        uint8 (h, w, 3), RGB; of a page longer than 8192 pixels only every second row and column,
        or fewer.
    left : int
        Column of the page where `green` begins.
    green : ndarray
        uint8 (h, w): every fourth row in full width, without the margins of a very wide page.
        Green is much like luma.
    """

    rows: slice
    colours: NDArray[np.uint8]
    left: int
    green: NDArray[np.uint8]

    def inverted(self) -> PageStrip:
        """Exchange light and dark."""
        return replace(self, colours=np.bitwise_not(self.colours), green=np.bitwise_not(self.green))


def page_strips(pixels: RowSource) -> list[PageStrip]:
    """Sample strips that are spread over a page: all of a small page.

    Of a large page that is decoded as it is read, most need not be decoded for this.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    list of PageStrip
        From top to bottom.

    Examples
    --------
    >>> [strip] = page_strips(np.zeros((64, 20, 3), np.uint8))
    >>> strip.colours.shape, strip.green.shape
    ((64, 20, 3), (16, 20))
    """
    height, width = pixels.shape[:2]
    step = max(1, max(height, width) // _LONGEST)
    # The strips of a large page are tall and wide: fewer of them hold as much.
    most = max(_FEWEST_STRIPS, _MOST_STRIPS // step)
    left = max(0, (width - _LONGEST) // 2)
    return [_strip(pixels, rows, step, left) for rows in spread_rows(height, _STRIP * step, most)]


def _strip(pixels: RowSource, rows: slice, step: int, left: int) -> PageStrip:
    found = np.asarray(pixels[rows])
    green = found[:_STRIP:EVERY, left : left + _LONGEST, 1]
    # Copies, so that the rows between are not kept in memory.
    return PageStrip(rows, found[::step, ::step].copy(), left, green.copy())


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
