"""Surroundings of a photographed page: book blocks, boards, the ground below.

Strategy: four signed distances, one to each edge of the page, give every pixel outside the page
its side and its depth. From the page outwards follow the edges of the leaves below it, the
turned-in cover of the board, and the ground; each is a band of depths with a texture of its own.
Leaf edges are one random profile over the depth, looked up at a depth that sways along the side,
so that hundreds of leaves cost as much as one. Nothing of this is ink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from docbin_napari.drawing.noise import Colour, Plane, Rng, Shape, clouds, field, places, ramp
from docbin_napari.drawing.text import Box

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

    margins: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    leaves: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
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

    def inset(self, shape: Shape) -> list[float]:
        """Give the margins in pixels: left, top, right, bottom."""
        return [max(shape) * margin for margin in self.margins]

    def boxes(self, shape: Shape) -> list[Box]:
        """Give the box of the page, or of each long leaf, in pixels."""
        left, top, right, bottom = self.inset(shape)
        page = Box(left, top, shape[1] - right, shape[0] - bottom)
        if not self.strips:
            return [page]
        step = page.height / self.strips
        tops = [page.top + index * step for index in range(self.strips)]
        return [page._replace(top=top, bottom=top + 0.9 * step) for top in tops]


def surround(rng: Rng, shape: Shape, around: Surroundings, rotation: float) -> tuple[Plane, Plane]:
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
    outside, (down, across) = _distances(rng, shape, around, rotation)
    longest = max(shape)
    thick = np.asarray(around.leaves, np.float32)[:, None, None] * longest
    beyond = np.max(outside - thick, axis=0) - field(rng, shape, longest / 6) * 2
    scene = make_ground(rng, shape, around.ground, around.ground_colour)
    block = beyond - around.board * longest
    scene = _shaded(scene, block, longest / 50)
    if around.board:
        board = _board(rng, shape, around.board_colour)
        board *= (1 - 0.5 * np.exp(-np.maximum(beyond, 0) / 5))[..., None]
        scene = _over(scene, board, ramp(-block, -0.7, 0.7))
    if max(around.leaves) > 0:
        # A side of the stack reaches from a corner of the page to that of the block.
        side = np.argmax(outside / np.maximum(thick, 1), axis=0)
        depth = np.take_along_axis(outside, side[None], 0)[0]
        along = np.where(np.isin(side, (0, 2)), down, across)
        leaves = _leaves(rng, depth, along, around, thick.ravel()[side])
        scene = _over(scene, leaves, ramp(-beyond, -0.7, 0.7))
    return scene, ramp(-np.max(outside, axis=0), -0.7, 0.7)


def _strips(rng: Rng, shape: Shape, around: Surroundings, rotation: float) -> tuple[Plane, Plane]:
    """Long leaves on a ground, with rounded ends and a hole or two for a string."""
    scene = make_ground(rng, shape, around.ground, around.ground_colour)
    rows, columns = _turned(shape, rotation)
    rows, columns = rows + shape[0] / 2, columns + shape[1] / 2
    beyond = np.full(shape, 1e6, np.float32)
    holes = rng.choice([0.5, 0.33, 0.25])
    for box in around.boxes(shape):
        x, y = box.centre
        corner = box.height * rng.uniform(0.02, 0.25)
        wave = _wave(rng, columns - shape[1] / 2, shape[1], box.height * 0.02)
        across = np.abs(columns - x) - box.width / 2 + corner
        down = np.abs(rows + wave - y) - box.height / 2 + corner
        outer = np.hypot(np.maximum(across, 0), np.maximum(down, 0))
        outer = outer + np.minimum(np.maximum(across, down), 0) - corner
        for share in {holes, 1 - holes}:
            hole = np.hypot(columns - (box.left + share * box.width), rows - y)
            outer = np.maximum(outer, box.height * 0.04 - hole)
        beyond = np.minimum(beyond, outer.astype(np.float32))
    beyond += field(rng, shape, 12) * 0.8
    return _shaded(scene, beyond, max(shape) / 90), ramp(-beyond, -0.7, 0.7)


def _turned(shape: Shape, rotation: float) -> tuple[Plane, Plane]:
    """Place of each pixel down and across a turned page, from the centre, in pixels."""
    return places(shape, shape[0] / 2, shape[1] / 2, angle=np.deg2rad(rotation))


def _over(below: Plane, above: Plane, share: Plane) -> Plane:
    return below + (above - below) * share[..., None]


def _shaded(scene: Plane, away: Plane, reach: float) -> Plane:
    """Darken what lies near an edge that is above it."""
    shade = 1 - np.float32(0.5) * np.exp(-np.maximum(away, 0) / np.float32(reach))
    return scene * shade[..., None]


def _distances(
    rng: Rng, shape: Shape, around: Surroundings, rotation: float
) -> tuple[Plane, tuple[Plane, Plane]]:
    """How far pixels are beyond each side, and their places down and across.

    Sides without a margin lie far away. Sides bulge and bend as those of real leaves.
    """
    down, across = _turned(shape, rotation)
    outside = np.full((4, *shape), -1e6, np.float32)
    lines = (-across, -down, across, down)
    for index, margin in enumerate(around.inset(shape)):
        if margin:
            place, length, breadth = (down, *shape) if index % 2 == 0 else (across, *shape[::-1])
            skew = rng.normal(0, 0.008)
            bulge = np.float32(rng.normal(0, 0.006) * length) * (2 * place / length) ** 2
            wave = _wave(rng, place, length, 0.0015 * length)
            outside[index] = lines[index] - (breadth / 2 - margin) + place * skew + bulge + wave
    return outside, (down, across)


def _wave(rng: Rng, place: Plane, length: int, size: float) -> Plane:
    """A smooth random line over places from about -length/2 to length/2."""
    points = rng.normal(0, size, 40).astype(np.float32)
    points = ndimage.gaussian_filter1d(points, 1.5) * np.float32(2)
    return _looked_up(points, (place / np.float32(length) + 0.5) * 24 + 8)


def _looked_up(values: Plane, spots: Plane) -> Plane:
    """Values between given ones, by linear interpolation; ends go on."""
    spot = np.clip(spots, 0, len(values) - 1.001)
    index = spot.astype(np.int32)
    return values[index] + (values[index + 1] - values[index]) * (spot - index)


def _leaves(rng: Rng, depth: Plane, along: Plane, around: Surroundings, stack: Plane) -> Plane:
    """Draw a stack of leaf edges, as light."""
    shape = depth.shape
    longest = max(shape)
    profile = _profile(rng, int(max(around.leaves) * longest) + 80, around)
    # Leaves sway together, and each group of leaves a little differently.
    sway = _wave(rng, along, longest, around.cockle) * (1 + field(rng, shape, 60.0) * 0.25)
    sway = sway + field(rng, shape, longest / 8) * (around.cockle * 0.5)
    light = _looked_up(profile, (depth + sway * ramp(depth, 0, 25) + 30) * 2)
    fine = field(rng, shape, 1.5) * 0.05 + field(rng, shape, 40) * 0.06
    light = light * (1 + fine) * (1 - np.float32(0.35) * depth / np.maximum(stack, 1))
    colour = np.asarray(around.leaf_colour, np.float32)
    return _edge_colour(rng, light[..., None] * colour, around.edges)


def _profile(rng: Rng, length: int, around: Surroundings) -> Plane:
    """Light over the depth, two values a pixel: a leaf, a gap, a leaf."""
    light = np.ones(2 * length, np.float32)
    spots = np.arange(2 * length, dtype=np.float32) / 2
    steps = [0.0]
    while steps[-1] < length:
        steps.append(steps[-1] + (around.pitch * float(rng.lognormal(0, 0.45)) + 0.4))
    for step in steps[1:]:
        # Between quires the gap is wide, between leaves hardly seen.
        wide = rng.random() < 0.08
        dark = around.contrast * (rng.uniform(0.7, 1.0) if wide else rng.uniform(0.1, 0.9))
        half = rng.uniform(0.35, 0.8) * (2.5 if wide else 1.0) * min(1.5, around.pitch / 3)
        near = np.s_[max(0, int(2 * step) - 16) : int(2 * step) + 16]
        light[near] *= 1 - np.float32(dark) * np.exp(-(((spots[near] - step) / half) ** 2))
    tone: Plane = ndimage.gaussian_filter1d(rng.normal(0, 1, 2 * length), around.pitch * 1.5)
    tone /= max(float(tone.std()), 1e-6)
    return (light * (1 + 0.08 * tone)).astype(np.float32)


_DYES = {"red": (0.75, 0.22, 0.15), "blue": (0.35, 0.4, 0.6), "gilt": (1.05, 0.85, 0.4)}


def _edge_colour(rng: Rng, leaves: Plane, edges: str) -> Plane:
    """Colour leaf edges red, golden, sprinkled or marbled, worn here and there."""
    if edges == "plain":
        return leaves
    shape = leaves.shape[:2]
    worn = np.clip(0.75 + field(rng, shape, max(shape) / 10) * 0.3, 0.2, 1)
    if edges in _DYES:
        leaves = leaves * (1 - worn[..., None] * (1 - np.asarray(_DYES[edges], np.float32)))
        if edges == "gilt":
            shine = ramp(field(rng, shape, (max(shape) / 5, 14)), 0.3, 1.6) * 0.35
            leaves = leaves + shine[..., None] * np.array([1, 0.9, 0.6], np.float32)
    elif edges == "sprinkled":
        dots = ramp(field(rng, shape, 2.5) + field(rng, shape, 5) * 0.6, 0.85, 1.1) * worn
        dark = np.asarray([(0.6, 0.15, 0.1), (0.2, 0.25, 0.5), (0.1, 0.1, 0.1)], np.float32)
        leaves = _over(leaves, leaves * dark[rng.integers(3)], dots)
    else:
        veins = np.sin(clouds(rng, shape, max(shape) / 12, 4) * 6)
        first, second = 1 - rng.uniform(0.2, 1.0, (2, 3)).astype(np.float32)
        leaves = leaves * (1 - ramp(veins, 0.3, 0.7)[..., None] * first)
        leaves = leaves * (1 - ramp(-veins, 0.5, 0.8)[..., None] * second)
    return leaves


def _board(rng: Rng, shape: Shape, colour: Colour) -> Plane:
    """Light of leather or cloth on a board: grain, rubbed places, sometimes tooled lines."""
    tone = 1 + clouds(rng, shape, max(shape) / 8, 4) * 0.15
    grain = ramp(np.abs(field(rng, shape, 5) + field(rng, shape, 9)), 0.0, 0.5)
    tone *= 0.8 + 0.2 * grain + field(rng, shape, 1.5) * 0.05
    rubbed = ramp(clouds(rng, shape, max(shape) / 10, 4), 0.7, 1.6)[..., None] * 0.5
    base = tone[..., None] * np.asarray(colour, np.float32)
    return base + rubbed * np.array([0.35, 0.25, 0.15], np.float32)


def make_ground(rng: Rng, shape: Shape, kind: str, colour: Colour) -> Plane:
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
    tone = 1 + field(rng, shape, max(shape) * 0.5) * 0.12
    tone += _TEXTURES[kind](rng, shape)
    return tone[..., None] * np.asarray(colour, np.float32)


def _dust(rng: Rng, shape: Shape, most: float) -> Plane:
    """Light specks."""
    return ramp(field(rng, shape, 2.2), 1.5, 2.0) * rng.uniform(0, most)


def _velvet(rng: Rng, shape: Shape) -> Plane:
    """Deep pile with dust on it."""
    return field(rng, shape, 2) * 0.15 + clouds(rng, shape, 60) * 0.12 + _dust(rng, shape, 3)


def _felt(rng: Rng, shape: Shape) -> Plane:
    """Short fibres that lie down and across."""
    fibres = field(rng, shape, (1.5, 5)) + field(rng, shape, (6, 2))
    return fibres * 0.1 + clouds(rng, shape, 40) * 0.06


def _wood(rng: Rng, shape: Shape) -> Plane:
    """Bent year rings and pores, along or across."""
    upright = rng.random() < 0.5
    tall = shape[::-1] if upright else shape
    rows, columns = places(tall)
    bend = clouds(rng, tall, max(shape) / 3) * rng.uniform(20, 60)
    rings = np.sin((rows + columns * 0.05 + bend) * (2 * np.pi / rng.uniform(12, 60)))
    grain: Plane = rings * 0.09 + field(rng, tall, (3.0, 120.0)) * 0.12
    return grain.T if upright else grain


def _cloth(rng: Rng, shape: Shape) -> Plane:
    """Woven threads."""
    rows, columns = places(shape)
    pitch = 2 * np.pi / rng.uniform(3, 9)
    shift = field(rng, shape, 80) * 1.5
    weave = np.sin((rows + shift) * pitch) * np.sin((columns + shift) * pitch)
    strength = 0.12 + 0.05 * field(rng, shape, 30)
    result: Plane = weave * strength + field(rng, shape, (2, 30)) * 0.06
    return result


def _mat(rng: Rng, shape: Shape) -> Plane:
    """A cutting mat with a grid of light lines."""
    rows, columns = places(shape)
    pitch = float(max(shape) / rng.integers(12, 40))
    lines = ramp(np.minimum(rows % pitch, columns % pitch), 1.6, 1.2)
    return lines * rng.uniform(0.3, 1.5) + field(rng, shape, 2) * 0.04


def _sheet(rng: Rng, shape: Shape) -> Plane:
    """A larger sheet of paper, on which the page is mounted."""
    laid = np.sin(places(shape)[0] * (2 * np.pi / rng.uniform(5, 9))) * (0.02 * rng.random())
    tone: Plane = laid + clouds(rng, shape, max(shape) / 3, 4) * 0.06
    tone += field(rng, shape, 1.5) * 0.02
    return tone - ramp(field(rng, shape, 6), 1.5, 1.9) * rng.uniform(0, 0.3)


def _tissue(rng: Rng, shape: Shape) -> Plane:
    """Thin paper of long fibres in all directions, as it supports fragments from behind."""
    sizes = ((1.2, 30.0), (30.0, 1.2), (1.2, 8.0), (8.0, 1.2))
    threads = [np.abs(field(rng, shape, size)) for size in sizes]
    fibres = ramp(sum(threads[1:], threads[0]), 2.2, 4.5)
    return fibres * rng.uniform(0.1, 0.6) + field(rng, shape, 1.5) * 0.08


def _film(rng: Rng, shape: Shape) -> Plane:
    """Dark film with grain, scratches and dust."""
    tone = field(rng, shape, 1.0) * 0.2 + _dust(rng, shape, 6)
    for x in rng.integers(0, shape[1], int(rng.integers(0, 12))):
        tone[:, x] += rng.uniform(0.5, 4)
    return tone


def _smooth(rng: Rng, shape: Shape) -> Plane:
    """Smooth card."""
    return field(rng, shape, 1) * 0.015 + clouds(rng, shape, max(shape) / 3) * 0.04


_TEXTURES: dict[str, Callable[[Rng, Shape], Plane]] = {
    "velvet": _velvet, "felt": _felt, "wood": _wood, "cloth": _cloth, "gray": _smooth,
    "white": _smooth, "mat": _mat, "film": _film, "paper": _sheet, "tissue": _tissue,
}  # fmt: skip

GROUNDS = tuple(_TEXTURES)
"""What a page may lie on."""


def gutter_light(rng: Rng, shape: Shape, around: Surroundings, rotation: float) -> Plane:
    """Draw the light factor of the fold between two leaves, (H, W); 1 far away from it."""
    height, width = shape
    place = width * (around.gutter - 0.5)
    away = _turned(shape, rotation)[1] - place + field(rng, shape, height / 4) * 2
    wide = np.float32(width * rng.uniform(0.015, 0.08))
    uneven = rng.uniform(0.4, 1.6)
    near = np.where(away > 0, np.exp(-away / wide), np.exp(away / (wide * np.float32(uneven))))
    fold = np.exp(-((away / rng.uniform(1, 4)) ** 2))
    light: Plane = (1 - around.gutter_depth * near) * (1 - rng.uniform(0.3, 0.95) * fold)
    # The paper rises towards the fold and catches the light before it falls into it.
    far: Plane = np.exp(-(((np.abs(away) - 3 * wide) / (1.5 * wide)) ** 2))
    return light * (1 + rng.uniform(0, 0.08) * far)
