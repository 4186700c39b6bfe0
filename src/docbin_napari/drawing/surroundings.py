"""Surroundings of a photographed page: book blocks, boards, the ground below.

Strategy: four signed distances, one to each edge of the page, give every pixel outside the page
its side and its depth. From the page outwards follow the edges of the leaves below it, the
turned-in cover of the board, and the ground; each is a band of depths with a texture of its own.
Leaf edges are one random profile over the depth, looked up at a depth that sways along the side,
so that hundreds of leaves cost as much as one. Nothing of this is ink.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from docbin_napari.drawing.noise import clouds, field, ramp
from docbin_napari.drawing.text import Box

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Colour = tuple[float, float, float]

EDGES = (*["plain"] * 6, "red", "gilt", "sprinkled", "marbled", "blue")
"""What the edges of leaves may be coloured with."""


@dataclass(frozen=True)
class Surroundings:
    """What lies around a page.

    Parameters
    ----------
    margins : (float, float, float, float)
        How far the page is from the edges of the picture, left, top, right, bottom, as a share of
        the longer side; 0 lets it reach beyond the picture.
    leaves : (float, float, float, float)
        How thick the stack of leaf edges is at each side, as a share of the longer side.
    pitch : float
        Mean distance of two leaf edges in pixels.
    cockle : float
        How far leaves sway along a side, in pixels.
    contrast : float
        How dark the gaps between leaves are, 0 to 1.
    edges : str
        One of `EDGES`.
    leaf_colour : (float, float, float)
        Light of leaf edges, 0 to 1.
    board : float
        Width of the board that is seen beyond the leaves, as a share of the longer side.
    board_colour : (float, float, float)
        Its light.
    ground : str
        One of `GROUNDS`.
    ground_colour : (float, float, float)
        Its light.
    gutter : float
        Where the fold lies beyond which the neighbouring leaf begins, as a share of the width
        from the left; 0 for none.
    gutter_depth : float
        How dark the gutter is, 0 to 1.
    strips : int
        Number of long leaves, such as those of palms, that lie above each other instead of a
        page; 0 for a page.
    objects : tuple of str
        What else lies there; names of `objects.OBJECTS`.
    """

    margins: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    leaves: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    pitch: float = 4.0
    cockle: float = 3.0
    contrast: float = 0.5
    edges: str = "plain"
    leaf_colour: Colour = (0.8, 0.74, 0.6)
    board: float = 0.0
    board_colour: Colour = (0.35, 0.2, 0.1)
    ground: str = "velvet"
    ground_colour: Colour = (0.06, 0.06, 0.06)
    gutter: float = 0.0
    gutter_depth: float = 0.6
    strips: int = 0
    objects: tuple[str, ...] = ()

    def inset(self, shape: tuple[int, int]) -> tuple[float, float, float, float]:
        """Margins in pixels: left, top, right, bottom."""
        left, top, right, bottom = (max(shape) * margin for margin in self.margins)
        return left, top, right, bottom

    def boxes(self, shape: tuple[int, int]) -> list[Box]:
        """The page, or the long leaves, in pixels."""
        left, top, right, bottom = self.inset(shape)
        page = Box(left, top, shape[1] - right, shape[0] - bottom)
        if not self.strips:
            return [page]
        step = page.height / self.strips
        tops = [page.top + index * step for index in range(self.strips)]
        return [page._replace(top=top, bottom=top + 0.9 * step) for top in tops]


def surround(
    rng: np.random.Generator, shape: tuple[int, int], around: Surroundings, rotation: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw everything around a page.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of textures and edges.
    shape : (int, int)
        Height and width in pixels.
    around : Surroundings
        What lies there.
    rotation : float
        Turn of the page in degrees.

    Returns
    -------
    scene : ndarray of float32, shape (H, W, 3)
        Light of the surroundings, 0 to 1; the page itself is to be laid on it.
    share : ndarray of float32, shape (H, W)
        How much of each pixel is page.
    """
    if around.strips:
        return _strips(rng, shape, around, rotation)
    outside, along = _distances(rng, shape, around, rotation)
    longest = max(shape)
    thick = np.asarray(around.leaves, np.float32)[:, None, None] * longest
    beyond = np.max(outside - thick, axis=0) - field(rng, shape, longest / 6) * np.float32(2)
    scene = make_ground(rng, shape, around.ground, around.ground_colour)
    block = beyond
    if around.board:
        block = beyond - np.float32(around.board * longest)
    scene = _shaded(scene, block, longest / 50)
    if around.board:
        board = _board(rng, shape, around.board_colour)
        board *= (1 - 0.5 * np.exp(-np.maximum(beyond, 0) / 5))[..., None]
        scene = _over(scene, board, ramp(-block, -0.7, 0.7))
    if max(around.leaves) > 0:
        # A side of the stack reaches from a corner of the page to that of the block.
        side = np.argmax(outside / np.maximum(thick, 1), axis=0)
        depth = np.take_along_axis(outside, side[None], 0)[0]
        sideways = np.isin(side, (0, 2))
        leaves = _leaves(
            rng, depth, np.where(sideways, along[0], along[1]), around, thick.ravel()[side]
        )
        scene = _over(scene, leaves, ramp(-beyond, -0.7, 0.7))
    share = ramp(-np.max(outside, axis=0), -0.7, 0.7)
    return scene, share


def _strips(
    rng: np.random.Generator, shape: tuple[int, int], around: Surroundings, rotation: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Long leaves on a ground, with rounded ends and a hole or two for a string."""
    scene = make_ground(rng, shape, around.ground, around.ground_colour)
    rows, columns = _turned(shape, rotation)
    rows, columns = rows + np.float32(shape[0] / 2), columns + np.float32(shape[1] / 2)
    beyond = np.full(shape, 1e6, np.float32)
    holes = rng.choice([0.5, 0.33, 0.25])
    for box in around.boxes(shape):
        corner = box.height * rng.uniform(0.02, 0.25)
        wave = _wave(rng, columns - np.float32(shape[1] / 2), shape[1], box.height * 0.02)
        across = np.abs(columns - (box.left + box.right) / 2) - box.width / 2 + corner
        down = np.abs(rows + wave - (box.top + box.bottom) / 2) - box.height / 2 + corner
        outer = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
        outer = outer + np.minimum(np.maximum(across, down), 0) - corner
        for share in {holes, 1 - holes}:
            place = box.left + share * box.width, (box.top + box.bottom) / 2
            hole = np.hypot(columns - place[0], rows - place[1])
            outer = np.maximum(outer, box.height * 0.04 - hole)
        beyond = np.minimum(beyond, outer.astype(np.float32))
    beyond += field(rng, shape, 12) * np.float32(0.8)
    return _shaded(scene, beyond, max(shape) / 90), ramp(-beyond, -0.7, 0.7)


def _turned(
    shape: tuple[int, int], rotation: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Place of each pixel down and across a turned page, from the centre, in pixels."""
    angle = np.deg2rad(rotation)
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - np.float32(shape[0] / 2)
    columns = np.arange(shape[1], dtype=np.float32)[None, :] - np.float32(shape[1] / 2)
    across = columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle))
    down = rows * np.float32(np.cos(angle)) - columns * np.float32(np.sin(angle))
    return down, across


def _over(
    below: NDArray[np.float32], above: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    result: NDArray[np.float32] = below + (above - below) * share[..., None]
    return result


def _shaded(
    scene: NDArray[np.float32], away: NDArray[np.float32], reach: float
) -> NDArray[np.float32]:
    """Darken what lies near an edge that is above it."""
    shade = 1 - np.float32(0.5) * np.exp(-np.maximum(away, 0) / np.float32(reach))
    result: NDArray[np.float32] = scene * shade[..., None]
    return result


def _distances(
    rng: np.random.Generator, shape: tuple[int, int], around: Surroundings, rotation: float
) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """How far pixels are beyond each side, and places along upright and level ones.

    Sides without a margin lie far away. Sides bulge and bend as those of real leaves.
    """
    height, width = shape
    down, across = _turned(shape, rotation)
    left, top, right, bottom = around.inset(shape)
    outside = np.full((4, height, width), -1e6, np.float32)
    halves = (width / 2, height / 2, width / 2, height / 2)
    lines = (-across, -down, across, down)
    for index, margin in enumerate((left, top, right, bottom)):
        if not margin:
            continue
        line, place = lines[index], (down, across)[index % 2]
        length = (height, width)[index % 2]
        skew = np.float32(rng.normal(0, 0.008))
        bulge = np.float32(rng.normal(0, 0.006) * length) * (2 * place / length) ** 2
        wave = _wave(rng, place, length, 0.0015 * length)
        outside[index] = line - np.float32(halves[index] - margin) + place * skew + bulge + wave
    return outside, (down, across)


def _wave(
    rng: np.random.Generator, place: NDArray[np.float32], length: int, size: float
) -> NDArray[np.float32]:
    """A smooth random line over places from about -length/2 to length/2."""
    points = rng.normal(0, size, 40).astype(np.float32)
    points = ndimage.gaussian_filter1d(points, 1.5) * np.float32(2)
    spot = (place / np.float32(length) + 0.5) * 24 + 8
    return _looked_up(points, spot)


def _looked_up(values: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values between given ones, by linear interpolation; ends go on."""
    spot = np.clip(places, 0, len(values) - 1.001)
    index = spot.astype(np.int32)
    result: NDArray[np.float32] = values[index] + (values[index + 1] - values[index]) * (
        spot - index
    )
    return result


def _leaves(
    rng: np.random.Generator,
    depth: NDArray[np.float32],
    along: NDArray[np.float32],
    around: Surroundings,
    stack: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Light of a stack of leaf edges."""
    shape = depth.shape
    longest = max(shape)
    profile = _profile(rng, int(max(around.leaves) * longest) + 80, around)
    # Leaves sway together, and each group of leaves a little differently.
    sway = _wave(rng, along, longest, around.cockle) * (
        1 + field(rng, shape, 60.0) * np.float32(0.25)
    )
    sway = sway + field(rng, shape, (longest / 8, longest / 8)) * np.float32(around.cockle * 0.5)
    grown = ramp(depth, 0, 25)
    light = _looked_up(profile, (depth + sway * grown + 30) * np.float32(2))
    fine = field(rng, shape, 1.5) * np.float32(0.05) + field(rng, shape, (40, 40)) * np.float32(
        0.06
    )
    light = light * (1 + fine) * (1 - np.float32(0.35) * depth / np.maximum(stack, 1))
    colour = np.asarray(around.leaf_colour, np.float32)
    scene: NDArray[np.float32] = light[..., None] * colour
    return _edge_colour(rng, scene, around)


def _profile(rng: np.random.Generator, length: int, around: Surroundings) -> NDArray[np.float32]:
    """Light over the depth, two values a pixel: a leaf, a gap, a leaf."""
    pixels = 2 * length
    light = np.ones(pixels, np.float32)
    place = 0.0
    places = np.arange(pixels, dtype=np.float32) / 2
    steps = []
    while place < length:
        place += around.pitch * float(rng.lognormal(0, 0.45)) + 0.4
        steps.append(place)
    for step in steps:
        # Between quires the gap is wide, between leaves hardly seen.
        wide = rng.random() < 0.08
        dark = around.contrast * (rng.uniform(0.7, 1.0) if wide else rng.uniform(0.1, 0.9))
        half = rng.uniform(0.35, 0.8) * (2.5 if wide else 1.0) * min(1.5, around.pitch / 3)
        near = np.s_[max(0, int(2 * step) - 16) : int(2 * step) + 16]
        gap = np.exp(-(((places[near] - step) / half) ** 2))
        light[near] *= 1 - np.float32(dark) * gap
    tone = ndimage.gaussian_filter1d(rng.normal(0, 1, pixels), around.pitch * 1.5)
    tone /= max(float(tone.std()), 1e-6)
    result: NDArray[np.float32] = (light * (1 + 0.08 * tone)).astype(np.float32)
    return result


def _edge_colour(
    rng: np.random.Generator, leaves: NDArray[np.float32], around: Surroundings
) -> NDArray[np.float32]:
    """Colour leaf edges red, golden, sprinkled or marbled, worn here and there."""
    shape = leaves.shape[:2]
    if around.edges == "plain":
        return leaves
    worn = np.clip(0.75 + field(rng, shape, max(shape) / 10) * 0.3, 0.2, 1).astype(np.float32)
    if around.edges in ("red", "blue", "gilt"):
        tint = {"red": (0.75, 0.22, 0.15), "blue": (0.35, 0.4, 0.6), "gilt": (1.05, 0.85, 0.4)}
        loss = 1 - np.asarray(tint[around.edges], np.float32)
        leaves = leaves * (1 - worn[..., None] * loss)
        if around.edges == "gilt":
            shine = ramp(field(rng, shape, (max(shape) / 5, 14)), 0.3, 1.6) * np.float32(0.35)
            leaves = leaves + shine[..., None] * np.array([1, 0.9, 0.6], np.float32)
        return leaves
    if around.edges == "sprinkled":
        dots = ramp(field(rng, shape, 2.5) + field(rng, shape, 5) * 0.6, 0.85, 1.1) * worn
        dark = np.asarray([(0.6, 0.15, 0.1), (0.2, 0.25, 0.5), (0.1, 0.1, 0.1)], np.float32)
        return _over(leaves, leaves * dark[rng.integers(3)], dots)
    veins = np.sin(clouds(rng, shape, max(shape) / 12, 4) * np.float32(6))
    colours = rng.uniform(0.2, 1.0, (2, 3)).astype(np.float32)
    leaves = leaves * (1 - ramp(veins, 0.3, 0.7)[..., None] * (1 - colours[0]))
    result: NDArray[np.float32] = leaves * (
        1 - ramp(-veins, 0.5, 0.8)[..., None] * (1 - colours[1])
    )
    return result


def _board(rng: np.random.Generator, shape: tuple[int, int], colour: Colour) -> NDArray[np.float32]:
    """Light of leather or cloth on a board: grain, rubbed places, sometimes tooled lines."""
    tone = 1 + clouds(rng, shape, max(shape) / 8, 4) * np.float32(0.15)
    grain = ramp(np.abs(field(rng, shape, 5) + field(rng, shape, 9)), 0.0, 0.5)
    tone *= 0.8 + 0.2 * grain + field(rng, shape, 1.5) * np.float32(0.05)
    rubbed = ramp(clouds(rng, shape, max(shape) / 10, 4), 0.7, 1.6)[..., None] * np.float32(0.5)
    base = tone[..., None] * np.asarray(colour, np.float32)
    result: NDArray[np.float32] = base + rubbed * np.array([0.35, 0.25, 0.15], np.float32)
    return result


def make_ground(
    rng: np.random.Generator, shape: tuple[int, int], kind: str, colour: Colour
) -> NDArray[np.float32]:
    """Draw what a page lies on.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the texture.
    shape : (int, int)
        Height and width in pixels.
    kind : str
        One of `GROUNDS`.
    colour : (float, float, float)
        Its light, 0 to 1.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        Light of the ground.
    """
    tone = 1 + field(rng, shape, max(shape) * 0.5) * np.float32(0.12)
    tone += _TEXTURES[kind](rng, shape)
    result: NDArray[np.float32] = tone[..., None] * np.asarray(colour, np.float32)
    return result


def _grid(shape: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows, shape (H, 1), and columns, shape (1, W)."""
    rows, columns = (np.arange(length, dtype=np.float32) for length in shape)
    return rows[:, None], columns[None, :]


def _dust(rng: np.random.Generator, shape: tuple[int, int], most: float) -> NDArray[np.float32]:
    """Light specks."""
    return ramp(field(rng, shape, 2.2), 1.5, 2.0) * np.float32(rng.uniform(0, most))


def _velvet(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Deep pile with dust on it."""
    pile = field(rng, shape, 2) * np.float32(0.15) + clouds(rng, shape, 60) * np.float32(0.12)
    return pile + _dust(rng, shape, 3)


def _felt(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Short fibres that lie down and across."""
    fibres = field(rng, shape, (1.5, 5)) + field(rng, shape, (6, 2))
    return fibres * np.float32(0.1) + clouds(rng, shape, 40) * np.float32(0.06)


def _wood(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Bent year rings and pores, along or across."""
    turned = rng.random() < 0.5
    tall = shape[::-1] if turned else shape
    rows, columns = _grid(tall)
    bend = clouds(rng, tall, max(shape) / 3) * np.float32(rng.uniform(20, 60))
    rings = np.sin((rows + columns * 0.05 + bend) * np.float32(2 * np.pi / rng.uniform(12, 60)))
    grain = rings * np.float32(0.09) + field(rng, tall, (3.0, 120.0)) * np.float32(0.12)
    result: NDArray[np.float32] = grain.T if turned else grain
    return result


def _cloth(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Woven threads."""
    rows, columns = _grid(shape)
    pitch = np.float32(2 * np.pi / rng.uniform(3, 9))
    shift = field(rng, shape, 80) * np.float32(1.5)
    weave = np.sin((rows + shift) * pitch) * np.sin((columns + shift) * pitch)
    strength = np.float32(0.12) + np.float32(0.05) * field(rng, shape, 30)
    result: NDArray[np.float32] = weave * strength + field(rng, shape, (2, 30)) * np.float32(0.06)
    return result


def _mat(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A cutting mat with a grid of light lines."""
    rows, columns = _grid(shape)
    pitch = np.float32(max(shape) / rng.integers(12, 40))
    lines = ramp(np.minimum(rows % pitch, columns % pitch), 1.6, 1.2)
    return lines * np.float32(rng.uniform(0.3, 1.5)) + field(rng, shape, 2) * np.float32(0.04)


def _sheet(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A larger sheet of paper, on which the page is mounted."""
    rows, _ = _grid(shape)
    laid = np.sin(rows * np.float32(2 * np.pi / rng.uniform(5, 9))) * np.float32(
        0.02 * rng.random()
    )
    tone = laid + clouds(rng, shape, max(shape) / 3, 4) * np.float32(0.06)
    tone += field(rng, shape, 1.5) * np.float32(0.02)
    spots = ramp(field(rng, shape, 6), 1.5, 1.9) * np.float32(rng.uniform(0, 0.3))
    result: NDArray[np.float32] = tone - spots
    return result


def _tissue(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Thin paper of long fibres in all directions, as it supports fragments from behind."""
    threads = [
        np.abs(field(rng, shape, size))
        for size in ((1.2, 30.0), (30.0, 1.2), (1.2, 8.0), (8.0, 1.2))
    ]
    fibres = ramp(sum(threads[1:], threads[0]), 2.2, 4.5)
    return fibres * np.float32(rng.uniform(0.1, 0.6)) + field(rng, shape, 1.5) * np.float32(0.08)


def _film(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Dark film with grain, scratches and dust."""
    tone = field(rng, shape, 1.0) * np.float32(0.2) + _dust(rng, shape, 6)
    for x in rng.integers(0, shape[1], int(rng.integers(0, 12))):
        tone[:, x] += np.float32(rng.uniform(0.5, 4))
    return tone


def _smooth(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Smooth card."""
    return field(rng, shape, 1) * np.float32(0.015) + clouds(
        rng, shape, max(shape) / 3
    ) * np.float32(0.04)


_TEXTURES: dict[str, Callable[[np.random.Generator, tuple[int, int]], NDArray[np.float32]]] = {
    "velvet": _velvet,
    "felt": _felt,
    "wood": _wood,
    "cloth": _cloth,
    "gray": _smooth,
    "white": _smooth,
    "mat": _mat,
    "film": _film,
    "paper": _sheet,
    "tissue": _tissue,
}

GROUNDS = tuple(_TEXTURES)
"""What a page may lie on."""


def gutter_light(
    rng: np.random.Generator, shape: tuple[int, int], around: Surroundings, rotation: float
) -> NDArray[np.float32]:
    """Light factor of the fold between two leaves, shape (H, W); 1 far away from it."""
    height, width = shape
    across = _turned(shape, rotation)[1]
    place = width * (around.gutter - 0.5)
    away = across - np.float32(place) + field(rng, shape, height / 4) * np.float32(2)
    wide = np.float32(width * rng.uniform(0.015, 0.08))
    uneven = rng.uniform(0.4, 1.6)
    near = np.where(away > 0, np.exp(-away / wide), np.exp(away / (wide * np.float32(uneven))))
    fold = np.exp(-((away / np.float32(rng.uniform(1, 4))) ** 2))
    light = (1 - np.float32(around.gutter_depth) * near) * (
        1 - np.float32(rng.uniform(0.3, 0.95)) * fold
    )
    # The paper rises towards the fold and catches the light before it falls into it.
    far = np.exp(-(((np.abs(away) - 3 * wide) / (1.5 * wide)) ** 2))
    result: NDArray[np.float32] = light * (1 + np.float32(rng.uniform(0, 0.08)) * far)
    return result
