"""Smooth random fields for paper, stains and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def field(
    rng: np.random.Generator, shape: tuple[int, int], scale: float | tuple[float, float]
) -> NDArray[np.float32]:
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
    rows, row_share = _places(rng, shape[0], down)
    columns, column_share = _places(rng, shape[1], across)
    grid = rng.standard_normal((rows[-1] + 2, columns[-1] + 2), dtype=np.float32)
    tall = grid[rows] + (grid[rows + 1] - grid[rows]) * row_share[:, None]
    result: NDArray[np.float32] = tall[:, columns]
    result += (tall[:, columns + 1] - result) * column_share
    return result


def _places(
    rng: np.random.Generator, length: int, scale: float
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Grid index before each pixel, and how far it is to the next, smoothed."""
    if scale <= 1:
        return np.arange(length), np.zeros(length, np.float32)
    place = np.arange(length) / scale + rng.random()
    index = place.astype(np.intp)
    share = place - index
    return index, (share * share * (3 - 2 * share)).astype(np.float32)


def clouds(
    rng: np.random.Generator, shape: tuple[int, int], scale: float, octaves: int = 3
) -> NDArray[np.float32]:
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
        total += field(rng, shape, scale / 2**octave) * np.float32(0.5**octave)
    return total


def ramp(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """Smooth step from 0 at `low` to 1 at `high`, elementwise."""
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    result: NDArray[np.float32] = share * share * (3 - 2 * share)
    return result
