"""Find pages that hold a part of one another, pixel for pixel.

Strategy: a page that was cut in two, one half for training and one for testing, looks like no
other page as a whole. So small squares of pixels are hashed, at every place of a page, and a
square is kept if its hash is among the lowest thousandth: which squares are kept depends on
their content alone, and not on where the page was cut (winnowing, Schleimer et al. 2003,
doi:10.1145/872757.872770). Two pages share a part if they have many of the kept squares in
common, all of them shifted by the same way. All pages are compared at once by sorting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
    # The low bits of such a sum hang on the low bits of the pixels alone.
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
    order = np.argsort(hashes, kind="stable")
    hashes, places, numbers = hashes[order], places[order], numbers[order]
    ends = np.flatnonzero(np.append(hashes[1:] != hashes[:-1], True)) + 1
    starts = np.concatenate([[0], ends[:-1]])
    shifts: Counter[tuple[int, int, int, int]] = Counter()
    for start, end in zip(starts, ends, strict=True):
        if 2 <= end - start <= _MOST_PAGES:
            for one, other in combinations(range(start, end), 2):
                down, right = places[other] - places[one]
                shifts[int(numbers[one]), int(numbers[other]), int(down), int(right)] += 1
    found: dict[tuple[int, int], float] = {}
    for (one, other, _, _), count in shifts.items():
        share = count / min(sizes[one], sizes[other])
        if count >= _FEWEST and share >= _LEAST_SHARE:
            found[one, other] = max(share, found.get((one, other), 0.0))
    return found
