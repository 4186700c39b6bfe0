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

    from docbin_napari.features.strips import SampledStrip

_STEEPEST = 0.98
_LEAST_PIXELS = 4
_SOFT = 0.16


def edge_softness(strips: Sequence[SampledStrip]) -> float:
    """Measure how much of the steepest edges of a page is lost at half of its size.

    Parameters
    ----------
    strips : sequence of SampledStrip
        Rows of one page.

    Returns
    -------
    float
        Lost share, about 0 (nothing: very soft) to 0.5 (sharp); 0.5 for pages without edges.

    Examples
    --------
    >>> from docbin_napari.features.strips import sampled_rows
    >>> page = np.full((64, 64, 3), 250, np.uint8)
    >>> page[:, 21:43] = 10
    >>> edge_softness(sampled_rows(page))
    0.375
    """
    lost, steps = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for rows in (strip.values for strip in strips):
        if rows.shape[1] >= _LEAST_PIXELS:
            even = rows[:, : rows.shape[1] // 2 * 2]
            lost.append(np.abs(even - _halved_and_back(even))[:, :-1].ravel())
            steps.append(np.abs(np.diff(even, axis=1)).ravel())
    change = np.concatenate(steps)
    if not change.any():
        return 0.5
    steep = change >= max(1.0, float(np.quantile(change, _STEEPEST)))
    return float(np.concatenate(lost)[steep].sum() / change[steep].sum())


def is_soft(strips: Sequence[SampledStrip]) -> bool:
    """Whether looking at half of the size, too, makes a page better read.

    Parameters
    ----------
    strips : sequence of SampledStrip
        Rows of one page.

    Returns
    -------
    bool
        Of pages drawn at 300 dpi few or none, of those at twice their size nearly all.
    """
    return edge_softness(strips) < _SOFT


def _halved_and_back(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of pairs, and between them straight lines."""
    means = (rows[:, ::2] + rows[:, 1::2]) / 2
    around = np.pad(means, ((0, 0), (1, 1)), mode="edge")
    back = np.empty_like(rows)
    back[:, ::2] = 0.75 * means + 0.25 * around[:, :-2]
    back[:, 1::2] = 0.75 * means + 0.25 * around[:, 2:]
    return back
