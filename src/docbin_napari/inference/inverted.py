"""Detect light writing on dark ground, and invert such pages row by row.

Strategy: writing is thin, and covers the smaller part of the ground that it stands on. In each of
some windows, half of the pixels or more are ground. What differs from it clearly must lie on one
side of it, light or dark, must come in strokes that vanish when a stroke's width is taken off, and
must part from the ground as ink does, without many grays between. Such a window votes. Pages whose
middle gray is light are never asked further, which is all that normal pages cost; where the ground
is dark, as on parchment, on films or where a scanner saw more than the page, the votes decide, and
a few windows of dark writing are enough to leave a page as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.features.ink_colour import page_strips
from docbin_napari.inference.classical import gray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from docbin_napari.inference.config import Invert
    from docbin_napari.io.row_source import RowSource

_WINDOW = 192
_DARK = 128
_FEWEST_VOTES = 3
_MAJORITY = 3
_CONTRAST = 30
_ONE_SIDED = 1.5
_STROKE = 17
_THICK_SHARE = 0.25
_SHARES = (0.005, 0.45)
_SEPARATION = 0.55


class InvertedRows:
    """A page with light and dark exchanged, row by row as it is asked for.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Examples
    --------
    >>> InvertedRows(np.zeros((2, 1, 3), np.uint8))[1:].tolist()
    [[[255, 255, 255]]]
    """

    def __init__(self, pixels: RowSource) -> None:
        self._pixels = pixels
        self.shape = pixels.shape
        self.dtype = pixels.dtype

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        inverted: NDArray[np.uint8] = np.bitwise_not(np.asarray(self._pixels[rows]))
        return inverted


def is_to_be_inverted(pixels: RowSource, invert: Invert) -> bool:
    """Decide whether light and dark of a page are exchanged before the network sees it.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.
    invert : {"auto", "never", "always"}
        "auto" looks at the page.

    Returns
    -------
    bool
        Whether they are.
    """
    return invert == "always" or (invert == "auto" and looks_inverted(pixels))


def looks_inverted(pixels: RowSource) -> bool:
    """Whether a page is light writing on dark ground.

    Some strips of the page are looked at, so that of a large page that is decoded as it is
    asked for, most need not be decoded for it.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    bool
        True only where dark ground and light strokes are clear; blank pages, photographs and
        dark writing on dark paper are not.

    Examples
    --------
    >>> page = np.full((300, 300, 3), 230, np.uint8)
    >>> page[20:280:20, 20:280] = 30
    >>> looks_inverted(page), looks_inverted(255 - page)
    (False, True)
    """
    strips = [gray(strip) for strip in page_strips(pixels)]
    darkness = np.concatenate([strip[::4, ::4].ravel() for strip in strips])
    if not darkness.size or np.median(darkness) >= _DARK:
        return False
    votes = [vote(window) for strip in strips for window in _windows(strip)]
    light, dark = votes.count(1), votes.count(-1)
    return light >= min(_FEWEST_VOTES, len(votes)) and light > _MAJORITY * dark


def vote(luma: NDArray[np.uint8]) -> int:
    """Which side of its ground the strokes of a window lie on.

    Parameters
    ----------
    luma : ndarray of uint8, shape (H, W)
        The window.

    Returns
    -------
    int
        1 light strokes on dark ground, -1 dark strokes, 0 neither is clear.
    """
    if min(luma.shape) < _STROKE:
        return 0  # too small to tell a stroke from anything else
    low, ground, high = np.percentile(luma, (1, 50, 99))
    light, dark = high - ground, ground - low
    if max(light, dark) < _CONTRAST:
        return 0
    if dark >= light:
        return -1 if _are_strokes(255 - luma) else 0
    clear = ground < _DARK and light >= _ONE_SIDED * dark
    return 1 if clear and _are_strokes(luma) else 0


def _are_strokes(luma: NDArray[np.uint8]) -> bool:
    """Whether what is light in a window is thin, not too much of it, and clearly parted."""
    counts = np.bincount(luma.ravel(), minlength=256).astype(np.float64)
    level, separation = _otsu(counts)
    strokes = luma > level
    share = strokes.mean()
    if separation < _SEPARATION or not _SHARES[0] <= share <= _SHARES[1]:
        return False
    # Few pages come so far, and no other has to wait for this import.
    from scipy import ndimage

    core = ndimage.minimum_filter(strokes, _STROKE, mode="nearest")
    thick = ndimage.maximum_filter(core, _STROKE, mode="nearest") & strokes
    return bool(thick.sum() <= _THICK_SHARE * strokes.sum())


def _otsu(counts: NDArray[np.float64]) -> tuple[int, float]:
    """Otsu's threshold, and which share of the variance lies between the two classes."""
    share = counts / counts.sum()
    values = np.arange(len(counts))
    below = share.cumsum()
    first = (share * values).cumsum()
    mean = first[-1]
    both = below * (1 - below)
    between = np.where(both > 0, (mean * below - first) ** 2 / np.maximum(both, 1e-12), 0)
    level = int(between.argmax())
    variance = float((share * (values - mean) ** 2).sum())
    return level, float(between[level]) / variance if variance else 0.0


def _windows(strip: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    width = strip.shape[1]
    count = max(1, round(width / _WINDOW))
    for index in range(count):
        yield strip[:, index * width // count : (index + 1) * width // count]
