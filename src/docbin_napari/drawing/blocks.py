"""A sheet, its plan, and blocks of a printed page: choices, lists, panels, bars, display type.

Strategy: a block is a function that draws into the upper part of a box and returns how high it
became. A layout is a menu of blocks that are drawn one below the other until the page is full, so
that solid shapes of all sizes stand beside text as they do in print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from docbin_napari.drawing import shapes
from docbin_napari.drawing.lettering import Hand, Script, write_word
from docbin_napari.drawing.noise import Rng
from docbin_napari.drawing.shapes import framed_initial, rule
from docbin_napari.drawing.strokes import Point, Strokes, joined, stroke
from docbin_napari.drawing.text import Box, Setting, fitted, invent_word, set_line, set_lines, write


@dataclass(frozen=True)
class Plan:
    """What a page of an archive holds.

    Parameters
    ----------
    layout : str
        One of `layout.LAYOUTS`.
    hand, second : Hand
        Main hand or typeface, and another for notes, headings or answers.
    setting : Setting
        How the lines of the main text are set.
    guides : float
        Chance of pale writing lines.
    stamps : float
        Chance of a stamp.
    pictures : float
        Chance that a page of columns holds a picture.
    grid : float
        Distance of the lines of squared or ruled paper in pixels, 0 for none.
    squares : bool
        Whether these lines run down as well.
    dark : bool
        Whether all writing is light on a dark ground.
    """

    layout: str
    hand: Hand
    second: Hand
    setting: Setting
    guides: float = 0.0
    stamps: float = 0.0
    pictures: float = 0.0
    grid: float = 0.0
    squares: bool = True
    dark: bool = False


@dataclass
class Sheet:
    """What is drawn on one side of a leaf.

    Where dark and light change places, one rule says what the ink is. An area with light
    writing of reading size (a heading, a column, the head of a table) is light on dark: its
    light letters are the ink, its ground is background. A solid shape is ink, whatever is left
    out of it: a box, a bullet, a bar, a seal, a filled initial around its light letter.

    Parameters
    ----------
    text : list of Strokes
        In the main ink.
    second : list of Strokes
        In a second ink: filled-in answers, notes of another hand, coloured initials.
    marks : list of Strokes
        Stamps, in their own colour.
    guides : list of Strokes
        Pale printed lines to write on; they are part of the paper.
    cut : list of Strokes
        What is left out of the three layers of ink: the light letter in a filled initial.
    panels : list of Strokes
        Dark grounds of light writing; they are no ink.
    light : list of Strokes
        Light writing on panels; it is ink.
    picture : Box, optional
        Where a halftone picture is printed; its dots are no ink.
    """

    text: list[Strokes] = field(default_factory=list)
    second: list[Strokes] = field(default_factory=list)
    marks: list[Strokes] = field(default_factory=list)
    guides: list[Strokes] = field(default_factory=list)
    cut: list[Strokes] = field(default_factory=list)
    panels: list[Strokes] = field(default_factory=list)
    light: list[Strokes] = field(default_factory=list)
    picture: Box | None = None

    def changed(self, change: Callable[[Strokes], Strokes], *others: Sheet) -> Sheet:
        """Return the sheet, and what is written on others, joined and sent through a function."""
        sheets = (self, *others)
        parts = {name: [part for one in sheets for part in getattr(one, name)] for name in LAYERS}
        layers = {name: change(joined(strokes)) for name, strokes in parts.items() if strokes}
        kept = {name: [layer] for name, layer in layers.items() if len(layer)}
        return Sheet(**kept, picture=self.picture)


LAYERS = ("text", "second", "marks", "guides", "cut", "panels", "light")
"""Names of the layers of a sheet."""


def stacked(rng: Rng, plan: Plan, box: Box, sheet: Sheet, menu: Mapping[str, float]) -> None:
    """Draw blocks below each other, each chosen from a menu of weights, until a box is full."""
    names = list(menu)
    shares = np.array([menu[name] for name in names])
    size = plan.hand.x_height
    top = box.top
    while box.bottom - top > 4 * size:
        name = names[int(rng.choice(len(names), p=shares / shares.sum()))]
        used = BLOCKS[name](rng, plan, box._replace(top=top), sheet)
        top += used + size * rng.uniform(0.6, 2.5)


def paragraph(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a few lines of text."""
    height = _lines_high(plan, int(rng.integers(2, 9)), box)
    area = box._replace(bottom=box.top + height)
    sheet.text.append(set_lines(rng, plan.hand, area, plan.setting))
    return height


def heading(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw one line of larger, heavier type."""
    hand = plan.hand.scaled(rng.uniform(1.3, 3))
    hand = fitted(replace(hand, pen=hand.pen * rng.uniform(1, 1.8)), box)
    sheet.text.append(set_line(rng, hand, box, 4, "centre" if rng.random() < 0.5 else "start"))
    return 2.4 * hand.x_height


def display(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw one word that fills the width, with stems of any thickness up to 220 pixels."""
    huge = rng.random() < 0.3
    word = invent_word(rng, longest=int(rng.integers(2, 4 if huge else 9)))
    word = word.upper() if rng.random() < 0.5 else word.capitalize()
    high = box.height * rng.uniform(0.2, 0.95)
    high = min(high, box.width * rng.uniform(0.1, 1.2 if huge else 0.5))
    strokes, advance = write_word(rng, _display_face(rng, plan, high / 1.9), word)
    if not advance:
        return 0.0
    share = min(1.0 if rng.random() < 0.4 else 1.6, box.width / advance)
    tall = min(share * 1.2, 1.0)
    squeezed = strokes.mapped(np.diag([share, tall]))
    squeezed = replace(squeezed, radius=squeezed.radius * min(share, 1.0))
    left = box.left + (box.width - advance * share) * rng.choice([0.0, 0.5])
    sheet.text.append(squeezed.moved(left, box.top + high * 0.95 * tall))
    return float(high * 1.25 * tall)


def _display_face(rng: Rng, plan: Plan, x_height: float) -> Hand:
    """Choose a typeface, often that of the page, for one large word."""
    scripts: list[Script] = ["serif", "sans", "sans", "blackletter", plan.hand.script]
    script = scripts[int(rng.choice(5))]
    if script not in ("serif", "blackletter"):
        script = "sans"
    return Hand(
        script=script,
        x_height=x_height,
        pen=min(220.0, x_height * rng.uniform(0.18, 0.6)),
        contrast=rng.uniform(0, 0.3) if script == "sans" else rng.uniform(0.3, 0.85),
        nib=rng.uniform(0.6, 0.9) if script == "blackletter" else 0.0,
        slant=0.22 if rng.random() < 0.15 else 0.0,
        jitter=0.02,
        character=rng.uniform(0, 0.2),
        letters=plan.hand.letters,
    )


def choices(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw questions with circles or boxes to mark; some are filled, ticked or crossed."""
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
    marks = sheet.text if rng.random() < 0.3 else sheet.second
    for y in box.top + size + np.arange(rows) * step:
        room = Box(box.left, y - size * 1.2, left - size, y + size * 2)
        if room.width > 6:
            sheet.text.append(set_line(rng, label, room, 3))
        chosen = set(rng.integers(0, options, int(rng.choice([1, 1, 1, 2, 0]))).tolist())
        for number in range(options):
            centre = (left + (number + 0.5) * pitch, y)
            sheet.text.append(_field(rng, centre, half, kind, "ABCDEFG"[number]))
            if number in chosen:
                marks.append(_mark(rng, centre, half, mark))
    return float(rows * step)


def _field(rng: Rng, centre: Point, half: float, kind: str, letter: str) -> Strokes:
    """Draw an empty field to mark."""
    pen = max(1.0, half * 0.1)
    if kind == "box":
        return shapes.outlined(Box.around(centre, half), pen)
    ring = shapes.ring(centre, half, pen)
    if kind == "circle":
        return ring
    face = Hand("sans", half * 0.65, max(1.0, half * 0.13), contrast=0.0, slant=0.0, jitter=0.0)
    word, advance = write_word(rng, face, letter)
    return joined([ring, word.moved(centre[0] - advance / 2, centre[1] + half * 0.5)])


def _mark(rng: Rng, centre: Point, half: float, kind: str) -> Strokes:
    """Mark a field."""
    if kind == "mixed":
        kind = str(rng.choice(["solid", "scribble", "tick", "cross"]))
    if kind == "solid":
        return shapes.bullet(str(rng.choice(["disc", "disc", "square"])), centre, half * 1.02)
    if kind == "scribble":
        pen = max(2.0, half * rng.uniform(0.25, 0.5))
        return shapes.scribble(rng, Box.around(centre, half), pen)
    draw = shapes.tick if kind == "tick" else shapes.cross
    return draw(rng, centre, half * rng.uniform(1.5, 2.6), max(1.5, half * rng.uniform(0.15, 0.4)))


def bullets(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a list whose lines begin with a solid bullet."""
    hand = fitted(plan.hand, box)
    step = plan.setting.leading * hand.x_height
    rows = _rows(rng, 2, 7, box.height / step)
    kind = str(rng.choice(shapes.BULLETS))
    half = hand.x_height * rng.uniform(0.18, 0.75)
    for y in box.top + np.arange(rows) * step:
        centre = (box.left + half * 1.5, y + 1.2 * hand.x_height)
        sheet.text.append(shapes.bullet(kind, centre, half))
        line = Box(box.left + half * 3 + hand.x_height, y, box.right, y + 4 * hand.x_height)
        sheet.text.append(set_line(rng, hand, line, int(rng.integers(1, 9))))
    return float(rows * step)


def bars(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a bar or several of growing thickness, one or more of them beside text."""
    size = plan.hand.x_height
    count = int(rng.choice([1, 1, 2, 4]))
    thick = size * np.exp(rng.uniform(np.log(0.1), np.log(3), count))
    wide = box.width * rng.choice([1.0, rng.uniform(0.1, 0.6)])
    left = box.left + (box.width - wide) * rng.choice([0.0, 0.5, 1.0])
    y = box.top
    for each in np.sort(thick):
        sheet.text.append(shapes.level(y + each / 2, left, left + wide, each))
        y += each + size * rng.uniform(0.4, 1.5)
    return float(y - box.top)


def table(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a table whose head is light writing on a dark ground."""
    hand = fitted(plan.second, box)
    step = hand.x_height * rng.uniform(2.6, 3.4)
    rows = _rows(rng, 3, 8, box.height / step)
    if rows < 2:
        return paragraph(rng, plan, box, sheet)
    count = int(rng.integers(2, 6))
    edges = box.left + box.width * np.linspace(0, 1, count + 1)
    sheet.panels.append(shapes.filled(box._replace(bottom=box.top + step)))
    pen = rng.uniform(0.8, 3)
    for row in range(rows):
        base = box.top + (row + 0.5) * step
        target = sheet.text if row else sheet.light
        for column in range(count):
            cell = Box(edges[column], base - step, edges[column + 1], base + step)
            text = None if column == 0 or not row else f"{rng.integers(1, 4000)}"
            word, advance = write(rng, hand, text)
            if advance < cell.width - hand.x_height:
                target.append(word.moved(cell.left + hand.x_height * 0.5, base + hand.x_height / 2))
        if row and rng.random() < 0.8:
            sheet.text.append(shapes.level(box.top + (row + 1) * step, box.left, box.right, pen))
    if rng.random() < 0.6:
        body = box._replace(top=box.top + step, bottom=box.top + rows * step)
        sheet.text.append(shapes.outlined(body, pen))
    return float(rows * step)


def panel(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw lines of light writing on a dark ground, as wide as the text or a part of it."""
    wide = box.width * rng.choice([1.0, rng.uniform(0.4, 0.9)])
    left = box.left + (box.width - wide) * rng.choice([0.0, 0.5, 1.0])
    lines = int(rng.integers(1, 10))
    hand = fitted(plan.hand, box._replace(right=box.left + wide))
    if lines == 1:
        hand = hand.scaled(1.5, 1.6)
    edge = hand.x_height * rng.uniform(0.5, 1.4)
    height = min(box.height, lines * plan.setting.leading * hand.x_height + 2 * edge)
    area = Box(left, box.top, left + wide, box.top + height)
    inside = area.grown(-edge)
    if inside.width < 6 * hand.x_height or inside.height < hand.x_height * 2:
        return paragraph(rng, plan, box, sheet)
    sheet.panels.append(shapes.filled(area))
    if lines == 1:
        sheet.light.append(set_line(rng, hand, inside, 5, "centre"))
    else:
        sheet.light.append(set_lines(rng, hand, inside, plan.setting))
    return height


def tinted(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw dark lines on a pale tint, which is background."""
    hand = fitted(plan.hand, box)
    edge = hand.x_height * rng.uniform(0.5, 1.4)
    height = min(box.height, _lines_high(plan, int(rng.integers(1, 8)), box) + 2 * edge)
    area = box._replace(bottom=box.top + height)
    inside = area.grown(-edge)
    if inside.width < 6 * hand.x_height or inside.height < hand.x_height * 2:
        return paragraph(rng, plan, box, sheet)
    tint = shapes.filled(area)
    sheet.panels.append(replace(tint, density=tint.density * rng.uniform(0.1, 0.35)))
    sheet.text.append(set_lines(rng, hand, inside, plan.setting))
    return height


def redacted(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw lines of which parts are blacked out."""
    hand = fitted(plan.hand, box)
    step = plan.setting.leading * hand.x_height
    rows = _rows(rng, 2, 6, box.height / step)
    if rng.random() < 0.25:
        left, right = box.left + box.width * np.sort(rng.uniform(0, 1, 2))
        black = Box(left, box.top, max(right, left + 8), box.top + rows * step)
        sheet.text.append(shapes.filled(black))
        return float(rows * step)
    for y in box.top + np.arange(rows) * step:
        line = box._replace(top=y, bottom=y + 4 * hand.x_height)
        split = box.left + box.width * rng.uniform(0.05, 0.9)
        if split - box.left > 6 * hand.x_height:
            sheet.text.append(set_line(rng, hand, line._replace(right=split), 12))
        end = min(box.right, split + box.width * rng.uniform(0.05, 0.5))
        thick = hand.x_height * rng.uniform(1.3, 2.1)
        sheet.text.append(shapes.level(y + 1.15 * hand.x_height, split, end, thick))
    return float(rows * step)


def initial(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a paragraph with a large initial: a letter, or a solid square around a light letter."""
    hand = fitted(plan.hand, box)
    step = plan.setting.leading * hand.x_height
    rows = int(rng.integers(2, 10))
    side = min(rows * step, box.width * 0.45, box.height)
    square = Box(box.left, box.top, box.left + side, box.top + side)
    if rng.random() < 0.7:
        target = sheet.second if rng.random() < 0.3 else sheet.text
        target.append(shapes.filled(square))
        inner = side * rng.uniform(0.55, 0.8)
        corner = (box.left + (side - inner) / 2, box.top + (side - inner) / 2)
        sheet.cut.append(framed_initial(rng, plan.hand, corner, inner))
        if rng.random() < 0.5:
            places = rng.uniform(0.08, 0.92, (int(rng.integers(4, 20)), 2)) * side + box[:2]
            sheet.cut.extend(stroke([place], side * rng.uniform(0.008, 0.025)) for place in places)
    else:
        sheet.text.append(framed_initial(rng, plan.hand, (box.left, box.top), side))
    beside = Box(box.left + side + hand.x_height, box.top, box.right, box.top + side)
    if beside.width > 6 * hand.x_height:
        sheet.text.append(set_lines(rng, hand, beside, replace(plan.setting, paragraph=0)))
    return side


def woodcut(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a head or tail piece: solid leaves, or a solid band out of which leaves are cut."""
    height = min(box.height, plan.hand.x_height * rng.uniform(2.5, 9), box.width * 0.4)
    count = int(rng.integers(1, 6))
    wide = min(box.width / count, height * 3)
    left = box.left + (box.width - wide * count) / 2
    dark = rng.random() < 0.4
    motif = shapes.arabesque(rng, Box(0, 0, wide, height * 0.9))
    for index in range(count):
        leaves = motif.moved(left + index * wide, box.top + height * 0.05)
        (sheet.cut if dark else sheet.text).append(leaves)
    frame = Box(left, box.top, left + wide * count, box.top + height)
    if dark:
        sheet.text.append(shapes.filled(frame))
    if rng.random() < 0.4:
        sheet.text.append(shapes.outlined(frame, rng.uniform(1, 5)))
    return height


def seal(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a solid seal or a bold emblem with a light sign in it."""
    radius = min(box.height / 2, box.width / 4, plan.hand.x_height * rng.uniform(1.5, 7))
    x = box.left + radius + (box.width - 2 * radius) * rng.uniform(0, 1)
    centre = (x, box.top + radius)
    target = sheet.marks if rng.random() < 0.6 else sheet.text
    kind = str(rng.choice(["disc", "star", "square", "toothed"]))
    if kind == "star":
        target.append(shapes.star(centre, radius, int(rng.integers(5, 9))))
        return 2 * radius
    square = shapes.bullet("square", centre, radius * 0.85)
    target.append(square if kind == "square" else stroke([centre], radius * 0.92))
    if kind == "toothed":
        turn = np.linspace(0, 2 * np.pi, int(rng.integers(16, 50)))[:-1]
        points = np.column_stack([np.cos(turn), np.sin(turn)]) * radius * 0.95 + centre
        target.extend(stroke([point], radius * 0.05) for point in points)
    if rng.random() < 0.5:
        sheet.cut.append(shapes.ring(centre, radius * 0.76, max(1.5, radius * 0.05)))
    sign = rng.integers(3)
    if sign == 0:
        sheet.cut.append(shapes.star(centre, radius * 0.6, int(rng.integers(4, 8))))
    elif sign == 1:
        face = Hand("serif", radius * 0.5, radius * 0.14, slant=0, jitter=0)
        letter, advance = write_word(rng, face, str(rng.choice(list("ABDEHKMNRSTWX"))))
        sheet.cut.append(letter.moved(x - advance / 2, centre[1] + radius * 0.4))
    else:
        sheet.cut.append(shapes.arabesque(rng, Box.around(centre, radius * 0.55)))
    return 2 * radius


def code(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw a barcode with its number."""
    size = plan.second.x_height
    wide = min(box.width, size * rng.uniform(12, 30))
    high = min(box.height, size * rng.uniform(2.5, 7))
    left = box.left + (box.width - wide) * rng.uniform(0, 1)
    area = Box(left, box.top, left + wide, box.top + high)
    sheet.text.append(shapes.barcode(rng, area))
    number = "".join(str(digit) for digit in rng.integers(0, 10, 10))
    face = fitted(replace(plan.second, script="sans", x_height=size * 0.8, pen=size * 0.12), area)
    word, advance = write_word(rng, face, number)
    word = word.mapped(np.diag([min(1.0, wide / max(advance, 1)), 1]))
    sheet.text.append(word.moved(left, area.bottom + face.x_height * 1.9))
    return high + 2.4 * size


def answers(rng: Rng, plan: Plan, box: Box, sheet: Sheet) -> float:
    """Draw printed labels with answers by hand on lines."""
    label = fitted(plan.second, box)
    hand = fitted(plan.hand, box)
    step = max(plan.hand.x_height * 2.4, label.x_height * 3)
    rows = _rows(rng, 1, 5, box.height / step)
    for y in box.top + (np.arange(rows) + 0.8) * step:
        left = box.left + box.width * rng.uniform(0.2, 0.4)
        place = Box(box.left, y - 1.7 * label.x_height, left, y + step)
        if place.width > 6 * label.x_height:
            sheet.text.append(set_line(rng, label, place, 2))
        target = sheet.text if rng.random() < 0.3 else sheet.guides
        target.append(rule(rng, (left, y), (box.right, y), 0.6))
        writing = Box(left, y - 1.8 * hand.x_height, box.right, y + step)
        sheet.second.append(set_line(rng, hand, writing, int(rng.integers(1, 4))))
    return float(rows * step)


def _rows(rng: Rng, fewest: int, most: int, room: float) -> int:
    """Draw a number of rows, no more than there is room for."""
    return min(int(rng.integers(fewest, most + 1)), int(room))


def _lines_high(plan: Plan, lines: int, box: Box) -> float:
    """Compute the height of a number of lines, no more than there is room for."""
    step = plan.setting.leading * fitted(plan.hand, box).x_height
    return float(min(box.height, (lines + 0.4) * step))


BLOCKS: dict[str, Callable[[Rng, Plan, Box, Sheet], float]] = {
    block.__name__: block
    for block in (
        paragraph, heading, display, choices, bullets, bars, table, panel, tinted, redacted,
        initial, woodcut, seal, code, answers,
    )
}  # fmt: skip
"""Every block by name: functions from (rng, plan, box, sheet) to the height they took."""

MENUS: dict[str, dict[str, float]] = {
    "marked form": {
        "choices": 5, "bullets": 2, "bars": 1.5, "table": 1.5, "answers": 2, "heading": 1,
        "code": 1, "seal": 1.4, "panel": 0.5, "tinted": 0.5, "paragraph": 1,
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
        "redacted": 3, "paragraph": 3, "bullets": 2, "seal": 1, "heading": 2, "bars": 1,
        "table": 1, "code": 0.7,
    },
    "magazine": {
        "panel": 4, "paragraph": 4, "heading": 1.5, "display": 0.7, "bullets": 1, "bars": 1,
        "table": 1.5, "tinted": 2,
    },
}  # fmt: skip
"""Layouts that are stacked from blocks: weights of the blocks by name."""
