"""Paper, what has happened to it, and ink on it.

A sheet is light, float32 of shape (H, W, 3), about 0 to 1; ink and stains each let a share of it
through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from docbin_napari.drawing.noise import Colour, Plane, Rng, Shape, clouds, field, places, ramp
from docbin_napari.drawing.strokes import coverage, joined, rasterize, spline, stroke
from docbin_napari.drawing.text import Box


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

    colour: Colour = (0.08, 0.07, 0.07)
    strength: float = 0.95
    patches: float = 0.15
    grain: float = 0.15
    rim: float = 0.0
    spread: float = 0.0
    rough: float = 0.15


def roughened(rng: Rng, distance: Plane, ink: Ink) -> Plane:
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
    return distance + field(rng, distance.shape, 2.5) * ink.rough


def layer(rng: Rng, distance: Plane, density: Plane, ink: Ink) -> Plane:
    """Compute the amount of ink in each pixel, from its strokes.

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
        patches = 1 + clouds(rng, shape, max(shape) / 5) * ink.patches
        amount = amount * np.clip(patches, 0.3, 1.1)
    if ink.grain:
        grain = field(rng, shape, 1.6) + field(rng, shape, 4)
        amount = amount * np.clip(1 + grain * ink.grain, 0.35, 1.15)
    if ink.rim:
        amount = amount * (1 - ink.rim * ramp(distance, 0.8, 3.0))
    share = coverage(distance)
    if ink.spread > 0:
        halo = np.clip(1 + distance / (ink.spread + 1.0), 0, 1)
        share = np.maximum(share, halo * halo * 0.35)
        amount = np.maximum(amount, np.float32(0.5) * (share > 0))
    return share * np.maximum(amount, 0.2) * ink.strength


def stained(pixels: Plane, amount: Plane, colour: Colour) -> Plane:
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
    return pixels * (1 - amount[..., None] * (1 - np.asarray(colour, np.float32)))


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

    colour: Colour = (0.9, 0.86, 0.76)
    mottling: float = 0.04
    grain: float = 0.02
    fibres: int = 0
    laid: float = 0.0
    foxing: int = 0
    browning: float = 0.0
    strips: float = 0.0
    crossed: float = 0.0
    marbling: float = 0.0


def make_paper(rng: Rng, shape: Shape, paper: Paper) -> Plane:
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
    tone = 1 + clouds(rng, shape, max(shape) / 3, 4) * paper.mottling
    tone += (field(rng, shape, 1) * 0.5 + field(rng, shape, 3)) * paper.grain
    if paper.laid:
        tone += _laid_lines(rng, shape) * paper.laid
    if paper.strips:
        tone += _strips(rng, shape) * paper.strips
    if paper.crossed:
        tone += _strips(rng, shape[::-1]).T * paper.crossed
    if paper.fibres:
        tone *= 1 - _fibres(rng, shape, paper.fibres) * 0.18
    yellow = clouds(rng, shape, max(shape) / 2, 3) * (paper.mottling * 0.6)
    tint = np.array([0.2, 0.0, -0.6], np.float32)
    colour = np.asarray(paper.colour, np.float32)
    sheet = colour * (tone[..., None] + yellow[..., None] * tint)
    if paper.marbling:
        sheet *= 1 - _marbling(rng, shape) * paper.marbling
    if paper.foxing:
        _add_foxing(rng, sheet, paper.foxing)
    if paper.browning:
        brown = _near_edges(rng, shape) * paper.browning
        sheet *= 1 - brown[..., None] * np.array([0.35, 0.5, 0.65], np.float32)
    return sheet


def _near_edges(rng: Rng, shape: Shape) -> Plane:
    """1 at the edges of the page, falling to 0 inside, ragged."""
    rows, columns = places(shape)
    inside = np.minimum(np.minimum(rows, rows[::-1]), np.minimum(columns, columns[:, ::-1]))
    side = float(max(shape))
    ragged = 1 + 0.5 * clouds(rng, shape, side / 6)
    reach = side * rng.uniform(0.03, 0.12) * np.clip(ragged, 0.2, 2)
    result: Plane = np.exp(-inside / reach)
    return result


def _laid_lines(rng: Rng, shape: Shape) -> Plane:
    """Fine close lines across and wide ones down, weaker here and stronger there."""
    rows, columns = places(shape)
    fine: Plane = np.sin(rows * (2 * np.pi / rng.uniform(5, 9)) + columns * 0.004)
    chain = np.cos(columns * (2 * np.pi / rng.uniform(90, 150)))
    return fine * (0.6 + 0.4 * field(rng, shape, 120)) + 2 * ramp(chain, 0.985, 1.0)


def _strips(rng: Rng, shape: Shape) -> Plane:
    """Light of level strips: fine long fibres, broad ones, and dark veins here and there."""
    thin, long = rng.uniform(1.2, 3), rng.uniform(60, 240)
    light = field(rng, shape, (thin, long)) * 0.6
    light += field(rng, shape, (thin * 4, long * 2)) * 0.5
    bend = field(rng, shape, (shape[0] / 3, shape[1] / 3)) * 0.3
    light += np.roll(field(rng, shape, (thin * 15, long * 4)), 3, 0) * (1 + bend)
    veins = ramp(field(rng, shape, (thin * 1.5, long * 0.7)), 1.1, 1.6)
    return light - veins * rng.uniform(0.5, 2.5)


def _marbling(rng: Rng, shape: Shape) -> Plane:
    """Loss of light for each colour in marbled paper, shape (H, W, 3)."""
    level = clouds(rng, shape, max(shape) / rng.uniform(6, 40), 4) * rng.uniform(2, 7)
    if rng.random() < 0.4:
        # Combed: the cells are drawn out into waves.
        level = level + places(shape)[0] * rng.uniform(0.1, 0.5)
    loss = np.zeros((*shape, 3), np.float32)
    for shift in rng.uniform(0, 6, int(rng.integers(2, 4))).tolist():
        vein = ramp(np.sin(level + shift), rng.uniform(-0.2, 0.8), 0.95)
        loss = np.maximum(loss, vein[..., None] * rng.uniform(0.1, 0.95, 3).astype(np.float32))
    return loss


def _fibres(rng: Rng, shape: Shape, count: int) -> Plane:
    """Coverage by thin curved threads."""
    threads = []
    for _ in range(count):
        centre = rng.uniform(0, 1, 2) * (shape[1], shape[0])
        curve = spline(centre + np.cumsum(rng.normal(0, 7, (4, 2)), axis=0), 5)
        threads.append(stroke(curve, rng.uniform(0.2, 0.7)))
    return coverage(rasterize(joined(threads), shape)[0])


def _add_foxing(rng: Rng, sheet: Plane, count: int) -> None:
    """Darken round brown spots, most of them small, in place."""
    loss = np.array([0.2, 0.42, 0.6], np.float32)
    shape = sheet.shape[:2]
    for _ in range(count):
        row, column = (int(rng.integers(0, length)) for length in shape)
        radius = float(np.clip(rng.lognormal(1.3, 0.8), 1.5, 40))
        where, rows, columns = _around(shape, row, column, int(radius * 2.5) + 1)
        square = (rows**2 + columns**2).astype(float)
        spot = np.exp(-square / radius**2).astype(np.float32) * rng.uniform(0.15, 0.7)
        sheet[where] *= 1 - spot[..., None] * loss


def _around(
    shape: Shape, row: int, column: int, reach: int
) -> tuple[tuple[slice, slice], Plane, Plane]:
    """The part of a page around a pixel, and its rows and columns counted from there."""
    where = np.s_[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
    rows, columns = places(shape, row, column)
    return where, rows[where[0]], columns[:, where[1]]


def print_picture(rng: Rng, sheet: Plane, picture: Box) -> None:
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
    left, top, right, bottom = (max(0, int(edge)) for edge in picture)
    part = sheet[top:bottom, left:right]
    shape = part.shape[:2]
    if min(shape) < 8:
        return
    pitch, angle = rng.uniform(2.5, 6), rng.uniform(0, np.pi)
    down, across = (np.cos(way * (2 * np.pi / pitch)) for way in places(shape, angle=angle))
    screen = (down + across) * 0.25
    tone = clouds(rng, shape, max(shape) / 3, 5) * 0.35
    dots = ramp(tone + screen, -0.12 * pitch / 3, 0.12 * pitch / 3)
    part[:] = stained(part, dots * 0.85, (0.12, 0.12, 0.12))


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


def age(rng: Rng, sheet: Plane, damage: Damage) -> tuple[Plane, Plane]:
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
        sheet = stained(sheet, _blob(rng, shape, 0.5) * rng.uniform(0.08, 0.45), _brown(rng))
    for _ in range(damage.tides):
        level = _blob_level(rng, shape)
        inside = ramp(level, 0.0, 0.04)
        edge = ramp(level, -0.015, 0.0) * (1 - ramp(level, 0.0, rng.uniform(0.03, 0.12)))
        amount = inside * rng.uniform(0.03, 0.15) + edge * rng.uniform(0.1, 0.45)
        sheet = stained(sheet, amount, _brown(rng))
        kept *= 1 - inside * damage.water
    for _ in range(damage.mould):
        sheet = stained(sheet, _mould(rng, shape), _brown(rng))
    for _ in range(damage.blots):
        _blot(rng, sheet)
    for _ in range(damage.tapes):
        sheet = stained(sheet, _tape(rng, shape), (0.86, 0.72, 0.42))
    for index in range(damage.folds + damage.creases):
        sheet *= _fold(rng, shape, index >= damage.folds)[..., None]
    return sheet, kept


def bleed_through(rng: Rng, amount: Plane, strength: float, blur: float) -> Plane:
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
    soft: Plane = ndimage.gaussian_filter(amount, blur, truncate=3)
    uneven: Plane = np.clip(0.8 + 0.45 * clouds(rng, amount.shape, max(amount.shape) / 4), 0.1, 1.3)
    return soft * uneven * strength


def lost(rng: Rng, shape: Shape, damage: Damage) -> Plane:
    """Compute the share of each pixel that is left of a leaf that has lost pieces.

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
    ndarray of float32, shape (H, W)
        1 leaf, 0 gap.
    """
    left = np.ones(shape, np.float32)
    if not damage.gaps:
        return left
    side = float(max(shape))
    rows, columns = places(shape)
    ragged = clouds(rng, shape, side / 12, 5) * (side * 0.012)
    for _ in range(damage.gaps):
        row, column = (rng.uniform(-0.05, 1.05, 2) * shape).tolist()
        stretch = rng.uniform(0.4, 2.2)
        away = np.hypot((rows - row) * stretch, (columns - column) / stretch)
        size = float(side * np.exp(rng.uniform(np.log(0.006), np.log(0.09))))
        left = np.minimum(left, ramp(away + ragged - size, -0.8, 0.8))
    return left


def _patched(rng: Rng, sheet: Plane) -> Plane:
    """Paste a piece of other paper on: another tone, an edge with light and shadow."""
    shape = sheet.shape[:2]
    side = float(max(shape))
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.03)
    across, along = places(shape, *rng.uniform(0, shape), angle=angle)
    long, wide = side * rng.uniform(0.05, 0.8), side * rng.uniform(0.01, 0.12)
    torn = clouds(rng, shape, side / 20, 5) * rng.uniform(0.2, 4)
    inner = np.minimum(long - np.abs(along), wide - np.abs(across)) + torn
    tone = 1 + rng.normal(0, 0.07) + field(rng, shape, 3) * 0.02
    tint = (1 + rng.normal(0, 0.02, 3)).astype(np.float32)
    inside = ramp(inner, -0.7, 0.7)[..., None]
    edge = np.exp(-((inner / rng.uniform(0.8, 2)) ** 2)) * rng.uniform(-0.35, 0.1)
    result: Plane = sheet * (1 + inside * (tone[..., None] * tint - 1)) * (1 + edge[..., None])
    return result


def _mould(rng: Rng, shape: Shape) -> Plane:
    """Amount of a large stain whose inside is speckled or veined."""
    inside = _blob(rng, shape, 0.3)
    texture = clouds(rng, shape, rng.uniform(4, 40), 4)
    if rng.random() < 0.5:
        texture = 1 - np.float32(2.5) * np.abs(texture)
    speckled = ramp(texture, rng.uniform(-0.6, 0.3), rng.uniform(0.4, 1.2))
    amount = inside * (0.25 + 0.75 * speckled) * rng.uniform(0.25, 0.8)
    return amount.astype(np.float32)


def _brown(rng: Rng) -> Colour:
    """Colour of a stain: light that comes through."""
    dark = rng.uniform(0.1, 0.5)
    return dark + 0.3, dark + rng.uniform(0.08, 0.22), dark * rng.uniform(0.3, 0.9)


def _blob_level(rng: Rng, shape: Shape) -> Plane:
    """Signed level of a ragged spot, positive inside, in shares of the page."""
    side = float(max(shape))
    rows, columns = places(shape)
    row, column = rng.uniform(-0.1, 1.1) * shape[0] / side, rng.uniform(-0.1, 1.1) * shape[1] / side
    stretch = rng.uniform(0.6, 1.6)
    away: Plane = np.hypot((rows / side - row) * stretch, (columns / side - column) / stretch)
    ragged = clouds(rng, shape, side * rng.uniform(0.06, 0.2), 4) * 0.045
    return rng.uniform(0.06, 0.4) - away + ragged


def _blob(rng: Rng, shape: Shape, soft: float) -> Plane:
    return ramp(_blob_level(rng, shape), -0.02, rng.uniform(0.02, soft))


def _blot(rng: Rng, sheet: Plane) -> None:
    """Darken one small ragged spot in place."""
    shape = sheet.shape[:2]
    radius = float(np.clip(rng.lognormal(2.3, 0.7), 3, min(shape) / 6))
    row, column = (int(rng.integers(0, length)) for length in shape)
    where, rows, columns = _around(shape, row, column, int(radius * 2) + 2)
    away = np.hypot(rows, columns)
    ragged = clouds(rng, away.shape, max(radius * 0.8, 1.5)) * (radius * 0.25)
    inside = ramp(radius - away - ragged, 0, rng.uniform(1.0, 4.0))
    sheet[where] = stained(sheet[where], inside * rng.uniform(0.2, 0.65), _brown(rng))


def _tape(rng: Rng, shape: Shape) -> Plane:
    """Amount of a strip with straight edges that crosses the page."""
    angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.08)
    across, along = places(shape, *rng.uniform(0, shape), angle=angle)
    half = np.float32(max(shape) * rng.uniform(0.012, 0.03))
    inside = ramp(half - np.abs(across), -0.8, 0.8)
    inside *= ramp(half * np.float32(rng.uniform(4, 40)) - np.abs(along), -1, 1)
    strength = rng.uniform(0.3, 0.9) * (1 + 0.15 * field(rng, shape, float(half)))
    result: Plane = inside * np.clip(strength, 0, 1)
    return result


def _fold(rng: Rng, shape: Shape, short: bool) -> Plane:
    """Light factor of a fold: one side darker, a worn bright or dirty dark ridge."""
    angle = rng.uniform(0, np.pi) if short else rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.02)
    down, along = places(shape, *(rng.uniform(0.1, 0.9, 2) * shape), angle=angle)
    across = field(rng, shape, 60) * (4 if short else 1.5) - down
    depth = np.full(shape, rng.uniform(0.04, 0.16), np.float32)
    if short:
        depth = depth * np.exp(-((along / (rng.uniform(0.05, 0.25) * max(shape))) ** 2))
    shade: Plane = np.exp(-np.abs(across) / rng.uniform(5, 30)) * np.sign(across)
    ridge: Plane = np.exp(-((across / rng.uniform(0.8, 2.0)) ** 2)) * rng.choice([-2.5, -1.2, 1.0])
    return (1 + depth * (shade + ridge)).astype(np.float32)
