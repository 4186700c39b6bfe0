"""Find pages that occur twice, and pages that hold a part of one another.

Strategy for the same page at another size, quality or cut: all pages of an archive look alike from
afar, and two scans of one page differ pixel by pixel, so the layout of the writing decides. Each
page is made small, and light and stains are taken out by local contrast, which leaves where writing
is dense and where it is not. Two such pictures are laid over each other at every shift up to a
tenth of the page and at some sizes around the same one, since a cut page lies shifted and larger in
its frame; the best correlation is their likeness. Shifts are tried all at once by the Fourier
transform. Where it is high, the edges are left out and it is taken again.

Strategy for shared parts, pixel for pixel: a page that was cut in two, one half for training and
one for testing, looks like no other page as a whole. So small squares of pixels are hashed, at
every place of a page, and a square is kept if its hash is among the lowest thousandth: which
squares are kept depends on their content alone, and not on where the page was cut (winnowing,
Schleimer et al. 2003, doi:10.1145/872757.872770). Two pages share a part if they have many of the
kept squares in common, all of them shifted by the same way. All pages are compared at once by
sorting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

SAME_PAGE = 0.55
"""Likeness from which on two pages are taken for the same one.

Measured on 35 real pages of eight collections: different pages reach 0.52; the same page at a third
of its size as JPEG of quality 40 has 0.64 and more, but for a palm leaf with 0.24; cut by 4 % on
all sides 0.51 and more, nine in ten above 0.58.
"""
_LARGE, _SMALL, _FRAME = 256, 128, 144
_NEIGHBOURHOOD = 2.5
_LARGEST_SHIFT = 16
_SHIFTS = np.r_[: _LARGEST_SHIFT + 1, -_LARGEST_SHIFT:0]
_MARGIN = 0.12
_NARROWEST = 8
_SIZES = np.linspace(0.9, 1.1, 11)
_FAINTEST = 2.0
"""Gray levels of contrast that count as hardly anything: noise of empty paper stays small."""


def thumbnail(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Make a page small, by the mean of the pixels that fall together.

    Parameters
    ----------
    gray : ndarray, uint8, shape (H, W)
        Lightness of the page.

    Returns
    -------
    ndarray, float32
        Lightness 0..255, the longer side `_LARGE` pixels; for `likeness_to`.
    """
    height, width = gray.shape
    factor = _LARGE / max(height, width)
    small: NDArray[Any] = gray
    counts = np.array(1)
    for axis, length in ((1, width), (0, height)):
        parts = max(1, round(length * factor))
        starts = np.arange(parts) * length // parts
        small = np.add.reduceat(small, starts, axis, dtype=np.float32)
        counts = np.multiply.outer(np.diff(starts, append=length).clip(1), counts)
    mean: NDArray[np.float32] = (small / counts).astype(np.float32)
    return mean


def likeness_to(first: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], float]:
    """Prepare to compare one page with many others.

    Parameters
    ----------
    first : ndarray, float32
        The page, from `thumbnail`.

    Returns
    -------
    callable
        Takes the thumbnail of another page and returns the likeness: 1 for the same picture,
        about 0 for another page, never above 1. An empty page is like no other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> writing = ndimage.zoom(rng.integers(0, 255, (20, 16)), 20, order=0).astype(np.uint8)
    >>> compare = likeness_to(thumbnail(writing))
    >>> compare(thumbnail(writing[::2, ::2])) > 0.9, compare(thumbnail(writing[::-1])) < 0.5
    (True, True)
    """
    layouts = np.stack([_layout(first, size) for size in _SIZES])
    spectra = fft.rfft2(layouts)

    def compare(other: NDArray[np.float32]) -> float:
        layout = _layout(other, 1.0)
        overlays = fft.irfft2(spectra * np.conj(fft.rfft2(layout)), s=(_FRAME, _FRAME))
        near = overlays[:, _SHIFTS][:, :, _SHIFTS]
        size, down, right = np.unravel_index(int(near.argmax()), near.shape)
        likeness = float(near[size, down, right])
        if likeness < SAME_PAGE:
            return likeness
        moved = np.roll(layouts[size], (-_SHIFTS[down], -_SHIFTS[right]), axis=(0, 1))
        return min(likeness, _likeness_inside(moved, layout, other))

    return compare


def _likeness_inside(
    moved: NDArray[np.float32], layout: NDArray[np.float32], page: NDArray[np.float32]
) -> float:
    """Correlation away from the edges, of what differs from the means of rows and columns.

    A dark frame around each scan makes no page the same, nor do lines at the same places.
    """
    inside = tuple(
        slice(round(_MARGIN * side), round((1 - _MARGIN) * side))
        for side in (length * _SMALL / _LARGE for length in page.shape)
    )
    one, other = (
        part - part.mean(0) - part.mean(1)[:, None] for part in (moved[inside], layout[inside])
    )
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float((one * other).sum()) / length if length > 1e-6 else 0.0


def _layout(page: NDArray[np.float32], size: float) -> NDArray[np.float32]:
    """Where the writing is, in the upper left corner of a frame; its square sum is 1."""
    frame = np.zeros((_FRAME, _FRAME), np.float32)
    if min(page.shape) < _NARROWEST:
        return frame
    factor = size * _SMALL / _LARGE
    smooth = ndimage.gaussian_filter(page, 0.4 / factor)
    small = ndimage.zoom(smooth, factor, order=1)[:_FRAME, :_FRAME]
    detail = small - ndimage.gaussian_filter(small, _NEIGHBOURHOOD)
    contrast = np.sqrt(ndimage.gaussian_filter(detail * detail, 2 * _NEIGHBOURHOOD))
    frame[: small.shape[0], : small.shape[1]] = detail / (contrast + _FAINTEST)
    length = float(np.linalg.norm(frame))
    return frame / np.float32(length) if length > 1e-3 else frame


_SIDE = 12
_ONE_OF = 1024
_LEAST_CONTRAST = 32
_FEWEST = 8
_LEAST_SHARE = 0.3
_MOST_PAGES = 8
_ROW_FACTOR, _COLUMN_FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_BAND = 512


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """The kept squares of a page that it holds once.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (N,)
        Of their pixels.
    places : ndarray of int64, shape (N, 2)
        Row and column of their upper left corners.
    """

    hashes: NDArray[np.uint64]
    places: NDArray[np.int64]


def fingerprint(gray: NDArray[np.uint8]) -> Fingerprint:
    """Choose the squares by which a page is known.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        Lightness of the page.

    Returns
    -------
    Fingerprint
        About one square for a thousand pixels with writing; none on empty paper.
    """
    height, width = gray.shape
    hashes, places = [np.zeros(0, np.uint64)], [np.zeros((0, 2), np.int64)]
    if min(height, width) >= _SIDE:
        windows = np.lib.stride_tricks.sliding_window_view(gray, (_SIDE, _SIDE))
        for top in range(0, height - _SIDE + 1, _BAND):
            found = _hash(gray[top : top + _BAND + _SIDE - 1])
            rows, columns = np.nonzero(found < np.uint64(2**64 // _ONE_OF))
            squares = windows[rows + top, columns].astype(np.int16)
            written = np.ptp(squares, axis=(1, 2)) >= _LEAST_CONTRAST
            hashes.append(found[rows, columns][written])
            places.append(np.stack([rows + top, columns], axis=1)[written])
    values, first, counts = np.unique(np.concatenate(hashes), return_index=True, return_counts=True)
    once = counts == 1
    return Fingerprint(values[once], np.concatenate(places)[first[once]])


def _hash(gray: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hash of the square whose upper left corner is each pixel; polynomials modulo 2**64."""
    lines = _sum_of_powers(gray.astype(np.uint64), _ROW_FACTOR)
    squares = _sum_of_powers(lines.T, _COLUMN_FACTOR).T
    # The low bits of such a sum depend only on the low bits of the pixels.
    mixed: NDArray[np.uint64] = (squares ^ (squares >> np.uint64(29))) * _MIX
    return mixed ^ (mixed >> np.uint64(32))


def _sum_of_powers(values: NDArray[np.uint64], factor: np.uint64) -> NDArray[np.uint64]:
    """Sum of factor**i times the value i columns further right, by Horner's rule."""
    width = values.shape[1] - _SIDE + 1
    total = np.zeros((values.shape[0], width), np.uint64)
    for step in reversed(range(_SIDE)):
        total *= factor
        total += values[:, step : step + width]
    return total


def shared_parts(pages: Sequence[Fingerprint]) -> dict[tuple[int, int], float]:
    """Find pairs of pages that share a part.

    Parameters
    ----------
    pages : sequence of Fingerprint
        Of all pages.

    Returns
    -------
    dict of (int, int) to float
        Numbers of two pages, the lower one first, and which share of the squares of the page
        that has fewer lies in the other one, too, 0 to 1.

    Examples
    --------
    >>> page = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
    >>> prints = [fingerprint(part) for part in (page, page[50:250, 90:310], page[::-1])]
    >>> shared_parts(prints)
    {(0, 1): 1.0}
    """
    sizes = [len(page.hashes) for page in pages]
    if not sum(sizes):
        return {}
    hashes = np.concatenate([page.hashes for page in pages])
    places = np.concatenate([page.places for page in pages])
    numbers = np.repeat(np.arange(len(pages)), sizes)
    shifts: Counter[tuple[int, int, int, int]] = Counter()
    for _, same in groupby(np.argsort(hashes, kind="stable"), hashes.__getitem__):
        squares = list(same)
        if len(squares) <= _MOST_PAGES:
            for one, other in combinations(squares, 2):
                down, right = places[other] - places[one]
                shifts[int(numbers[one]), int(numbers[other]), int(down), int(right)] += 1
    found: dict[tuple[int, int], float] = {}
    for (one, other, _, _), count in shifts.items():
        share = count / min(sizes[one], sizes[other])
        if count >= _FEWEST and share >= _LEAST_SHARE:
            found[one, other] = max(share, found.get((one, other), 0.0))
    return found
