"""Compare a mask with its page: reversed, shifted, or of another page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from docbin_napari.io.rgb import row_bands
from docbin_napari.pairs.alignment import PageEdges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.io.mask import GroundTruth
    from docbin_napari.pairs.alignment import Fit

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
        return f": it lies {_away(fit)}", "bring the right one, or move it"
    return "", "it belongs to another page, or is shifted: bring the right one, or remove the pair"


def _away(fit: Fit) -> str:
    """Where the mask lies, seen from its place."""
    parts = [
        f"{abs(pixels)} pixels too far {back if pixels > 0 else ahead}"
        for pixels, back, ahead in ((fit.down, "up", "down"), (fit.right, "left", "right"))
        if pixels
    ]
    return " and ".join(parts)


def lightness(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean of red, green and blue.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        A page.

    Returns
    -------
    ndarray, uint8, shape (H, W)
        0 is black, 255 white.
    """
    out = np.empty(pixels.shape[:2], np.uint8)
    for rows in row_bands(*pixels.shape[:2]):
        out[rows] = pixels[rows].sum(axis=2, dtype=np.uint16) // 3
    return out


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
    labelled = int(truth.labelled.sum())
    share = int(truth.ink.sum()) / labelled if labelled else 0.0
    outside = _share_at_rim(truth) if labelled else 0.0
    darker = _darker_by(gray, truth)
    brighter = -darker if darker is not None else 0.0
    is_brighter = brighter > _BRIGHTER
    signs = [
        words
        for words, found in (
            (f"{share:.0%} of the labelled pixels are ink", share > _LARGEST_SHARE),
            (f"{outside:.0%} of those at the rim are ink", outside > _LARGEST_SHARE),
            (f"ink is {brighter:.0f} gray levels brighter than what is beside it", is_brighter),
        )
        if found
    ]
    return ", and ".join(signs).replace("%", " %") if len(signs) > 1 else ""


def _share_at_rim(truth: GroundTruth) -> float:
    """Share of ink among the first and last labelled pixels of each row and column."""
    ink, count = 0, 0
    for axis in (0, 1):
        for step in (1, -1):
            labelled, marked = (
                (array.T if axis else array)[:, ::step] for array in (truth.labelled, truth.ink)
            )
            rows = labelled.any(axis=1)
            first = labelled[rows].argmax(axis=1)
            ink += int(marked[rows, first].sum())
            count += len(first)
    return ink / count


def _darker_by(gray: NDArray[np.uint8], truth: GroundTruth) -> float | None:
    """Mean step from ink up to the background beside it; None if they hardly meet."""
    total, count = 0, 0
    background = truth.labelled & ~truth.ink
    for axis in (0, 1):
        here, there = _ends(gray, axis)
        ink_here, ink_there = _ends(truth.ink, axis)
        paper_here, paper_there = _ends(background, axis)
        for ink, paper, near, far in (
            (ink_here, paper_there, here, there),
            (ink_there, paper_here, there, here),
        ):
            meet = ink & paper
            total += int(far[meet].sum(dtype=np.int64)) - int(near[meet].sum(dtype=np.int64))
            count += int(meet.sum())
    return total / count if count >= _FEWEST_NEIGHBOURS else None


def _ends(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The array without its last and without its first rows or columns."""
    turned = array if axis == 0 else array.T
    return turned[:-_REACH], turned[_REACH:]
