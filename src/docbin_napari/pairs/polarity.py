"""Compare a mask with its page: reversed, shifted, or of another page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from docbin_napari.io.rgb import row_bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.io.mask import GroundTruth

_REACH = 4
"""Pixels from ink to the background beside it: beyond the soft edge of a stroke."""
_FEWEST_NEIGHBOURS = 8
_BRIGHTER = 1.0
_LARGEST_SHARE = 0.5
_FEWEST_AT_BORDERS = 500
_LEAST_CONTRAST = 0.45
"""Share of the contrast of a page that lies across the borders of a right mask, at least.

Measured on 127 pages of 25 collections: right masks have 0.73 and more, and those of another
page, turned, mirrored or shifted by 6 pixels mostly under 0.1."""
_STRONG = 95
_SOME = 7
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

    Strategy: across the borders of ink a page has nearly the strongest steps that it has
    anywhere, from dark to light. Where a mask does not lie on its page, dark and light come in
    any order there, and the mean step is about zero.

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
    own = _contrast(gray, truth)
    sparse = truth.ink.sum() <= _LARGEST_SHARE * truth.labelled.sum()
    lies_elsewhere = own is not None and abs(own) < _LEAST_CONTRAST and sparse
    if not lies_elsewhere and (reason := why_reversed(gray, truth)):
        fix = "black (0) must be ink; invert the mask unless it is right"
        return MaskTrouble("reversed", f"ink and background look exchanged: {reason}", fix)
    if own is None or not lies_elsewhere:
        return None
    share = f"{max(own, 0):.0%}".replace("%", " %")
    problem = f"its ink does not lie on the writing of the page (contrast at its borders {share})"
    for words, turn in _MIRRORED.items():
        turned = replace(truth, ink=truth.ink[turn], labelled=truth.labelled[turn])
        if (_contrast(gray, turned) or 0) >= _LEAST_CONTRAST:
            return MaskTrouble("misplaced", f"{problem}: it is {words}", "turn it as its page is")
    fix = "it belongs to another page, or is shifted: bring the right one, or remove the pair"
    return MaskTrouble("misplaced", problem, fix)


def _contrast(gray: NDArray[np.uint8], truth: GroundTruth) -> float | None:
    """Mean step at the borders of ink over the strong steps of the page; None if unknown."""
    step = _darker_by(gray, truth, _FEWEST_AT_BORDERS)
    if step is None:
        return None
    steps = [
        np.abs(far.astype(np.int16) - near)[truth_near & truth_far][::_SOME]
        for (near, far), (truth_near, truth_far) in (
            (_ends(gray, axis), _ends(truth.labelled, axis)) for axis in (0, 1)
        )
    ]
    strong = float(np.percentile(np.concatenate(steps), _STRONG))
    return step / max(strong, 1.0)


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

    Strategy: two signs, since each is blind somewhere. More than half of a page is
    hardly ever ink, but a sparse mask of a region may be half ink and right. Ink is
    darker than the background beside it, but that says nothing where the page is
    a negative. Lightness is compared across the edges of the ink, a few pixels apart,
    not over the whole page: a dark scanner background or a shadow would decide there.

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
    >>> why_reversed(page, GroundTruth(~ink, np.ones_like(ink)))
    '84 % of the labelled pixels are ink, and it is 210 gray levels brighter than what is beside it'
    """
    labelled = int(truth.labelled.sum())
    share = int(truth.ink.sum()) / labelled if labelled else 0.0
    darker = _darker_by(gray, truth)
    many = f"{share:.0%} of the labelled pixels are ink".replace("%", " %")
    if darker is not None and darker < -_BRIGHTER:
        brighter = f"is {-darker:.0f} gray levels brighter than what is beside it"
        return f"{many}, and it {brighter}" if share > _LARGEST_SHARE else f"its ink {brighter}"
    if share <= _LARGEST_SHARE:
        return ""
    known = darker is not None and darker > _BRIGHTER
    return f"{many}, although it is darker than what is beside it" if known else many


def _darker_by(
    gray: NDArray[np.uint8], truth: GroundTruth, fewest: int = _FEWEST_NEIGHBOURS
) -> float | None:
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
    return total / count if count >= fewest else None


def _ends(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The array without its last and without its first rows or columns."""
    turned = array if axis == 0 else array.T
    return turned[:-_REACH], turned[_REACH:]
