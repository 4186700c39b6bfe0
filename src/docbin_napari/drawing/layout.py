"""Layouts: positions of text, initials, rules, notes, stamps and signatures on a page."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.drawing.blocks import MENUS, stacked
from docbin_napari.drawing.music import chant, staves
from docbin_napari.drawing.shapes import (
    filled,
    flourish,
    framed_initial,
    guide_lines,
    rule,
    stamp,
    vignette,
)
from docbin_napari.drawing.sheet import Plan, Sheet
from docbin_napari.drawing.strokes import Strokes, joined, spline, stroke
from docbin_napari.drawing.text import Box, fitted, set_line, set_lines, write

if TYPE_CHECKING:
    from collections.abc import Callable


def compose(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
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
    sheet = LAYOUTS[plan.layout](rng, plan, box)
    guides, marks = [sheet.guides], [sheet.marks]
    if rng.random() < plan.guides and not len(sheet.guides):
        leading = plan.setting.leading * plan.hand.x_height
        guides.append(guide_lines(box, box.top + 1.7 * plan.hand.x_height, leading))
    if plan.grid:
        guides.append(grid_lines(rng, box, plan))
    if rng.random() < plan.stamps:
        marks.append(stamp(rng, box))
    sheet = replace(sheet, guides=joined(guides), marks=joined(marks))
    return lit(rng, sheet, box) if plan.dark == "page" else sheet


def grid_lines(rng: np.random.Generator, box: Box, plan: Plan) -> Strokes:
    """Draw the lines of squared or ruled paper far beyond a box; some kinds have stronger ones."""
    wide = 0.3 * max(box.width, box.height)
    left, top, right, bottom = box.left - wide, box.top - wide, box.right + wide, box.bottom + wide
    strong = int(rng.choice([0, 0, 5, 10]))
    pen = rng.uniform(0.35, 0.9)
    lines = []
    for first, last, upright in ((top, bottom, False), (left, right, True)):
        if upright and not plan.squares:
            continue
        for index, place in enumerate(np.arange(first, last, plan.grid)):
            ends = [(place, top), (place, bottom)] if upright else [(left, place), (right, place)]
            thick = pen * (1.7 if strong and index % strong == 0 else 1.0)
            lines.append(stroke(spline(np.array(ends, float), 12), thick))
    return joined(lines)


def lit(rng: np.random.Generator, sheet: Sheet, box: Box) -> Sheet:
    """Turn what is written in the main ink into light writing on a dark ground."""
    wide = rng.uniform(0.02, 0.4) * min(box.width, box.height)
    ground = Box(box.left - wide, box.top - wide, box.right + wide, box.bottom + wide)
    return Sheet(panels=filled(ground), light=joined([sheet.text, sheet.second, sheet.marks]))


def _letter(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """Date at the right, salutation, paragraphs, signature."""
    line = plan.setting.leading * plan.hand.x_height
    top, bottom = box.top, box.bottom
    parts = []
    if box.height > 6 * line:
        date = Box(box.left + box.width * rng.uniform(0.3, 0.5), top, box.right, bottom)
        parts.append(set_line(rng, plan.hand, date, 3, "end"))
        parts.append(set_line(rng, plan.hand, box._replace(top=top + 1.5 * line), 2))
        top += 2.6 * line
        bottom -= rng.choice([0.0, 0.25]) * box.height
        name, advance = write(rng, replace(plan.hand, x_height=plan.hand.x_height * 1.4))
        place = (box.left + max(0.0, (box.width - advance) * rng.uniform(0.4, 0.9)), bottom)
        bottom -= 2 * line
        parts.append(joined([name, flourish(rng, plan.hand, advance)]).moved(*place))
    body = box._replace(top=top, bottom=bottom)
    parts.append(set_lines(rng, plan.hand, body, replace(plan.setting, indent=1.5)))
    return Sheet.of(parts)


def _plain(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """Nothing but lines."""
    return Sheet.of([set_lines(rng, plan.hand, box, plan.setting)])


def _diary(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """A printed heading, then writing that fills the page."""
    head = set_line(rng, plan.second, box, 2, "centre")
    top = box.top + 3.2 * plan.second.x_height
    body = set_lines(rng, plan.hand, box._replace(top=top), plan.setting)
    printed = [head]
    if rng.random() < 0.5:
        printed.append(rule(rng, (box.left, top), (box.right, top), 0.8))
    return Sheet.of([body], printed)


def _book(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """One printed column, running head, perhaps a large initial."""
    size = plan.hand.x_height
    parts = [set_line(rng, plan.hand, box, 4, "centre")]
    second: list[Strokes] = []
    body = box._replace(top=box.top + 4.0 * size)
    if rng.random() < 0.5 and body.height > 14 * size:
        parts.append(vignette(rng, body._replace(bottom=body.top + 2 * size)))
        body = body._replace(top=body.top + 3.4 * size)
    if rng.random() < 0.5 and body.height > 12 * size:
        side = plan.setting.leading * size * 3
        (second if rng.random() < 0.5 else parts).append(
            framed_initial(rng, plan.hand, (body.left, body.top), side * 0.85)
        )
        beside = Box(body.left + side, body.top, body.right, body.top + side)
        parts.append(set_lines(rng, plan.hand, beside, replace(plan.setting, paragraph=0)))
        body = body._replace(top=body.top + side)
    parts.append(set_lines(rng, plan.hand, body, plan.setting))
    return Sheet.of(parts, second)


def _columns(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """A heading over two or three columns, a line between them."""
    count = int(rng.integers(2, 4)) if box.width > 50 * plan.hand.x_height else 2
    gutter = 1.6 * plan.hand.x_height
    heading = set_line(
        rng,
        replace(plan.hand, x_height=plan.hand.x_height * 2.2, pen=plan.hand.pen * 2.2),
        box,
        3,
        "centre",
    )
    top = box.top + plan.hand.x_height * 7
    parts = [heading]
    width = (box.width - gutter * (count - 1)) / count
    picture = None
    for index in range(count):
        left = box.left + index * (width + gutter)
        body = Box(left, top, left + width, box.bottom)
        if picture is None and rng.random() < plan.pictures:
            height = min(width * rng.uniform(0.5, 1.1), body.height * 0.6)
            picture = body._replace(bottom=top + height)
            body = body._replace(top=top + height + plan.hand.x_height)
        parts.append(set_lines(rng, plan.hand, body, plan.setting))
        if index and rng.random() < 0.7:
            x = left - gutter / 2
            parts.append(rule(rng, (x, top), (x, box.bottom), 0.7))
    return replace(Sheet.of(parts), picture=picture)


def _form(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """Printed labels, answers by hand on pale lines."""
    label = fitted(plan.second, box)
    printed = [
        set_line(
            rng,
            replace(label, x_height=label.x_height * 1.6, pen=label.pen * 1.5),
            box,
            3,
            "centre",
        )
    ]
    answers, guides = [], []
    y = box.top + 6 * label.x_height
    step = max(plan.hand.x_height * 2.4, label.x_height * 3)
    while y < box.bottom:
        field = box._replace(top=y - 1.7 * label.x_height, bottom=max(box.bottom, y + step))
        printed.append(set_line(rng, label, field, int(rng.integers(1, 3))))
        left = box.left + box.width * rng.uniform(0.25, 0.45)
        guides.append(rule(rng, (left, y), (box.right, y), 0.6))
        answer = Box(left, y - 1.8 * plan.hand.x_height, box.right, y + step)
        if rng.random() < 0.8:
            answers.append(set_line(rng, plan.hand, answer, int(rng.integers(1, 4))))
        y += step * rng.choice([1.0, 1.0, 1.6])
    return Sheet.of(answers, printed, [], guides)


def _table(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """Rows of entries and figures between ruled lines."""
    step = plan.hand.x_height * 2.3
    edges = box.left + box.width * np.array([0, *np.sort(rng.uniform(0.35, 0.92, 3)), 1])
    parts, lines = [], []
    for row in np.arange(box.top + step, box.bottom + 1, step):
        lines.append(rule(rng, (box.left, row), (box.right, row), 0.6))
        for column in range(4):
            if row > box.top + 2 * step and rng.random() < (0.9 if column == 0 else 0.65):
                cell = Box(edges[column] + 4, row - step, edges[column + 1] - 4, row + step)
                text = None if column == 0 else f"{rng.integers(1, 4000)}"
                word, advance = write(rng, fitted(plan.hand, cell), text)
                if advance < cell.width:
                    shift = 0.0 if column == 0 else cell.width - advance
                    parts.append(word.moved(cell.left + shift, row - step * 0.2))
    lines.extend(rule(rng, (x, box.top + step), (x, box.bottom), 0.9) for x in edges)
    dark = rng.random() < 0.35
    return Sheet.of([*parts, *(lines if dark else [])], [], [], [] if dark else lines)


def _title(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """A few centred lines of several sizes, an ornament."""
    parts = []
    y = box.top
    while y < box.bottom - plan.hand.x_height * 3:
        share = float(rng.choice([0.8, 1.0, 1.6, 2.2]))
        hand = replace(plan.hand, x_height=plan.hand.x_height * share, pen=plan.hand.pen * share)
        parts.append(set_line(rng, hand, box._replace(top=y), int(rng.integers(1, 5)), "centre"))
        y += hand.x_height * rng.uniform(2.6, 5)
        if rng.random() < 0.2:
            parts.append(vignette(rng, Box(box.left, y, box.right, y + plan.hand.x_height * 2)))
            y += plan.hand.x_height * 4
    return Sheet.of(parts)


def _envelope(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """An address in a few large lines, each further to the right."""
    parts = []
    y, left = box.top + box.height * rng.uniform(0.1, 0.35), box.left
    for _ in range(int(rng.integers(2, 6))):
        line = Box(left, y, box.right, y + plan.hand.x_height * 4)
        if line.bottom < box.bottom + plan.hand.x_height * 2:
            parts.append(set_line(rng, plan.hand, line, int(rng.integers(1, 4))))
        y += plan.setting.leading * plan.hand.x_height
        left += box.width * rng.uniform(0.0, 0.1)
    return Sheet.of(parts)


def _blank(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """Almost nothing: a shelf mark, a number."""
    place = Box(
        box.left + box.width * rng.uniform(0, 0.6),
        box.top + box.height * rng.uniform(0, 0.8),
        box.right,
        box.bottom,
    )
    return Sheet.of([set_line(rng, plan.hand, place, int(rng.integers(1, 3)))])


def _annotated(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """A narrow text with notes of another hand in the margin, some of them aslant."""
    right = box.left + box.width * rng.uniform(0.62, 0.78)
    text = set_lines(rng, plan.hand, box._replace(right=right), plan.setting)
    notes = []
    y = box.top + box.height * rng.uniform(0, 0.2)
    while y < box.bottom - box.height * 0.1:
        height = box.height * rng.uniform(0.08, 0.2)
        note = Box(right + 8, y, box.right, min(y + height, box.bottom))
        lines = set_lines(rng, plan.second, note, replace(plan.setting, leading=2.1))
        angle = rng.choice([0.0, -0.35, 0.35])
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        centre = ((note.left + note.right) / 2, (note.top + note.bottom) / 2)
        notes.append(lines.moved(-centre[0], -centre[1]).mapped(turn).moved(*centre))
        y += height + box.height * rng.uniform(0.02, 0.25)
    return Sheet.of([text], notes)


def _half_dark(rng: np.random.Generator, plan: Plan, box: Box) -> Sheet:
    """Two columns or two halves, one of them light on dark, perhaps to the edges of the page."""
    size = plan.hand.x_height
    if rng.random() < 0.6:
        middle = box.left + box.width * rng.uniform(0.35, 0.65)
        halves = [box._replace(right=middle - size), box._replace(left=middle + size)]
    else:
        middle = box.top + box.height * rng.uniform(0.3, 0.7)
        halves = [box._replace(bottom=middle - size), box._replace(top=middle + size)]
    if rng.random() < 0.5:
        halves.reverse()
    plain, dark = (Sheet.of([set_lines(rng, plan.hand, half, plan.setting)]) for half in halves)
    if rng.random() < 0.3:
        plain = LAYOUTS["title"](rng, replace(plan, hand=fitted(plan.hand, halves[0])), halves[0])
    edge = halves[1]
    far = max(box.width, box.height) if rng.random() < 0.4 else size
    sides = [far if side == whole else size for side, whole in zip(edge, box, strict=True)]
    left, top, right, bottom = sides
    grown = Box(edge.left - left, edge.top - top, edge.right + right, edge.bottom + bottom)
    return plain.beside(Sheet(panels=filled(grown), light=dark.text))


LAYOUTS: dict[str, Callable[[np.random.Generator, Plan, Box], Sheet]] = {
    "letter": _letter,
    "plain": _plain,
    "diary": _diary,
    "book": _book,
    "columns": _columns,
    "form": _form,
    "table": _table,
    "title": _title,
    "envelope": _envelope,
    "blank": _blank,
    "annotated": _annotated,
    "empty": lambda rng, plan, box: Sheet(),
    "half dark": _half_dark,
    "music": staves,
    "chant": chant,
    **{name: partial(stacked, menu=menu) for name, menu in MENUS.items()},
}
"""Every layout by name: functions from (rng, plan, box) to a `Sheet`."""
