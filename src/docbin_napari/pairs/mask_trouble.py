"""Compare a mask with its page: reversed, shifted, or of another page.

Strategy for the place of a mask: the borders of ink are edges of the page, and run the same way
there. So both become fields of edges: at each pixel a complex number whose angle is twice the
direction of the edge and whose length says how sharp it is. Twice the angle makes dark on light and
light on dark the same, so the polarity of a page, or of a part of it, does not count. One
correlation of both fields, over all shifts at once, has its peak where the mask fits best: at no
shift, if it lies on its page. No bound on contrast is needed, which would differ between stains,
blur and halftones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from docbin_napari.io.mask import GroundTruth

_REACH = 4
"""Pixels from ink to the background beside it: beyond the soft edge of a stroke."""
_FEWEST_NEIGHBOURS = 8
_BRIGHTER = 1.0
_LARGEST_SHARE = 0.5
_MIRRORED = {
    "turned upside down": (slice(None, None, -1), slice(None, None, -1)),
    "mirrored": (slice(None), slice(None, None, -1)),
    "mirrored from top to bottom": (slice(None, None, -1), slice(None)),
}
_AREA = 1_000_000
"""Pixels to which a page is made smaller for the comparison."""
_SHARP = 90
_FAINTEST = 0.5
_HALF_A_STEP = 0.25
_BORDER = 0.3
_FEWEST = 200
"""Pixels of borders, at the smaller size, from which on the place of a mask is known."""
_TOLERANCE = 2.0
"""Shifts of up to so many pixels are never reported."""
_AS_GOOD = 0.985
"""Share of the best fit that the place of the mask itself must have.

Measured on 240 real and 635 generated pages: every right mask fits best where it lies, and at
shifts of two pixels of the smaller size or more at most 0.84 times as well."""
_LEAST_AGREEMENT, _SURE_AGREEMENT = 0.1, 0.2
"""Part of the edges under the borders of a mask that must run as the borders do.

Of upright and of level borders alike, since those of lines of writing lie on each other's on
any page of the same lines. Measured as above: right masks have 0.27 and more, 0.13 on a page out
of focus; wrong ones mostly under 0.04, and 0.39 at most (staves)."""
_FEWEST_OF_A_KIND = 100


@dataclass(frozen=True)
class MaskTrouble:
    """Why a mask should not be learnt from.

    Parameters
    ----------
    kind : {"reversed", "misplaced"}
        Ink and background exchanged, or ink that is not where the page has it.
    problem : str
        What is wrong, with figures.
    fix : str
        What to do.
    """

    kind: Literal["reversed", "misplaced"]
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.fix}"


def mask_trouble(gray: NDArray[np.uint8], truth: GroundTruth) -> MaskTrouble | None:
    """Compare a mask with its page; the one judge for checking, importing and training.

    Strategy: where a mask lies is asked before its polarity. A mask lies on its page if it fits
    nowhere better; light writing on a dark page is right as it is.

    Parameters
    ----------
    gray : ndarray, uint8, shape (H, W)
        Lightness of the page.
    truth : GroundTruth
        Its mask, of the same size.

    Returns
    -------
    MaskTrouble or None
        None also where there is too little ink to judge by.

    Examples
    --------
    >>> from docbin_napari.io.mask import GroundTruth
    >>> ink = np.zeros((200, 200), dtype=bool)
    >>> ink[20:180:20, 20:180] = ink[21:181:20, 20:180] = True
    >>> page = np.where(ink, 20, 230).astype(np.uint8)
    >>> mask_trouble(page, GroundTruth(ink, np.ones_like(ink))) is None
    True
    >>> mask_trouble(page, GroundTruth(np.roll(ink, 10, 0), np.ones_like(ink))).kind
    'misplaced'
    """
    if truth.ink.any() and (misplaced := _why_misplaced(PageEdges(gray), truth)):
        how, fix = misplaced
        return MaskTrouble(
            "misplaced", f"its ink does not lie on the writing of the page{how}", fix
        )
    if reason := why_reversed(gray, truth):
        fix = "black (0) must be ink; invert the mask unless it is right"
        return MaskTrouble("reversed", f"ink and background look exchanged: {reason}", fix)
    return None


def _why_misplaced(page: PageEdges, truth: GroundTruth) -> tuple[str, str] | None:
    """Say how the mask lies, and what to do; None if it lies on its page, or nobody knows."""
    fit = page.fit(truth)
    if fit is None or fit.in_place:
        return None
    for words, turn in _MIRRORED.items():
        turned = replace(truth, ink=truth.ink[turn], labelled=truth.labelled[turn])
        if (other := page.fit(turned)) and other.in_place and other.is_sure:
            return f": it is {words}", "turn it as its page is"
    if fit.is_sure:
        return f": it lies {_away(fit)}", "use the right mask, or shift this one"
    return "", "it belongs to another page, or is shifted: use the right mask, or remove the pair"


def _away(fit: Fit) -> str:
    """Describe how far the mask lies from its place."""
    parts = [
        f"{abs(pixels)} pixels too far {back if pixels > 0 else ahead}"
        for pixels, back, ahead in ((fit.down, "up", "down"), (fit.right, "left", "right"))
        if pixels
    ]
    return " and ".join(parts)


def lightness(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average red, green and blue.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        A page.

    Returns
    -------
    ndarray, uint8, shape (H, W)
        0 is black, 255 white.
    """
    mean: NDArray[np.uint8] = (pixels.sum(axis=2, dtype=np.uint16) // 3).astype(np.uint8)
    return mean


def why_reversed(gray: NDArray[np.uint8], truth: GroundTruth) -> str:
    """Say why ink and background of a mask look exchanged.

    Strategy: three signs, since each is wrong somewhere, and two of them must agree. Ink is
    brighter than the background beside it: so it is on a page with light writing on a dark
    ground, too. More than half of the page is ink: so it may be on a poster, or in a mask of a
    region. The outermost labelled pixels are ink: so they may be where a page is cut through its
    writing. Lightness is compared across the edges of the ink, a few pixels apart, not over the
    whole page: a dark scanner background or a shadow would decide there.

    Parameters
    ----------
    gray : ndarray, uint8, shape (H, W)
        Lightness of the page.
    truth : GroundTruth
        Its mask.

    Returns
    -------
    str
        The signs that were found, in words with their figures; "" if there are none.

    Examples
    --------
    >>> from docbin_napari.io.mask import GroundTruth
    >>> ink = np.zeros((20, 20), dtype=bool)
    >>> ink[8:12, 2:18] = True
    >>> page = np.where(ink, 20, 230).astype(np.uint8)
    >>> why_reversed(page, GroundTruth(ink, np.ones_like(ink)))
    ''
    >>> for sign in why_reversed(page, GroundTruth(~ink, np.ones_like(ink))).split(", and "):
    ...     print(sign)
    84 % of the labelled pixels are ink
    100 % of those at the rim are ink
    ink is 210 gray levels brighter than what is beside it
    """
    if not truth.labelled.any():
        return ""
    share = truth.ink.sum() / truth.labelled.sum()
    outside = _share_at_rim(truth)
    brighter = _brighter_by(gray, truth)
    signs = {
        f"{share:.0%} of the labelled pixels are ink": share > _LARGEST_SHARE,
        f"{outside:.0%} of those at the rim are ink": outside > _LARGEST_SHARE,
        f"ink is {brighter:.0f} gray levels brighter than what is beside it": brighter > _BRIGHTER,
    }
    found = [words for words, is_there in signs.items() if is_there]
    return ", and ".join(found).replace("%", " %") if len(found) > 1 else ""


def _share_at_rim(truth: GroundTruth) -> float:
    """Share of ink among the first and last labelled pixels of each row and column."""
    ink, count = 0, 0
    for turns in range(4):
        labelled, marked = (np.rot90(array, turns) for array in (truth.labelled, truth.ink))
        rows = labelled.any(axis=1)
        first = labelled[rows].argmax(axis=1)
        ink += int(marked[rows, first].sum())
        count += len(first)
    return ink / count


def _brighter_by(gray: NDArray[np.uint8], truth: GroundTruth) -> float:
    """Mean step from ink down to the background beside it; 0 if they hardly meet."""
    total, count = 0, 0
    background = truth.labelled & ~truth.ink
    for turns in range(4):
        turned, ink, paper = (np.rot90(array, turns) for array in (gray, truth.ink, background))
        near, far = turned[:-_REACH], turned[_REACH:]
        meet = ink[:-_REACH] & paper[_REACH:]
        total += int(near[meet].sum(dtype=np.int64)) - int(far[meet].sum(dtype=np.int64))
        count += int(meet.sum())
    return total / count if count >= _FEWEST_NEIGHBOURS else 0.0


@dataclass(frozen=True)
class Fit:
    """Where a mask fits its page best.

    Parameters
    ----------
    down, right : int
        Pixels by which the mask would have to be moved; 0 if it fits best where it lies.
    agreement : float
        How much the edges of the page run there as the borders of the mask do, up to 1.
    """

    down: int
    right: int
    agreement: float

    @property
    def in_place(self) -> bool:
        """Whether the mask lies on its page."""
        return self.agreement >= _LEAST_AGREEMENT and not self.down and not self.right

    @property
    def is_sure(self) -> bool:
        """Whether the mask belongs there: hardly ever so with the mask of another page."""
        return self.agreement >= _SURE_AGREEMENT


class PageEdges:
    """The edges of a page, ready to be compared with masks.

    Parameters
    ----------
    gray : ndarray, uint8, shape (H, W)
        Lightness of the page.

    Examples
    --------
    >>> from docbin_napari.io.mask import GroundTruth
    >>> ink = np.zeros((200, 200), dtype=bool)
    >>> ink[20:180:20, 20:180] = ink[21:181:20, 20:180] = True
    >>> page = PageEdges(np.where(ink, 20, 230).astype(np.uint8))
    >>> page.fit(GroundTruth(ink, np.ones_like(ink))).in_place
    True
    >>> low = page.fit(GroundTruth(np.roll(ink, 10, 0), np.ones_like(ink)))
    >>> abs(low.down)
    10
    """

    def __init__(self, gray: NDArray[np.uint8]) -> None:
        self._factor = max(1, int(np.ceil(np.sqrt(gray.size / _AREA))))
        self._factor = min(self._factor, max(1, min(gray.shape) // 2))
        edges = _gradient(_smaller(gray, self._factor))
        sharp = max(float(np.percentile(np.abs(edges), _SHARP)), _FAINTEST)
        field = _doubled(edges, sharp)
        self._field = field
        self._padded = tuple(fft.next_fast_len(length) for length in field.shape)
        self._spectrum = fft.fft2(field, self._padded)

    def fit(self, truth: GroundTruth) -> Fit | None:
        """Compare a mask with the page.

        Parameters
        ----------
        truth : GroundTruth
            Of the size of the page.

        Returns
        -------
        Fit or None
            None where the mask has too few borders to judge by.
        """
        field = self._mask_field(truth)
        if field is None:
            return None
        product = self._spectrum * np.conj(fft.fft2(field, self._padded))
        fits = fft.ifft2(product, overwrite_x=True).real
        best = np.unravel_index(int(fits.argmax()), fits.shape)
        down, right = (
            _signed(int(at), length) for at, length in zip(best, fits.shape, strict=True)
        )
        near = self._factor * max(abs(down), abs(right)) <= _TOLERANCE
        if near or fits[0, 0] >= _AS_GOOD * fits[best]:
            down = right = 0
        agreement = _agreement(self._field, np.roll(field, (down, right), (0, 1)))
        return Fit(self._factor * down, self._factor * right, agreement)

    def _mask_field(self, truth: GroundTruth) -> NDArray[np.complex64] | None:
        """Edges of ink that are labelled on both sides; of all ink, where there are none."""
        field = _doubled(_gradient(_smaller(truth.ink, self._factor)), _HALF_A_STEP)
        known = _smaller(truth.labelled, self._factor) >= 1
        known = ndimage.binary_erosion(known, np.ones((3, 3)), border_value=1)
        for borders in (field * known, field):
            if np.count_nonzero(np.abs(borders) > _BORDER) >= _FEWEST:
                return borders
        return None


def _smaller(values: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Mean of squares of pixels; rows and columns that are left over at the end are left out."""
    height, width = (length // factor * factor for length in values.shape)
    columns, rows = np.arange(0, width, factor), np.arange(0, height, factor)
    sums = np.add.reduceat(values[:height, :width], columns, axis=1, dtype=np.float32)
    return (np.add.reduceat(sums, rows, axis=0) / factor**2).astype(np.float32)


def _gradient(small: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Slope to the right, and downwards as the imaginary part."""
    slopes = np.zeros(small.shape, np.complex64)
    slopes.real[:, 1:-1] = (small[:, 2:] - small[:, :-2]) / 2
    slopes.imag[1:-1] = (small[2:] - small[:-2]) / 2
    return slopes


def _doubled(slopes: NDArray[np.complex64], half: float) -> NDArray[np.complex64]:
    """Twice the angle; the length is a half where the slope is `half`, and never above one."""
    steep = np.abs(slopes)
    weight = np.maximum(steep, np.float32(1e-6)) * (steep + np.float32(half))
    return (slopes * slopes / weight).astype(np.complex64)


def _agreement(page: NDArray[np.complex64], mask: NDArray[np.complex64]) -> float:
    """Part of the edges under borders that runs along them, of the kind that has less of it."""
    along = (page * np.conj(mask)).real
    weight = np.abs(mask)
    least = 1.0
    for kind in (mask.real > 0, mask.real < 0):
        if weight[kind].sum() >= _FEWEST_OF_A_KIND:
            edges = float((np.abs(page[kind]) * weight[kind]).sum())
            least = min(least, float(along[kind].sum()) / max(edges, 1e-6))
    return least


def _signed(place: int, length: int) -> int:
    return place - length if place > length // 2 else place
