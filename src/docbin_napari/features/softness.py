"""Softness of stroke edges: whether a page of half the size would keep them.

Strategy: scans at 600 dpi, enlarged pages and pages slightly out of focus have edges that take
several pixels from paper to ink. A page of half the size holds such edges as well, and looks more
like the pages that a network has learnt from. How well it holds them is measured in rows: each is
halved, by averaging pairs of pixels, and enlarged again; what is then missing where the row changes
most is compared with the change there. A sharp step loses a quarter to half of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_STEEPEST = 0.98
_LEAST_PIXELS = 4
_SOFT = 0.16


def edge_softness(rows: Sequence[NDArray[np.uint8]]) -> float:
    """Measure how much of the steepest edges of a page is lost at half of its size.

    Parameters
    ----------
    rows : sequence of ndarray
        uint8 (h, w) each: rows of strips of one page, `PageStrip.green`.

    Returns
    -------
    float
        Lost share, about 0 (nothing: very soft) to 0.5 (sharp); 0.5 for pages without edges.

    Examples
    --------
    >>> page = np.full((16, 64), 250, np.uint8)
    >>> page[:, 21:43] = 10
    >>> edge_softness([page])
    0.375
    """
    lost, steps = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for strip in rows:
        if strip.shape[1] >= _LEAST_PIXELS:
            even = strip[:, : strip.shape[1] // 2 * 2].astype(np.float32)
            lost.append(np.abs(even - _halved_and_back(even))[:, :-1].ravel())
            steps.append(np.abs(np.diff(even, axis=1)).ravel())
    change = np.concatenate(steps)
    if not change.any():
        return 0.5
    steep = change >= max(1.0, float(np.quantile(change, _STEEPEST)))
    return float(np.concatenate(lost)[steep].sum() / change[steep].sum())


def is_soft(rows: Sequence[NDArray[np.uint8]]) -> bool:
    """Decide whether a page is read better if it is read in half of its size, too.

    Parameters
    ----------
    rows : sequence of ndarray
        uint8 (h, w) each: rows of strips of one page, `PageStrip.green`.

    Returns
    -------
    bool
        Of pages drawn at 300 dpi few or none, of those at twice their size nearly all.
    """
    return edge_softness(rows) < _SOFT


def _halved_and_back(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of pairs, and between them straight lines."""
    means = (rows[:, ::2] + rows[:, 1::2]) / 2
    around = np.pad(means, ((0, 0), (1, 1)), mode="edge")
    back = np.empty_like(rows)
    back[:, ::2] = 0.75 * means + 0.25 * around[:, :-2]
    back[:, 1::2] = 0.75 * means + 0.25 * around[:, 2:]
    return back
