"""How soft the edges of strokes on a page are: whether a page half as large would hold them.

Strategy: scans at 600 dpi, enlarged pages and pages slightly out of focus have edges that take
several pixels from paper to ink. A page of half the size holds such edges as well, and looks more
like the pages that a network has learnt from. How well it holds them is measured in rows: each is
halved, by averaging pairs of pixels, and enlarged again; what is then missing where the row changes
most is compared with the change there. A sharp step loses a quarter to half of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.row_source import spread_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource

_STRIP = 192
_MOST_STRIPS, _FEWEST_STRIPS = 8, 3
_EVERY = 4
_WIDEST = 4096
_STEEPEST = 0.98
_LEAST_PIXELS = 4
_SOFT = 0.16


def edge_softness(pixels: RowSource) -> float:
    """Measure how much of the steepest edges of a page is lost at half of its size.

    Some strips of the page are looked at, so that of a large page that is decoded as it is
    asked for, most need not be decoded for it.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    float
        Lost share, about 0 (nothing: very soft) to 0.5 (sharp); 0.5 for pages without edges.

    Examples
    --------
    >>> page = np.full((64, 64, 3), 250, np.uint8)
    >>> page[:, 21:43] = 10
    >>> edge_softness(page)
    0.375
    """
    lost, steps = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for rows in _strips(pixels):
        if rows.shape[1] >= _LEAST_PIXELS:
            even = rows[:, : rows.shape[1] // 2 * 2]
            lost.append(np.abs(even - _halved_and_back(even))[:, :-1].ravel())
            steps.append(np.abs(np.diff(even, axis=1)).ravel())
    change = np.concatenate(steps)
    if not change.any():
        return 0.5
    steep = change >= max(1.0, float(np.quantile(change, _STEEPEST)))
    return float(np.concatenate(lost)[steep].sum() / change[steep].sum())


def is_soft(pixels: RowSource) -> bool:
    """Whether looking at half of the size, too, makes a page better read.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    bool
        Of pages drawn at 300 dpi few or none, of those at twice their size nearly all.
    """
    return edge_softness(pixels) < _SOFT


def _strips(pixels: RowSource) -> list[NDArray[np.float32]]:
    """Every fourth row of some strips, green, which is much like luma."""
    height, width = pixels.shape[:2]
    # Strips of a large page are wide, and cost as much to decode as many of a small one.
    most = max(_FEWEST_STRIPS, _MOST_STRIPS * _WIDEST // max(_WIDEST, width))
    left = max(0, (width - _WIDEST) // 2)  # not the margin of a very wide page
    return [
        np.asarray(pixels[rows])[::_EVERY, left : left + _WIDEST, 1].astype(np.float32)
        for rows in spread_rows(height, _STRIP, most)
    ]


def _halved_and_back(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of pairs, and between them straight lines."""
    means = (rows[:, ::2] + rows[:, 1::2]) / 2
    around = np.pad(means, ((0, 0), (1, 1)), mode="edge")
    back = np.empty_like(rows)
    back[:, ::2] = 0.75 * means + 0.25 * around[:, :-2]
    back[:, 1::2] = 0.75 * means + 0.25 * around[:, 2:]
    return back
