"""Random draws shared by the archives: numbers, colours, hands, papers, damages, scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from docbin_napari.drawing.lettering import Hand
from docbin_napari.drawing.noise import Colour, Rng
from docbin_napari.drawing.paper import Damage, Ink, Paper
from docbin_napari.drawing.scan import Scan
from docbin_napari.drawing.surroundings import EDGES, GROUNDS, Surroundings
from docbin_napari.drawing.text import Setting

T = TypeVar("T")

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
Range = tuple[float, float]

_CLOTH: tuple[Colour, ...] = (
    (0.6, 0.6, 0.58), (0.45, 0.5, 0.42), (0.5, 0.38, 0.25), (0.35, 0.36, 0.4), (0.3, 0.1, 0.1),
)  # fmt: skip
_LEATHER: tuple[Colour, ...] = (
    (0.3, 0.17, 0.09), (0.12, 0.07, 0.05), (0.55, 0.45, 0.3), (0.4, 0.1, 0.08),
)  # fmt: skip
_LAID = {
    "target": 0.15, "grays": 0.08, "ruler": 0.15, "clip": 0.1, "finger": 0.08, "ribbon": 0.1,
    "string": 0.1, "clasp": 0.08, "wormholes": 0.12, "frame": 0.06,
}  # fmt: skip
"""Chances of the things that lie around a page."""


class Dice:
    """Draw settings from a generator; `fixed` values replace what was drawn.

    Every method draws the same number of values whatever is fixed, so that one
    setting can be pinned without changing the others of a page.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all draws.
    """

    def __init__(self, rng: Rng) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        """Draw a number uniformly."""
        return float(self.rng.uniform(low, high))

    def scale(self, low: float, high: float) -> float:
        """Draw a number log-uniformly, so that small values are more frequent."""
        return float(low * (high / low) ** self.rng.uniform())

    def chance(self, share: float) -> bool:
        """Return True in a share of the cases."""
        return bool(self.rng.random() < share)

    def maybe(self, share: float, low: float, high: float) -> float:
        """Draw a number in a share of the cases, else 0."""
        value = self.between(low, high)
        return value if self.chance(share) else 0.0

    def one_of(self, *values: T) -> T:
        """Draw one of several values."""
        return values[int(self.rng.integers(len(values)))]

    def count(self, share: float, most: int) -> int:
        """Draw a number from 1 to `most` in a share of the cases, else 0."""
        value = int(self.rng.integers(1, most + 1))
        return value if self.chance(share) else 0

    def seed(self) -> int:
        """Draw a seed."""
        return int(self.rng.integers(1 << 30))

    def colour(self, *colours: Colour, spread: float = 0.03) -> Colour:
        """Draw one of several colours and shift it a little."""
        base = self.one_of(*colours)
        shift = self.rng.normal(0, spread) + self.rng.normal(0, spread / 3, 3)
        red, green, blue = np.clip(np.add(base, shift), 0.01, 1.0).tolist()
        return red, green, blue

    def pen(self, low: float = 14, high: float = 52, **fixed: Any) -> Hand:
        """Draw a handwriting with a steel pen or a quill; height of small letters in pixels."""
        drawn = self._hand(
            lambda: "running" if self.chance(0.75) else "upright", (low, high), (0.09, 0.19), 1.5,
            contrast=(0.2, 0.7), nib=(0.2, 1.1), slant=(-0.1, 0.8), stretch=(0.75, 1.4),
            jitter=(0.1, 0.9), reach=(0.6, 1.6), spacing=(-0.6, 2.5), character=(0.2, 0.9),
            letters=self.seed,
        )  # fmt: skip
        return replace(drawn, **fixed)

    def face(self, low: float = 12, high: float = 24) -> Hand:
        """Draw a typeface with serifs; height of small letters in pixels."""
        return self._hand(
            "serif", (low, high), (0.14, 0.24), 1.8, contrast=(0.35, 0.72), nib=(-0.1, 0.35),
            slant=lambda: 0.22 if self.chance(0.15) else 0.0, stretch=(0.8, 1.05),
            jitter=(0.02, 0.08), reach=(0.75, 1.1), character=(0.0, 0.25), letters=self.seed,
        )  # fmt: skip

    def broken_face(self) -> Hand:
        """Draw a blackletter typeface, all strokes straight."""
        return self._hand(
            "blackletter", (13, 34), (0.2, 0.28), contrast=(0.55, 0.75), nib=(0.6, 0.9), slant=0.0,
            stretch=(0.65, 0.85), jitter=0.08, character=(0.0, 0.4), letters=self.seed,
        )  # fmt: skip

    def typewriter(self) -> Hand:
        """Draw a typewriter, well kept or worn."""
        return self._hand(
            "typewriter", (12, 24), (0.1, 0.2), 1.6, contrast=0.0, nib=0.0, slant=0.0,
            jitter=(0.05, 0.25),
        )  # fmt: skip

    def reed(self) -> Hand:
        """Draw a hand that writes from right to left with a broad reed."""
        return self._hand(
            "nastaliq", (9, 22), (0.22, 0.4), contrast=(0.5, 0.8), nib=(0.8, 1.3),
            slant=(-0.1, 0.15), stretch=(0.9, 1.4), jitter=(0.1, 0.5),
        )  # fmt: skip

    def _hand(
        self, script: Any, x_height: Range, pen: Range, least: float = 0.0, **settings: Any
    ) -> Hand:
        """Draw a hand whose pen is a share of the height of its letters, `least` pixels or more.

        A pair is a range to draw from, a function is called, anything else is taken as it is.
        """
        high = self.scale(*x_height)
        script = self._drawn(script)
        width = max(least, high * self.between(*pen))
        rest = {name: self._drawn(value) for name, value in settings.items()}
        return Hand(script, high, width, **rest)

    def _drawn(self, setting: Any) -> Any:
        if isinstance(setting, tuple):
            return self.between(*setting)
        return setting() if callable(setting) else setting

    def lines(self, **fixed: Any) -> Setting:
        """Draw the setting of handwritten lines: uneven, now and then with corrections."""
        drawn = Setting(
            leading=self.between(2.1, 3.4),
            drift=self.between(0.3, 1.5),
            corrections=self.maybe(0.4, 0, 0.06),
        )
        return replace(drawn, **fixed)

    def justified(self) -> Setting:
        """Draw the setting of printed lines, all of one length."""
        return Setting(leading=self.between(2.0, 2.6), align="justify", indent=1.5, drift=0.1)

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

    def other_inks(self, *colours: Colour, **fixed: Any) -> tuple[Ink, Ink]:
        """Draw the second ink, of one of several colours, and the ink of stamps."""
        second = self.ink(*colours, **fixed)
        return second, self.ink(BLUE, RED, VIOLET, GREEN, BLACK, strength=self.between(0.5, 0.9))

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
            objects=tuple(name for name, share in _LAID.items() if self.chance(share)),
        )
        return replace(drawn, **fixed)

    def _sides(self) -> tuple[tuple[float, ...], tuple[float, ...], float]:
        """Draw margins, thickness of leaf edges, and the gutter: most leaves at one side."""
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
        return tuple(sides), tuple(thick), gutter

    def _ground(self) -> tuple[str, Colour]:
        """Draw what a page lies on, and its colour."""
        ground = self.one_of(*GROUNDS, "velvet", "velvet")
        dark = self.colour((0.03, 0.03, 0.03), (0.09, 0.08, 0.08), spread=0.02)
        light = self.colour(*_CLOTH)
        white = self.colour((0.93, 0.93, 0.92), (0.85, 0.86, 0.88), spread=0.04)
        sheet = self.colour(CREAM, BUFF, WHITE, spread=0.04)
        known = {"velvet": dark, "film": dark, "white": white, "paper": sheet}
        return ground, known.get(ground, light)

    def scan(self, **fixed: Any) -> Scan:
        """Draw a scan as any library may have made it."""
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
