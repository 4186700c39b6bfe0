"""Non-Latin writing: a joined script from right to left, and invented letters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.drawing.lettering import Hand, inked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.drawing.alphabet import Glyph
    from docbin_napari.drawing.strokes import Strokes

# Points of joined letters, written towards negative x from the end of the letter before.
_JOINED = {
    "tooth": [(-0.8, 1), (-1.4, 4.6), (-2.0, 1), (-3.6, 0)],
    "teeth": [
        (-0.8, 1),
        (-1.2, 3.6),
        (-2.4, 0.6),
        (-3.4, 3.6),
        (-4.6, 0.6),
        (-5.8, 3.8),
        (-7.2, 0),
    ],
    "long": [(-4, -0.6), (-10, -0.4), (-15, 0.6)],
    "loop": [(-1.6, 0.6), (-3.4, 3.4), (-1.8, 5.2), (-0.6, 3.4), (-2.4, 0.8), (-5, 0)],
    "knot": [(-1, 0), (-2.2, -2.2), (-3.6, -0.6), (-2.4, 0.6), (-5, 0)],
    "tall": [(-0.8, 2), (-1.0, 14), (-1.0, 14), (-1.5, 3), (-4, 0)],
    "beak": [(0.4, 1.2), (3.6, 5.2), (-0.6, 5.6), (-4, 2.6), (-6, 0)],
    "slash": [(-1, 2), (-4, 8), (3, 14), (3, 14), (-4.6, 8.4), (-3, 3), (-6.4, 0)],
}
_FINAL = {
    "bowl": [(-1.6, -2), (-5, -5), (-9.6, -4), (-11.4, 1.2)],
    "sweep": [(-1.4, -1), (-3, -4), (-6.6, -5.6)],
    "back": [(-1.4, -2), (-4, -3.6), (-1.6, -6), (6, -5.4), (12, -4)],
    "stick": [(-1, 1), (-1.4, 7), (-1.2, 15)],
    "flat": [(-4, -1.4), (-11, -1.2), (-15.6, 0.6), (-15.8, 3)],
    "round": [(-1.6, 1), (-3.6, 3), (-2, 5), (-0.6, 2.6), (-2.6, -3), (-6, -5)],
}
_ALONE = {
    "stick": [(0, 15), (-0.4, 8), (0.2, 0)],
    "sweep": [(0, 4), (-0.4, 0), (-2, -3.6), (-5.6, -5)],
    "angle": [(0, 6), (2, 3), (1, 0.4), (-3.4, 0)],
}


def write_foreign(rng: np.random.Generator, hand: Hand, size: int) -> tuple[Strokes, float]:
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


def _joined_word(rng: np.random.Generator, hand: Hand, size: int) -> Glyph:
    """Pieces of joined letters that climb a little towards their beginning."""
    lines: Glyph = []
    x, left = 0.0, size
    while left > 0:
        letters = int(rng.integers(1, min(left, 5) + 1))
        left -= letters
        if letters == 1 and rng.random() < 0.6:
            shape = np.array(_ALONE[str(rng.choice(list(_ALONE)))], float)
            lines.append(shape + np.array((x, 0)) + rng.normal(0, 0.3 * hand.jitter, shape.shape))
            x = float(lines[-1][:, 0].min()) - 3
            continue
        names = [str(name) for name in rng.choice(list(_JOINED), letters)]
        path = [np.array([[0.6, 3.2], [0, 0.4]])]
        marks: list[NDArray[np.float64]] = []
        for name in names:
            begin = path[-1][-1]
            path.append(np.array(_JOINED[name], float) * rng.normal(1, 0.12, 2) + (begin[0], 0))
            if rng.random() < 0.55:
                marks.extend(_dots(rng, (begin[0] + path[-1][-1][0]) / 2))
        begin = path[-1][-1]
        path.append(
            np.array(_FINAL[str(rng.choice(list(_FINAL)))], float) + np.array((begin[0], 0))
        )
        whole = np.concatenate(path)
        whole[:, 1] += (whole[:, 0] - whole[:, 0].min()) * 0.12
        lines.append(whole + np.array((x, 0)) + rng.normal(0, 0.3 * hand.jitter, whole.shape))
        lines.extend(mark + np.array((x, 0)) for mark in marks)
        x += float(whole[:, 0].min()) - 1.6
    return lines


def _dots(rng: np.random.Generator, x: float) -> list[NDArray[np.float64]]:
    """One to three dots above or below a letter."""
    count = int(rng.integers(1, 4))
    y = 8.5 if rng.random() < 0.6 else -4.0
    places = [(0.0, 0.0), (2.6, 0.0), (1.3, 2.4)][:count]
    return [np.array([[x + dx, y + dy]]) + rng.normal(0, 0.3, (1, 2)) for dx, dy in places]


def _rune_word(rng: np.random.Generator, hand: Hand, size: int) -> Glyph:
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
def invented_alphabet(seed: int, size: int = 20) -> list[Glyph]:
    """Make up letters: a stem or an arc, with arms, loops and dots on a coarse grid.

    Parameters
    ----------
    seed : int
        The same seed gives the same alphabet.
    size : int
        Number of letters.

    Returns
    -------
    list of glyphs
        Each a list of strokes of shape (N, 2), as in `alphabet`.
    """
    rng = np.random.default_rng(seed)
    heights = np.array([0.0, 5.0, 10.0, 10.0])
    tall = rng.random() * 0.4
    alphabet = []
    for _ in range(size):
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
