"""Random draws shared by the archives: numbers, colours, hands, papers, damages, scans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.drawing.lettering import Hand
from docbin_napari.drawing.objects import OBJECTS
from docbin_napari.drawing.paper import Damage, Ink, Paper
from docbin_napari.drawing.scan import Scan
from docbin_napari.drawing.surroundings import EDGES, GROUNDS, Surroundings
from docbin_napari.drawing.text import Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

Colour = tuple[float, float, float]
"""Light reflected or let through, for red, green and blue, 0 to 1."""

WHITE: Colour = (0.95, 0.94, 0.91)
CREAM: Colour = (0.92, 0.87, 0.75)
BUFF: Colour = (0.82, 0.7, 0.5)
TAN: Colour = (0.72, 0.58, 0.38)
BROWN: Colour = (0.58, 0.44, 0.28)
GRAY: Colour = (0.75, 0.75, 0.74)
SKY: Colour = (0.66, 0.71, 0.74)
BLACK: Colour = (0.05, 0.05, 0.06)
GALL: Colour = (0.2, 0.11, 0.06)
SEPIA: Colour = (0.42, 0.27, 0.14)
PENCIL: Colour = (0.35, 0.35, 0.36)
BLUE: Colour = (0.1, 0.16, 0.45)
RED: Colour = (0.62, 0.1, 0.1)
VIOLET: Colour = (0.38, 0.15, 0.5)
GREEN: Colour = (0.12, 0.4, 0.25)
Sides = tuple[float, float, float, float]
"""One number for each side: left, top, right, bottom."""

_CLOTH: tuple[Colour, ...] = (
    (0.6, 0.6, 0.58),
    (0.45, 0.5, 0.42),
    (0.5, 0.38, 0.25),
    (0.35, 0.36, 0.4),
    (0.3, 0.1, 0.1),
)
_LEATHER: tuple[Colour, ...] = (
    (0.3, 0.17, 0.09),
    (0.12, 0.07, 0.05),
    (0.55, 0.45, 0.3),
    (0.4, 0.1, 0.08),
)
_LAID = {
    "target": 0.15, "grays": 0.08, "ruler": 0.15, "clip": 0.1, "finger": 0.08, "ribbon": 0.1,
    "string": 0.1, "clasp": 0.08, "wormholes": 0.12, "frame": 0.06,
}  # fmt: skip


class Dice:
    """Draw settings from a generator; `fixed` values replace what was drawn.

    Every method draws the same number of values whatever is fixed, so that one
    setting can be pinned without changing the others of a page.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all draws.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        """Draw a number, all values alike."""
        return float(self.rng.uniform(low, high))

    def scale(self, low: float, high: float) -> float:
        """Draw a number, all proportions alike: small values are more frequent."""
        return float(low * (high / low) ** self.rng.uniform())

    def chance(self, share: float) -> bool:
        """Return True in a share of the cases."""
        return bool(self.rng.random() < share)

    def maybe(self, share: float, low: float, high: float) -> float:
        """Draw a number in a share of the cases, else 0."""
        value = self.between(low, high)
        return value if self.chance(share) else 0.0

    def one_of(self, *values: str) -> str:
        """Draw one of several words."""
        return values[int(self.rng.integers(len(values)))]

    def count(self, share: float, most: int) -> int:
        """Draw a number from 1 to `most` in a share of the cases, else 0."""
        value = int(self.rng.integers(1, most + 1))
        return value if self.chance(share) else 0

    def colour(self, *colours: Colour, spread: float = 0.03) -> Colour:
        """Draw one of several colours and shift it a little."""
        base = colours[int(self.rng.integers(len(colours)))]
        shift = self.rng.normal(0, spread) + self.rng.normal(0, spread / 3, 3)
        red, green, blue = np.clip(np.add(base, shift), 0.01, 1.0).tolist()
        return red, green, blue

    def pen(self, low: float = 14, high: float = 52, **fixed: Any) -> Hand:
        """Handwriting with a steel pen or a quill; height of small letters in pixels."""
        x_height = self.scale(low, high)
        drawn = Hand(
            script="running" if self.chance(0.75) else "upright",
            x_height=x_height,
            pen=max(1.5, x_height * self.between(0.09, 0.19)),
            contrast=self.between(0.2, 0.7),
            nib=self.between(0.2, 1.1),
            slant=self.between(-0.1, 0.8),
            stretch=self.between(0.75, 1.4),
            jitter=self.between(0.1, 0.9),
            reach=self.between(0.6, 1.6),
            spacing=self.between(-0.6, 2.5),
            character=self.between(0.2, 0.9),
            letters=int(self.rng.integers(1 << 30)),
        )
        return replace(drawn, **fixed)

    def face(self, low: float = 12, high: float = 24, **fixed: Any) -> Hand:
        """Draw a typeface with serifs; height of small letters in pixels."""
        x_height = self.scale(low, high)
        drawn = Hand(
            script="serif",
            x_height=x_height,
            pen=max(1.8, x_height * self.between(0.14, 0.24)),
            contrast=self.between(0.35, 0.72),
            nib=self.between(-0.1, 0.35),
            slant=0.22 if self.chance(0.15) else 0.0,
            stretch=self.between(0.8, 1.05),
            jitter=self.between(0.02, 0.08),
            reach=self.between(0.75, 1.1),
            character=self.between(0.0, 0.25),
            letters=int(self.rng.integers(1 << 30)),
        )
        return replace(drawn, **fixed)

    def broken_face(self) -> Hand:
        """Draw a typeface of broken letters, all strokes straight."""
        x_height = self.scale(13, 34)
        return Hand(
            script="blackletter",
            x_height=x_height,
            pen=x_height * self.between(0.2, 0.28),
            contrast=self.between(0.55, 0.75),
            nib=self.between(0.6, 0.9),
            slant=0.0,
            stretch=self.between(0.65, 0.85),
            jitter=0.08,
            character=self.between(0.0, 0.4),
            letters=int(self.rng.integers(1 << 30)),
        )

    def typewriter(self) -> Hand:
        """Draw a typewriter, well kept or worn."""
        x_height = self.scale(12, 24)
        return Hand(
            script="typewriter",
            x_height=x_height,
            pen=max(1.6, x_height * self.between(0.1, 0.2)),
            contrast=0.0,
            nib=0.0,
            slant=0.0,
            jitter=self.between(0.05, 0.25),
        )

    def reed(self) -> Hand:
        """Draw a hand that writes from right to left with a broad reed."""
        x_height = self.scale(9, 22)
        return Hand(
            script="nastaliq",
            x_height=x_height,
            pen=x_height * self.between(0.22, 0.4),
            contrast=self.between(0.5, 0.8),
            nib=self.between(0.8, 1.3),
            slant=self.between(-0.1, 0.15),
            stretch=self.between(0.9, 1.4),
            jitter=self.between(0.1, 0.5),
        )

    def lines(self, **fixed: Any) -> Setting:
        """Lines of a hand: uneven, now and then with corrections."""
        drawn = Setting(
            leading=self.between(2.1, 3.4),
            drift=self.between(0.3, 1.5),
            corrections=self.maybe(0.4, 0, 0.06),
        )
        return replace(drawn, **fixed)

    def justified(self, **fixed: Any) -> Setting:
        """Lines of a press."""
        drawn = Setting(leading=self.between(2.0, 2.6), align="justify", indent=1.5, drift=0.1)
        return replace(drawn, **fixed)

    def ink(self, *colours: Colour, **fixed: Any) -> Ink:
        """Draw an ink of one of several colours."""
        drawn = Ink(
            colour=self.colour(*colours),
            strength=self.between(0.65, 1.0),
            patches=self.between(0.05, 0.3),
            grain=self.between(0.05, 0.25),
            rim=self.maybe(0.4, 0.1, 0.5),
            spread=self.maybe(0.6, 0.1, 1.2),
            rough=self.between(0.1, 0.35),
        )
        return replace(drawn, **fixed)

    def stamp_ink(self) -> Ink:
        """Draw the ink of a stamp."""
        return self.ink(BLUE, RED, VIOLET, GREEN, BLACK, strength=self.between(0.5, 0.9))

    def paper(self, colours: Sequence[Colour], **fixed: Any) -> Paper:
        """Draw a paper of one of several colours."""
        drawn = Paper(
            colour=self.colour(*colours, spread=0.04),
            mottling=self.scale(0.015, 0.08),
            grain=self.scale(0.01, 0.05),
            fibres=self.count(0.5, 200),
            laid=self.maybe(0.25, 0.01, 0.025),
            foxing=self.count(0.3, 60),
            browning=self.maybe(0.3, 0.1, 0.5),
        )
        return replace(drawn, **fixed)

    def damage(self, wear: float, **fixed: Any) -> Damage:
        """Draw damages, each with a chance of `wear`, 0 to 1."""
        drawn = Damage(
            stains=self.count(wear, 3),
            tides=self.count(wear * 0.8, 2),
            blots=self.count(wear * 0.8, 6),
            folds=self.count(wear, 3),
            creases=self.count(wear, 6),
            tapes=self.count(wear * 0.25, 2),
            bleed=self.maybe(0.2 + wear, 0.05, 0.5),
            bleed_blur=self.between(0.8, 3),
            beneath=self.maybe(wear * 0.3, 0.03, 0.12),
            water=self.between(0, 0.6),
        )
        return replace(drawn, **fixed)

    def things(self, *names: str) -> tuple[str, ...]:
        """Draw which of several things lie beside a page, each with a chance of a quarter."""
        return tuple(name for name in names if self.chance(0.25))

    def around(self, **fixed: Any) -> Surroundings:
        """Draw what lies around a page of a bound volume."""
        margins, leaves, gutter = self._sides()
        ground, ground_colour = self._ground()
        pitch = self.scale(1.8, 14)
        drawn = Surroundings(
            margins=margins,
            leaves=leaves,
            pitch=pitch,
            cockle=pitch * self.scale(0.3, 4),
            contrast=self.between(0.2, 0.95),
            edges=self.one_of(*EDGES),
            leaf_colour=self.colour(CREAM, BUFF, TAN, (0.66, 0.6, 0.5), spread=0.06),
            board=self.maybe(0.5, 0.006, 0.05),
            board_colour=self.colour(*_LEATHER),
            ground=ground,
            ground_colour=ground_colour,
            gutter=gutter,
            gutter_depth=self.between(0.2, 0.9),
            objects=tuple(name for name in OBJECTS if self.chance(_LAID[name])),
        )
        return replace(drawn, **fixed)

    def _sides(self) -> tuple[Sides, Sides, float]:
        """Margins, thickness of leaf edges, and place of the gutter: most leaves at one side."""
        sides = [self.maybe(0.8, 0.02, 0.16) for _ in range(4)]
        thick = [margin * self.maybe(0.3, 0.1, 0.6) for margin in sides]
        main = 2 * int(self.chance(0.6))
        sides[main] = self.between(0.05, 0.34)
        thick[main] = sides[main] * self.maybe(0.8, 0.3, 1.05)
        gutter = 0.0
        if self.chance(0.5):
            at = self.between(0.04, 0.22)
            gutter = at if main else 1 - at
            sides[2 - main] = thick[2 - main] = 0.0
        elif self.chance(0.6):
            thick[2 - main] = 0.0
        margins = (sides[0], sides[1], sides[2], sides[3])
        return margins, (thick[0], thick[1], thick[2], thick[3]), gutter

    def _ground(self) -> tuple[str, Colour]:
        """What a page lies on, and its colour."""
        ground = self.one_of(*GROUNDS, "velvet", "velvet")
        dark = self.colour((0.03, 0.03, 0.03), (0.09, 0.08, 0.08), spread=0.02)
        light = self.colour(*_CLOTH)
        white = self.colour((0.93, 0.93, 0.92), (0.85, 0.86, 0.88), spread=0.04)
        sheet = self.colour(CREAM, BUFF, WHITE, spread=0.04)
        known = {"velvet": dark, "film": dark, "white": white, "paper": sheet}
        return ground, known.get(ground, light)

    def scan(self, **fixed: Any) -> Scan:
        """A scan as any library may have made it."""
        dark = self.between(0.02, 0.2)
        warm = (dark * 1.6, dark * 1.1, dark * 0.7)
        drawn = Scan(
            rotation=float(np.clip(self.rng.normal(0, 0.9), -3, 3)),
            warp=self.maybe(0.5, 0, 4),
            border=self.maybe(0.4, 0.01, 0.07),
            backdrop=self.colour((dark, dark, dark), warm, (dark, dark, dark), (0.6, 0.62, 0.63)),
            torn=self.scale(0.3, 6),
            gutter=self.maybe(0.3, 0.1, 0.6),
            uneven=self.between(0, 0.12),
            shadow=self.maybe(0.1, 0.15, 0.5),
            blur=self.between(0.3, 1.0),
            coarse=1 + self.maybe(0.2, 0.2, 1.2),
            noise=self.scale(0.002, 0.025),
            contrast=self.between(0.85, 1.15),
            gamma=self.between(0.85, 1.25),
            gray=self.chance(0.3),
            jpeg=int(self.maybe(0.6, 35, 95)),
        )
        return replace(drawn, **fixed)
