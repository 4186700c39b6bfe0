"""Ornaments: rules, guide lines, initials, flourishes and stamps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.drawing.lettering import Hand, write_word
from docbin_napari.drawing.strokes import Strokes, joined, spline, stroke
from docbin_napari.drawing.text import Box, invent_word

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rule(
    rng: np.random.Generator, begin: tuple[float, float], end: tuple[float, float], radius: float
) -> Strokes:
    """Draw a straight line between two points, a little uneven in its ink."""
    t = np.linspace(0, 1, 24)[:, None]
    density = np.clip(rng.normal(0.85, 0.12, 24), 0.3, 1)
    return stroke(np.array([begin]) * (1 - t) + np.array([end]) * t, radius, density)


def guide_lines(box: Box, first: float, leading: float) -> Strokes:
    """Draw level lines from `first` down to the bottom of a box, in pixels."""
    return joined(
        [
            stroke(np.column_stack([np.linspace(box.left, box.right, 12), np.full(12, y)]), 0.6)
            for y in np.arange(first, box.bottom + 1, max(leading, 6))
        ]
    )


def flourish(rng: np.random.Generator, hand: Hand, width: float) -> Strokes:
    """Draw the loops under a signature, which ends at x = `width`."""
    count = int(rng.integers(4, 9))
    xs = np.linspace(width, -width * 0.2, count) + rng.normal(0, width * 0.15, count)
    ys = hand.x_height * (0.7 + 0.5 * (np.arange(count) % 2)) + rng.normal(0, 3, count)
    curve = spline(np.column_stack([xs, ys]), 12)
    swell = hand.pen / 2 * (0.75 + 0.35 * np.sin(np.linspace(0, 9, len(curve))))
    return stroke(curve, swell)


def framed_initial(
    rng: np.random.Generator, hand: Hand, corner: tuple[float, float], side: float
) -> Strokes:
    """Draw a large capital with its top left at `corner`, sometimes in a frame of scrolls."""
    big = replace(
        hand,
        script="serif",
        x_height=side / 1.6,
        pen=side / 9,
        slant=0.0,
        stretch=0.9,
        contrast=0.6,
        nib=0.0,
        jitter=0.05,
        reach=1.0,
    )
    letter, advance = write_word(rng, big, str(rng.choice(list("ABDEHIKLMNOPRSTVW"))))
    x, y = corner
    parts = [letter.moved(x + max(0.0, (side - advance) / 2), y + side * 0.97)]
    if rng.random() < 0.5:
        frame = np.array([[0, 0], [side, 0], [side, side], [0, side], [0, 0]]) + corner
        parts.append(stroke(frame, 0.9))
        places = corner + rng.uniform(0.15, 0.85, (int(rng.integers(3, 8)), 2)) * side
        parts.extend(stroke(_scroll(rng, side * 0.16) + place, 0.7) for place in places)
    return joined(parts)


def vignette(rng: np.random.Generator, box: Box) -> Strokes:
    """Draw a symmetric ornament in the middle of a box: a swelling line, scrolls at its ends."""
    centre = np.array([(box.left + box.right) / 2, (box.top + box.bottom) / 2])
    half = min(box.width * rng.uniform(0.1, 0.4), 300)
    t = np.linspace(-1, 1, 40)
    bar = np.column_stack([t * half, np.zeros(40)])
    parts = [stroke(bar + centre, 0.6 + (1 - np.abs(t)) * rng.uniform(0.5, 3))]
    for _ in range(int(rng.integers(0, 4))):
        curve = _scroll(rng, box.height * 0.45) + np.array((half * rng.uniform(0.2, 1), 0))
        parts.extend(stroke(curve * (sign, 1) + centre, 1.1) for sign in (-1, 1))
    return joined(parts)


def _scroll(rng: np.random.Generator, size: float) -> NDArray[np.float64]:
    """Points of a spiral around the origin."""
    turns = np.linspace(0, rng.uniform(5, 10), 36) + rng.uniform(0, 6)
    grow = np.linspace(0.15, 1, 36) * size
    return np.column_stack([np.cos(turns) * grow, np.sin(turns) * grow])


def stamp(rng: np.random.Generator, box: Box) -> Strokes:
    """Draw a round or square stamp with a word or two, turned, somewhere in a box."""
    size = min(box.width, box.height) * rng.uniform(0.07, 0.14)
    size = float(np.clip(size, 10, 80))
    pen = float(np.clip(size / 22, 0.8, 2.4))
    parts = []
    if rng.random() < 0.6:
        turn = np.linspace(0, 2 * np.pi, 60)
        ring = np.column_stack([np.cos(turn), np.sin(turn) * rng.choice([1.0, 0.65])])
        parts = [stroke(ring * size, pen), stroke(ring * size * 0.86, pen * 0.6)]
    else:
        corners = np.array([[-1, -0.5], [1, -0.5], [1, 0.5], [-1, 0.5], [-1, -0.5]])
        parts = [stroke(corners * size * 1.1, pen)]
    face = Hand(script="sans", x_height=size * 0.2, pen=pen * 1.6, contrast=0, slant=0, jitter=0.05)
    for row in (-0.3, 0.05, 0.4):
        word, advance = write_word(rng, face, invent_word(rng, longest=8).upper())
        if advance > size * 1.5:
            word = word.mapped(np.diag([size * 1.5 / advance, 1]))
            advance = size * 1.5
        parts.append(word.moved(-advance / 2, row * size * 0.9 + size * 0.1))
    mark = joined(parts)
    worn = np.repeat(np.clip(rng.normal(0.85, 0.2, len(mark) // 6 + 1), 0.25, 1), 6)[: len(mark)]
    angle = rng.normal(0, 0.25)
    turned = replace(mark, density=worn).mapped(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    x = rng.uniform(box.left + size, max(box.right - size, box.left + size + 1))
    return turned.moved(x, rng.uniform(box.top + size, max(box.bottom - size, box.top + size + 1)))
