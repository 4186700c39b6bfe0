"""Smooth random fields for paper, stains and light, and the places of pixels on a page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rng = np.random.Generator
Shape = tuple[int, int]
"""Height and width in pixels."""
Colour = tuple[float, float, float]
"""Light reflected or let through, for red, green and blue, 0 to 1."""
Plane = NDArray[np.float32]
"""A number at each pixel, shape (H, W), or light in three colours, shape (H, W, 3)."""


def field(rng: Rng, shape: Shape, scale: float | tuple[float, float]) -> Plane:
    """Make a smooth random field of mean 0 and standard deviation of about 0.7.

    Strategy: normal numbers on a coarse grid, widened to the page by smoothstep
    interpolation, rows first. That costs two passes over the page whatever the
    scale, where a Gaussian filter of some hundred pixels costs seconds.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the numbers.
    shape : (int, int)
        Height and width in pixels.
    scale : float or (float, float)
        Size of the features in pixels, down and across; 1 or less is white noise.

    Returns
    -------
    ndarray of float32, shape (H, W)
        The field.
    """
    down, across = scale if isinstance(scale, tuple) else (scale, scale)
    rows, row_share = _nodes(rng, shape[0], down)
    columns, column_share = _nodes(rng, shape[1], across)
    grid = rng.standard_normal((rows[-1] + 2, columns[-1] + 2), dtype=np.float32)
    tall = grid[rows] + (grid[rows + 1] - grid[rows]) * row_share[:, None]
    result: Plane = tall[:, columns]
    result += (tall[:, columns + 1] - result) * column_share
    return result


def _nodes(rng: Rng, length: int, scale: float) -> tuple[NDArray[np.intp], Plane]:
    """Grid index before each pixel, and how far it is to the next, smoothed."""
    if scale <= 1:
        return np.arange(length), np.zeros(length, np.float32)
    place = np.arange(length) / scale + rng.random()
    index = place.astype(np.intp)
    share = place - index
    return index, (share * share * (3 - 2 * share)).astype(np.float32)


def clouds(rng: Rng, shape: Shape, scale: float, octaves: int = 3) -> Plane:
    """Add fields of halved scale and weight: mottling, the outline of stains.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the numbers.
    shape : (int, int)
        Height and width in pixels.
    scale : float
        Size of the largest features in pixels.
    octaves : int
        Number of fields.

    Returns
    -------
    ndarray of float32, shape (H, W)
        The field, mean 0, standard deviation of about 0.8.
    """
    total = field(rng, shape, scale)
    for octave in range(1, octaves):
        total += field(rng, shape, scale / 2**octave) * 0.5**octave
    return total


def ramp(values: Plane, low: float, high: float) -> Plane:
    """Make a smooth step from 0 at `low` to 1 at `high`, elementwise."""
    share: Plane = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


def places(
    shape: Shape, row: float = 0.0, column: float = 0.0, *, angle: float | None = None
) -> tuple[Plane, Plane]:
    """Give rows, shape (H, 1), and columns, shape (1, W), counted from a point.

    With an angle in radians, both are turned by it: down and across, shape (H, W) each.
    """
    down, across = (np.arange(length, dtype=np.float32) for length in shape)
    rows, columns = down[:, None] - np.float32(row), across[None, :] - np.float32(column)
    if angle is None:
        return rows, columns
    sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    return rows * cosine - columns * sine, columns * cosine + rows * sine
