"""Layouts: positions of text, initials, rules, notes, stamps and signatures on a page; music."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from docbin_napari.drawing import shapes
from docbin_napari.drawing.blocks import MENUS, Plan, Sheet, stacked
from docbin_napari.drawing.lettering import ALPHABETS
from docbin_napari.drawing.noise import Rng
from docbin_napari.drawing.shapes import bar, level, rule, upright
from docbin_napari.drawing.strokes import Strokes, joined, spline, stroke
from docbin_napari.drawing.text import Box, fitted, set_line, set_lines, write


def compose(rng: Rng, plan: Plan, box: Box) -> Sheet:
    """Draw the content of a page into a box.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all choices.
    plan : Plan
        What to draw.
    box : Box
        The area inside the margins.

    Returns
    -------
    Sheet
        Strokes in page coordinates.
    """
    plan = replace(plan, hand=fitted(plan.hand, box), second=fitted(plan.second, box))
    sheet = Sheet()
    LAYOUTS[plan.layout](rng, plan, box, sheet)
    if rng.random() < plan.guides and not sheet.guides:
        leading = plan.setting.leading * plan.hand.x_height
        sheet.guides.append(shapes.guide_lines(box, box.top + 1.7 * plan.hand.x_height, leading))
    if plan.grid:
        sheet.guides.append(grid_lines(rng, box, plan))
    if rng.random() < plan.stamps:
        sheet.marks.append(shapes.stamp(rng, box))
    return lit(rng, sheet, box) if plan.dark else sheet


def grid_lines(rng: Rng, box: Box, plan: Plan) -> Strokes:
    """Draw the lines of squared or ruled paper far beyond a box; some kinds have stronger ones."""
    left, top, right, bottom = box.grown(0.3 * max(box.width, box.height))
    strong = int(rng.choice([0, 0, 5, 10]))
    pen = rng.uniform(0.35, 0.9)
    lines = []
    for across in (False, True) if plan.squares else (False,):
        first, last = (left, right) if across else (top, bottom)
        for index, place in enumerate(np.arange(first, last, plan.grid)):
            ends = [(place, top), (place, bottom)] if across else [(left, place), (right, place)]
            thick = pen * (1.7 if strong and index % strong == 0 else 1.0)
            lines.append(stroke(spline(np.array(ends, float), 12), thick))
    return joined(lines)


def lit(rng: Rng, sheet: Sheet, box: Box) -> Sheet:
    """Turn what is written in the main ink into light writing on a dark ground."""
    wide = rng.uniform(0.02, 0.4) * min(box.width, box.height)
    writing = [*sheet.text, *sheet.second, *sheet.marks]
    return Sheet(panels=[shapes.filled(box.grown(wide))], light=writing)


def _letter(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw a date at the right, salutation, paragraphs, signature."""
    line = plan.setting.leading * plan.hand.x_height
    top, bottom = box.top, box.bottom
    if box.height > 6 * line:
        date = Box(box.left + box.width * rng.uniform(0.3, 0.5), top, box.right, bottom)
        sheet.text.append(set_line(rng, plan.hand, date, 3, "end"))
        sheet.text.append(set_line(rng, plan.hand, box._replace(top=top + 1.5 * line), 2))
        top += 2.6 * line
        bottom -= rng.choice([0.0, 0.25]) * box.height
        name, advance = write(rng, replace(plan.hand, x_height=plan.hand.x_height * 1.4))
        place = (box.left + max(0.0, (box.width - advance) * rng.uniform(0.4, 0.9)), bottom)
        bottom -= 2 * line
        sheet.text.append(joined([name, shapes.flourish(rng, plan.hand, advance)]).moved(*place))
    body = box._replace(top=top, bottom=bottom)
    sheet.text.append(set_lines(rng, plan.hand, body, replace(plan.setting, indent=1.5)))


def _plain(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw nothing but lines."""
    sheet.text.append(set_lines(rng, plan.hand, box, plan.setting))


def _diary(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw a printed heading, then writing that fills the page."""
    sheet.second.append(set_line(rng, plan.second, box, 2, "centre"))
    top = box.top + 3.2 * plan.second.x_height
    sheet.text.append(set_lines(rng, plan.hand, box._replace(top=top), plan.setting))
    if rng.random() < 0.5:
        sheet.second.append(rule(rng, (box.left, top), (box.right, top), 0.8))


def _book(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw one printed column, running head, perhaps a large initial."""
    size = plan.hand.x_height
    sheet.text.append(set_line(rng, plan.hand, box, 4, "centre"))
    body = box._replace(top=box.top + 4.0 * size)
    if rng.random() < 0.5 and body.height > 14 * size:
        sheet.text.append(shapes.vignette(rng, body._replace(bottom=body.top + 2 * size)))
        body = body._replace(top=body.top + 3.4 * size)
    if rng.random() < 0.5 and body.height > 12 * size:
        side = plan.setting.leading * size * 3
        layer = sheet.second if rng.random() < 0.5 else sheet.text
        layer.append(shapes.framed_initial(rng, plan.hand, (body.left, body.top), side * 0.85))
        beside = Box(body.left + side, body.top, body.right, body.top + side)
        sheet.text.append(set_lines(rng, plan.hand, beside, replace(plan.setting, paragraph=0)))
        body = body._replace(top=body.top + side)
    sheet.text.append(set_lines(rng, plan.hand, body, plan.setting))


def _columns(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw a heading over two or three columns, a line between them."""
    size = plan.hand.x_height
    count = int(rng.integers(2, 4)) if box.width > 50 * size else 2
    gutter = 1.6 * size
    sheet.text.append(set_line(rng, plan.hand.scaled(2.2), box, 3, "centre"))
    top = box.top + size * 7
    width = (box.width - gutter * (count - 1)) / count
    for index in range(count):
        left = box.left + index * (width + gutter)
        body = Box(left, top, left + width, box.bottom)
        if sheet.picture is None and rng.random() < plan.pictures:
            height = min(width * rng.uniform(0.5, 1.1), body.height * 0.6)
            sheet.picture = body._replace(bottom=top + height)
            body = body._replace(top=top + height + size)
        sheet.text.append(set_lines(rng, plan.hand, body, plan.setting))
        if index and rng.random() < 0.7:
            x = left - gutter / 2
            sheet.text.append(rule(rng, (x, top), (x, box.bottom), 0.7))


def _form(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw printed labels, answers by hand on pale lines."""
    label = plan.second
    sheet.second.append(set_line(rng, label.scaled(1.6, 1.5), box, 3, "centre"))
    y = box.top + 6 * label.x_height
    step = max(plan.hand.x_height * 2.4, label.x_height * 3)
    while y < box.bottom:
        field = box._replace(top=y - 1.7 * label.x_height, bottom=max(box.bottom, y + step))
        sheet.second.append(set_line(rng, label, field, int(rng.integers(1, 3))))
        left = box.left + box.width * rng.uniform(0.25, 0.45)
        sheet.guides.append(rule(rng, (left, y), (box.right, y), 0.6))
        answer = Box(left, y - 1.8 * plan.hand.x_height, box.right, y + step)
        if rng.random() < 0.8:
            sheet.text.append(set_line(rng, plan.hand, answer, int(rng.integers(1, 4))))
        y += step * rng.choice([1.0, 1.0, 1.6])


def _table(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw rows of entries and figures between ruled lines."""
    step = plan.hand.x_height * 2.3
    edges = box.left + box.width * np.array([0, *np.sort(rng.uniform(0.35, 0.92, 3)), 1])
    lines = []
    for row in np.arange(box.top + step, box.bottom + 1, step):
        lines.append(rule(rng, (box.left, row), (box.right, row), 0.6))
        for column in range(4):
            if row > box.top + 2 * step and rng.random() < (0.9 if column == 0 else 0.65):
                cell = Box(edges[column] + 4, row - step, edges[column + 1] - 4, row + step)
                text = None if column == 0 else f"{rng.integers(1, 4000)}"
                word, advance = write(rng, fitted(plan.hand, cell), text)
                if advance < cell.width:
                    shift = 0.0 if column == 0 else cell.width - advance
                    sheet.text.append(word.moved(cell.left + shift, row - step * 0.2))
    lines.extend(rule(rng, (x, box.top + step), (x, box.bottom), 0.9) for x in edges)
    (sheet.text if rng.random() < 0.35 else sheet.guides).extend(lines)


def _title(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw a few centred lines of several sizes, an ornament."""
    size = plan.hand.x_height
    y = box.top
    while y < box.bottom - size * 3:
        hand = plan.hand.scaled(float(rng.choice([0.8, 1.0, 1.6, 2.2])))
        words = int(rng.integers(1, 5))
        sheet.text.append(set_line(rng, hand, box._replace(top=y), words, "centre"))
        y += hand.x_height * rng.uniform(2.6, 5)
        if rng.random() < 0.2:
            sheet.text.append(shapes.vignette(rng, Box(box.left, y, box.right, y + size * 2)))
            y += size * 4


def _envelope(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw an address in a few large lines, each further to the right."""
    y, left = box.top + box.height * rng.uniform(0.1, 0.35), box.left
    for _ in range(int(rng.integers(2, 6))):
        line = Box(left, y, box.right, y + plan.hand.x_height * 4)
        if line.bottom < box.bottom + plan.hand.x_height * 2:
            sheet.text.append(set_line(rng, plan.hand, line, int(rng.integers(1, 4))))
        y += plan.setting.leading * plan.hand.x_height
        left += box.width * rng.uniform(0.0, 0.1)


def _empty(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw nothing at all."""


def _blank(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw almost nothing: a shelf mark, a number."""
    left = box.left + box.width * rng.uniform(0, 0.6)
    place = box._replace(left=left, top=box.top + box.height * rng.uniform(0, 0.8))
    sheet.text.append(set_line(rng, plan.hand, place, int(rng.integers(1, 3))))


def _annotated(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw a narrow text with notes of another hand in the margin, some of them aslant."""
    right = box.left + box.width * rng.uniform(0.62, 0.78)
    sheet.text.append(set_lines(rng, plan.hand, box._replace(right=right), plan.setting))
    y = box.top + box.height * rng.uniform(0, 0.2)
    while y < box.bottom - box.height * 0.1:
        height = box.height * rng.uniform(0.08, 0.2)
        note = Box(right + 8, y, box.right, min(y + height, box.bottom))
        lines = set_lines(rng, plan.second, note, replace(plan.setting, leading=2.1))
        x, middle = note.centre
        aslant = lines.moved(-x, -middle).turned(rng.choice([0.0, -0.35, 0.35])).moved(x, middle)
        sheet.second.append(aslant)
        y += height + box.height * rng.uniform(0.02, 0.25)


def _half_dark(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw two columns or halves, one of them light on dark, perhaps to the edges of the page."""
    size = plan.hand.x_height
    if rng.random() < 0.6:
        middle = box.left + box.width * rng.uniform(0.35, 0.65)
        halves = [box._replace(right=middle - size), box._replace(left=middle + size)]
    else:
        middle = box.top + box.height * rng.uniform(0.3, 0.7)
        halves = [box._replace(bottom=middle - size), box._replace(top=middle + size)]
    if rng.random() < 0.5:
        halves.reverse()
    plain, dark = (set_lines(rng, plan.hand, half, plan.setting) for half in halves)
    if rng.random() < 0.3:
        _title(rng, replace(plan, hand=fitted(plan.hand, halves[0])), halves[0], sheet)
    else:
        sheet.text.append(plain)
    edge = halves[1]
    far = max(box.width, box.height) if rng.random() < 0.4 else size
    sides = [far if side == whole else size for side, whole in zip(edge, box, strict=True)]
    grown = Box(*(edge + np.multiply(sides, (-1, -1, 1, 1))).tolist())
    sheet.panels.append(shapes.filled(grown))
    sheet.light.append(dark)


def _music(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> None:
    """Draw staves of five lines, as large as the hand, notes, bars and, often, words."""
    space = max(3.0, min(plan.hand.x_height * rng.uniform(0.6, 1.3), box.width / 20))
    line = max(0.6, space * rng.uniform(0.05, 0.11))
    words = replace(plan.hand, x_height=space * 0.9, pen=max(1.2, space * 0.16))
    sung = rng.random() < 0.6
    group = int(rng.choice([1, 2, 2, 4]))
    top = box.top + space * 3
    if rng.random() < 0.7:
        title = replace(words, x_height=space * 2, pen=space * 0.4)
        sheet.text.append(set_line(rng, title, box, 4, "centre"))
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
                sheet.text.append(set_line(rng, words, lower, 12, "justify"))
                top += space * 1.5
        sheet.text.append(upright(box.left, first, top - 4 * space, line * 5))
        top += space * rng.uniform(1, 3)


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
    tilt = np.array([[0.9, 0.35], [-0.35, 0.9]])
    line, radius = np.array([[-0.2, 0], [0.2, 0]]), 0.45
    if not solid:
        turn = np.linspace(0, 2 * np.pi, 17)
        line, radius = np.column_stack([np.cos(turn) * 0.55, np.sin(turn) * 0.36]), 0.1
    return stroke(line * space @ tilt.T + (x, y), space * radius)


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
    heads = np.column_stack([xs, ys])
    sheet.text.extend(_head(u, v, space, solid=solid) for u, v in heads)
    beyond = heads[np.isin(places, (-2, 10))]
    sheet.text.extend(level(v, u - space, u + space, pen) for u, v in beyond)  # Ledger lines.
    way = -1 if up else 1
    ends = ys + way * 3.4 * space
    if count > 1:
        edge = ys.min() - 3 * space if up else ys.max() + 3 * space
        slope = float(np.clip((ys[-1] - ys[0]) * 0.4, -space, space))
        ends = edge + slope * np.linspace(0, 1, count)
        first, last = (xs[0] + side - pen / 2, ends[0]), (xs[-1] + side + pen / 2, ends[-1])
        beam = bar(first, last, space * 0.5)
        rows = range(int(rng.choice([1, 1, 2, 3])))
        sheet.text.extend(beam.moved(0, -way * row * space * 0.78) for row in rows)
    elif solid and rng.random() < 0.4:
        sheet.text.append(_flag(xs[0] + side, ends[0], space, way))
    if solid or rng.random() < 0.6:
        sheet.text.extend(upright(*stem, pen) for stem in zip(xs + side, ys, ends, strict=True))
    return float(xs[-1] + space * rng.uniform(2.2, 4.5))


def _flag(x: float, y: float, space: float, way: int) -> Strokes:
    """Draw the flag of an eighth note at the end of its stem."""
    points = np.array([[0, 0], [0.5, 0.8], [1.1, 1.4], [0.8, 2.4]]) * space * (1, -way)
    curve = spline(points, 6)
    return stroke(np.add(curve, (x, y)), np.linspace(0.25, 0.06, len(curve)) * space)


LAYOUTS: dict[str, Callable[[Rng, Plan, Box, Sheet], None]] = {
    **{
        layout.__name__[1:].replace("_", " "): layout
        for layout in (
            _letter, _plain, _diary, _book, _columns, _form, _table, _title, _envelope, _blank,
            _annotated, _empty, _half_dark, _music,
        )
    },
    **{name: partial(stacked, menu=menu) for name, menu in MENUS.items()},
}  # fmt: skip
"""Every layout by name: functions of (rng, plan, box, sheet) that draw on the sheet."""
