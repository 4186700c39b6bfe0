"""Damage of a page: stains, tide lines, folds, print-through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from docbin_napari.drawing.ink import stained
from docbin_napari.drawing.noise import clouds, field, ramp

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Damage:
    """How a page has suffered.

    Parameters
    ----------
    stains : int
        Stains with soft edges.
    tides : int
        Water stains with a dark hard edge.
    blots : int
        Dark spots with hard edges.
    folds : int
        Straight folds over the whole page.
    creases : int
        Short creases.
    tapes : int
        Strips of yellowed adhesive tape.
    bleed : float
        Strength of the writing of the other side, mirrored, 0 to 1.
    bleed_blur : float
        Its blur in pixels.
    beneath : float
        Strength of the writing of the next leaf, not mirrored, 0 to 1.
    water : float
        Share of the ink that water took away inside tide lines, 0 to 1.
    mould : int
        Large stains with a texture of their own: speckles, veins, gray or brown.
    gaps : int
        Pieces of the leaf that are lost.
    patches : int
        Strips and pieces of other paper that repair the leaf, below the writing.
    """

    stains: int = 0
    tides: int = 0
    blots: int = 0
    folds: int = 0
    creases: int = 0
    tapes: int = 0
    bleed: float = 0.0
    bleed_blur: float = 1.5
    beneath: float = 0.0
    water: float = 0.0
    mould: int = 0
    gaps: int = 0
    patches: int = 0


def age(
    rng: np.random.Generator, sheet: NDArray[np.float32], damage: Damage
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Stain and fold a sheet.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of places and shapes.
    sheet : ndarray of float32, shape (H, W, 3)
        Light of the empty sheet.
    damage : Damage
        How much of what.

    Returns
    -------
    sheet : ndarray of float32, shape (H, W, 3)
        The aged sheet.
    kept : ndarray of float32, shape (H, W)
        Share of the ink that water left, 0 to 1.
    """
    shape = sheet.shape[:2]
    kept = np.ones(shape, np.float32)
    for _ in range(damage.patches):
        sheet = _patched(rng, sheet)
    for _ in range(damage.stains):
        inside = _blob(rng, shape, 0.5)
        sheet = stained(sheet, inside * np.float32(rng.uniform(0.08, 0.45)), _brown(rng))
    for _ in range(damage.tides):
        level = _blob_level(rng, shape)
        inside = ramp(level, 0.0, 0.04)
        edge = ramp(level, -0.015, 0.0) * (1 - ramp(level, 0.0, rng.uniform(0.03, 0.12)))
        amount = inside * rng.uniform(0.03, 0.15) + edge * rng.uniform(0.1, 0.45)
        sheet = stained(sheet, amount.astype(np.float32), _brown(rng))
        kept *= 1 - inside * np.float32(damage.water)
    for _ in range(damage.mould):
        sheet = stained(sheet, _mould(rng, shape), _brown(rng))
    for _ in range(damage.blots):
        _blot(rng, sheet)
    for _ in range(damage.tapes):
        sheet = stained(sheet, _tape(rng, shape), (0.86, 0.72, 0.42))
    for index in range(damage.folds + damage.creases):
        sheet *= _fold(rng, shape, index >= damage.folds)[..., None]
    return sheet, kept


def bleed_through(
    rng: np.random.Generator, amount: NDArray[np.float32], strength: float, blur: float
) -> NDArray[np.float32]:
    """Turn ink that lies elsewhere into what comes through the paper.

    Parameters
    ----------
    rng : numpy.random.Generator
        Makes it stronger here and weaker there.
    amount : ndarray of float32, shape (H, W)
        Ink behind the paper, as seen from the front.
    strength : float
        Share that comes through, 0 to 1.
    blur : float
        Standard deviation of the blur in pixels.

    Returns
    -------
    ndarray of float32, shape (H, W)
        Blurred amount of ink, stronger here and weaker there.
    """
    soft = ndimage.gaussian_filter(amount, blur, truncate=3)
    uneven = np.clip(0.8 + 0.45 * clouds(rng, amount.shape, max(amount.shape) / 4), 0.1, 1.3)
    result: NDArray[np.float32] = soft * uneven * np.float32(strength)
    return result


def lost(
    rng: np.random.Generator, shape: tuple[int, int], damage: Damage
) -> NDArray[np.float32] | None:
    """Share of each pixel that is left of a leaf of which pieces are lost; None if it is whole.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of places and shapes.
    shape : (int, int)
        Height and width in pixels.
    damage : Damage
        `gaps` is used.

    Returns
    -------
    ndarray of float32, shape (H, W), or None
        1 leaf, 0 gap.
    """
    if not damage.gaps:
        return None
    left: NDArray[np.float32] = np.ones(shape, np.float32)
    side = float(max(shape))
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    columns = np.arange(shape[1], dtype=np.float32)[None, :]
    ragged = clouds(rng, shape, side / 12, 5) * np.float32(side * 0.012)
    for _ in range(damage.gaps):
        row, column = (rng.uniform(-0.05, 1.05, 2) * shape).tolist()
        stretch = float(rng.uniform(0.4, 2.2))
        away = np.hypot((rows - row) * stretch, (columns - column) / stretch)
        size = np.float32(side * np.exp(rng.uniform(np.log(0.006), np.log(0.09))))
        left = np.minimum(left, ramp((away + ragged - size).astype(np.float32), -0.8, 0.8))
    return left


def _patched(rng: np.random.Generator, sheet: NDArray[np.float32]) -> NDArray[np.float32]:
    """Paste a piece of other paper on: another tone, an edge with light and shadow."""
    shape = sheet.shape[:2]
    side = float(max(shape))
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.03)
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(rng.uniform(0, shape[0]))
    columns = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(rng.uniform(0, shape[1]))
    along = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    across = rows * np.float32(np.cos(angle)) - columns * np.float32(np.sin(angle))
    long, wide = side * rng.uniform(0.05, 0.8), side * rng.uniform(0.01, 0.12)
    torn = clouds(rng, shape, side / 20, 5) * np.float32(rng.uniform(0.2, 4))
    inner = np.minimum(long - np.abs(along), wide - np.abs(across)).astype(np.float32) + torn
    tone = np.float32(1 + rng.normal(0, 0.07)) + field(rng, shape, 3) * np.float32(0.02)
    tint = (1 + rng.normal(0, 0.02, 3)).astype(np.float32)
    inside = ramp(inner, -0.7, 0.7)[..., None]
    edge = np.exp(-((inner / np.float32(rng.uniform(0.8, 2))) ** 2)) * np.float32(
        rng.uniform(-0.35, 0.1)
    )
    result: NDArray[np.float32] = (
        sheet * (1 + inside * (tone[..., None] * tint - 1)) * (1 + edge[..., None])
    )
    return result


def _mould(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Amount of a large stain whose inside is speckled or veined."""
    inside = _blob(rng, shape, 0.3)
    scale = rng.uniform(4, 40)
    texture = clouds(rng, shape, scale, 4)
    if rng.random() < 0.5:
        texture = np.float32(1) - np.float32(2.5) * np.abs(texture)
    speckled = ramp(texture, rng.uniform(-0.6, 0.3), rng.uniform(0.4, 1.2))
    amount = inside * (0.25 + 0.75 * speckled) * np.float32(rng.uniform(0.25, 0.8))
    result: NDArray[np.float32] = amount.astype(np.float32)
    return result


def _brown(rng: np.random.Generator) -> tuple[float, float, float]:
    """Colour of a stain: light that comes through."""
    dark = rng.uniform(0.1, 0.5)
    return dark + 0.3, dark + rng.uniform(0.08, 0.22), dark * rng.uniform(0.3, 0.9)


def _blob_level(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Signed level of a ragged spot, positive inside, in shares of the page."""
    side = float(max(shape))
    rows = np.arange(shape[0], dtype=np.float32)[:, None] / side
    columns = np.arange(shape[1], dtype=np.float32)[None, :] / side
    row, column = rng.uniform(-0.1, 1.1) * shape[0] / side, rng.uniform(-0.1, 1.1) * shape[1] / side
    stretch = rng.uniform(0.6, 1.6)
    away = np.hypot((rows - row) * stretch, (columns - column) / stretch)
    ragged = clouds(rng, shape, side * rng.uniform(0.06, 0.2), 4) * np.float32(0.045)
    level: NDArray[np.float32] = np.float32(rng.uniform(0.06, 0.4)) - away + ragged
    return level.astype(np.float32)


def _blob(rng: np.random.Generator, shape: tuple[int, int], soft: float) -> NDArray[np.float32]:
    return ramp(_blob_level(rng, shape), -0.02, rng.uniform(0.02, soft))


def _blot(rng: np.random.Generator, sheet: NDArray[np.float32]) -> None:
    """Darken one small ragged spot in place."""
    height, width = sheet.shape[:2]
    radius = float(np.clip(rng.lognormal(2.3, 0.7), 3, min(height, width) / 6))
    reach = int(radius * 2) + 2
    row, column = int(rng.integers(0, height)), int(rng.integers(0, width))
    rows = np.arange(max(row - reach, 0), min(row + reach, height), dtype=np.float32)
    columns = np.arange(max(column - reach, 0), min(column + reach, width), dtype=np.float32)
    away = np.hypot(rows[:, None] - row, columns[None, :] - column)
    ragged = clouds(rng, away.shape, max(radius * 0.8, 1.5)) * np.float32(radius * 0.25)
    inside = ramp(np.float32(radius) - away - ragged, 0, rng.uniform(1.0, 4.0))
    where = np.s_[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]
    amount = inside * np.float32(rng.uniform(0.2, 0.65))
    sheet[where] = stained(sheet[where], amount, _brown(rng))


def _tape(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Amount of a strip with straight edges that crosses the page."""
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.08)
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(rng.uniform(0, 1) * shape[0])
    columns = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(
        rng.uniform(0, 1) * shape[1]
    )
    across = np.abs(columns * np.float32(np.sin(angle)) - rows * np.float32(np.cos(angle)))
    along = np.abs(columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle)))
    half = np.float32(max(shape) * rng.uniform(0.012, 0.03))
    inside = ramp(half - across, -0.8, 0.8) * ramp(
        half * np.float32(rng.uniform(4, 40)) - along, -1, 1
    )
    strength = np.float32(rng.uniform(0.3, 0.9)) * (1 + 0.15 * field(rng, shape, float(half)))
    strip: NDArray[np.float32] = (inside * np.clip(strength, 0, 1)).astype(np.float32)
    return strip


def _fold(rng: np.random.Generator, shape: tuple[int, int], short: bool) -> NDArray[np.float32]:
    """Light factor of a fold: one side darker, a worn bright or dirty dark ridge."""
    height, width = shape
    angle = rng.uniform(0, np.pi) if short else rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.02)
    rows = np.arange(height, dtype=np.float32)[:, None] - np.float32(rng.uniform(0.1, 0.9) * height)
    columns = np.arange(width, dtype=np.float32)[None, :] - np.float32(
        rng.uniform(0.1, 0.9) * width
    )
    across = columns * np.float32(np.sin(angle)) - rows * np.float32(np.cos(angle))
    across = across + field(rng, shape, 60) * np.float32(4 if short else 1.5)
    depth = np.full(shape, rng.uniform(0.04, 0.16), np.float32)
    if short:
        along = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
        depth = depth * np.exp(-((along / np.float32(rng.uniform(0.05, 0.25) * max(shape))) ** 2))
    shade = np.exp(-np.abs(across) / np.float32(rng.uniform(5, 30))) * np.sign(across)
    ridge = np.exp(-((across / np.float32(rng.uniform(0.8, 2.0))) ** 2)) * rng.choice(
        [-2.5, -1.2, 1.0]
    )
    light: NDArray[np.float32] = (1 + depth * (shade + ridge)).astype(np.float32)
    return light
