"""Solid shapes and ornaments, in print and by hand: bars, boxes, marks, initials, rules, stamps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docbin_napari.drawing.lettering import Hand, write_word
from docbin_napari.drawing.noise import Rng
from docbin_napari.drawing.strokes import Point, Points, Strokes, joined, spline, stroke
from docbin_napari.drawing.text import Box, invent_word


def bar(begin: Point, end: Point, thickness: float) -> Strokes:
    """Draw a solid bar with straight ends between two points, both in pixels.

    Examples
    --------
    >>> from docbin_napari.drawing.strokes import rasterize
    >>> distance, _ = rasterize(bar((9.5, 9.5), (29.5, 9.5), 6), (20, 40))
    >>> int((distance > 0).sum())
    120
    """
    return stroke(spline(np.array([begin, end]), 7), thickness / 2, flat=True)


def level(y: float, left: float, right: float, thickness: float) -> Strokes:
    """Draw a level bar."""
    return bar((left, y), (right, y), thickness)


def upright(x: float, top: float, bottom: float, thickness: float) -> Strokes:
    """Draw an upright bar."""
    return bar((x, top), (x, bottom), thickness)


def filled(box: Box) -> Strokes:
    """Fill a box."""
    x, y = box.centre
    if box.width > box.height:
        return level(y, box.left, box.right, box.height)
    return upright(x, box.top, box.bottom, box.width)


def outlined(box: Box, pen: float) -> Strokes:
    """Draw the four sides of a box."""
    left, top, right, bottom = box.grown(pen / 2)
    first = [level(box.top, left, right, pen), upright(box.right, top, bottom, pen)]
    last = [level(box.bottom, right, left, pen), upright(box.left, bottom, top, pen)]
    return joined(first + last)


def ring(centre: Point, radius: float, pen: float) -> Strokes:
    """Draw a circle."""
    turn = np.linspace(0, 2 * np.pi, 49)
    return stroke(np.column_stack([np.cos(turn), np.sin(turn)]) * radius + centre, pen / 2)


def bullet(kind: str, centre: Point, half: float) -> Strokes:
    """Draw a solid bullet, one of `BULLETS`."""
    x, y = centre
    if kind == "disc":
        return stroke([centre], half)
    if kind == "diamond":
        side = half * 0.55
        return stroke([(x - side, y - side), (x + side, y + side)], side * 1.414, flat=True)
    ends = {"square": (half, half), "triangle": (half, 0.3), "dash": (half * 0.35, half * 0.35)}
    return stroke([(x - half, y), (x + half, y)], ends[kind], flat=True)


BULLETS = ("disc", "square", "diamond", "triangle", "dash")


def tick(rng: Rng, centre: Point, size: float, pen: float) -> Strokes:
    """Draw a tick by hand, about `size` pixels wide."""
    points = np.array([(-0.5, -0.05), (-0.15, 0.4), (0.6, -0.7)]) * size
    points += rng.normal(0, size * 0.06, points.shape) + centre
    return stroke(spline(points[[0, 1, 1, 2]], 6), pen / 2)


def cross(rng: Rng, centre: Point, size: float, pen: float) -> Strokes:
    """Draw a cross by hand, about `size` pixels wide."""
    lines = []
    for sign in (-1, 1):
        points = np.array([(-0.5, -0.5 * sign), (0.5, 0.5 * sign)]) * size
        lines.append(stroke(points + rng.normal(0, size * 0.08, (2, 2)) + centre, pen / 2))
    return joined(lines)


def scribble(rng: Rng, box: Box, pen: float) -> Strokes:
    """Fill a box by hand, to and fro; some ground is left at the edges, hardly any inside."""
    slope = rng.normal(0, 0.15)
    count = max(4, int(box.height / (pen * rng.uniform(0.45, 0.8))))
    rows = np.linspace(box.top, box.bottom, count)
    ends = np.where(np.arange(count) % 2, box.left, box.right)
    ends = ends + rng.normal(0, 0.07 * box.width, count)
    rows = rows + slope * (ends - (box.left + box.right) / 2) * box.height / box.width
    return stroke(np.column_stack([ends, rows + rng.normal(0, pen * 0.1, count)]), pen / 2)


def barcode(rng: Rng, box: Box) -> Strokes:
    """Fill a box with upright bars of one to four modules."""
    module = max(1.2, box.width / rng.integers(60, 160))
    bars = []
    x = box.left
    while x < box.right - 4 * module:
        wide = module * rng.integers(1, 5)
        bars.append(upright(x + wide / 2, box.top, box.bottom, wide))
        x += wide + module * rng.integers(1, 5)
    return joined(bars)


def leaf(rng: Rng, length: float, bend: float) -> Strokes:
    """Draw a solid leaf or drop that starts at the origin and grows to the right."""
    t = np.linspace(0, 1, 14)
    middle = np.column_stack([t * length, bend * length * t**2])
    belly = rng.uniform(0.1, 0.3) * length * np.sin(np.pi * t ** rng.uniform(0.5, 1.4)) ** 0.8
    return stroke(middle, np.maximum(belly, 0.5))


def arabesque(rng: Rng, box: Box) -> Strokes:
    """Draw a symmetric solid ornament of leaves, drops and dots in the middle of a box."""
    size = min(box.height, box.width / 2) * 0.5
    parts = []
    for _ in range(int(rng.integers(3, 8))):
        angle = rng.uniform(-1.5, 1.5)
        one = leaf(rng, size * rng.uniform(0.35, 0.95), rng.normal(0, 0.35))
        parts.append(one.turned(angle).moved(size * rng.uniform(0, 0.3), 0))
    parts.extend(
        stroke([rng.uniform(0.1, 0.9, 2) * size], size * rng.uniform(0.04, 0.12))
        for _ in range(int(rng.integers(1, 5)))
    )
    half = joined(parts)
    return joined([half, half.mapped(np.diag([-1.0, 1.0]))]).moved(*box.centre)


def star(centre: Point, radius: float, rays: int) -> Strokes:
    """Draw a solid star of pointed rays around a disc."""
    parts = [stroke([centre], radius * 0.45)]
    for turn in np.arange(rays) * 2 * np.pi / rays:
        tip = np.array([np.cos(turn), np.sin(turn)]) * radius + centre
        parts.append(stroke(np.array([centre, tip]), [radius * 0.4, 0.3]))
    return joined(parts)


def rule(rng: Rng, begin: Point, end: Point, radius: float) -> Strokes:
    """Draw a straight line between two points, a little uneven in its ink."""
    density = np.clip(rng.normal(0.85, 0.12, 24), 0.3, 1)
    return stroke(spline(np.array([begin, end]), 23), radius, density)


def guide_lines(box: Box, first: float, leading: float) -> Strokes:
    """Draw level lines from `first` down to the bottom of a box, in pixels."""
    heights = np.arange(first, box.bottom + 1, max(leading, 6))
    xs = np.linspace(box.left, box.right, 12)
    return joined([stroke(np.column_stack([xs, np.full(12, y)]), 0.6) for y in heights])


def flourish(rng: Rng, hand: Hand, width: float) -> Strokes:
    """Draw the loops under a signature, which ends at x = `width`."""
    count = int(rng.integers(4, 9))
    xs = np.linspace(width, -width * 0.2, count) + rng.normal(0, width * 0.15, count)
    ys = hand.x_height * (0.7 + 0.5 * (np.arange(count) % 2)) + rng.normal(0, 3, count)
    curve = spline(np.column_stack([xs, ys]), 12)
    swell = hand.pen / 2 * (0.75 + 0.35 * np.sin(np.linspace(0, 9, len(curve))))
    return stroke(curve, swell)


def framed_initial(rng: Rng, hand: Hand, corner: Point, side: float) -> Strokes:
    """Draw a large capital with its top left at `corner`, sometimes in a frame of scrolls."""
    big = replace(hand, script="serif", x_height=side / 1.6, pen=side / 9, slant=0.0, stretch=0.9)
    big = replace(big, contrast=0.6, nib=0.0, jitter=0.05, reach=1.0)
    letter, advance = write_word(rng, big, str(rng.choice(list("ABDEHIKLMNOPRSTVW"))))
    x, y = corner
    parts = [letter.moved(x + max(0.0, (side - advance) / 2), y + side * 0.97)]
    if rng.random() < 0.5:
        frame = np.array([[0, 0], [side, 0], [side, side], [0, side], [0, 0]]) + corner
        parts.append(stroke(frame, 0.9))
        places = corner + rng.uniform(0.15, 0.85, (int(rng.integers(3, 8)), 2)) * side
        parts.extend(stroke(_scroll(rng, side * 0.16) + place, 0.7) for place in places)
    return joined(parts)


def vignette(rng: Rng, box: Box) -> Strokes:
    """Draw a symmetric ornament in the middle of a box: a swelling line, scrolls at its ends."""
    half = min(box.width * rng.uniform(0.1, 0.4), 300)
    t = np.linspace(-1, 1, 40)
    line = np.column_stack([t * half, np.zeros(40)])
    parts = [stroke(line + box.centre, 0.6 + (1 - np.abs(t)) * rng.uniform(0.5, 3))]
    for _ in range(int(rng.integers(0, 4))):
        curve = _scroll(rng, box.height * 0.45) + np.array((half * rng.uniform(0.2, 1), 0))
        parts.extend(stroke(curve * (sign, 1) + box.centre, 1.1) for sign in (-1, 1))
    return joined(parts)


def _scroll(rng: Rng, size: float) -> Points:
    """Points of a spiral around the origin."""
    turns = np.linspace(0, rng.uniform(5, 10), 36) + rng.uniform(0, 6)
    grow = np.linspace(0.15, 1, 36) * size
    return np.column_stack([np.cos(turns) * grow, np.sin(turns) * grow])


def stamp(rng: Rng, box: Box) -> Strokes:
    """Draw a round or square stamp with a word or two, turned, somewhere in a box."""
    size = float(np.clip(min(box.width, box.height) * rng.uniform(0.07, 0.14), 10, 80))
    pen = float(np.clip(size / 22, 0.8, 2.4))
    if rng.random() < 0.6:
        turn = np.linspace(0, 2 * np.pi, 60)
        oval = np.column_stack([np.cos(turn), np.sin(turn) * rng.choice([1.0, 0.65])])
        parts = [stroke(oval * size, pen), stroke(oval * size * 0.86, pen * 0.6)]
    else:
        corners = np.array([[-1, -0.5], [1, -0.5], [1, 0.5], [-1, 0.5], [-1, -0.5]])
        parts = [stroke(corners * size * 1.1, pen)]
    face = Hand(script="sans", x_height=size * 0.2, pen=pen * 1.6, contrast=0, slant=0, jitter=0.05)
    for row in (-0.3, 0.05, 0.4):
        word, advance = write_word(rng, face, invent_word(rng, longest=8).upper())
        wide = min(advance, size * 1.5)
        word = word.mapped(np.diag([wide / max(advance, 1), 1]))
        parts.append(word.moved(-wide / 2, row * size * 0.9 + size * 0.1))
    mark = joined(parts)
    worn = np.repeat(np.clip(rng.normal(0.85, 0.2, len(mark) // 6 + 1), 0.25, 1), 6)[: len(mark)]
    turned = replace(mark, density=worn).turned(rng.normal(0, 0.25))
    x = rng.uniform(box.left + size, max(box.right - size, box.left + size + 1))
    return turned.moved(x, rng.uniform(box.top + size, max(box.bottom - size, box.top + size + 1)))
