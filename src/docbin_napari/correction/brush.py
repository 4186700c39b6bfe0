"""The ink brush: a rough stroke that changes only what is ink, or only what is paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.correction.gray_split import split_gray
from docbin_napari.correction.region import Region, rectangle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from docbin_napari.correction.gray_split import GraySplit
    from docbin_napari.correction.region import Point

_FIRST_MARGIN = 24
_LAST_MARGIN = 200


@dataclass(frozen=True)
class BrushConfig:
    """How the ink brush and the paper eraser judge what lies under them.

    Parameters
    ----------
    strictness : float
        How sure a gray value must be. 0: the brush takes all that is darker than the paper around,
        and the eraser all that is lighter than the ink. 1: only what is as dark as the ink,
        or as light as the paper.
    """

    strictness: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.strictness <= 1:
            raise ValueError(f"strictness is {self.strictness}, but must be from 0 to 1")


def segment(start: Point, end: Point, radius: float, shape: tuple[int, int]) -> Region | None:
    """Take the pixels that a round brush covers on its way from one point to another.

    Parameters
    ----------
    start, end : (float, float)
        Row and column; pixel centres are whole numbers.
    radius : float
        Of the brush, pixels.
    shape : (int, int)
        Height and width of the page.

    Returns
    -------
    Region or None
        None if the brush is off the page.
    """
    ends = np.array([start, end], float)
    low, high = ends.min(axis=0) - radius, ends.max(axis=0) + radius
    frame = rectangle((low[0], low[1]), (high[0], high[1]), shape)
    if frame is None:
        return None
    rows = np.arange(frame.rows.start, frame.rows.stop)[:, None] - ends[0, 0]
    columns = np.arange(frame.columns.start, frame.columns.stop)[None, :] - ends[0, 1]
    way = ends[1] - ends[0]
    length = float(way @ way)
    # The nearest point of the way, as a share of it; a click is a way of no length.
    along = (rows * way[0] + columns * way[1]) / length if length else np.zeros(1)
    along = np.clip(along, 0, 1)
    distance = (rows - along * way[0]) ** 2 + (columns - along * way[1]) ** 2
    inside = distance <= max(radius, 0.5) ** 2
    return Region(frame.rows, frame.columns, inside) if inside.any() else None


def find_ink(
    gray: Callable[[slice, slice], NDArray[np.uint8]],
    region: Region,
    shape: tuple[int, int],
    config: BrushConfig = BrushConfig(),
) -> NDArray[np.bool_]:
    """Tell which pixels of a region are ink.

    Parameters
    ----------
    gray : callable
        Gives uint8 gray values for rows and columns of the page.
    region : Region
        What the brush covers.
    shape : (int, int)
        Height and width of the page.
    config : BrushConfig
        How strict to be.

    Returns
    -------
    ndarray
        bool, the size of ``region.inside`` and never outside of it. All False if ink
        and paper are not separable in the neighbourhood.
    """
    values, split = _judge(gray, region, shape)
    if split is None:
        return np.zeros(region.inside.shape, bool)
    return region.inside & (values <= split.ink_limit(config.strictness))


def find_paper(
    gray: Callable[[slice, slice], NDArray[np.uint8]],
    region: Region,
    shape: tuple[int, int],
    config: BrushConfig = BrushConfig(),
) -> NDArray[np.bool_]:
    """Tell which pixels of a region are paper; parameters as of `find_ink`.

    Returns
    -------
    ndarray
        bool, the size of ``region.inside`` and never outside of it. The whole region if ink and
        paper are not separable in the neighbourhood: what is even is paper.
    """
    values, split = _judge(gray, region, shape)
    if split is None:
        return region.inside.copy()
    return region.inside & (values >= split.paper_limit(config.strictness))


def _judge(
    gray: Callable[[slice, slice], NDArray[np.uint8]], region: Region, shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], GraySplit | None]:
    """Gray values of a region, and how its neighbourhood splits.

    Strategy: a stroke can lie in ink altogether, or on paper. So the neighbourhood grows until
    it holds both, and stays small where it does, because the light of a page is not even.
    """
    margin = _FIRST_MARGIN
    while True:
        rows, columns = (
            slice(max(0, part.start - margin), min(side, part.stop + margin))
            for part, side in zip(region.place, shape, strict=True)
        )
        around = gray(rows, columns)
        split = split_gray(around)
        margin *= 2
        if split is not None or margin > _LAST_MARGIN:
            break
    own = np.s_[
        region.rows.start - rows.start : region.rows.stop - rows.start,
        region.columns.start - columns.start : region.columns.stop - columns.start,
    ]
    return around[own], split
