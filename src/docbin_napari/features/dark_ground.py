"""Detect light writing on dark ground.

Strategy: writing is thin, and covers the smaller part of the ground that it stands on. In each of
some windows, half of the pixels or more are ground. What differs from it clearly must lie on one
side of it, light or dark, must come in strokes that vanish when a stroke's width is taken off, and
must part from the ground as ink does, without many grays between. Such a window votes. Pages whose
middle gray is light need no votes, which is all that normal pages cost; where the ground is dark,
as on parchment, on films or where a scanner saw more than the page, the votes decide, and a few
windows of dark writing are enough to leave a page as it is. Fibres, as of palm leaves, are strokes
too: about half of what is light must be pieces as high as letters and not much longer.

Parts of a page are large dark areas that hold letters: many pieces of about one height, lighter
than the area and clearly parted from it, and little else that is light. The dark round a page, its
gutter and its folds hold fibres, streaks and edges instead, which are long or gray; pictures, seals
and the fields of a colour target are of many sizes, or few. Pages without a dark window that votes
are not searched for parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.rgb import RowSource, luma, row_bands

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

STEP = 4
"""Rows and columns of a page for each of the map of its parts."""
# Pixels of the page.
_SMALLEST_PART, _LARGEST_PAGE, _HOLE = 96 * 192, 100_000_000, 96 * 96
# Rows and columns of the map.
_NEIGHBOURHOOD, _THINNEST_PART = 15, 11
# Letters, in pixels of the page. Of negatives of real pages at least 0.49 of what is light lies in
# letters, of a palm leaf nothing. Of the dark areas of real pages that are no writing and pass the
# other limits, none has more than 22 pieces of one height.
_LETTER_HEIGHT, _LETTER_PIXELS = (6, 160), 15
_LETTERS, _IN_LETTERS, _IN_LETTERS_OF_PAGE, _ALIKE = 30, 0.6, 0.4, 0.4
_CLEAR_CONTRAST, _CLEAR_SEPARATION, _MOST_INK = 40, 0.65, 0.35


def is_light_on_dark(lumas: Sequence[NDArray[np.uint8]]) -> bool:
    """Decide whether strips of a page show light writing on dark ground.

    Parameters
    ----------
    lumas : sequence of ndarray
        uint8 (h, w) each.

    Returns
    -------
    bool
        True only where dark ground and light strokes are clear; blank pages, photographs and
        dark writing on dark paper are not.
    """
    darkness = np.concatenate([luma[::4, ::4].ravel() for luma in lumas])
    if not darkness.size or np.median(darkness) >= _DARK:
        return False
    windows = [window for luma in lumas for window in _windows(luma)]
    votes = [vote(window) for window in windows]
    light, dark = votes.count(1), votes.count(-1)
    if light < min(_FEWEST_VOTES, len(votes)) or light <= _MAJORITY * dark:
        return False
    pieces = [
        _pieces(one > _otsu(one)[0]) for one, its in zip(windows, votes, strict=True) if its > 0
    ]
    sizes, _, letters = (np.concatenate(each) for each in zip(*pieces, strict=True))
    return bool(letters.any() and sizes[letters].sum() >= _IN_LETTERS_OF_PAGE * sizes.sum())


def vote(luma: NDArray[np.uint8]) -> int:
    """Decide which side of its ground the strokes of a window lie on.

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
        return 0  # too small for a stroke
    low, ground, high = np.percentile(luma, (1, 50, 99))
    light, dark = high - ground, ground - low
    if max(light, dark) < _CONTRAST:
        return 0
    if dark >= light:
        return -1 if _are_strokes(255 - luma) else 0
    clear = ground < _DARK and light >= _ONE_SIDED * dark
    return 1 if clear and _are_strokes(luma) else 0


def may_have_parts(lumas: Sequence[NDArray[np.uint8]]) -> bool:
    """Tell whether strips of a page show light strokes in a dark window.

    Parameters
    ----------
    lumas : sequence of ndarray
        uint8 (h, w) each.

    Returns
    -------
    bool
        Whether `light_on_dark_parts` should search the whole page.
    """
    halves = (half for luma in lumas for half in np.array_split(luma, 2))
    windows = (window for half in halves for window in _windows(half, _WINDOW // 2))
    large = (window for window in windows if min(window.shape) >= _STROKE)
    return any(np.median(one[::STEP, ::STEP]) < _DARK and vote(one) == 1 for one in large)


def light_on_dark_parts(pixels: RowSource) -> NDArray[np.bool_] | None:
    """Find the parts of a page where light letters stand on dark ground.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Returns
    -------
    ndarray or None
        bool (ceil(H / 4), ceil(W / 4)); None where no part is clear, and for pages of more than
        100 megapixels, which would take much memory.
    """
    from scipy import ndimage

    height, width = pixels.shape[:2]
    if height * width > _LARGEST_PAGE:
        return None
    small = np.empty((-(-height // STEP), -(-width // STEP)), np.uint8)
    for rows in row_bands(height, width):
        top = -(-rows.start // STEP)
        band = luma(np.asarray(pixels[rows])[top * STEP - rows.start :: STEP, ::STEP])
        small[top : top + len(band)] = band
    dark = small < min(_DARK, _otsu(small)[0] + 1)  # paper in shadow is not dark
    # What most of its neighbourhood is: strokes are the smaller part of it, light and dark ones.
    mostly = ndimage.uniform_filter(dark.astype(np.float32), _NEIGHBOURHOOD, mode="nearest") > 0.5
    padded = np.pad(mostly, _THINNEST_PART, mode="edge")
    padded = ndimage.binary_opening(padded, np.ones((_THINNEST_PART,) * 2))
    room = slice(_THINNEST_PART, -_THINNEST_PART)
    labels, count = ndimage.label(padded[room, room])
    taken = np.zeros(count + 1, bool)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        inside = labels[box] == number
        if inside.sum() * STEP**2 >= _SMALLEST_PART:
            rows, columns = (slice(side.start * STEP, side.stop * STEP) for side in box)
            part = luma(np.asarray(pixels[rows])[:, columns])
            taken[number] = _has_light_letters(part, inside)
    if not taken.any():
        return None
    # Near letters at its border a part ends a little too early: extend it through what is dark.
    parts = ndimage.binary_dilation(
        taken[labels], np.ones((3, 3)), iterations=_NEIGHBOURHOOD // 3, mask=dark | taken[labels]
    )
    # And a narrow strip of light ground between two of them belongs to neither.
    outside = ~parts
    outside[[0, -1]] = outside[:, [0, -1]] = True
    parts &= ~ndimage.binary_propagation(outside & ~dark, mask=~dark)
    holes, count = ndimage.label(~parts)
    filled = np.bincount(holes.ravel(), minlength=count + 1) * STEP**2 < _HOLE
    filled[0] = True
    return np.asarray(filled[holes])


def _has_light_letters(luma: NDArray[np.uint8], inside: NDArray[np.bool_]) -> bool:
    """Whether the inside of a part, bool at every fourth pixel, is dark and has light letters."""
    from scipy import ndimage

    inner = ndimage.binary_erosion(inside, iterations=3, border_value=1)
    mask = enlarge(inner, slice(0, luma.shape[0]), luma.shape[1])
    if not mask.any():
        return False
    level, separation = _otsu(luma[mask])
    light = (luma > level) & mask
    share = light.sum() / mask.sum()
    if separation < _CLEAR_SEPARATION or not 0 < share <= _MOST_INK:
        return False
    ground = np.median(luma[mask])
    if ground >= _DARK or np.median(luma[light]) - ground < _CLEAR_CONTRAST:
        return False
    sizes, heights, letters = _pieces(light)
    if sizes[letters].sum() < _IN_LETTERS * sizes.sum():
        return False
    # The height in which half of all light pixels of letters lie.
    order = np.argsort(heights[letters])
    half = sizes[letters][order].cumsum().searchsorted(sizes[letters].sum() / 2)
    usual = heights[letters][order][half] if letters.any() else 0
    alike = letters & (heights >= usual / 2) & (heights <= usual * 2)
    return bool(alike.sum() >= _LETTERS and sizes[alike].sum() >= _ALIKE * sizes.sum())


def _pieces(
    light: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Measure sizes and heights of pieces, without grain, and which have the size of letters."""
    from scipy import ndimage

    labels, count = ndimage.label(light, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    boxes = ndimage.find_objects(labels)
    spans = np.array([[side.stop - side.start for side in box] for box in boxes]).reshape(-1, 2)
    seen = sizes >= _LETTER_PIXELS  # others are grain
    heights, widths = spans[seen].T
    high = (heights >= _LETTER_HEIGHT[0]) & (heights <= _LETTER_HEIGHT[1])
    return sizes[seen], heights, high & (widths <= 3 * heights)


class PartlyInvertedRows:
    """A page with light and dark exchanged in some parts, row by row as it is asked for.

    At the border of a part each pixel is taken as it is or inverted, whichever is lighter: a dark
    line that is neither would be read as a stroke.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.
    parts : ndarray
        From `light_on_dark_parts`.
    """

    def __init__(self, pixels: RowSource, parts: NDArray[np.bool_]) -> None:
        from scipy import ndimage

        self._pixels, self._parts = pixels, parts
        grown = ndimage.binary_dilation(parts, np.ones((5, 5)))
        self._border = grown & ~ndimage.binary_erosion(parts, np.ones((5, 5)), border_value=1)
        self.shape = pixels.shape
        self.dtype = pixels.dtype

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        band = np.asarray(self._pixels[rows])
        inverted = np.bitwise_not(band)
        start, stop, _ = rows.indices(self.shape[0])
        place, width = slice(start, stop), self.shape[1]
        chosen = np.where(enlarge(self._parts, place, width)[..., None], inverted, band)
        lighter = np.maximum(band, inverted)
        return np.where(enlarge(self._border, place, width)[..., None], lighter, chosen)


def enlarge(parts: NDArray[np.bool_], rows: slice, width: int) -> NDArray[np.bool_]:
    """Give some rows of a map of parts in the size of the page.

    Parameters
    ----------
    parts : ndarray
        bool (ceil(H / 4), ceil(W / 4)).
    rows : slice
        Of the page, with start and stop.
    width : int
        W.

    Returns
    -------
    ndarray
        bool (rows, W).
    """
    places = np.minimum(np.arange(rows.start, rows.stop) // STEP, len(parts) - 1)
    return np.repeat(parts[places], STEP, axis=1)[:, :width]


def _are_strokes(luma: NDArray[np.uint8]) -> bool:
    """Whether what is light in a window is thin, not too much of it, and clearly parted."""
    level, separation = _otsu(luma)
    strokes = luma > level
    share = strokes.mean()
    if separation < _SEPARATION or not _SHARES[0] <= share <= _SHARES[1]:
        return False
    # Few pages come so far, and no other has to wait for this import.
    from scipy import ndimage

    core = ndimage.minimum_filter(strokes, _STROKE, mode="nearest")
    thick = ndimage.maximum_filter(core, _STROKE, mode="nearest") & strokes
    return bool(thick.sum() <= _THICK_SHARE * strokes.sum())


def _otsu(luma: NDArray[np.uint8]) -> tuple[int, float]:
    """Otsu's threshold, and which share of the variance lies between the two classes."""
    share = np.bincount(luma.ravel(), minlength=256) / luma.size
    values = np.arange(256)
    below = share.cumsum()
    first = (share * values).cumsum()
    mean = first[-1]
    both = below * (1 - below)
    between = np.where(both > 0, (mean * below - first) ** 2 / np.maximum(both, 1e-12), 0)
    level = int(between.argmax())
    variance = float((share * (values - mean) ** 2).sum())
    return level, float(between[level]) / variance if variance else 0.0


def _windows(luma: NDArray[np.uint8], side: int = _WINDOW) -> Iterator[NDArray[np.uint8]]:
    width = luma.shape[1]
    count = max(1, round(width / side))
    for index in range(count):
        yield luma[:, index * width // count : (index + 1) * width // count]
