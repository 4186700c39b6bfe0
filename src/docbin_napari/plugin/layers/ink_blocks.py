"""Regions of a result: computed ones, and those with a threshold of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_BLOCK_PIXELS = 1 << 20


@dataclass(slots=True)
class Block:
    """A computed region, the level its labels were cut at, and what was painted in it."""

    rows: slice
    columns: slice
    level: int
    painted: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class RegionThreshold:
    """A region that was cut at a level of its own."""

    rows: slice
    columns: slice
    inside: NDArray[np.bool_]
    level: int


def apply(
    own: RegionThreshold,
    blocks: Sequence[Block],
    probability: NDArray[np.uint8],
    labels: NDArray[np.uint8],
) -> None:
    """Mark a region with a level of its own as painted, unless it was undone in the meantime.

    Strategy: undo puts back the labels of the common level. Where the two levels give
    different labels, those that are there tell which of them is in force.

    Parameters
    ----------
    own : RegionThreshold
        The region.
    blocks : sequence of Block
        What was computed of the page; those under the region are marked.
    probability, labels : ndarray
        uint8 (H, W), the page.
    """
    shared = [(block, part) for block in blocks if (part := _common(own, block)) is not None]
    balance = 0
    for block, (rows, columns) in shared:
        mine = probability[rows, columns] >= own.level
        common = probability[rows, columns] >= block.level
        differs = _within(own, rows, columns, own.inside) & (mine != common)
        right = labels[rows, columns] == mine
        balance += int(np.count_nonzero(differs & right))
        balance -= int(np.count_nonzero(differs & ~right))
    if balance < 0:
        return
    for block, (rows, columns) in shared:
        if block.painted is None:
            size = block.rows.stop - block.rows.start, block.columns.stop - block.columns.start
            block.painted = np.zeros(size, bool)
        painted = _within(block, rows, columns, block.painted)
        painted |= _within(own, rows, columns, own.inside)


def _common(one: RegionThreshold, other: Block) -> tuple[slice, slice] | None:
    """Rows and columns that two rectangles share; None if there are none."""
    pairs = ((one.rows, other.rows), (one.columns, other.columns))
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in pairs)
    return (rows, columns) if rows.stop > rows.start and columns.stop > columns.start else None


def _within(
    frame: RegionThreshold | Block, rows: slice, columns: slice, values: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Part of what is known of a rectangle, a view."""
    top, left = frame.rows.start, frame.columns.start
    return values[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


def parts(rows: slice, columns: slice) -> Iterator[slice]:
    """Cut the rows of a large region so that no block takes long.

    Parameters
    ----------
    rows, columns : slice
        The region.

    Yields
    ------
    slice
        Rows of one part; nothing for a region without pixels.
    """
    step = max(1, _BLOCK_PIXELS // max(1, columns.stop - columns.start))
    for top in range(rows.start, rows.stop, step):
        if columns.stop > columns.start:
            yield slice(top, min(top + step, rows.stop))
