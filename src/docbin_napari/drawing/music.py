"""Music: staves with notes and words below, and square notes as in old chant books."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from docbin_napari.drawing.blocks import Plan, Sheet
from docbin_napari.drawing.lettering import ALPHABETS
from docbin_napari.drawing.noise import Rng
from docbin_napari.drawing.shapes import bar, bullet, level, upright
from docbin_napari.drawing.strokes import Point, Strokes, joined, spline, stroke
from docbin_napari.drawing.text import Box, fitted, set_line


def staves(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Fill a page with staves of five lines, notes, bars and, often, words.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all choices.
    plan : Plan
        `plan.hand` sets the words and, by its size, that of the staves.
    box : Box
        The area inside the margins, in pixels.
    sheet : Sheet
        What to draw on.
    """
    space = max(3.0, min(plan.hand.x_height * rng.uniform(0.6, 1.3), box.width / 20))
    line = max(0.6, space * rng.uniform(0.05, 0.11))
    words = replace(plan.hand, x_height=space * 0.9, pen=max(1.2, space * 0.16))
    sung = rng.random() < 0.6
    group = int(rng.choice([1, 2, 2, 4]))
    top = box.top + space * 3
    if rng.random() < 0.7:
        title = replace(words, x_height=space * 2, pen=space * 0.4)
        sheet.text.append(set_line(rng, fitted(title, box), box, 4, "centre"))
        top += space * 5
    while top + 6 * space < box.bottom:
        first = top
        for voice in range(group):
            if top + 5 * space > box.bottom:
                break
            _staff(rng, sheet, Box(box.left, top, box.right, top + 4 * space), line, voice)
            top += space * rng.uniform(8.5, 10)
            if sung and top + space < box.bottom:
                lower = box._replace(top=top - 3 * space)
                sheet.text.append(set_line(rng, fitted(words, lower), lower, 12, "justify"))
                top += space * 1.5
        sheet.text.append(upright(box.left, first, top - 4 * space, line * 5))
        top += space * rng.uniform(1, 3)


def chant(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Fill a page with staves of four lines, most of them in the second ink, and square notes.

    Parameters
    ----------
    rng, plan, box, sheet
        As for `staves`.
    """
    hand = fitted(plan.hand, box)
    space = max(4.0, hand.x_height * rng.uniform(0.6, 1.1))
    pen = max(1.2, space * rng.uniform(0.06, 0.14))
    lines = sheet.second if rng.random() < 0.7 else sheet.text
    top = box.top + space
    while top + 4 * space + 3 * hand.x_height < box.bottom:
        lines.extend(level(top + row * space, box.left, box.right, pen) for row in range(4))
        x = box.left + space * 2
        place = float(rng.integers(0, 7))
        while x < box.right - space:
            for _ in range(int(rng.choice([1, 1, 2, 3]))):
                place = float(np.clip(place + rng.integers(-2, 3), -1, 7))
                y = top + 3 * space - place * space / 2
                kind = "diamond" if rng.random() < 0.2 else "square"
                sheet.text.append(bullet(kind, (x, y), space * rng.uniform(0.38, 0.48)))
                if rng.random() < 0.25:
                    sheet.text.append(upright(x + space * 0.4, y, y + space * 1.8, pen))
                x += space * 0.9
            x += space * rng.uniform(0.8, 3)
        lower = box._replace(top=top + 3.6 * space)
        sheet.text.append(set_line(rng, hand, lower, 14, "justify"))
        top += 4.4 * space + 2.6 * hand.x_height


def _staff(rng: Rng, sheet: Sheet, box: Box, line: float, voice: int) -> None:
    """Draw one staff: lines, clef, bars, groups of notes."""
    space = box.height / 4
    rows = np.linspace(box.top, box.bottom, 5)
    sheet.text.extend(level(y, box.left, box.right, line * 2) for y in rows)
    sheet.text.append(_clef(box, space, treble=voice % 2 == 0 or rng.random() < 0.3))
    x = box.left + space * 5
    until_bar = rng.uniform(12, 30) * space
    last_bar = x
    while x < box.right - 6 * space:
        x = _notes(rng, sheet, box, x)
        if x - last_bar > until_bar and x < box.right - 4 * space:
            sheet.text.append(upright(x, box.top, box.bottom, line * 2.4))
            last_bar = x
            x += space * 1.5
    thick = space * 0.5
    end = box.right - thick / 2
    sheet.text.append(upright(end, box.top - line, box.bottom + line, thick))
    sheet.text.append(upright(end - space, box.top, box.bottom, line * 2.4))


def _clef(box: Box, space: float, *, treble: bool) -> Strokes:
    """Draw a clef at the left of a staff."""
    [points] = ALPHABETS["clefs"]["treble" if treble else "bass"]
    curve = spline(points, 6) * (space, -space)
    swell = space * (0.12 + 0.14 * np.abs(np.sin(np.linspace(0, 9, len(curve)))))
    clef = stroke(curve, swell)
    if not treble:
        dots = [stroke([(2.1 * space, -high * space)], space * 0.22) for high in (2.5, 3.5)]
        clef = joined([clef, *dots, stroke([(-0.7 * space, -3.1 * space)], space * 0.42)])
    return clef.moved(box.left + 2.6 * space, box.bottom)


def _head(x: float, y: float, space: float, *, solid: bool) -> Strokes:
    """Draw a note head around a point."""
    turn = np.linspace(0, 2 * np.pi, 17)
    tilt = np.array([[0.9, 0.35], [-0.35, 0.9]])
    if solid:
        ends = np.array([[-0.2, 0], [0.2, 0]]) * space @ tilt.T
        return stroke(np.add(ends, (x, y)), space * 0.45)
    oval = np.column_stack([np.cos(turn) * 0.55, np.sin(turn) * 0.36]) * space @ tilt.T
    return stroke(np.add(oval, (x, y)), space * 0.1)


def _notes(rng: Rng, sheet: Sheet, box: Box, x: float) -> float:
    """Draw a rest, a single note or a beamed group; returns where the next one may stand."""
    space = box.height / 4
    pen = max(1.0, space * 0.13)
    kind = rng.random()
    if kind < 0.1:  # A rest.
        y = box.top + space * rng.choice([1.25, 1.75])
        sheet.text.append(level(y, x, x + space * 1.3, space * 0.5))
        return x + space * rng.uniform(3, 5)
    count = 1 if kind < 0.55 else int(rng.integers(2, 5))
    solid = count > 1 or rng.random() < 0.65
    places = np.clip(np.cumsum(rng.integers(-2, 3, count)) + rng.integers(0, 9), -2, 10)
    xs = x + np.arange(count) * space * rng.uniform(1.8, 3.2)
    ys = box.bottom - places * space / 2
    up = places.mean() < 4
    side = space * 0.55 * (1 if up else -1)
    sheet.text.extend(_head(u, v, space, solid=solid) for u, v in zip(xs, ys, strict=True))
    _ledgers(sheet, box, list(zip(xs, places, strict=True)), pen)
    way = -1 if up else 1
    ends = ys + way * 3.4 * space
    if count > 1:
        edge = ys.min() - 3 * space if up else ys.max() + 3 * space
        slope = float(np.clip((ys[-1] - ys[0]) * 0.4, -space, space))
        ends = edge + slope * np.linspace(0, 1, count)
        first, last = (xs[0] + side - pen / 2, ends[0]), (xs[-1] + side + pen / 2, ends[-1])
        sheet.text.append(_beams(rng, first, last, space, way))
    elif solid and rng.random() < 0.4:
        sheet.text.append(_flag(xs[0] + side, ends[0], space, way))
    if solid or rng.random() < 0.6:
        stems = zip(xs + side, ys, ends, strict=True)
        sheet.text.extend(upright(*stem, pen) for stem in stems)
    return float(xs[-1] + space * rng.uniform(2.2, 4.5))


def _beams(rng: Rng, first: Point, last: Point, space: float, way: int) -> Strokes:
    """Draw one to three beams between the ends of two stems."""
    shifts = [-way * row * space * 0.78 for row in range(int(rng.choice([1, 1, 2, 3])))]
    return joined([bar(first, last, space * 0.5).moved(0, shift) for shift in shifts])


def _flag(x: float, y: float, space: float, way: int) -> Strokes:
    """Draw the flag of an eighth note at the end of its stem."""
    points = np.array([[0, 0], [0.5, 0.8], [1.1, 1.4], [0.8, 2.4]]) * space * (1, -way)
    curve = spline(points, 6)
    return stroke(np.add(curve, (x, y)), np.linspace(0.25, 0.06, len(curve)) * space)


def _ledgers(sheet: Sheet, box: Box, notes: list[Point], pen: float) -> None:
    """Draw the short lines of notes beyond the staff."""
    space = box.height / 4
    for x, place in notes:
        if place in (-2, 10):
            y = box.bottom - place * space / 2
            sheet.text.append(level(y, x - space, x + space, pen))
