"""Colours of the ink of a page and of the paper beside it.

Strategy: whether a pale stroke is faded ink or writing that shows through from the other side
cannot be decided from what is near it. It takes the rest of the page: there the strokes of the page
itself are darker, or they are not. So some strips of the page are read, once, before its windows.
Strokes are what a morphological closing fills, that is, what is dark and narrow, so that neither
stains nor the background of a scanner count. The strongest thousandth of what is left says how far
ink and paper are apart on this page; all strokes that come near it are ink.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.features.strips import spread
from docbin_napari.io.rgb import luma

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SHRINK = 2
_STRONGEST = 0.999
_NEAR_STRONGEST, _PAPER = 0.75, 0.2
_LEAST_CONTRAST = 12


def page_ink(
    strips: Sequence[NDArray[np.uint8]], *, halve: bool = True
) -> NDArray[np.float32] | None:
    """Measure the colours of the strongest strokes of a page and of the paper beside them.

    Parameters
    ----------
    strips : sequence of ndarray
        uint8 (h, w, 3), RGB: strips of the page.
    halve : bool, optional
        Whether the page is halved first, by averaging, which evens out noise. Strokes that are
        hardly wider than a pixel get paler by it.

    Returns
    -------
    ndarray or None
        float32 (6,), 0 to 255: red, green and blue of the ink, then of the paper. None where
        nothing stands out from the paper. Of a blank page with fibres or specks it is the
        colour of these: the network has learnt that they need not be ink.

    Examples
    --------
    >>> page = np.full((64, 64, 3), 230, np.uint8)
    >>> page_ink([page]) is None
    True
    >>> page[20:24, 8:56] = (40, 20, 60)
    >>> page_ink([page]).tolist()
    [40.0, 20.0, 60.0, 230.0, 230.0, 230.0]
    """
    small = [_shrink(strip) for strip in strips] if halve else strips
    grays = [luma(strip) for strip in small]
    depths = [_closing(gray) - gray for gray in grays]
    counts = sum(np.bincount(depth.ravel(), minlength=256) for depth in depths)
    strongest = int(np.searchsorted(np.cumsum(counts), _STRONGEST * np.sum(counts)))
    if strongest < _LEAST_CONTRAST:
        return None
    ink = [depth >= _NEAR_STRONGEST * strongest for depth in depths]
    beside = [
        _widened(where) & (depth <= _PAPER * strongest)
        for where, depth in zip(ink, depths, strict=True)
    ]
    colours = [_mean(small, where) for where in (ink, beside)]
    return np.concatenate(colours).astype(np.float32)


def _shrink(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half of the size, by averaging; a strip of one pixel stays as it is."""
    height, width = (side // _SHRINK for side in strip.shape[:2])
    if not height or not width:
        return strip
    even = strip[: height * _SHRINK, : width * _SHRINK].astype(np.uint16)
    rows = even[::2] + even[1::2]
    return ((rows[:, ::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


def _closing(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill what is dark and narrower than 16 pixels."""
    return spread(spread(gray, np.maximum), np.minimum, backwards=True)


def _widened(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True within 16 pixels of True, to all sides."""
    forwards = spread(where, np.logical_or)
    both: NDArray[np.bool_] = spread(forwards, np.logical_or, backwards=True)
    return both


def _mean(
    strips: Sequence[NDArray[np.uint8]], chosen: list[NDArray[np.bool_]]
) -> NDArray[np.float64]:
    found = np.concatenate([strip[where] for strip, where in zip(strips, chosen, strict=True)])
    return found.mean(0) if len(found) else np.full(3, 255.0)
