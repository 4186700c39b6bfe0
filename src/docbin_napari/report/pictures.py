"""Pictures of the errors on a page: the worst region and the whole page.

Strategy: the page is shown in pale gray, so that the colours of the errors stand out: missed
strokes red, false ink blue, errors at borders orange. Borders of strokes are off by a pixel
everywhere, so the region that is shown is where errors are thicker than that, and in the whole
page, made smaller, a colour is as strong as the share of a square that is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import block_reduce

from docbin_napari.io.encode import data_uri
from docbin_napari.io.rgb import luma
from docbin_napari.metrics.error_kinds import ErrorMaps

BORDER = (222, 132, 0)
MISSED = (214, 18, 32)
FALSE = (22, 84, 226)
REGION = (240, 400)
"""Height and width of the region that is shown at full resolution, pixels."""

_OVERVIEW = 560
_BLOCK = 8
_DARKEST = 105
_THICK = 8
_FRAME = (20, 20, 20)


@dataclass(frozen=True)
class ErrorPictures:
    """Pictures of one page, as data URIs.

    Parameters
    ----------
    whole : str
        The whole page with its errors, made smaller; the region is framed.
    region : str
        The region with most errors as it is.
    errors : str
        The same region with its errors.
    place : (int, int)
        Row and column where the region begins, pixels.
    border, missed, false : int
        Wrong pixels of the whole page, by kind.
    """

    whole: str
    region: str
    errors: str
    place: tuple[int, int]
    border: int
    missed: int
    false: int


def picture_errors(
    errors: ErrorMaps, truth: NDArray[np.bool_], pixels: NDArray[np.uint8] | None = None
) -> ErrorPictures:
    """Show where strokes were missed, ink was found where there is none, and borders differ.

    Parameters
    ----------
    errors : ErrorMaps
        The three kinds of error.
    truth : ndarray of bool, shape (H, W)
        The ground truth.
    pixels : ndarray of uint8, shape (H, W, 3), optional
        The page, RGB. Without it, or with another size, the ground truth is shown.

    Returns
    -------
    ErrorPictures
        The pictures.
    """
    kinds = (errors.border, errors.missed, errors.false_ink)
    if pixels is None or pixels.shape[:2] != truth.shape:
        pixels = np.repeat(np.where(truth, np.uint8(90), np.uint8(255))[..., None], 3, axis=2)
    rows, columns = worst_region(np.logical_or.reduce(kinds), REGION)
    region = np.s_[rows, columns]
    painted = paint(luma(pixels[region]), [kind[region] for kind in kinds])
    border, missed, false = (int(np.count_nonzero(kind)) for kind in kinds)
    return ErrorPictures(
        whole=data_uri(_overview(pixels, kinds, (rows, columns))),
        region=data_uri(pixels[region]),
        errors=data_uri(painted),
        place=(rows.start, columns.start),
        border=border,
        missed=missed,
        false=false,
    )


def worst_region(wrong: NDArray[np.bool_], shape: tuple[int, int]) -> tuple[slice, slice]:
    """Find the region with the worst errors, on a grid of 8 pixels.

    A wrong pixel whose four neighbours are wrong too counts nine times.

    Parameters
    ----------
    wrong : ndarray of bool, shape (H, W)
        Wrong pixels.
    shape : (int, int)
        Height and width of the region; it is cut where the page is smaller.

    Returns
    -------
    rows, columns : slice
        The region.

    Examples
    --------
    >>> wrong = np.zeros((64, 64), bool)
    >>> wrong[40:44, 20:24] = True
    >>> rows, columns = worst_region(wrong, (16, 16))
    >>> int(wrong[rows, columns].sum())
    16
    """
    height, width = wrong.shape
    thick = ndimage.binary_erosion(wrong, border_value=1)
    blocks = _in_squares(wrong + np.uint8(_THICK) * thick, _BLOCK, np.sum)
    sums = np.pad(blocks.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    down, across = (
        min(max(1, wanted // _BLOCK), count)
        for wanted, count in zip(shape, blocks.shape, strict=True)
    )
    columns = sums[:, across:] - sums[:, :-across]
    held = columns[down:] - columns[:-down]
    # The middle one of equals, so that a single error does not lie at the border of its picture.
    equals = np.flatnonzero(held == held.max())
    row, column = np.unravel_index(equals[len(equals) // 2], held.shape)
    top = max(0, min(int(row) * _BLOCK, height - shape[0]))
    left = max(0, min(int(column) * _BLOCK, width - shape[1]))
    return slice(top, min(top + shape[0], height)), slice(left, min(left + shape[1], width))


def paint(gray: NDArray[np.uint8], shares: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    """Lay coloured errors over a page in pale gray.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The page in gray; its contrast is stretched.
    shares : sequence of ndarray, bool or float, shape (H, W)
        Share of each pixel, 0 to 1, that is an error at a border, a missed stroke, false ink.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB.
    """
    low, high = np.percentile(gray, (1, 80))
    light = np.clip((gray - np.float32(low)) / np.float32(max(high - low, 1)), 0, 1)
    painted = np.repeat((_DARKEST + light * (255 - _DARKEST))[..., None], 3, axis=2)
    for share, colour in zip(shares, (BORDER, MISSED, FALSE), strict=True):
        amount = share[..., None].astype(np.float32)
        painted += (np.array(colour, np.float32) - painted) * amount
    return np.asarray(np.rint(painted).astype(np.uint8))


def _overview(
    pixels: NDArray[np.uint8], errors: Sequence[NDArray[np.bool_]], region: tuple[slice, slice]
) -> NDArray[np.uint8]:
    """The whole page, smaller, with its errors and a frame about a region."""
    step = -(-max(pixels.shape[:2]) // _OVERVIEW)
    shares = [np.minimum(_in_squares(part, step, np.sum) / step**2 * 2, 1) for part in errors]
    painted = paint(_in_squares(luma(pixels), step, np.mean), shares)
    top, left = (part.start // step for part in region)
    bottom, right = (
        min((part.stop - 1) // step, length - 1)
        for part, length in zip(region, painted.shape[:2], strict=True)
    )
    painted[[top, bottom], left : right + 1] = _FRAME
    painted[top : bottom + 1, [left, right]] = _FRAME
    return painted


def _in_squares(values: NDArray[Any], step: int, function: Any) -> NDArray[Any]:
    """Apply a function to each square; those at the border are filled up with zeros."""
    return np.asarray(block_reduce(values, step, function))  # type: ignore[no-untyped-call]
