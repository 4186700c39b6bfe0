"""Ink on paper: its amount at each pixel and its colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.drawing.noise import clouds, field, ramp
from docbin_napari.drawing.strokes import coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Ink:
    """A kind of ink.

    Parameters
    ----------
    colour : (float, float, float)
        Light that a full layer lets through, for red, green and blue, 0 to 1.
    strength : float
        Amount of ink in a full stroke, 0 to 1 and a little more.
    patches : float
        How uneven the amount is over the page, 0 to 1: faded regions.
    grain : float
        How uneven it is within a stroke, 0 to 1: pencil, worn type.
    rim : float
        How much weaker the middle of wide strokes is than their edges, 0 to 1: wet ink
        dries at the rim, a press squeezes it there.
    spread : float
        How far ink ran into the paper around strokes, in pixels: a soft halo that is
        no part of the ground truth.
    rough : float
        Unevenness of the outlines in pixels; part of the ground truth.
    """

    colour: tuple[float, float, float] = (0.08, 0.07, 0.07)
    strength: float = 0.95
    patches: float = 0.15
    grain: float = 0.15
    rim: float = 0.0
    spread: float = 0.0
    rough: float = 0.15


def roughened(
    rng: np.random.Generator, distance: NDArray[np.float32], ink: Ink
) -> NDArray[np.float32]:
    """Move the outline of strokes in and out a little, as ink does on paper fibres.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the unevenness.
    distance : ndarray of float32, shape (H, W)
        Signed distance to the outline in pixels.
    ink : Ink
        `ink.rough` is the standard deviation of the movement in pixels.

    Returns
    -------
    ndarray of float32, shape (H, W)
        The final outline: ink is where this is 0 or more.
    """
    moved: NDArray[np.float32] = distance + field(rng, distance.shape, 2.5) * np.float32(ink.rough)
    return moved


def layer(
    rng: np.random.Generator,
    distance: NDArray[np.float32],
    density: NDArray[np.float32],
    ink: Ink,
) -> NDArray[np.float32]:
    """Amount of ink in each pixel, from its strokes.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the unevenness.
    distance, density : ndarray of float32, shape (H, W)
        As `strokes.rasterize` gives them.
    ink : Ink
        Kind of ink.

    Returns
    -------
    ndarray of float32, shape (H, W)
        0 no ink, 1 a full layer. A stroke never fades below a fifth of its strength.
    """
    shape = distance.shape
    amount = density
    if ink.patches:
        patches = np.float32(1) + clouds(rng, shape, max(shape) / 5) * np.float32(ink.patches)
        amount = amount * np.clip(patches, 0.3, 1.1)
    if ink.grain:
        grain = field(rng, shape, 1.6) + field(rng, shape, 4)
        amount = amount * np.clip(1 + grain * np.float32(ink.grain), 0.35, 1.15)
    if ink.rim:
        amount = amount * (1 - np.float32(ink.rim) * ramp(distance, 0.8, 3.0))
    share = coverage(distance)
    if ink.spread > 0:
        halo = np.clip(1 + distance / np.float32(ink.spread + 1.0), 0, 1)
        share = np.maximum(share, halo * halo * np.float32(0.35))
        amount = np.maximum(amount, np.float32(0.5) * (share > 0))
    result: NDArray[np.float32] = share * np.maximum(amount, 0.2) * np.float32(ink.strength)
    return result


def stained(
    pixels: NDArray[np.float32], amount: NDArray[np.float32], colour: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Lay ink over a picture: each layer lets a share of the light through.

    Parameters
    ----------
    pixels : ndarray of float32, shape (H, W, 3)
        Light of the paper, 0 to 1.
    amount : ndarray of float32, shape (H, W)
        Amount of ink, 0 to 1.
    colour : (float, float, float)
        Light that a full layer lets through.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        The picture with the ink.
    """
    loss = np.float32(1) - np.asarray(colour, np.float32)
    result: NDArray[np.float32] = pixels * (1 - amount[..., None] * loss)
    return result
