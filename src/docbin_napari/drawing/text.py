"""Lines of invented text in a box, set as handwriting or print, without offensive words.

Strategy: syllables put together by chance give swear words, slurs and worse of some language now
and then. The list in `unwanted_words.txt` is kept in rot13, so that nobody has to read it. Strong
words, the first part of the list, are refused wherever they stand in a word; short ones, which
good words contain too, only as whole words. English, German, French, Spanish, Italian, Latin.
"""

from __future__ import annotations

from codecs import decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from docbin_napari.drawing.lettering import Hand, write_foreign, write_word
from docbin_napari.drawing.noise import Rng
from docbin_napari.drawing.strokes import Point, Strokes, joined, stroke

Align = Literal["start", "centre", "end", "justify"]

_ONSETS = (
    "b c d f g h j k l m n p qu r s t v w y z th st br ch sh tr pl gr cl sp fr " + " " * 9
).split(" ")
_NUCLEI = ["a", "e", "i", "o", "u", "e", "a", "i", "o", "ea", "ou", "ei", "ai", "io"]
_CODAS = ("n r s t l m d nd st rt ng ck ss x " + " " * 12).split(" ")


class Box(NamedTuple):
    """A rectangle on the page: left, top, right, bottom in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def centre(self) -> Point:
        """The middle, (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def grown(self, by: float) -> Box:
        """Return the box with each side moved outwards."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    @classmethod
    def around(cls, centre: Point, half: float) -> Box:
        """Return the square around a point, `half` its side away from it."""
        return cls(*centre, *centre).grown(half)


@dataclass(frozen=True)
class Setting:
    """How lines are set.

    Parameters
    ----------
    leading : float
        Distance of base lines over the height of small letters.
    align : {"start", "centre", "end", "justify"}
        Where lines begin; "justify" makes them equally long.
    indent : float
        Indent of a first line over the height of small letters.
    drift : float
        How far base lines wander, over the height of small letters.
    corrections : float
        Share of words that are struck out or underlined.
    paragraph : float
        Chance that a line ends a paragraph.
    """

    leading: float = 2.6
    align: Align = "start"
    indent: float = 0.0
    drift: float = 0.0
    corrections: float = 0.0
    paragraph: float = 0.1


def invent_word(rng: Rng, longest: int = 99) -> str:
    """Make up a word that looks pronounceable, with a capital or a mark now and then.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the letters.
    longest : int
        What is longer is cut off.

    Returns
    -------
    str
        A word that offends nobody.

    Examples
    --------
    >>> len(invent_word(np.random.default_rng(3), longest=4)) <= 4
    True
    """
    while True:
        word = _word(rng)[:longest]
        if is_readable(word):
            return word


def _word(rng: Rng) -> str:
    """Put syllables together, whatever comes of it."""
    if rng.random() < 0.04:
        return str(rng.integers(1, 2000))
    word = ""
    for _ in range((1, 1, 2, 2, 3)[int(rng.integers(5))]):
        for part in (_ONSETS, _NUCLEI, _CODAS):
            word += part[int(rng.integers(len(part)))]
    if rng.random() < 0.1:
        word = word.capitalize()
    if rng.random() < 0.12:
        word += str(rng.choice(list(",,,..;:-!?")))
    return word


Word = tuple[Strokes, float]
"""A word from x = 0 to the right on a base line at y = 0, and its width in pixels."""


def write(rng: Rng, hand: Hand, word: str | None = None) -> Word:
    """Write a given or an invented word in any script; see `lettering.write_word`."""
    if hand.script in ("nastaliq", "runes"):
        return write_foreign(rng, hand, len(word) if word else int(rng.integers(2, 9)))
    text = invent_word(rng) if word is None else word
    strokes, advance = write_word(rng, hand, text)
    rest = text[1:]
    if hand.script == "running" and not text.islower() and rest.isalpha() and rest.islower():
        first, width = write_word(rng, hand, text[:1])
        second, more = write_word(rng, hand, rest)
        return joined([first, second.moved(width, 0)]), width + more
    return strokes, advance


def set_lines(rng: Rng, hand: Hand, box: Box, setting: Setting) -> Strokes:
    """Fill a box with lines of invented words.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of words and unsteadiness.
    hand : Hand
        Who writes. Letters that are too large for the box are made smaller.
    box : Box
        Where to write.
    setting : Setting
        How to write.

    Returns
    -------
    Strokes
        The text.
    """
    hand = fitted(hand, box)
    x_height = hand.x_height
    baseline = box.top + 1.7 * x_height
    parts: list[Strokes] = []
    ink = _dips(rng, hand)
    indent = setting.indent * x_height
    while baseline < box.bottom:
        end = rng.random() < setting.paragraph
        room = (box.width - indent) * (rng.uniform(0.25, 0.9) if end else 1)
        words = _line_of_words(rng, hand, room)
        align: Align = "start" if end and setting.align == "justify" else setting.align
        shifts = _shifts(words, hand, room, align)
        start = box.left + indent
        tilt = rng.normal(0, 0.006) * setting.drift
        for (word, advance), shift in zip(words, shifts, strict=True):
            x = box.right - indent - shift - advance if hand.right_to_left else start + shift
            y = baseline + (x - box.left) * tilt + rng.normal(0, 0.05) * setting.drift * x_height
            parts.append(replace(word, density=word.density * ink()).moved(x, y))
            if rng.random() < setting.corrections:
                parts.append(_correction(rng, hand, advance).moved(x, y))
        indent = setting.indent * x_height if end else 0.0
        baseline += setting.leading * x_height * (1 + rng.normal(0, 0.03) * setting.drift)
    return joined(parts)


def set_line(rng: Rng, hand: Hand, box: Box, words: int, align: Align = "start") -> Strokes:
    """Write one line of at most `words` words at the top of a box."""
    hand = fitted(hand, box)
    line = _line_of_words(rng, hand, box.width, words)
    shifts = _shifts(line, hand, box.width, align)
    y = box.top + 1.7 * hand.x_height
    return joined(
        [word.moved(box.left + shift, y) for (word, _), shift in zip(line, shifts, strict=True)]
    )


def fitted(hand: Hand, box: Box) -> Hand:
    """Make a hand smaller, pen and all, where a box could not hold two lines of five letters."""
    limit = max(2.0, min(box.height / 2.6, box.width / 6))
    if hand.x_height <= limit:
        return hand
    share = limit / hand.x_height
    return replace(hand, x_height=limit, pen=max(1.2, hand.pen * share))


def _line_of_words(rng: Rng, hand: Hand, room: float, most: int = 60) -> list[Word]:
    """Words until the room is used up; at the start, other words are tried for too long ones."""
    gap = _gap(hand)
    words: list[Word] = []
    used = 0.0
    for tries in range(most + 8):
        if len(words) == most:
            break
        strokes, advance = write(rng, hand)
        if used + advance > room:
            if words or tries >= 8:
                break
            continue
        words.append((strokes, advance))
        used += advance + gap * (1 + 0.3 * hand.jitter * float(rng.random()))
    return words


def _gap(hand: Hand) -> float:
    return hand.x_height * (1.15 if hand.script == "typewriter" else 0.75)


def _shifts(words: list[Word], hand: Hand, room: float, align: Align) -> list[float]:
    """Compute where each word of a line begins."""
    gap = _gap(hand)
    widths = [advance for _, advance in words]
    left = room - sum(widths) - gap * (len(words) - 1)
    if align == "justify" and len(words) > 1:
        gap += min(left / (len(words) - 1), 2.5 * hand.x_height)
    begin = {"centre": left / 2, "end": left}.get(align, 0.0)
    return [begin + sum(widths[:index]) + gap * index for index in range(len(words))]


def _dips(rng: Rng, hand: Hand) -> Callable[[], float]:
    """Amount of ink of the next word: a pen runs dry and is dipped, a ribbon is uneven."""
    if hand.printed:
        spread = 0.12 if hand.script == "typewriter" else 0.04
        return lambda: float(np.clip(rng.normal(1 - spread, spread), 0.4, 1))
    left = 1.0
    loss = rng.uniform(0.0, 0.06)

    def amount() -> float:
        nonlocal left
        left -= loss * rng.random()
        if left < 0.6 and rng.random() < 0.4:
            left = 1.0
        return max(left, 0.45)

    return amount


def _correction(rng: Rng, hand: Hand, advance: float) -> Strokes:
    """Strike a word out, once or thoroughly, or underline it."""
    x_height = hand.x_height
    kind = rng.integers(3)
    if kind == 2:
        count = max(3, int(advance / x_height * 3))
        xs = np.linspace(0, advance, count) + rng.normal(0, x_height * 0.1, count)
        ys = -x_height * np.where(np.arange(count) % 2, 0.1, 0.9) + rng.normal(0, 2, count)
        return stroke(np.column_stack([xs, ys]), hand.pen * 0.45)
    y = x_height * (0.35 if kind else -0.5)
    ys = y + rng.normal(0, x_height * 0.06, 4)
    return stroke(np.column_stack([np.linspace(-3, advance + 3, 4), ys]), hand.pen * 0.45)


_PARTS, _WORDS = (
    frozenset(decode(words, "rot13").split())
    for words in Path(__file__).with_name("unwanted_words.txt").read_text("utf-8").split("\n\n")
)


def is_readable(word: str) -> bool:
    """Return whether a word contains nothing offensive; case and marks play no part.

    Examples
    --------
    >>> is_readable("Plougst,"), is_readable(decode("fuvgl", "rot13"))
    (True, False)
    """
    letters = "".join(letter for letter in word.lower() if letter.isalpha())
    return letters not in _WORDS and not any(part in letters for part in _PARTS)
