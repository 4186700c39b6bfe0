"""Words in a hand or a typeface: from the skeletons of letters to strokes with a width.

`letters.json` holds the skeletons: paths of the pen on a grid where small letters are ten units
high. Each is a string: points ``x,y`` with y up from the base line, strokes parted by ``|``, a
point written twice for a corner. Ascenders reach 16, capitals 15, digits 14, descenders -7. They
were drawn for this project and follow no typeface. "upright" are letters drawn one by one,
capitals, digits and marks: for print and unjoined hands. The first stroke of the small letters of
"running" runs on into the next letter. "joined", "final" and "alone" belong to a joined script
from right to left, written towards negative x from the end of the letter before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from docbin_napari.drawing.noise import Rng
from docbin_napari.drawing.strokes import Points, Strokes, joined, spline, stroke

Glyph = list[Points]
"""Strokes of a letter, each an array of points, shape (N, 2)."""


def _parsed(text: str) -> Glyph:
    return [
        np.array([[float(value) for value in point.split(",")] for point in line.split()])
        for line in text.split("|")
    ]


_LETTERS = Path(__file__).with_name("letters.json")

ALPHABETS: dict[str, dict[str, Glyph]] = {
    alphabet: {letter: _parsed(text) for letter, text in letters.items()}
    for alphabet, letters in json.loads(_LETTERS.read_text("utf-8")).items()
}
"""Skeletons of letters by alphabet and name."""

Script = Literal[
    "running", "upright", "serif", "sans", "typewriter", "blackletter", "nastaliq", "runes"
]

PRINTED: frozenset[Script] = frozenset({"serif", "sans", "typewriter", "blackletter"})
"""Scripts whose letters look the same each time they occur."""


FLAT_FROM = 9.0
"""Width of a stroke, in pixels, from which on one sees that type has no round ends."""


@dataclass(frozen=True)
class Hand:
    """How somebody writes, or what a typeface looks like.

    Parameters
    ----------
    script : str
        Kind of writing: "running" (joined), "upright" (letter by letter), "serif",
        "sans", "typewriter", "blackletter", "nastaliq" (joined, from right to left,
        with dots) or "runes" (letters invented from `letters`).
    x_height : float
        Height of small letters in pixels.
    pen : float
        Width of a full stroke in pixels.
    contrast : float
        How much thinner the thinnest stroke is, 0 to 1.
    nib : float
        Angle of the broad nib in radians: the direction in which strokes are thin.
    slant : float
        Shift to the right for each unit upwards.
    stretch : float
        Width of letters over the usual width.
    jitter : float
        Unsteadiness of the hand, 0 a machine, 1 very uneven.
    reach : float
        Length of ascenders and descenders over the usual length.
    spacing : float
        Extra room after each letter, in tenths of the height of small letters.
    character : float
        How far the shapes of this hand's letters differ from the alphabet, in tenths of
        the height of small letters; the same letter differs in the same way each time.
    letters : int
        Seed of these differences, or of a whole script of invented letters.
    """

    script: Script = "running"
    x_height: float = 20.0
    pen: float = 2.5
    contrast: float = 0.4
    nib: float = 0.5
    slant: float = 0.3
    stretch: float = 1.0
    jitter: float = 0.3
    reach: float = 1.0
    spacing: float = 0.0
    character: float = 0.0
    letters: int = 0

    @property
    def printed(self) -> bool:
        """Whether the letters come from a machine."""
        return self.script in PRINTED

    @property
    def right_to_left(self) -> bool:
        """Whether lines start at the right."""
        return self.script == "nastaliq"

    def scaled(self, size: float, weight: float | None = None) -> Hand:
        """Return the hand with letters and pen larger by a factor, or by one for each."""
        weight = size if weight is None else weight
        return replace(self, x_height=self.x_height * size, pen=self.pen * weight)


def write_word(rng: Rng, hand: Hand, word: str) -> tuple[Strokes, float]:
    """Write one word from left to right on a base line at y = 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the unsteadiness.
    hand : Hand
        Who writes.
    word : str
        Letters of the alphabet; unknown ones are left out.

    Returns
    -------
    strokes : Strokes
        The word; its first letter begins near x = 0.
    advance : float
        Width of the word in pixels.
    """
    running = hand.script == "running" and word.islower()
    glyph, advance = (_run_together if running else _side_by_side)(rng, hand, word)
    return inked(rng, hand, glyph), advance * hand.stretch * hand.x_height / 10


def inked(rng: Rng, hand: Hand, glyph: Glyph) -> Strokes:
    """Give skeletons in units of the alphabet their size, slant and width in pixels.

    Strategy: the width follows the direction of the line, as with a broad nib (or,
    for print, a typeface with thick stems), times a slow random pressure. It is a
    property of the points, so the outline stays exact at any size.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the pressure.
    hand : Hand
        Size, slant, pen.
    glyph : list of ndarray, each of shape (N, 2)
        Skeletons, ten units to the height of small letters, y up.

    Returns
    -------
    Strokes
        Strokes in pixels, y down.
    """
    scale = hand.x_height / 10
    samples = int(np.clip(np.ceil(scale * 1.6), 2, 24))
    flat = hand.printed and hand.pen > FLAT_FROM
    bent = _cornered if flat else spline
    parts = []
    for line in glyph:
        curve = line if hand.script == "blackletter" else bent(line, samples)
        # Ascenders and descenders are longer or shorter, small letters stay.
        middle = np.clip(curve[:, 1], 0, 10)
        high = middle + (curve[:, 1] - middle) * hand.reach
        across = curve[:, 0] * hand.stretch + hand.slant * high
        points = np.column_stack([across, -high]) * scale
        radius = np.maximum(_half_widths(rng, hand, points), 0.4)
        cut = flat and bool(np.hypot(*(points[0] - points[-1])) >= hand.pen / 2)
        parts.append(stroke(_lengthened(points, radius) if cut else points, radius, flat=cut))
        if hand.script in ("serif", "typewriter"):
            parts.extend(_serifs(hand, points))
    return joined(parts)


def _cornered(line: Points, samples: int) -> Points:
    """Lay curves between the corners of a line, the points that are given (about) twice.

    One curve through all points would swing out a little beyond a corner, which nobody sees in
    small letters and everybody in large ones.
    """
    corners = np.flatnonzero((np.abs(np.diff(line, axis=0)) < 0.3).all(axis=1)) + 1
    pieces = [piece for piece in np.split(line, corners) if len(piece) > 1]
    return np.concatenate([spline(piece, samples) for piece in pieces] or [line])


def _lengthened(points: Points, radius: Points) -> Points:
    """Move both ends outwards as far as round ends would reach, so that corners close."""
    longer = points.copy()
    for end, inner in ((0, 1), (-1, -2)):
        way = points[end] - points[inner]
        longer[end] += way / max(float(np.hypot(*way)), 1e-9) * radius[end] * 0.9
    return longer


@lru_cache(maxsize=256)
def _own_shape(letter: str, joined_up: bool, character: float, letters: int) -> Glyph:
    """Skeleton of a letter as one hand shapes it, each time alike; empty if there is none."""
    glyph = ALPHABETS["running" if joined_up else "upright"].get(letter, [])
    rng = np.random.default_rng([letters, ord(letter)])
    own: Glyph = []
    for line in glyph:
        shift = rng.normal(0, character, line.shape)
        # Points given twice are corners and stay so.
        again = np.append(False, (np.diff(line, axis=0) == 0).all(axis=1)).nonzero()[0]
        shift[again] = shift[again - 1]
        own.append(line + shift)
    return own


def _half_widths(rng: Rng, hand: Hand, points: Points) -> Points:
    """Half width at each point of a centre line, in pixels."""
    if len(points) < 2:
        return np.full(len(points), hand.pen / 2 * 1.1)
    across, down = np.gradient(points, axis=0).T
    thin = 1 - np.abs(np.sin(np.arctan2(-down, across) - hand.nib))
    radius: Points = hand.pen / 2 * (1 - hand.contrast * thin)
    if hand.printed:
        return radius
    wave = spline(rng.normal(1, 0.18 * hand.jitter, (len(radius) // 8 + 3, 2)), 8)
    return radius * np.clip(wave[: len(radius), 0], 0.5, 1.5)


def _serifs(hand: Hand, points: Points) -> list[Strokes]:
    """Short level strokes at the ends of stems."""
    if len(points) < 2:
        return []
    found = []
    reach = hand.x_height * (0.2 if hand.script == "typewriter" else 0.16) + hand.pen / 2
    thin = hand.pen / 2 * (1 - hand.contrast * 0.7)
    for end, inner in ((0, 1), (-1, -2)):
        way = points[end] - points[inner]
        if abs(way[1]) > 0.85 * np.hypot(*way):
            # The flat end lies inside the stem, so that the letter keeps its height.
            centre = points[end] - (0, np.sign(way[1]) * -hand.pen * 0.2)
            wide = centre + np.array([[-reach, 0], [reach, 0]])
            found.append(stroke(wide, thin, flat=hand.pen > FLAT_FROM))
    return found


def _side_by_side(rng: Rng, hand: Hand, word: str) -> tuple[Glyph, float]:
    """Skeleton of a word whose letters stand apart, and its width in units."""
    lines: Glyph = []
    pen = hand.pen / hand.x_height * 10
    x = 0.0
    for letter in word:
        glyph = _own_shape(letter, False, hand.character, hand.letters)
        if not glyph:
            continue
        left = min(float(line[:, 0].min()) for line in glyph)
        width = max(float(line[:, 0].max()) for line in glyph) - left
        if hand.script == "typewriter":
            squeeze, advance = min(1.0, 9.5 / max(width, 1)), 11.5
            shift = x + (10.5 - width * squeeze) / 2 - left * squeeze
        else:
            squeeze, shift = 1.0, x - left + pen / 2
            advance = width + pen + (2.6 if hand.script == "serif" else 2.0)
        wobble = np.eye(2) + rng.normal(0, 0.06 * hand.jitter, (2, 2))
        offset = rng.normal(0, 0.5 * hand.jitter, 2) + np.array((shift, 0))
        for line in glyph:
            shaken = line * (squeeze, 1) @ wobble.T + offset
            lines.append(shaken + rng.normal(0, 0.35 * hand.jitter, line.shape))
        x += (advance + hand.spacing) * (1 + rng.normal(0, 0.06 * hand.jitter))
    return lines, x


def _run_together(rng: Rng, hand: Hand, word: str) -> tuple[Glyph, float]:
    """Skeleton of a word written without lifting the pen, and its width in units."""
    main: Glyph = []
    extra: Glyph = []
    x = 0.0
    for letter in word:
        glyph = _own_shape(letter, True, hand.character, hand.letters)
        if not glyph:
            continue
        wobble = np.eye(2) + rng.normal(0, 0.09 * hand.jitter, (2, 2))
        offset = np.array([x, rng.normal(0, 0.5 * hand.jitter)])
        shaken = [
            line @ wobble.T + rng.normal(0, 0.4 * hand.jitter, line.shape) + offset
            for line in glyph
        ]
        if rng.random() < 0.12 * hand.jitter and main:
            extra.append(np.concatenate(main))
            main = []
        main.append(shaken[0])
        extra.extend(shaken[1:])
        advance = float(glyph[0][:, 0].max()) + hand.spacing
        x += advance * (1 + rng.normal(0, 0.08 * hand.jitter))
    if main:
        extra.append(np.concatenate(main))
    return extra, x


def write_foreign(rng: Rng, hand: Hand, size: int) -> tuple[Strokes, float]:
    """Write a word of about `size` letters in "nastaliq" or "runes".

    Parameters
    ----------
    rng : numpy.random.Generator
        Chooses the letters.
    hand : Hand
        Who writes; `hand.script` decides on the script.
    size : int
        Number of letters.

    Returns
    -------
    strokes : Strokes
        The word on a base line at y = 0, from x = 0 to the right.
    advance : float
        Its width in pixels.
    """
    glyph = _joined_word(rng, hand, size) if hand.right_to_left else _rune_word(rng, hand, size)
    left = min(float(line[:, 0].min()) for line in glyph)
    width = max(float(line[:, 0].max()) for line in glyph) - left
    strokes = inked(rng, hand, [line - (left, 0) for line in glyph])
    return strokes, (width + 2) * hand.stretch * hand.x_height / 10


def _joined_word(rng: Rng, hand: Hand, size: int) -> Glyph:
    """Pieces of joined letters that climb a little towards their beginning."""
    lines: Glyph = []
    x, left = 0.0, size
    while left > 0:
        letters = int(rng.integers(1, min(left, 5) + 1))
        left -= letters
        if letters == 1 and rng.random() < 0.6:
            shape = _one_of(rng, "alone")
            lines.append(shape + np.array((x, 0)) + rng.normal(0, 0.3 * hand.jitter, shape.shape))
            x = float(lines[-1][:, 0].min()) - 3
            continue
        names = rng.choice(list(ALPHABETS["joined"]), letters)
        path = [np.array([[0.6, 3.2], [0, 0.4]])]
        marks: Glyph = []
        for name in names:
            begin = path[-1][-1]
            [letter] = ALPHABETS["joined"][str(name)]
            path.append(letter * rng.normal(1, 0.12, 2) + (begin[0], 0))
            if rng.random() < 0.55:
                marks.extend(_dots(rng, (begin[0] + path[-1][-1][0]) / 2))
        path.append(_one_of(rng, "final") + np.array((path[-1][-1][0], 0)))
        whole = np.concatenate(path)
        whole[:, 1] += (whole[:, 0] - whole[:, 0].min()) * 0.12
        lines.append(whole + np.array((x, 0)) + rng.normal(0, 0.3 * hand.jitter, whole.shape))
        lines.extend(mark + np.array((x, 0)) for mark in marks)
        x += float(whole[:, 0].min()) - 1.6
    return lines


def _one_of(rng: Rng, alphabet: str) -> Points:
    """Choose a letter of one stroke."""
    letters = ALPHABETS[alphabet]
    return letters[str(rng.choice(list(letters)))][0]


def _dots(rng: Rng, x: float) -> Glyph:
    """One to three dots above or below a letter."""
    count = int(rng.integers(1, 4))
    y = 8.5 if rng.random() < 0.6 else -4.0
    places = [(0.0, 0.0), (2.6, 0.0), (1.3, 2.4)][:count]
    return [np.array([[x + dx, y + dy]]) + rng.normal(0, 0.3, (1, 2)) for dx, dy in places]


def _rune_word(rng: Rng, hand: Hand, size: int) -> Glyph:
    """Letters of an alphabet that `hand.letters` invented, side by side."""
    alphabet = invented_alphabet(hand.letters)
    lines: Glyph = []
    x = 0.0
    for index in rng.integers(0, len(alphabet), size):
        glyph = alphabet[index]
        wobble = np.eye(2) + rng.normal(0, 0.06 * hand.jitter, (2, 2))
        for line in glyph:
            shaken = line @ wobble.T + (x, 0)
            lines.append(shaken + rng.normal(0, 0.35 * hand.jitter, line.shape))
        x += max(float(line[:, 0].max()) for line in glyph) + 3.4
    return lines


@lru_cache(maxsize=16)
def invented_alphabet(seed: int) -> list[Glyph]:
    """Make up twenty letters: a stem or an arc, with arms, loops and dots on a coarse grid.

    Parameters
    ----------
    seed : int
        The same seed gives the same alphabet.

    Returns
    -------
    list of glyphs
        Each a list of strokes of shape (N, 2).
    """
    rng = np.random.default_rng(seed)
    heights = np.array([0.0, 5.0, 10.0, 10.0])
    tall = rng.random() * 0.4
    alphabet = []
    for _ in range(20):
        glyph = []
        for _ in range(int(rng.integers(1, 4))):
            count = int(rng.integers(2, 6))
            xs = rng.choice([0.0, 3.5, 7.0], count)
            ys = rng.choice(heights, count)
            if rng.random() < tall:
                ys[0] = rng.choice([16.0, -6.0])
            keep = np.append(True, (np.diff(xs) != 0) | (np.diff(ys) != 0))
            line = np.column_stack([xs, ys])[keep]
            glyph.append(np.repeat(line, 2, axis=0) if rng.random() < 0.3 else line)
        alphabet.append(glyph)
    return alphabet
