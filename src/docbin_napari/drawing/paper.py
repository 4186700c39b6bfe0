"""Blank paper: colour, mottling, fibres, laid lines, foxing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.drawing.ink import stained
from docbin_napari.drawing.noise import clouds, field, ramp
from docbin_napari.drawing.strokes import coverage, joined, rasterize, spline, stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.drawing.text import Box


@dataclass(frozen=True)
class Paper:
    """A kind of paper.

    Parameters
    ----------
    colour : (float, float, float)
        Light it reflects, for red, green and blue, 0 to 1.
    mottling : float
        Strength of large uneven patches, 0 to 1.
    grain : float
        Strength of the fine texture, 0 to 1.
    fibres : int
        Visible fibres on a page.
    laid : float
        Strength of the lines of laid paper, 0 to 1.
    foxing : int
        Brown spots on a page.
    browning : float
        How much darker and browner the edges of the page are, 0 to 1.
    strips : float
        Strength of level strips of plant fibre, as in papyrus and palm leaves, 0 to 1.
    crossed : float
        Strength of upright strips below them, as in papyrus, 0 to 1.
    marbling : float
        Strength of the coloured veins and cells of marbled paper, 0 to 1.
    """

    colour: tuple[float, float, float] = (0.9, 0.86, 0.76)
    mottling: float = 0.04
    grain: float = 0.02
    fibres: int = 0
    laid: float = 0.0
    foxing: int = 0
    browning: float = 0.0
    strips: float = 0.0
    crossed: float = 0.0
    marbling: float = 0.0


def make_paper(
    rng: np.random.Generator, shape: tuple[int, int], paper: Paper
) -> NDArray[np.float32]:
    """Draw an empty sheet.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the texture.
    shape : (int, int)
        Height and width in pixels.
    paper : Paper
        Kind of paper.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        Light of the sheet, about 0 to 1.
    """
    tone = 1 + clouds(rng, shape, max(shape) / 3, 4) * np.float32(paper.mottling)
    tone += (field(rng, shape, 1) * 0.5 + field(rng, shape, 3)) * np.float32(paper.grain)
    if paper.laid:
        tone += _laid_lines(rng, shape) * np.float32(paper.laid)
    if paper.strips:
        tone += _strips(rng, shape) * np.float32(paper.strips)
    if paper.crossed:
        tone += _strips(rng, shape[::-1]).T * np.float32(paper.crossed)
    if paper.fibres:
        tone *= 1 - _fibres(rng, shape, paper.fibres) * np.float32(0.18)
    yellow = clouds(rng, shape, max(shape) / 2, 3) * np.float32(paper.mottling * 0.6)
    tint = np.array([0.2, 0.0, -0.6], np.float32)
    colour = np.asarray(paper.colour, np.float32)
    sheet: NDArray[np.float32] = colour * (tone[..., None] + yellow[..., None] * tint)
    if paper.marbling:
        sheet *= 1 - _marbling(rng, shape) * np.float32(paper.marbling)
    if paper.foxing:
        _add_foxing(rng, sheet, paper.foxing)
    if paper.browning:
        brown = _near_edges(rng, shape) * np.float32(paper.browning)
        sheet *= 1 - brown[..., None] * np.array([0.35, 0.5, 0.65], np.float32)
    return sheet


def _near_edges(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """1 at the edges of the page, falling to 0 inside, ragged."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    columns = np.arange(shape[1], dtype=np.float32)[None, :]
    inside = np.minimum(
        np.minimum(rows, shape[0] - 1 - rows), np.minimum(columns, shape[1] - 1 - columns)
    )
    side = float(max(shape))
    ragged = np.float32(1) + np.float32(0.5) * clouds(rng, shape, side / 6)
    reach = np.float32(side * rng.uniform(0.03, 0.12)) * np.clip(ragged, 0.2, 2)
    near: NDArray[np.float32] = np.exp(-inside / reach)
    return near


def _laid_lines(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Fine close lines across and wide ones down, weaker here and stronger there."""
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    columns = np.arange(shape[1], dtype=np.float32)[None, :]
    fine = np.sin(rows * np.float32(2 * np.pi / rng.uniform(5, 9)) + columns * np.float32(0.004))
    chain = np.cos(columns * np.float32(2 * np.pi / rng.uniform(90, 150)))
    lines: NDArray[np.float32] = fine * (0.6 + 0.4 * field(rng, shape, 120)) + 2 * ramp(
        chain.astype(np.float32), 0.985, 1.0
    )
    return lines


def _strips(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Light of level strips: fine long fibres, broad ones, and dark veins here and there."""
    thin, long = rng.uniform(1.2, 3), rng.uniform(60, 240)
    light = field(rng, shape, (thin, long)) * np.float32(0.6)
    light += field(rng, shape, (thin * 4, long * 2)) * np.float32(0.5)
    bend = field(rng, shape, (shape[0] / 3, shape[1] / 3)) * np.float32(0.3)
    light += np.roll(field(rng, shape, (thin * 15, long * 4)), 3, 0) * (1 + bend)
    veins = ramp(field(rng, shape, (thin * 1.5, long * 0.7)), 1.1, 1.6)
    result: NDArray[np.float32] = light - veins * np.float32(rng.uniform(0.5, 2.5))
    return result


def _marbling(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Loss of light for each colour in marbled paper, shape (H, W, 3)."""
    size = max(shape) / rng.uniform(6, 40)
    level = clouds(rng, shape, size, 4) * np.float32(rng.uniform(2, 7))
    if rng.random() < 0.4:
        # Combed: the cells are drawn out into waves.
        rows = np.arange(shape[0], dtype=np.float32)[:, None]
        level = level + rows * np.float32(rng.uniform(0.1, 0.5))
    loss = np.zeros((*shape, 3), np.float32)
    for shift in rng.uniform(0, 6, int(rng.integers(2, 4))):
        vein = ramp(np.sin(level + np.float32(shift)), rng.uniform(-0.2, 0.8), 0.95)
        loss = np.maximum(loss, vein[..., None] * rng.uniform(0.1, 0.95, 3).astype(np.float32))
    return loss


def _fibres(rng: np.random.Generator, shape: tuple[int, int], count: int) -> NDArray[np.float32]:
    """Coverage by thin curved threads."""
    threads = []
    for _ in range(count):
        centre = rng.uniform(0, 1, 2) * (shape[1], shape[0])
        curve = spline(centre + np.cumsum(rng.normal(0, 7, (4, 2)), axis=0), 5)
        threads.append(stroke(curve, rng.uniform(0.2, 0.7)))
    return coverage(rasterize(joined(threads), shape)[0])


def _add_foxing(rng: np.random.Generator, sheet: NDArray[np.float32], count: int) -> None:
    """Darken round brown spots, most of them small, in place."""
    loss = np.array([0.2, 0.42, 0.6], np.float32)
    height, width = sheet.shape[:2]
    for _ in range(count):
        row, column = rng.integers(0, height), rng.integers(0, width)
        radius = float(np.clip(rng.lognormal(1.3, 0.8), 1.5, 40))
        reach = int(radius * 2.5) + 1
        rows = np.arange(max(int(row) - reach, 0), min(int(row) + reach, height))
        columns = np.arange(max(int(column) - reach, 0), min(int(column) + reach, width))
        square = (rows[:, None] - row) ** 2 + (columns[None, :] - column) ** 2
        spot = np.exp(-square / radius**2).astype(np.float32) * np.float32(rng.uniform(0.15, 0.7))
        sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] *= 1 - spot[..., None] * loss


def print_picture(rng: np.random.Generator, sheet: NDArray[np.float32], picture: Box) -> None:
    """Print a halftone picture into a sheet, in place: dots on a turned screen.

    Parameters
    ----------
    rng : numpy.random.Generator
        Makes up the picture.
    sheet : ndarray of float32, shape (H, W, 3)
        Light of the sheet.
    picture : Box
        Where to print, in pixels.
    """
    where = np.s_[
        max(0, int(picture.top)) : max(0, int(picture.bottom)),
        max(0, int(picture.left)) : max(0, int(picture.right)),
    ]
    part = sheet[where]
    if min(part.shape[:2]) < 8:
        return
    rows, columns = np.indices(part.shape[:2], np.float32)
    pitch, angle = rng.uniform(2.5, 6), rng.uniform(0, np.pi)
    u = (columns * np.cos(angle) + rows * np.sin(angle)) * (2 * np.pi / pitch)
    v = (rows * np.cos(angle) - columns * np.sin(angle)) * (2 * np.pi / pitch)
    screen = (np.cos(u) + np.cos(v)).astype(np.float32) * np.float32(0.25)
    tone = clouds(rng, part.shape[:2], max(part.shape[:2]) / 3, 5) * np.float32(0.35)
    dots = ramp(tone + screen, -0.12 * pitch / 3, 0.12 * pitch / 3)
    sheet[where] = stained(part, dots * np.float32(0.85), (0.12, 0.12, 0.12))
