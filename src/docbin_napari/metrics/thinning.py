"""Thin ink to skeletons, for the weights of the pseudo-F-measure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docbin_napari.metrics.rates import BoolArray

N, NE, E, SE, S, SW, W, NW = (1 << bit for bit in range(8))
STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
# Neighbourhoods of the second stage: removed one by one, in raster order.
_STAIRS = (
    "5 13 14 20 22 23 29 52 53 54 55 61 65 67 69 71 77 79 80 83 84 86 88 89 91 92 94 97 99 101 103 "
    "109 111 113 115 116 118 121 123 133 141 149 151 157 181 183 189 191 197 205 208 209 211 212 "
    "214 216 217 219 220 222 224 229 237 239 244 246 251 254"
)


def skeleton_of(ink: BoolArray) -> BoolArray:
    """Thin to lines of one pixel: Zhang and Suen, then the stairs of Lee and Chen.

    Parameters
    ----------
    ink : ndarray of bool, shape (H, W)
        What is thinned; outside the page there is none of it.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The skeleton. Blobs of 2 x 2 pixels vanish.

    References
    ----------
    .. [1] T. Y. Zhang, C. Y. Suen, "A fast parallel algorithm for thinning digital patterns",
       1984, doi:10.1145/357994.358023
    .. [2] H.-J. Lee, B. Chen, "Recognition of handwritten Chinese characters via short line
       segments", 1992, doi:10.1016/0031-3203(92)90112-V
    """
    alive = np.pad(ink, 1)
    offsets = steps_in(alive.shape[1])
    codes = _codes(alive).ravel()
    _thin(alive.ravel(), codes, offsets)
    _remove_stairs(alive.ravel(), codes, offsets)
    return alive[1:-1, 1:-1]


def steps_in(width: int) -> list[int]:
    """List index differences to the eight neighbours in a flattened array, clockwise from north."""
    return [row * width + column for row, column in STEPS]


def _codes(alive: BoolArray) -> NDArray[np.uint8]:
    """Neighbours of each pixel as bits; the array has a rim that is False."""
    codes = np.zeros(alive.shape, dtype=np.uint8)
    height, width = alive.shape
    for bit, (row, column) in enumerate(STEPS):
        neighbour = alive[1 + row : height - 1 + row, 1 + column : width - 1 + column]
        codes[1:-1, 1:-1] |= neighbour.astype(np.uint8) << bit
    return codes


def _thin(alive: BoolArray, codes: NDArray[np.uint8], offsets: list[int]) -> None:
    """Take pixels away in two alternating steps until nothing changes.

    Strategy: whether a pixel goes depends on its neighbours only, so after the first round it
    is enough to test pixels that lost a neighbour since the same step last ran: in the
    last step or the one before. Every pixel is removed once, whatever the thickness.
    """
    before = np.empty(0, dtype=np.intp)
    last = np.flatnonzero(alive & (codes != 255))
    seen = np.zeros(alive.size, dtype=bool)
    step = 0
    while before.size or last.size:
        removed = []
        going = []
        for candidates in (last, before):
            doomed = candidates[_DELETABLE[step][codes[candidates]] & alive[candidates]]
            alive[doomed] = False
            going.append(doomed)
        doomed = np.concatenate(going)
        for bit, offset in enumerate(offsets):
            touched = doomed + offset
            # From there, the removed pixel lies in the opposite direction.
            codes[touched] &= 255 - (1 << (bit + 4) % 8)
            touched = touched[alive[touched] & ~seen[touched]]
            seen[touched] = True
            removed.append(touched)
        before, last = last, np.concatenate(removed)
        seen[last] = False
        step = 1 - step


def _remove_stairs(alive: BoolArray, codes: NDArray[np.uint8], offsets: list[int]) -> None:
    """Delete the pixels of stairs in place, in raster order, until nothing changes."""
    order = np.flatnonzero(alive).tolist()
    code = codes.data
    clear = [(offset, 255 - (1 << (bit + 4) % 8)) for bit, offset in enumerate(offsets)]
    changed = True
    while changed:
        kept = []
        for pixel in order:
            if not _IS_STAIR[code[pixel]]:
                kept.append(pixel)
                continue
            alive[pixel] = False
            for offset, others in clear:
                code[pixel + offset] &= others
        changed = len(kept) < len(order)
        order = kept


def _deletable(code: int, step: int) -> bool:
    ring = [code >> bit & 1 for bit in range(8)]
    starts = sum(not ring[bit - 1] and ring[bit] for bit in range(8))
    if not 2 <= sum(ring) <= 6 or starts != 1:
        return False
    triples = ((N | E | S, E | S | W), (N | E | W, N | S | W))[step]
    return all(code & triple != triple for triple in triples)


_DELETABLE = np.array([[_deletable(code, step) for code in range(256)] for step in range(2)])
_IS_STAIR = [code in {int(number) for number in _STAIRS.split()} for code in range(256)]
