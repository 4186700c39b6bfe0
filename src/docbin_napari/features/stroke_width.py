"""Width of the strokes of a page, before and after a network has read it.

Strategy: a network that learnt from strokes of three to ten pixels loses those of one or two, and
reads them at twice their size. Rows of the page say cheaply where strokes may be so thin; dirt and
paper texture are as thin, so what counts is the ink that the network then finds there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.features.strips import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_STRONGEST = 0.998
_OF_STRONGEST, _OF_NEAREST = 0.3, 0.5
_LEAST_CONTRAST = 12
# A border that runs at any angle has 4/pi times as many steps between pixels as its length.
_STEPS = 4 / math.pi


def stroke_rows(rows: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.bool_]]:
    """Find what is dark and narrower than 16 pixels along rows of a page.

    Parameters
    ----------
    rows : sequence of ndarray
        uint8 (h, w) each: rows of strips of one page, `PageStrip.green`.

    Returns
    -------
    list of ndarray
        bool, as large as the values of each strip: at least three tenths as dark as the
        strongest strokes of the page, and half as dark as what is nearest.

    Examples
    --------
    >>> page = np.full((8, 40), 220, np.uint8)
    >>> page[:, 20:23] = 30
    >>> [found] = stroke_rows([page])
    >>> np.flatnonzero(found[0]).tolist()
    [20, 21, 22]
    """
    depths = [_depth(strip) for strip in rows]
    strongest = float(np.quantile(np.concatenate([d.ravel() for d in depths]), _STRONGEST))
    least = max(_OF_STRONGEST * strongest, _LEAST_CONTRAST)
    return [(depth >= least) & (depth >= _OF_NEAREST * _nearest(depth)) for depth in depths]


def width_along_rows(strokes: Iterable[NDArray[np.bool_]]) -> float:
    """Mean width of strokes that cross rows at any angle.

    Parameters
    ----------
    strokes : iterable of ndarray
        bool (h, w) each, from `stroke_rows`.

    Returns
    -------
    float
        Pixels; infinite where there are none.
    """
    area, ends = 0, 0
    for strip in strokes:
        area += int(strip.sum())
        ends += int((strip[:, 1:] != strip[:, :-1]).sum())
    # A row cuts a stroke of width w, lying at any angle, in pi/2 w on average.
    return area / (ends / 2) * 2 / math.pi if ends else math.inf


def width_of_ink(masks: Iterable[NDArray[np.bool_]]) -> float:
    """Mean width of strokes: twice their area over the length of their borders.

    Parameters
    ----------
    masks : iterable of ndarray
        bool (h, w) each: ink.

    Returns
    -------
    float
        Pixels; infinite where there are none.

    Examples
    --------
    >>> rows, columns = np.ogrid[:200, :200]
    >>> radius = np.hypot(rows - 100, columns - 100)
    >>> round(width_of_ink([(radius >= 60) & (radius < 66)]), 1)
    6.1
    """
    area, steps = 0, 0
    for mask in masks:
        area += int(mask.sum())
        steps += int((mask[:, 1:] != mask[:, :-1]).sum() + (mask[1:] != mask[:-1]).sum())
    return 2 * area / (steps / _STEPS) if steps else math.inf


def _depth(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How much darker than a closing by 16 pixels along the row."""
    widest = spread(values, np.maximum, axes=(1,))
    return spread(widest, np.minimum, axes=(1,), backwards=True) - values


def _nearest(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Largest value within 16 pixels along the row, to both sides."""
    return spread(spread(values, np.maximum, axes=(1,)), np.maximum, axes=(1,), backwards=True)
