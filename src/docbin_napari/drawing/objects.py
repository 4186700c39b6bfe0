"""Objects that lie on or beside a photographed page; none of them is ink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from docbin_napari.drawing.lettering import Hand, write_word
from docbin_napari.drawing.noise import Colour, Plane, Rng, Shape, field, ramp
from docbin_napari.drawing.shapes import bar, bullet, filled, level
from docbin_napari.drawing.strokes import Strokes, coverage, joined, rasterize, spline, stroke
from docbin_napari.drawing.text import Box

_CHART: tuple[Colour, ...] = (
    (0.45, 0.32, 0.27), (0.76, 0.59, 0.51), (0.38, 0.48, 0.61), (0.34, 0.42, 0.26),
    (0.52, 0.5, 0.69), (0.4, 0.74, 0.67), (0.85, 0.48, 0.18), (0.28, 0.36, 0.65),
    (0.76, 0.33, 0.38), (0.37, 0.23, 0.42), (0.62, 0.73, 0.25), (0.88, 0.64, 0.18),
    (0.22, 0.24, 0.58), (0.27, 0.58, 0.28), (0.69, 0.2, 0.23), (0.93, 0.78, 0.12),
    (0.73, 0.33, 0.58), (0.03, 0.52, 0.63), (0.95, 0.95, 0.95), (0.78, 0.78, 0.78),
    (0.63, 0.63, 0.63), (0.48, 0.48, 0.48), (0.33, 0.33, 0.33), (0.2, 0.2, 0.2),
)  # fmt: skip


class Scene:
    """A lit page and its surroundings, onto which things are laid.

    Parameters
    ----------
    light : ndarray of float32, shape (H, W, 3)
        What is there so far; it is changed.
    page : Box
        The page in pixels.
    """

    def __init__(self, light: Plane, page: Box) -> None:
        self.light = light
        self.page = page
        self.covered: Plane = np.zeros(light.shape[:2], np.float32)
        self.shape: Shape = light.shape[:2]
        self.longest = max(self.shape)

    def lay(
        self, strokes: Strokes, colour: ArrayLike, strength: float = 1.0, shadow: float = 0.0
    ) -> None:
        """Cover what strokes cover with a colour; their shadow, if any, is laid before."""
        if shadow:
            self.shade(strokes, shadow)
        share = coverage(rasterize(strokes, self.shape)[0]) * strength
        self._cover(share, np.asarray(colour, np.float32))

    def lay_round(
        self, body: Strokes, colour: ArrayLike, texture: Plane, rim: float, depth: float
    ) -> None:
        """Cover with a thing whose light falls to `rim` from `depth` pixels inside its outline."""
        distance = rasterize(body, self.shape)[0]
        tone = texture * (rim + (1 - rim) * ramp(distance, 0, depth))
        self._cover(coverage(distance), tone[..., None] * np.asarray(colour, np.float32))

    def _cover(self, share: Plane, colour: Plane) -> None:
        """Cover a share of each pixel with a colour or with a picture of the scene's shape."""
        self.light += (colour - self.light) * share[..., None]
        self.covered = np.maximum(self.covered, share)

    def shade(self, strokes: Strokes, shift: float) -> None:
        """Lay the soft shadow of a thing that is to be laid there."""
        share = coverage(rasterize(strokes.moved(shift, shift), self.shape)[0])
        share = ndimage.uniform_filter(share, max(3, int(2 * abs(shift)) | 1))
        self.light *= 1 - 0.45 * share[..., None]

    def beside(self, rng: Rng, length: float, width: float) -> Box:
        """Choose a place for a long thing along one side of the page, beside or over its edge."""
        upright = rng.random() < 0.5
        # Along the side is one axis of the picture, away from it the other.
        whole, breadth = self.shape if upright else self.shape[::-1]
        near, far = self.page[:1] + self.page[2:3] if upright else self.page[1::2]
        along = rng.uniform(-0.1, 1.0) * max(whole - length * 0.7, 1)
        edge = far if rng.random() < 0.5 else near - width
        away = edge + rng.normal(0, 0.15) * width
        away = float(np.clip(away, -0.3 * width, breadth - 0.7 * width))
        if upright:
            return Box(away, along, away + width, along + length)
        return Box(along, away, along + length, away + width)


def target(rng: Rng, scene: Scene) -> None:
    """Lay a colour chart: squares on a dark or light card."""
    cell = scene.longest * rng.uniform(0.015, 0.05)
    rows, columns = (4, 6) if rng.random() < 0.5 else (2, int(rng.integers(6, 12)))
    box = scene.beside(rng, columns * cell * 1.2 + cell * 0.4, rows * cell * 1.2 + cell * 0.4)
    if box.height > box.width:
        rows, columns = columns, rows
    scene.lay(filled(box), [rng.choice([0.04, 0.1, 0.9])] * 3, shadow=scene.longest * 0.003)
    order = rng.permutation(len(_CHART)) if rng.random() < 0.5 else np.arange(len(_CHART))
    for index, (row, column) in enumerate(np.ndindex(rows, columns)):
        x = box.left + cell * (0.3 + 1.2 * column)
        y = box.top + cell * (0.3 + 1.2 * row)
        scene.lay(filled(Box(x, y, x + cell, y + cell)), _CHART[order[index % len(_CHART)]])


def grays(rng: Rng, scene: Scene) -> None:
    """Lay a gray scale: a strip of steps from white to black, with ticks or numbers."""
    count = int(rng.integers(6, 21))
    cell = scene.longest * rng.uniform(0.015, 0.045)
    box = scene.beside(rng, count * cell, cell * rng.uniform(0.8, 2.2))
    scene.shade(filled(box), scene.longest * 0.003)
    upright = box.height > box.width
    for index, light in enumerate(np.linspace(0.95, 0.04, count)):
        begin, end = index * cell, (index + 1) * cell
        if upright:
            part = box._replace(top=box.top + begin, bottom=box.top + end)
        else:
            part = box._replace(left=box.left + begin, right=box.left + end)
        scene.lay(filled(part), [light] * 3)
        dark = 0.05 if light > 0.5 else 0.95
        word, advance = write_word(rng, _figures(cell * 0.2), str(index + 1))
        scene.lay(word.moved(part.left + (cell - advance) / 2, part.top + cell * 0.5), [dark] * 3)


def _figures(size: float) -> Hand:
    """Make the typeface of scales."""
    return Hand("sans", max(size, 2.0), max(1.0, size * 0.16), contrast=0.0, slant=0.0, jitter=0.0)


_LIGHT_RULERS = ((0.93, 0.93, 0.9), (0.8, 0.65, 0.4), (0.75, 0.76, 0.78), (0.9, 0.8, 0.2))
_DARK_RULERS = ((0.05, 0.05, 0.05), (0.15, 0.12, 0.1))


def ruler(rng: Rng, scene: Scene) -> None:
    """Lay a ruler with ticks and numbers: light, dark or wooden."""
    width = scene.longest * rng.uniform(0.02, 0.06)
    box = scene.beside(rng, scene.longest * rng.uniform(0.3, 1.2), width)
    upright = box.height > box.width
    light = rng.random() < 0.6
    grounds = _LIGHT_RULERS if light else _DARK_RULERS
    scene.lay(filled(box), grounds[rng.integers(len(grounds))], shadow=scene.longest * 0.003)
    mark = [0.05] * 3 if light else [0.95] * 3
    step = scene.longest * rng.uniform(0.0035, 0.009)
    marks = _ticks(rng, step, width, max(box.width, box.height))
    if not upright:
        marks = marks.mapped([[0, 1], [-1, 0]]).moved(0, width)
    scene.lay(marks.moved(box.left, box.top), mark)


def _ticks(rng: Rng, step: float, width: float, length: float) -> Strokes:
    """Draw ticks and numbers of an upright ruler whose top left corner is the origin."""
    pen = max(0.9, step * 0.16)
    ticks, figures = [], []
    zebra = rng.random() < 0.25
    for index, place in enumerate(np.arange(step, length - step, step)):
        long = 0.5 if index % 10 == 0 else (0.36 if index % 5 == 0 else 0.24)
        if zebra and index % 20 < 10:
            ticks.append(filled(Box(0, place, width * 0.3, place + step * 1.05)))
        elif not zebra:
            ticks.append(level(place, 0, width * long, pen))
        if index % 10 == 0:
            word, _ = write_word(rng, _figures(min(step * 3, width * 0.22)), str(index // 10))
            figures.append(word.moved(width * 0.58, place + step * 2))
    return joined([*ticks, *figures])


def clip(rng: Rng, scene: Scene) -> None:
    """Lay a clip or a weight at the edge of the page."""
    length = scene.longest * rng.uniform(0.04, 0.15)
    box = scene.beside(rng, length, length * rng.uniform(0.15, 0.7))
    body = filled(box) if rng.random() < 0.6 else bullet("disc", box.centre, length / 2.5)
    gray = float(rng.choice([0.05, 0.12, 0.5, 0.75]))
    scene.lay(body, rng.normal(gray, 0.02, 3).clip(0.02, 1), shadow=scene.longest * 0.006)
    begin = (box.left + box.width * 0.2, box.top + box.height * 0.2)
    end = (box.left + box.width * 0.8, box.top + box.height * 0.25)
    shine = bar(begin, end, max(1.5, min(box.width, box.height) * 0.08))
    scene.lay(shine, [min(1.0, gray + 0.35)] * 3, 0.7)


def finger(rng: Rng, scene: Scene) -> None:
    """Lay a finger, gloved or not, that keeps the page flat from one side."""
    radius = scene.longest * rng.uniform(0.018, 0.045)
    tip, root = _reach(rng, scene, radius)
    middle = np.add(tip, root) / 2 + rng.normal(0, radius * 0.3, 2)
    curve = spline(np.array([tip, middle, root]), 8)
    swell = radius * np.linspace(0.85, 1.2, len(curve)) * (1 + 0.05 * np.sin(np.arange(len(curve))))
    body = stroke(curve, swell)
    scene.shade(body, radius * 0.35)
    glove = rng.random() < 0.25
    skin = np.array([(0.85, 0.66, 0.55), (0.72, 0.5, 0.38), (0.5, 0.33, 0.24), (0.93, 0.77, 0.68)])
    colour = np.array((0.88, 0.88, 0.86)) if glove else skin[rng.integers(len(skin))]
    scene.lay_round(body, colour, 1 + field(rng, scene.shape, 3) * 0.03, 0.55, radius * 0.7)
    if not glove:
        way = np.subtract(root, tip)
        way = way / np.hypot(*way)
        nail = [np.add(tip, way * radius * share) for share in (0.1, 0.75)]
        scene.lay(stroke(nail, radius * 0.5), np.minimum(colour * 1.12, 1), 0.8)


def _reach(rng: Rng, scene: Scene, radius: float) -> list[tuple[float, float]]:
    """Choose where a finger ends on the page and where it comes from, outside the picture."""
    height, width = scene.shape
    page = scene.page
    side = rng.integers(3)
    reach = scene.longest * rng.uniform(0.05, 0.14)
    if side == 2:
        x = rng.uniform(0.1, 0.9) * width
        return [(x, page.bottom - reach), (x + rng.normal(0, 0.5) * reach, height + 3 * radius)]
    y = rng.uniform(0.2, 0.9) * height
    edge, out = (page.left, -3 * radius) if side == 0 else (page.right, width + 3 * radius)
    tip = (edge + reach * (1 if side == 0 else -1), y)
    return [tip, (out, y + rng.uniform(0.2, 1.0) * reach)]


def ribbon(rng: Rng, scene: Scene) -> None:
    """Lay a ribbon or a strip that hangs over the page or out of the book."""
    height, width = scene.shape
    half = scene.longest * rng.uniform(0.003, 0.018)
    page = scene.page
    if rng.random() < 0.6:
        x = float(rng.choice([page.left, page.right])) + rng.normal(0, 2) * half
        points = [(x, -9.0), (x, height * 0.5), (x, height + 9.0)]
    else:
        y = rng.uniform(page.top, page.bottom)
        points = [(-9.0, y), (width * 0.5, y), (width + 9.0, y)]
    path = np.array(points) + rng.normal(0, half * 1.5, (3, 2))
    if rng.random() < 0.5:
        path = path[:2]
    body = stroke(spline(path, 14), half, flat=True)
    scene.shade(body, half * 0.4)
    colour = rng.choice(
        [(0.6, 0.1, 0.12), (0.1, 0.2, 0.45), (0.85, 0.8, 0.7), (0.1, 0.3, 0.15), (0.9, 0.9, 0.88)]
    )
    scene.lay_round(body, colour, 1 + field(rng, scene.shape, (1.5, 6)) * 0.1, 0.75, half)


def string(rng: Rng, scene: Scene) -> None:
    """Lay a twisted string or sewing thread across the page or down its edge."""
    height, width = scene.shape
    half = scene.longest * rng.uniform(0.001, 0.004)
    points = rng.uniform(-0.1, 1.1, (4, 2)) * (width, height)
    if rng.random() < 0.7:
        points[:, 0] = rng.choice([scene.page.left, scene.page.right]) + rng.normal(0, 5 * half, 4)
        points[:, 1] = np.linspace(-9, height * rng.uniform(0.3, 1.1), 4)
    curve = spline(points, 40)
    colour = rng.choice([(0.85, 0.8, 0.68), (0.6, 0.45, 0.3), (0.92, 0.92, 0.9), (0.5, 0.15, 0.12)])
    scene.lay(stroke(curve, half), colour * 0.8, shadow=half)
    twist = np.array([(-0.8, -0.8), (0.8, 0.8)]) * half
    scene.lay(joined([stroke(twist + point, half * 0.35) for point in curve[::2]]), colour)


def clasp(rng: Rng, scene: Scene) -> None:
    """Lay a clasp of brass or leather that reaches over the edge of a book."""
    page = scene.page
    thick = scene.longest * rng.uniform(0.02, 0.05)
    reach = scene.longest * rng.uniform(0.05, 0.12)
    y = rng.uniform(page.top, page.bottom)
    left, right = (page.right - reach * 0.1, page.right + reach)
    if rng.random() < 0.5:
        left, right = page.left - reach, page.left + reach * 0.1
    body = filled(Box(left, y - thick / 2, right, y + thick / 2))
    brass = np.array([(0.6, 0.48, 0.2), (0.3, 0.17, 0.08), (0.45, 0.43, 0.4)])
    colour = brass[rng.integers(3)]
    scene.lay(body, colour, shadow=thick * 0.15)
    holes = [
        stroke([(left + (right - left) * share, y)], thick * rng.uniform(0.06, 0.14))
        for share in rng.uniform(0.1, 0.9, int(rng.integers(2, 6)))
    ]
    scene.lay(joined(holes), colour * 0.35)
    for edge in (-0.35, 0.35):
        scene.lay(level(y + edge * thick, left, right, max(1.0, thick * 0.05)), colour * 0.55)


def wormholes(rng: Rng, scene: Scene) -> None:
    """Lay round holes and short tunnels through the page, dark or showing what lies below."""
    page = scene.page
    middle = rng.uniform((page.left, page.top), (page.right, page.bottom))
    spread = scene.longest * rng.uniform(0.03, 0.3)
    size = scene.longest * rng.uniform(0.0008, 0.003)
    parts = []
    for _ in range(int(rng.integers(3, 40))):
        place = rng.normal(middle, spread)
        if rng.random() < 0.7:
            parts.append(stroke([place], size * rng.lognormal(0, 0.35)))
        else:
            path = place + np.cumsum(rng.normal(0, 5 * size, (4, 2)), axis=0)
            parts.append(stroke(spline(path, 6), size * rng.uniform(0.7, 1.2)))
    colour = rng.choice([(0.08, 0.06, 0.05), (0.25, 0.18, 0.12), (0.45, 0.36, 0.25)])
    scene.lay(joined(parts), colour, rng.uniform(0.7, 1))


def frame(rng: Rng, scene: Scene) -> None:
    """Lay the dark frame of a film: straight edges, round corners, perforation or marks."""
    height, width = scene.shape
    edge = scene.longest * rng.uniform(0.008, 0.035)
    gray = float(rng.choice([0.02, 0.05, 0.95]))
    sides = [
        filled(Box(-edge, -edge, edge, height + edge)),
        filled(Box(width - edge, -edge, width + edge, height + edge)),
        filled(Box(-edge, -edge, width + edge, edge)),
        filled(Box(-edge, height - edge, width + edge, height + edge)),
    ]
    scene.lay(joined([side for side in sides if rng.random() < 0.7]), [gray] * 3)
    if rng.random() < 0.5:
        pitch = edge * rng.uniform(2, 5)
        x = edge * 0.5 if rng.random() < 0.5 else width - edge * 0.5
        holes = [
            filled(Box(x - edge * 0.3, y, x + edge * 0.3, y + pitch * 0.4))
            for y in np.arange(rng.uniform(0, pitch), height, pitch)
        ]
        scene.lay(joined(holes), [1 - gray] * 3)


OBJECTS: dict[str, Callable[[Rng, Scene], None]] = {
    thing.__name__: thing
    for thing in (target, grays, ruler, clip, finger, ribbon, string, clasp, wormholes, frame)
}
"""Every thing by name: functions that lay it into a scene."""
