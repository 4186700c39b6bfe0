"""Blocks of a printed page: choices, lists, panels, bars, display type.

Strategy: a block is a function that draws into the upper part of a box and returns how high it
became. A layout is a menu of blocks that are drawn one below the other until the page is full, so
that solid shapes of all sizes stand beside text as they do in print.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.drawing import shapes
from docbin_napari.drawing.lettering import Hand, write_word
from docbin_napari.drawing.shapes import framed_initial, rule
from docbin_napari.drawing.sheet import Plan, Sheet
from docbin_napari.drawing.strokes import Strokes, spline, stroke
from docbin_napari.drawing.text import Box, fitted, invent_word, set_line, set_lines, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Drawn:
    """Lists of strokes of a sheet that is being drawn; the names are those of `Sheet`."""

    text: list[Strokes] = field(default_factory=list)
    second: list[Strokes] = field(default_factory=list)
    marks: list[Strokes] = field(default_factory=list)
    guides: list[Strokes] = field(default_factory=list)
    cut: list[Strokes] = field(default_factory=list)
    panels: list[Strokes] = field(default_factory=list)
    light: list[Strokes] = field(default_factory=list)

    def sheet(self) -> Sheet:
        """Put all lists into a sheet."""
        return Sheet.of(
            self.text, self.second, self.marks, self.guides, self.cut, self.panels, self.light
        )


def stacked(rng: np.random.Generator, plan: Plan, box: Box, menu: Mapping[str, float]) -> Sheet:
    """Draw blocks below each other, each chosen from a menu of weights, until a box is full."""
    drawn = Drawn()
    names = list(menu)
    shares = np.array([menu[name] for name in names])
    size = plan.hand.x_height
    top = box.top
    while box.bottom - top > 4 * size:
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        used = BLOCKS[name](rng, plan, box._replace(top=top), drawn)
        top += used + size * rng.uniform(0.6, 2.5)
    return drawn.sheet()


def paragraph(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A few lines of text."""
    height = _lines_high(plan, int(rng.integers(2, 9)), box)
    drawn.text.append(
        set_lines(rng, plan.hand, box._replace(bottom=box.top + height), plan.setting)
    )
    return height


def heading(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """One line of larger, heavier type."""
    share = rng.uniform(1.3, 3)
    hand = replace(
        plan.hand,
        x_height=plan.hand.x_height * share,
        pen=plan.hand.pen * share * rng.uniform(1, 1.8),
    )
    hand = fitted(hand, box)
    drawn.text.append(set_line(rng, hand, box, 4, "centre" if rng.random() < 0.5 else "start"))
    return 2.4 * hand.x_height


def display(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """One word that fills the width, with stems of any thickness up to 220 pixels."""
    huge = rng.random() < 0.3
    word = invent_word(rng, longest=int(rng.integers(2, 4 if huge else 9)))
    word = word.upper() if rng.random() < 0.5 else word.capitalize()
    high = min(
        box.height * rng.uniform(0.2, 0.95), box.width * rng.uniform(0.1, 1.2 if huge else 0.5)
    )
    script = str(rng.choice(["serif", "sans", "sans", "blackletter", plan.hand.script]))
    if script not in ("serif", "sans", "blackletter"):
        script = "sans"
    face = Hand(
        script=script,  # type: ignore[arg-type]
        x_height=high / 1.9,
        pen=min(220.0, high / 1.9 * rng.uniform(0.18, 0.6)),
        contrast=rng.uniform(0, 0.3) if script == "sans" else rng.uniform(0.3, 0.85),
        nib=0.0 if script != "blackletter" else rng.uniform(0.6, 0.9),
        slant=0.22 if rng.random() < 0.15 else 0.0,
        jitter=0.02,
        character=rng.uniform(0, 0.2),
        letters=plan.hand.letters,
    )
    strokes, advance = write_word(rng, face, word)
    if not advance:
        return 0.0
    share = min(1.0, box.width / advance) if rng.random() < 0.4 else min(1.6, box.width / advance)
    squeezed = strokes.mapped(np.diag([share, min(share * 1.2, 1.0)]))
    squeezed = replace(squeezed, radius=squeezed.radius * min(share, 1.0))
    left = box.left + (box.width - advance * share) * rng.choice([0.0, 0.5])
    drawn.text.append(squeezed.moved(left, box.top + high * 0.95 * min(share * 1.2, 1.0)))
    return float(high * 1.25 * min(share * 1.2, 1.0))


def choices(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """Questions with circles or boxes to mark; some are filled, ticked or crossed."""
    label = fitted(plan.second, box)
    size = label.x_height
    step = size * rng.uniform(2.4, 4)
    rows = _rows(rng, 2, 8, (box.height - size) / step)
    options = int(rng.integers(2, 7))
    half = size * rng.uniform(0.6, 1.0)
    kind = str(rng.choice(["circle", "box", "lettered"]))
    mark = str(rng.choice(["solid", "scribble", "tick", "cross", "mixed"]))
    left = box.left + box.width * rng.uniform(0.2, 0.5)
    pitch = min(half * rng.uniform(3, 6), (box.right - left) / options)
    marks = drawn.text if rng.random() < 0.3 else drawn.second
    for row in range(rows):
        y = box.top + size + row * step
        room = Box(box.left, y - size * 1.2, left - size, y + size * 2)
        if room.width > 6:
            drawn.text.append(set_line(rng, label, room, 3))
        chosen = set(rng.integers(0, options, int(rng.choice([1, 1, 1, 2, 0]))).tolist())
        for number in range(options):
            centre = (left + (number + 0.5) * pitch, y)
            _field(rng, centre, half, kind, number, drawn)
            if number in chosen:
                marks.append(_mark(rng, centre, half, mark))
    return float(rows * step)


def _field(
    rng: np.random.Generator,
    centre: tuple[float, float],
    half: float,
    kind: str,
    number: int,
    drawn: Drawn,
) -> None:
    """Draw an empty field to mark."""
    x, y = centre
    pen = max(1.0, half * 0.1)
    if kind == "box":
        drawn.text.append(shapes.outlined(Box(x - half, y - half, x + half, y + half), pen))
        return
    drawn.text.append(shapes.ring(centre, half, pen))
    if kind == "lettered":
        face = Hand(script="sans", x_height=half * 0.65, pen=max(1.0, half * 0.13), contrast=0.0)
        letter, advance = write_word(rng, replace(face, slant=0.0, jitter=0.0), "ABCDEFG"[number])
        drawn.text.append(letter.moved(x - advance / 2, y + half * 0.5))


def _mark(rng: np.random.Generator, centre: tuple[float, float], half: float, kind: str) -> Strokes:
    """Mark a field."""
    x, y = centre
    if kind == "mixed":
        kind = str(rng.choice(["solid", "scribble", "tick", "cross"]))
    if kind == "solid":
        return shapes.bullet(str(rng.choice(["disc", "disc", "square"])), centre, half * 1.02)
    if kind == "scribble":
        inside = Box(x - half, y - half, x + half, y + half)
        return shapes.scribble(rng, inside, max(2.0, half * rng.uniform(0.25, 0.5)))
    draw = shapes.tick if kind == "tick" else shapes.cross
    return draw(rng, centre, half * rng.uniform(1.5, 2.6), max(1.5, half * rng.uniform(0.15, 0.4)))


def bullets(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A list whose lines begin with a solid bullet."""
    hand = fitted(plan.hand, box)
    step = plan.setting.leading * hand.x_height
    rows = _rows(rng, 2, 7, box.height / step)
    kind = str(rng.choice(shapes.BULLETS))
    half = hand.x_height * rng.uniform(0.18, 0.75)
    for row in range(rows):
        y = box.top + row * step
        drawn.text.append(
            shapes.bullet(kind, (box.left + half * 1.5, y + 1.2 * hand.x_height), half)
        )
        line = Box(box.left + half * 3 + hand.x_height, y, box.right, y + 4 * hand.x_height)
        drawn.text.append(set_line(rng, hand, line, int(rng.integers(1, 9))))
    return float(rows * step)


def bars(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A bar or several of growing thickness, one or more of them beside text."""
    size = plan.hand.x_height
    count = int(rng.choice([1, 1, 2, 4]))
    thick = size * np.exp(rng.uniform(np.log(0.1), np.log(3), count))
    wide = box.width * rng.choice([1.0, rng.uniform(0.1, 0.6)])
    left = box.left + (box.width - wide) * rng.choice([0.0, 0.5, 1.0])
    y = box.top
    for each in np.sort(thick):
        drawn.text.append(shapes.bar((left, y + each / 2), (left + wide, y + each / 2), each))
        y += each + size * rng.uniform(0.4, 1.5)
    return float(y - box.top)


def table(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A table whose head is light writing on a dark ground."""
    hand = fitted(plan.second, box)
    step = hand.x_height * rng.uniform(2.6, 3.4)
    rows = _rows(rng, 3, 8, box.height / step)
    if rows < 2:
        return paragraph(rng, plan, box, drawn)
    count = int(rng.integers(2, 6))
    edges = box.left + box.width * np.linspace(0, 1, count + 1)
    head = box._replace(bottom=box.top + step)
    drawn.panels.append(shapes.filled(head))
    pen = rng.uniform(0.8, 3)
    for row in range(rows):
        base = box.top + (row + 0.5) * step
        target = drawn.text if row else drawn.light
        for column in range(count):
            cell = Box(edges[column], base - step, edges[column + 1], base + step)
            text = None if column == 0 or not row else f"{rng.integers(1, 4000)}"
            word, advance = write(rng, hand, text)
            if advance < cell.width - hand.x_height:
                target.append(word.moved(cell.left + hand.x_height * 0.5, base + hand.x_height / 2))
        if row and rng.random() < 0.8:
            y = box.top + (row + 1) * step
            drawn.text.append(shapes.bar((box.left, y), (box.right, y), pen))
    if rng.random() < 0.6:
        whole = box._replace(bottom=box.top + rows * step)
        drawn.text.append(shapes.outlined(whole._replace(top=box.top + step), pen))
    return float(rows * step)


def panel(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """Lines of light writing on a dark ground, as wide as the text or a part of it."""
    wide = box.width * rng.choice([1.0, rng.uniform(0.4, 0.9)])
    left = box.left + (box.width - wide) * rng.choice([0.0, 0.5, 1.0])
    lines = int(rng.integers(1, 10))
    hand = fitted(plan.hand, box._replace(right=box.left + wide))
    if lines == 1:
        hand = replace(hand, x_height=hand.x_height * 1.5, pen=hand.pen * 1.6)
    edge = hand.x_height * rng.uniform(0.5, 1.4)
    height = min(box.height, lines * plan.setting.leading * hand.x_height + 2 * edge)
    area = Box(left, box.top, left + wide, box.top + height)
    inside = Box(area.left + edge, area.top + edge, area.right - edge, area.bottom - edge)
    if inside.width < 6 * hand.x_height or inside.height < hand.x_height * 2:
        return paragraph(rng, plan, box, drawn)
    drawn.panels.append(shapes.filled(area))
    writing = (
        set_line(rng, hand, inside, 5, "centre")
        if lines == 1
        else set_lines(rng, hand, inside, plan.setting)
    )
    drawn.light.append(writing)
    return height


def tinted(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """Dark lines on a pale tint, which is background."""
    hand = fitted(plan.hand, box)
    edge = hand.x_height * rng.uniform(0.5, 1.4)
    height = min(box.height, _lines_high(plan, int(rng.integers(1, 8)), box) + 2 * edge)
    area = box._replace(bottom=box.top + height)
    inside = Box(area.left + edge, area.top + edge, area.right - edge, area.bottom - edge)
    if inside.width < 6 * hand.x_height or inside.height < hand.x_height * 2:
        return paragraph(rng, plan, box, drawn)
    tint = shapes.filled(area)
    drawn.panels.append(replace(tint, density=tint.density * rng.uniform(0.1, 0.35)))
    drawn.text.append(set_lines(rng, hand, inside, plan.setting))
    return height


def redacted(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """Lines of which parts are blacked out."""
    hand = fitted(plan.hand, box)
    step = plan.setting.leading * hand.x_height
    rows = _rows(rng, 2, 6, box.height / step)
    if rng.random() < 0.25:
        left, right = box.left + box.width * np.sort(rng.uniform(0, 1, 2))
        drawn.text.append(
            shapes.filled(Box(left, box.top, max(right, left + 8), box.top + rows * step))
        )
        return float(rows * step)
    for row in range(rows):
        y = box.top + row * step
        line = box._replace(top=y, bottom=y + 4 * hand.x_height)
        split = box.left + box.width * rng.uniform(0.05, 0.9)
        if split - box.left > 6 * hand.x_height:
            drawn.text.append(set_line(rng, hand, line._replace(right=split), 12))
        end = min(box.right, split + box.width * rng.uniform(0.05, 0.5))
        middle = y + 1.15 * hand.x_height
        thick = hand.x_height * rng.uniform(1.3, 2.1)
        drawn.text.append(shapes.bar((split, middle), (end, middle), thick))
    return float(rows * step)


def initial(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A paragraph with a large initial: a letter, or a solid square around a light letter."""
    hand = fitted(plan.hand, box)
    step = plan.setting.leading * hand.x_height
    rows = int(rng.integers(2, 10))
    side = min(rows * step, box.width * 0.45, box.height)
    square = Box(box.left, box.top, box.left + side, box.top + side)
    if rng.random() < 0.7:
        target = drawn.second if rng.random() < 0.3 else drawn.text
        target.append(shapes.filled(square))
        inner = side * rng.uniform(0.55, 0.8)
        corner = (box.left + (side - inner) / 2, box.top + (side - inner) / 2)
        letter = framed_initial(rng, replace(plan.hand, contrast=0.6), corner, inner)
        drawn.cut.append(letter)
        if rng.random() < 0.5:
            places = rng.uniform(0.08, 0.92, (int(rng.integers(4, 20)), 2)) * side
            drawn.cut.extend(
                stroke([np.add(place, (box.left, box.top))], side * rng.uniform(0.008, 0.025))
                for place in places
            )
    else:
        drawn.text.append(framed_initial(rng, plan.hand, (box.left, box.top), side))
    beside = Box(box.left + side + hand.x_height, box.top, box.right, box.top + side)
    if beside.width > 6 * hand.x_height:
        drawn.text.append(set_lines(rng, hand, beside, replace(plan.setting, paragraph=0)))
    return side


def woodcut(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A head or tail piece: solid leaves, or a solid band out of which leaves are cut."""
    height = min(box.height, plan.hand.x_height * rng.uniform(2.5, 9), box.width * 0.4)
    count = int(rng.integers(1, 6))
    wide = min(box.width / count, height * 3)
    left = box.left + (box.width - wide * count) / 2
    dark = rng.random() < 0.4
    target = drawn.cut if dark else drawn.text
    motif = shapes.arabesque(rng, Box(0, 0, wide, height * 0.9))
    target.extend(
        motif.moved(left + index * wide, box.top + height * 0.05) for index in range(count)
    )
    if dark:
        drawn.text.append(shapes.filled(Box(left, box.top, left + wide * count, box.top + height)))
    if rng.random() < 0.4:
        frame = Box(left, box.top, left + wide * count, box.top + height)
        drawn.text.append(shapes.outlined(frame, rng.uniform(1, 5)))
    return height


def seal(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A solid seal or a bold emblem with a light sign in it."""
    radius = min(box.height / 2, box.width / 4, plan.hand.x_height * rng.uniform(1.5, 7))
    x = box.left + radius + (box.width - 2 * radius) * rng.uniform(0, 1)
    y = box.top + radius
    target = drawn.marks if rng.random() < 0.6 else drawn.text
    kind = str(rng.choice(["disc", "star", "square", "toothed"]))
    if kind == "star":
        target.append(shapes.star((x, y), radius, int(rng.integers(5, 9))))
        return 2 * radius
    if kind == "square":
        target.append(shapes.bullet("square", (x, y), radius * 0.85))
    else:
        target.append(stroke([(x, y)], radius * 0.92))
    if kind == "toothed":
        turn = np.linspace(0, 2 * np.pi, int(rng.integers(16, 50)))[:-1]
        points = np.column_stack([np.cos(turn), np.sin(turn)]) * radius * 0.95 + (x, y)
        target.extend(stroke([point], radius * 0.05) for point in points)
    if rng.random() < 0.5:
        drawn.cut.append(shapes.ring((x, y), radius * 0.76, max(1.5, radius * 0.05)))
    sign = rng.integers(3)
    if sign == 0:
        drawn.cut.append(shapes.star((x, y), radius * 0.6, int(rng.integers(4, 8))))
    elif sign == 1:
        face = Hand(script="serif", x_height=radius * 0.5, pen=radius * 0.14, slant=0, jitter=0)
        letter, advance = write_word(rng, face, str(rng.choice(list("ABDEHKMNRSTWX"))))
        drawn.cut.append(letter.moved(x - advance / 2, y + radius * 0.4))
    else:
        half = radius * 0.55
        drawn.cut.append(shapes.arabesque(rng, Box(x - half, y - half, x + half, y + half)))
    return 2 * radius


def code(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A barcode with its number, or a code of squares."""
    size = plan.second.x_height
    if rng.random() < 0.35:
        side = min(size * rng.uniform(6, 14), box.height, box.width)
        left = box.left + (box.width - side) * rng.uniform(0, 1)
        drawn.text.append(shapes.squares_code(rng, (left, box.top), side))
        return side
    wide = min(box.width, size * rng.uniform(12, 30))
    high = min(box.height, size * rng.uniform(2.5, 7))
    left = box.left + (box.width - wide) * rng.uniform(0, 1)
    area = Box(left, box.top, left + wide, box.top + high)
    drawn.text.append(shapes.barcode(rng, area))
    number = "".join(str(digit) for digit in rng.integers(0, 10, 10))
    face = fitted(replace(plan.second, script="sans", x_height=size * 0.8, pen=size * 0.12), area)
    word, advance = write_word(rng, face, number)
    share = min(1.0, wide / max(advance, 1))
    drawn.text.append(
        word.mapped(np.diag([share, 1])).moved(left, area.bottom + face.x_height * 1.9)
    )
    return high + 2.4 * size


def logo(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """A bold emblem beside a name."""
    size = plan.hand.x_height * rng.uniform(2.5, 5)
    size = min(size, box.height, box.width / 4)
    area = Box(box.left, box.top, box.left + size, box.top + size)
    kind = int(rng.integers(4))
    centre = (box.left + size / 2, box.top + size / 2)
    if kind == 0:
        drawn.text.append(shapes.filled(area))
        drawn.cut.append(stroke([centre], size * 0.3))
    elif kind == 1:
        drawn.text.append(stroke([centre], size / 2))
        drawn.cut.append(shapes.bullet("triangle", centre, size * 0.25))
    elif kind == 2:
        drawn.text.extend(
            shapes.bar((x, area.bottom - high), (x, area.bottom), size * 0.2)
            for x, high in zip(
                area.left + size * np.array([0.1, 0.37, 0.64, 0.9]),
                size * rng.uniform(0.3, 1, 4),
                strict=True,
            )
        )
    else:
        wave = np.column_stack([np.linspace(0, size, 5), size / 2 + rng.normal(0, size / 4, 5)])
        drawn.text.append(stroke(spline(wave, 8) + area[:2], size * rng.uniform(0.06, 0.2)))
    face = replace(plan.hand, script="sans", slant=0.0, contrast=0.1, x_height=size * 0.35)
    beside = Box(area.right + size * 0.2, box.top, box.right, box.top + size)
    if beside.width > 10:
        drawn.text.append(
            set_line(rng, replace(face, pen=face.x_height * rng.uniform(0.2, 0.45)), beside, 3)
        )
    return size


def answers(rng: np.random.Generator, plan: Plan, box: Box, drawn: Drawn) -> float:
    """Printed labels with answers by hand on lines."""
    label = fitted(plan.second, box)
    hand = fitted(plan.hand, box)
    step = max(plan.hand.x_height * 2.4, label.x_height * 3)
    rows = _rows(rng, 1, 5, box.height / step)
    for row in range(rows):
        y = box.top + (row + 0.8) * step
        left = box.left + box.width * rng.uniform(0.2, 0.4)
        place = Box(box.left, y - 1.7 * label.x_height, left, y + step)
        if place.width > 6 * label.x_height:
            drawn.text.append(set_line(rng, label, place, 2))
        target = drawn.text if rng.random() < 0.3 else drawn.guides
        target.append(rule(rng, (left, y), (box.right, y), 0.6))
        writing = Box(left, y - 1.8 * hand.x_height, box.right, y + step)
        drawn.second.append(set_line(rng, hand, writing, int(rng.integers(1, 4))))
    return float(rows * step)


def _rows(rng: np.random.Generator, fewest: int, most: int, room: float) -> int:
    """Draw a number of rows, no more than there is room for."""
    return min(int(rng.integers(fewest, most + 1)), int(room))


def _lines_high(plan: Plan, lines: int, box: Box) -> float:
    """Height of a number of lines, no more than there is room for."""
    step = plan.setting.leading * fitted(plan.hand, box).x_height
    return float(min(box.height, (lines + 0.4) * step))


BLOCKS: dict[str, Callable[[np.random.Generator, Plan, Box, Drawn], float]] = {
    "paragraph": paragraph,
    "heading": heading,
    "display": display,
    "choices": choices,
    "bullets": bullets,
    "bars": bars,
    "table": table,
    "panel": panel,
    "tinted": tinted,
    "redacted": redacted,
    "initial": initial,
    "woodcut": woodcut,
    "seal": seal,
    "code": code,
    "logo": logo,
    "answers": answers,
}
"""Every block by name: functions from (rng, plan, box, drawn) to the height they took."""

MENUS: dict[str, dict[str, float]] = {
    "marked form": {
        "choices": 5, "bullets": 2, "bars": 1.5, "table": 1.5, "answers": 2, "heading": 1,
        "code": 1, "logo": 0.7, "seal": 0.7, "panel": 0.5, "tinted": 0.5, "paragraph": 1,
    },
    "poster": {
        "display": 6, "bars": 1, "heading": 2, "paragraph": 1, "woodcut": 1, "seal": 0.5,
        "panel": 0.4,
    },
    "ornamented": {
        "initial": 3, "woodcut": 2, "paragraph": 3, "heading": 1, "seal": 0.7, "bars": 0.5,
        "display": 0.4,
    },
    "file": {
        "redacted": 3, "paragraph": 3, "bullets": 2, "seal": 1, "logo": 1, "heading": 1,
        "bars": 1, "table": 1, "code": 0.7,
    },
    "magazine": {
        "panel": 4, "paragraph": 4, "heading": 1.5, "display": 0.7, "bullets": 1, "bars": 1,
        "table": 1.5, "logo": 0.5, "tinted": 1.5,
    },
}  # fmt: skip
"""Layouts that are stacked from blocks: weights of the blocks by name."""
