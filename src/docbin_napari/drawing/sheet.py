"""One side of a leaf: its plan and the strokes drawn on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbin_napari.drawing.strokes import Strokes, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from docbin_napari.drawing.damage import Damage
    from docbin_napari.drawing.ink import Ink
    from docbin_napari.drawing.lettering import Hand
    from docbin_napari.drawing.paper import Paper
    from docbin_napari.drawing.scan import Scan
    from docbin_napari.drawing.surroundings import Surroundings
    from docbin_napari.drawing.text import Box, Setting

NOTHING = joined([])
_LAYERS = 7


@dataclass(frozen=True)
class Sheet:
    """What is drawn on one side of a leaf.

    Where dark and light change places, one rule says what the ink is. An area with light
    writing of reading size (a heading, a column, the head of a table) is light on dark: its
    light letters are the ink, its ground is background. A solid shape is ink, whatever is left
    out of it: a box, a bullet, a bar, a seal, a filled initial around its light letter.

    Parameters
    ----------
    text : Strokes
        In the main ink.
    second : Strokes
        In a second ink: filled-in answers, notes of another hand, coloured initials.
    marks : Strokes
        Stamps, in their own colour.
    guides : Strokes
        Pale printed lines to write on; they are part of the paper.
    cut : Strokes
        What is left out of the three layers of ink: the light letter in a filled initial.
    panels : Strokes
        Dark grounds of light writing; they are no ink.
    light : Strokes
        Light writing on panels; it is ink.
    picture : Box, optional
        Where a halftone picture is printed; its dots are no ink.
    """

    text: Strokes = NOTHING
    second: Strokes = NOTHING
    marks: Strokes = NOTHING
    guides: Strokes = NOTHING
    cut: Strokes = NOTHING
    panels: Strokes = NOTHING
    light: Strokes = NOTHING
    picture: Box | None = None

    @classmethod
    def of(cls, *layers: Sequence[Strokes], picture: Box | None = None) -> Sheet:
        """Make a sheet from up to seven lists of strokes, in the order of the fields."""
        padded = [joined(layer) for layer in (*layers, *[()] * (_LAYERS - len(layers)))]
        text, second, marks, guides, cut, panels, light = padded
        return cls(text, second, marks, guides, cut, panels, light, picture)

    def changed(self, change: Callable[[Strokes], Strokes]) -> Sheet:
        """Return the sheet with each layer sent through a function."""
        return Sheet.of(*([change(layer)] for layer in self.layers), picture=self.picture)

    def beside(self, other: Sheet) -> Sheet:
        """Return both sheets as one, with the picture of this one."""
        return Sheet.of(*zip(self.layers, other.layers, strict=True), picture=self.picture)

    @property
    def layers(self) -> tuple[Strokes, ...]:
        """The seven layers in the order of the fields."""
        inks = (self.text, self.second, self.marks)
        return (*inks, self.guides, self.cut, self.panels, self.light)


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
    dark : {"", "page"}
        "page" makes all writing light on a dark ground.
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
    dark: str = ""


@dataclass(frozen=True)
class Archive:
    """Everything that is chosen before a page is drawn.

    Parameters
    ----------
    plan : Plan
        What is written, and how.
    ink, second, marks : Ink
        Main ink, second ink, and the ink of stamps.
    paper : Paper
        The sheet.
    damage : Damage
        What happened to it.
    scan : Scan
        How it was scanned.
    behind : Plan, optional
        What stands on the other side, if that is of another kind.
    around : Surroundings, optional
        What lies around the page, instead of the background of the scanner.
    ruling : (float, float, float)
        Colour of pale writing lines.
    ruled : (float, float)
        Least and largest strength of them, 0 to 1.
    """

    plan: Plan
    ink: Ink
    second: Ink
    marks: Ink
    paper: Paper
    damage: Damage
    scan: Scan
    behind: Plan | None = None
    around: Surroundings | None = None
    ruling: tuple[float, float, float] = (0.35, 0.4, 0.5)
    ruled: tuple[float, float] = (0.1, 0.35)
