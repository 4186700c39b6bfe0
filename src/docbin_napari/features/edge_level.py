"""Edge level: how dark the outermost ink pixels of a ground truth are.

Strategy: between ink and paper lie a few pixels of every shade, and each ground truth cuts them
somewhere else: contests draw strokes bolder than most archives do, one more than another. A network
that learns from all of them without knowing of whom it learns can only hesitate there. So while it
learns, it gets the edge level of the ground truth; when it reads, the level to cut at.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.rgb import luma

USUAL_EDGE_LEVEL = 0.5
"""About what ground truths of the DIBCO contests have."""

_NEIGHBOURHOOD = 61
_FULL_STRENGTH = 80
_FEWEST_PIXELS = 50
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


def edge_level(
    pixels: NDArray[np.uint8], ink: NDArray[np.bool_], labelled: NDArray[np.bool_]
) -> float | None:
    """Measure how dark the outermost ink pixels of a ground truth are.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3), RGB.
    ink : ndarray
        bool (H, W): ink of the ground truth.
    labelled : ndarray
        bool (H, W): where the ground truth is known.

    Returns
    -------
    float or None
        0 to 1: the median over ink pixels with a neighbour that is not ink, between the paper
        around (0) and strokes at their darkest (1). Bold ground truths have low levels. None
        where there is too little ink to say, or it is not darker than the paper.

    Examples
    --------
    >>> page = np.full((40, 40, 3), 200, np.uint8)
    >>> page[18:22, 5:35], page[19:21, 5:35] = 150, 100
    >>> everywhere, bold = np.ones((40, 40), bool), page[..., 0] < 180
    >>> edge_level(page, bold, everywhere) < edge_level(page, page[..., 0] < 120, everywhere)
    True
    """
    from scipy import ndimage

    ink = ink & labelled
    if ink.sum() < _FEWEST_PIXELS:
        return None
    gray = luma(pixels).astype(np.float32)
    is_paper = (labelled & ~ink).astype(np.float32)
    share = ndimage.uniform_filter(is_paper, _NEIGHBOURHOOD)
    paper = ndimage.uniform_filter(gray * is_paper, _NEIGHBOURHOOD) / np.maximum(share, 1e-3)
    depth = paper - gray
    seen = ink & (share > 0.01)
    edge = seen & ~ndimage.binary_erosion(ink | ~labelled, _CROSS, border_value=1)
    if edge.sum() < _FEWEST_PIXELS:
        return None
    full = float(np.percentile(depth[seen], _FULL_STRENGTH))
    return float(np.clip(np.median(depth[edge]) / full, 0, 1)) if full > 1 else None
