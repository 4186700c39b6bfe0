"""Does a mask call the paper ink? Its ink against the page it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
