"""One side of a leaf: the plan of what stands on it, what was drawn, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbin_napari.drawing.strokes import Strokes, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from docbin_napari.drawing.damage import Damage
    from docbin_napari.drawing.ink import Ink
    from docbin_napari.drawing.lettering import Hand
    from docbin_napari.drawing.paper import Paper
    from docbin_napari.drawing.scan import Scan
    from docbin_napari.drawing.text import Box, Setting


@dataclass(frozen=True)
class Sheet:
    """What is drawn on one side of a leaf.

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
    picture : Box, optional
        Where a halftone picture is printed; its dots are no ink.
    """

    text: Strokes
    second: Strokes
    marks: Strokes
    guides: Strokes
    picture: Box | None = None

    @classmethod
    def of(cls, *layers: list[Strokes]) -> Sheet:
        """Make a sheet from up to four lists of strokes, in the order of the fields."""
        padded = [*layers, [], [], [], []]
        text, second, marks, guides = (joined(layer) for layer in padded[:4])
        return cls(text, second, marks, guides)

    def changed(self, change: Callable[[Strokes], Strokes]) -> Sheet:
        """Return the sheet with each layer sent through a function."""
        text, second, marks, guides = (change(part) for part in self.layers)
        return Sheet(text, second, marks, guides, self.picture)

    @property
    def layers(self) -> tuple[Strokes, Strokes, Strokes, Strokes]:
        """The four layers in the order of the fields."""
        return self.text, self.second, self.marks, self.guides


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
    """

    layout: str
    hand: Hand
    second: Hand
    setting: Setting
    guides: float = 0.0
    stamps: float = 0.0
    pictures: float = 0.0


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
    """

    plan: Plan
    ink: Ink
    second: Ink
    marks: Ink
    paper: Paper
    damage: Damage
    scan: Scan
