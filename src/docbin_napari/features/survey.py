"""Survey a page once, before its windows are read: strips, stroke widths, colours, softness."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from docbin_napari.features.dark_ground import is_light_on_dark, may_have_parts
from docbin_napari.io.rgb import RowSource, luma, spread_rows

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
    strips = []
    for rows in spread_rows(height, _STRIP * step, most):
        found = np.asarray(pixels[rows])
        green = found[:_STRIP:EVERY, left : left + _LONGEST, 1]
        # Copies, so that the rows between are not kept in memory.
        strips.append(PageStrip(rows, found[::step, ::step].copy(), left, green.copy()))
    return strips


Values = TypeVar("Values", bound="NDArray[Any]")


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
        Axes along which values are compared.
    backwards : bool, optional
        Take the 16 values that end at each pixel instead.

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
        line: NDArray[Any] = np.moveaxis(result, axis, 0)
        line = line[::-1] if backwards else line
        for reach in (1, 2, 4, 8):
            operation(line[:-reach], line[reach:], out=line[:-reach])
    return result


# Strategy: a network that learnt from strokes of three to ten pixels loses those of one or two, and
# reads them at twice their size. Rows of the page say cheaply where strokes may be so thin; dirt
# and paper texture are as thin, so what counts is the ink that the network then finds there.


_STRONGEST_STROKE = 0.998
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
    depths = [_depth(strip, (1,)) for strip in rows]
    strongest = float(np.quantile(np.concatenate([d.ravel() for d in depths]), _STRONGEST_STROKE))
    least = max(_OF_STRONGEST * strongest, _LEAST_CONTRAST)
    return [(depth >= least) & (depth >= _OF_NEAREST * _nearby(depth, (1,))) for depth in depths]


def width_along_rows(strokes: Sequence[NDArray[np.bool_]]) -> float:
    """Estimate the mean width of strokes that cross rows at any angle.

    Parameters
    ----------
    strokes : sequence of ndarray
        bool (h, w) each, from `stroke_rows`.

    Returns
    -------
    float
        Pixels; infinite where there are none.
    """
    area = sum(int(strip.sum()) for strip in strokes)
    ends = sum(int(np.diff(strip).sum()) for strip in strokes)
    # A row cuts a stroke of width w, lying at any angle, in pi/2 w on average.
    return area / (ends / 2) * 2 / math.pi if ends else math.inf


def width_of_ink(masks: Sequence[NDArray[np.bool_]]) -> float:
    """Measure the mean width of strokes: twice their area over the length of their borders.

    Parameters
    ----------
    masks : sequence of ndarray
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
    area = sum(int(mask.sum()) for mask in masks)
    steps = sum(int(np.diff(mask, axis=axis).sum()) for mask in masks for axis in (0, 1))
    return 2 * area / (steps / _STEPS) if steps else math.inf


def _depth(values: NDArray[np.uint8], axes: Sequence[int] = (0, 1)) -> NDArray[np.uint8]:
    """Subtract from a closing by 16 pixels, which fills what is dark and narrower."""
    widest = spread(values, np.maximum, axes=axes)
    return spread(widest, np.minimum, axes=axes, backwards=True) - values


def _nearby(values: Values, axes: Sequence[int] = (0, 1)) -> Values:
    """Take the largest value within 16 pixels, to both sides."""
    return spread(spread(values, np.maximum, axes=axes), np.maximum, axes=axes, backwards=True)


# Strategy: whether a pale stroke is faded ink or writing that shows through from the other side
# cannot be decided from what is near it. It takes the rest of the page: there the strokes of the
# page itself are darker, or they are not. So some strips of the page are read, once, before its
# windows. Strokes are what a morphological closing fills, that is, what is dark and narrow, so that
# neither stains nor the background of a scanner count. The strongest thousandth of what is left
# says how far ink and paper are apart on this page; all strokes that come near it are ink.


_STRONGEST_INK = 0.999
_NEAR_STRONGEST, _PAPER = 0.75, 0.2


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
    small = [halved(strip) for strip in strips] if halve else strips
    depths = [_depth(luma(strip)) for strip in small]
    counts = sum(np.bincount(depth.ravel(), minlength=256) for depth in depths)
    strongest = int(np.searchsorted(np.cumsum(counts), _STRONGEST_INK * np.sum(counts)))
    if strongest < _LEAST_CONTRAST:
        return None
    ink: list[NDArray[np.uint8]] = []
    paper: list[NDArray[np.uint8]] = []
    for strip, depth in zip(small, depths, strict=True):
        strongly = depth >= _NEAR_STRONGEST * strongest
        ink.append(strip[strongly])
        paper.append(strip[_nearby(strongly) & (depth <= _PAPER * strongest)])
    found = [np.concatenate(colours) for colours in (ink, paper)]
    colours = [pixels.mean(0) if len(pixels) else np.full(3, 255.0) for pixels in found]
    return np.concatenate(colours).astype(np.float32)


def halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average blocks of 2 by 2 pixels of uint8 (H, W, 3); one single row or column stays."""
    height, width = (side // 2 * 2 for side in pixels.shape[:2])
    if not height or not width:
        return pixels
    even = pixels[:height, :width].astype(np.uint16)
    rows = even[::2] + even[1::2]
    return ((rows[:, ::2] + rows[:, 1::2] + 2) >> 2).astype(np.uint8)


# Strategy: scans at 600 dpi, enlarged pages and pages slightly out of focus have edges that take
# several pixels from paper to ink. A page of half the size holds such edges as well, and looks more
# like the pages that a network has learnt from. How well it holds them is measured in rows: each is
# halved, by averaging pairs of pixels, and enlarged again; what is then missing where the row
# changes most is compared with the change there. A sharp step loses a quarter to half of itself.


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


def _halved_and_back(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average pairs of pixels, and interpolate linearly between the means."""
    means = (rows[:, ::2] + rows[:, 1::2]) / 2
    around = np.pad(means, ((0, 0), (1, 1)), mode="edge")
    back = np.empty_like(rows)
    back[:, ::2] = 0.75 * means + 0.25 * around[:, :-2]
    back[:, 1::2] = 0.75 * means + 0.25 * around[:, 2:]
    return back


@dataclass(frozen=True)
class PageSurvey:
    """What strips of a page say about all of it; each number is measured when it is first needed.

    Parameters
    ----------
    strips : tuple of PageStrip
        From `page_strips`.

    Examples
    --------
    >>> import numpy as np
    >>> letter = np.full((20, 10, 3), 230, np.uint8)
    >>> letter[4:16, 3:6] = 30
    >>> page = np.tile(letter, (15, 30, 1))
    >>> PageSurvey.of(page).is_light_on_dark, PageSurvey.of(255 - page).is_light_on_dark
    (False, True)
    """

    strips: tuple[PageStrip, ...]

    @classmethod
    def of(cls, pixels: RowSource) -> PageSurvey:
        """Sample a page, uint8 (H, W, 3), RGB."""
        return cls(tuple(page_strips(pixels)))

    def inverted(self) -> PageSurvey:
        """Survey the page with light and dark exchanged."""
        return PageSurvey(tuple(strip.inverted() for strip in self.strips))

    @cached_property
    def lumas(self) -> list[NDArray[np.uint8]]:
        """Luma of the colours of each strip."""
        return [luma(strip.colours) for strip in self.strips]

    @cached_property
    def is_light_on_dark(self) -> bool:
        """Whether light writing on dark ground is clear."""
        return is_light_on_dark(self.lumas)

    @cached_property
    def may_have_light_parts(self) -> bool:
        """Whether parts of the page may show light writing on dark ground."""
        return may_have_parts(self.lumas)

    @cached_property
    def ink(self) -> NDArray[np.float32] | None:
        """Colours of ink and paper, see `page_ink`."""
        return page_ink([strip.colours for strip in self.strips])

    @cached_property
    def thin_ink(self) -> NDArray[np.float32] | None:
        """As `ink`, for strokes that are hardly wider than a pixel."""
        return page_ink([strip.colours for strip in self.strips], halve=False)

    @cached_property
    def softness(self) -> float:
        """How much of edges is lost at half of the size, see `edge_softness`."""
        return edge_softness([strip.green for strip in self.strips])

    @property
    def is_soft(self) -> bool:
        """Whether strokes have soft edges, so that the page is better read in half size, too.

        Few or none of the pages drawn at 300 dpi have, nearly all of those at twice their size.
        """
        return self.softness < _SOFT

    @cached_property
    def strokes(self) -> list[NDArray[np.bool_]]:
        """Where strokes are in the green rows of each strip, see `stroke_rows`."""
        return stroke_rows([strip.green for strip in self.strips])
