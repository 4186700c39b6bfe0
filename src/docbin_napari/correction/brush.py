"""Find what is ink, or what is paper, under a rough stroke of a brush."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docbin_napari.correction.region import Point, Region, rectangle

Gray = Callable[[slice, slice], NDArray[np.uint8]]
"""Gives the gray values of a page for rows and columns, 0 black to 255 white."""
_LEAST_CONTRAST = 6.0
# Two halves of one bell curve lie 2.7 times the spread within a half apart.
_LEAST_SEPARATION = 3.2
_MARGINS = (24, 48, 96, 192)  # pixels round a stroke


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
            raise ValueError(f"strictness must lie between 0 and 1, not {self.strictness}")


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
    frame = rectangle(ends.min(axis=0) - radius, ends.max(axis=0) + radius, shape)
    if frame is None:
        return None
    rows = np.arange(frame.rows.start, frame.rows.stop)[:, None] - ends[0, 0]
    columns = np.arange(frame.columns.start, frame.columns.stop)[None, :] - ends[0, 1]
    way = ends[1] - ends[0]
    length = float(way @ way)
    # The nearest point of the path, as a share of it; a click is a path of no length.
    along = (rows * way[0] + columns * way[1]) / length if length else np.zeros(1)
    along = np.clip(along, 0, 1)
    distance = (rows - along * way[0]) ** 2 + (columns - along * way[1]) ** 2
    inside = distance <= max(radius, 0.5) ** 2
    return Region(frame.rows, frame.columns, inside) if inside.any() else None


def find_ink(
    gray: Gray, region: Region, shape: tuple[int, int], config: BrushConfig = BrushConfig()
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
    ink, paper = split
    return region.inside & (values <= paper - config.strictness * (paper - ink))


def find_paper(
    gray: Gray, region: Region, shape: tuple[int, int], config: BrushConfig = BrushConfig()
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
    ink, paper = split
    return region.inside & (values >= ink + config.strictness * (paper - ink))


def _judge(
    gray: Gray, region: Region, shape: tuple[int, int]
) -> tuple[NDArray[np.uint8], tuple[float, float] | None]:
    """Read the gray values of a region, and split its neighbourhood into ink and paper.

    Strategy: a stroke can lie in ink altogether, or on paper. So the neighbourhood grows until
    it contains both, and stays small where it does, because the light of a page is not even.
    """
    for margin in _MARGINS:
        rows, columns = (
            slice(max(0, part.start - margin), min(side, part.stop + margin))
            for part, side in zip(region.place, shape, strict=True)
        )
        around = gray(rows, columns)
        if (split := split_gray(around)) is not None:
            break
    own = np.s_[
        region.rows.start - rows.start : region.rows.stop - rows.start,
        region.columns.start - columns.start : region.columns.stop - columns.start,
    ]
    return around[own], split


def split_gray(gray: NDArray[np.uint8]) -> tuple[float, float] | None:
    """Split a neighbourhood into ink and paper.

    Strategy: Otsu's threshold is the one that leaves the least spread within its two halves.
    It always finds something, also in the noise of plain paper. So the halves must be further
    apart than those of a single bell curve, measured in the spread that is left.

    Parameters
    ----------
    gray : ndarray
        uint8, any shape.

    Returns
    -------
    (float, float) or None
        Mean gray of ink and of paper, 0 to 255; None if there is only one kind of pixel.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", 1979,
           DOI 10.1109/TSMC.1979.4310076.

    Examples
    --------
    >>> split_gray(np.array([[20, 20, 240], [240, 240, 240]], np.uint8))
    (20.0, 240.0)
    >>> split_gray(np.full((9, 9), 200, np.uint8)) is None
    True
    """
    from skimage.filters import threshold_otsu  # Imported late, as SciPy in `region`.

    counts = np.bincount(gray.ravel())
    levels = np.flatnonzero(counts)
    if len(levels) < 2:
        return None
    counts = counts[levels]
    dark = levels <= threshold_otsu(hist=(counts, levels))  # type: ignore[no-untyped-call]
    ink, paper = (float(np.average(levels[half], weights=counts[half])) for half in (dark, ~dark))
    squares = (levels - np.where(dark, ink, paper)) ** 2
    spread = float(np.sqrt(np.average(squares, weights=counts)))
    enough = paper - ink >= max(_LEAST_CONTRAST, _LEAST_SEPARATION * spread)
    return (ink, paper) if enough else None
