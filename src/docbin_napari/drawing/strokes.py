"""Strokes of a pen as lists of points, and their exact coverage of the pixels of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docbin_napari.drawing.noise import Plane, Shape

Points = NDArray[np.float64]
"""Points (x, y), x to the right and y down, in pixels, shape (N, 2)."""
Point = tuple[float, float]

FAR = -4.0
"""Signed distance that stands for "no stroke near this pixel"."""

_LONGEST = 6.0
_EVERYWHERE = (0.0, 0.0, 1e6)
_ELEMENTS = 400_000


@dataclass(frozen=True)
class Strokes:
    """Many strokes, one after the other.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2)
        Points of the centre lines, x to the right and y down, in pixels; the
        centre of the first pixel of a page is (0, 0).
    radius : ndarray of float, shape (N,)
        Half the width of the stroke at each point, in pixels.
    density : ndarray of float, shape (N,)
        How much ink lies at each point, 0 none, 1 full.
    start : ndarray of bool, shape (N,)
        True where a new stroke begins. A stroke of one point is a dot.
    flat : ndarray of bool, shape (N,)
        True at the points of strokes whose ends are cut straight, as those of a bar, a stem
        of type or a filled square are; else they are round.
    """

    points: Points
    radius: NDArray[np.float64]
    density: NDArray[np.float64]
    start: NDArray[np.bool_]
    flat: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.points)

    def moved(self, x: float, y: float) -> Strokes:
        """Return the strokes shifted by (x, y) pixels."""
        return replace(self, points=self.points + np.array((x, y)))

    def above(self, y: float) -> Strokes:
        """Return the strokes that lie above a line, whole strokes only.

        Examples
        --------
        >>> two = joined([stroke([(0, 1), (5, 1)], 1), stroke([(0, 1), (0, 9)], 1)])
        >>> two.above(5).points.tolist()
        [[0.0, 1.0], [5.0, 1.0]]
        """
        starts = np.flatnonzero(self.start)
        lowest = np.maximum.reduceat(self.points[:, 1], starts)
        kept = np.repeat(lowest < y, np.diff([*starts, len(self)]))
        return Strokes(*(values[kept] for values in vars(self).values()))

    def mapped(self, matrix: ArrayLike) -> Strokes:
        """Return the strokes with each point multiplied by a 2 × 2 matrix; widths stay."""
        return replace(self, points=self.points @ np.asarray(matrix).T)

    def turned(self, angle: float) -> Strokes:
        """Return the strokes turned around the origin by an angle in radians."""
        return self.mapped([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def stroke(
    points: ArrayLike, radius: ArrayLike, density: ArrayLike = 1.0, *, flat: bool = False
) -> Strokes:
    """Make one stroke; radius and density are numbers or one value per point.

    Parameters
    ----------
    points : array-like of float, shape (N, 2)
        Points (x, y) of the centre line in pixels.
    radius, density : float or array-like of float, shape (N,)
        Half width in pixels, and amount of ink.
    flat : bool
        Whether its ends are cut straight.

    Returns
    -------
    Strokes
        One stroke.
    """
    line = np.asarray(points, float).reshape(-1, 2)
    start = np.zeros(len(line), bool)
    start[:1] = True
    radii, densities = np.empty((2, len(line)))
    radii[:], densities[:] = radius, density
    return Strokes(line, radii, densities, start, np.full(len(line), flat))


def joined(parts: Sequence[Strokes]) -> Strokes:
    """Put several groups of strokes into one; none gives an empty group."""
    if not parts:
        return stroke(np.empty((0, 2)), 1.0)
    fields = zip(*(vars(part).values() for part in parts), strict=True)
    return Strokes(*map(np.concatenate, fields))


def spline(points: Points, samples: int) -> Points:
    """Lay a Catmull-Rom curve through points; a point given twice makes a corner.

    Parameters
    ----------
    points : ndarray of float, shape (N, 2)
        Points on the curve.
    samples : int
        Points of the result for each span between two given points.

    Returns
    -------
    ndarray of float, shape ((N - 1) * samples + 1, 2)
        Points along the curve, the given ones among them.
    """
    if len(points) < 3:
        t = np.linspace(0, 1, samples * (len(points) - 1) + 1)[:, None]
        return points[:1] * (1 - t) + points[-1:] * t
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.arange(samples)[:, None, None] / samples
    before, here, there, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    bend = (
        2 * here
        + (there - before) * t
        + (2 * before - 5 * here + 4 * there - after) * t**2
        + (3 * here - before - 3 * there + after) * t**3
    ) / 2
    return np.concatenate([bend.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def rasterize(strokes: Strokes, shape: Shape) -> tuple[Plane, Plane]:
    """Draw strokes on an empty page.

    Strategy: every piece between two points is a capsule whose half width
    changes linearly. Its signed distance is computed for the few pixels around
    it, for thousands of pieces at once, and each pixel keeps the largest. So
    crossing strokes join without seams and the outline is exact to a small part
    of a pixel at any angle, which no filled polygon of whole pixels is.

    Parameters
    ----------
    strokes : Strokes
        What to draw; points may lie outside the page.
    shape : (int, int)
        Height and width of the page in pixels.

    Returns
    -------
    distance : ndarray of float32, shape (H, W)
        Signed distance to the outline in pixels, positive inside, `FAR` far away.
        A pixel is covered by half or more where this is 0 or more.
    density : ndarray of float32, shape (H, W)
        Amount of ink of the stroke that reaches deepest into the pixel, else 0.
    """
    height, width = shape
    distance = np.full(height * width, FAR, np.float32)
    density = np.zeros(height * width, np.float32)
    for piece in _pieces(strokes):
        flat, value, amount = _window(piece, shape)
        np.maximum.at(distance, flat, value)
        deepest = value >= distance[flat]
        density[flat[deepest]] = amount[deepest]
    return distance.reshape(shape), density.reshape(shape)


def coverage(distance: Plane) -> Plane:
    """Turn a signed distance in pixels into the covered share of each pixel, 0 to 1."""
    return (distance + 0.5).clip(0, 1)


_Pieces = tuple[NDArray[np.float64], NDArray[np.float64], Plane, NDArray[np.float64], int]
"""Capsules of about one size: (x, y, radius) at both ends, ink, what cuts them off, their reach.

A cut (a, b, c) leaves what lies where a x + b y + c is positive; its value there is the distance
to the cut in pixels.
"""


def _pieces(strokes: Strokes) -> Iterator[_Pieces]:
    """Cut strokes into short pieces, sorted by reach."""
    rows = np.column_stack([strokes.points, strokes.radius])
    last = np.append(strokes.start[1:], True)
    lonely = strokes.start & last
    here = np.flatnonzero(~last | lonely)
    there = np.where(lonely[here], here, np.minimum(here + 1, len(rows) - 1))
    begin, end, ink = rows[here], rows[there], strokes.density[here]
    length = np.hypot(*(end - begin)[:, :2].T)
    longest = np.maximum(_LONGEST, np.maximum(begin[:, 2], end[:, 2]))
    count = np.maximum(1, np.ceil(length / longest)).astype(int)
    index = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    change = (end - begin)[index] / count[index, None]
    first = begin[index] + change * step[:, None]
    second = first + change
    cuts = _cuts(strokes, here, there)[index]
    reach = np.abs(change[:, :2]).max(1, initial=0) / 2 + np.maximum(first[:, 2], second[:, 2]) + 2
    size = np.ceil(reach).astype(int)
    for value in np.unique(size):
        chosen = np.flatnonzero(size == value)
        batch = max(1, _ELEMENTS // (2 * value + 1) ** 2)
        for part in np.split(chosen, range(batch, len(chosen), batch)):
            amount = ink[index[part]].astype(np.float32)
            yield first[part], second[part], amount, cuts[part], int(value)


def _cuts(strokes: Strokes, here: NDArray[np.intp], there: NDArray[np.intp]) -> NDArray[np.float64]:
    """Lines that end the spans of flat strokes, shape (spans, 2, 3).

    A span within the reach of a flat end is cut by that end, although it may not be the last
    one: its own round end would stand out of it.
    """
    cuts = np.tile(_EVERYWHERE, (len(here), 2, 1))
    if not strokes.flat.any():
        return cuts
    starts = np.flatnonzero(strokes.start)
    ends = np.append(starts[1:], len(strokes)) - 1
    number = np.cumsum(strokes.start)[here] - 1
    first, final = starts[number], ends[number]
    along = np.cumsum(np.hypot(*np.diff(strokes.points, axis=0, prepend=strokes.points[:1]).T))
    reach = 1.3 * np.maximum.reduceat(strokes.radius, starts)[number]
    for side, tip, step, away in (
        (0, first, 1, along[here] - along[first]),
        (1, final, -1, along[final] - along[there]),
    ):
        near = np.flatnonzero(strokes.flat[here] & (final > first) & (away <= reach))
        ends_at = strokes.points[tip[near]]
        way = strokes.points[tip[near] + step] - ends_at
        way /= np.maximum(np.hypot(*way.T), 1e-9)[:, None]
        cuts[near, side] = np.column_stack([way, -(way * ends_at).sum(1)])
    return cuts


def _window(pieces: _Pieces, shape: Shape) -> tuple[NDArray[np.intp], Plane, Plane]:
    """Signed distances around pieces of one reach: flat pixel index, distance, density."""
    begin, end, ink, cuts, reach = pieces
    height, width = shape
    centre = np.rint((begin + end)[:, :2] / 2).astype(int)
    around = np.arange(-reach, reach + 1)
    local = (begin[:, :2] - centre).astype(np.float32)[:, :, None, None]
    dx = around[None, None, :].astype(np.float32) - local[:, 0]
    dy = around[None, :, None].astype(np.float32) - local[:, 1]
    vx, vy, grow = (column.astype(np.float32)[:, None, None] for column in (end - begin).T)
    along = np.clip((dx * vx + dy * vy) / np.maximum(vx * vx + vy * vy, 1e-9), 0, 1)
    radius = begin[:, 2].astype(np.float32)[:, None, None] + along * grow
    value = radius - np.hypot(dx - along * vx, dy - along * vy)
    for side in (0, 1):
        if (cuts[:, side, 2] != _EVERYWHERE[2]).any():
            a, b = (cuts[:, side, index].astype(np.float32)[:, None, None] for index in (0, 1))
            level = (cuts[:, side, :2] * begin[:, :2]).sum(1) + cuts[:, side, 2]
            value = np.minimum(value, dx * a + dy * b + level.astype(np.float32)[:, None, None])
    columns = centre[:, 0, None, None] + around[None, None, :]
    rows = centre[:, 1, None, None] + around[None, :, None]
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (value > -2)
    flat = rows * width + columns
    amount = np.broadcast_to(ink[:, None, None], value.shape)
    return flat[inside], value[inside], amount[inside]
