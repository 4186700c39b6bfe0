"""Archives: which hands, inks, papers and damages belong together.

Every archive is a function that draws its settings from a generator, so that two
pages of one archive resemble each other like neighbours in a box, not like copies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.train.damage import Damage
from docbin_napari.train.ink import Ink
from docbin_napari.train.layout import Plan
from docbin_napari.train.lettering import Hand
from docbin_napari.train.paper import Paper
from docbin_napari.train.scan import Scan
from docbin_napari.train.text import Setting

if TYPE_CHECKING:
    from collections.abc import Callable

    Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Archive:
    """Everything that is chosen before a page is drawn.

    Parameters
    ----------
    name : str
        Kind of archive, one of `ARCHIVES`.
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

    name: str
    plan: Plan
    ink: Ink
    second: Ink
    marks: Ink
    paper: Paper
    damage: Damage
    scan: Scan


def choose_archive(rng: np.random.Generator, name: str | None = None) -> Archive:
    """Choose an archive and its settings.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all choices.
    name : str, optional
        One of `ARCHIVES`; chosen by chance when not given.

    Returns
    -------
    Archive
        The settings of one page.
    """
    names = [*ARCHIVES, "letters", "through", "faded"]
    chosen = names[int(rng.integers(len(names)))] if name is None else name
    archive = ARCHIVES[chosen](_Dice(rng))
    return replace(archive, name=chosen)


class _Dice:
    """Short names for the draws below."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def one_of(self, *values: str) -> str:
        return str(values[int(self.rng.integers(len(values)))])

    def count(self, share: float, most: int) -> int:
        return int(self.rng.integers(1, most + 1)) if self.chance(share) else 0

    def near(self, colour: Colour, spread: float = 0.03) -> Colour:
        shift = self.rng.normal(0, spread)
        red, green, blue = (
            float(np.clip(value + shift + self.rng.normal(0, spread / 3), 0.01, 1))
            for value in colour
        )
        return red, green, blue


WHITE, CREAM, BUFF = (0.95, 0.94, 0.91), (0.92, 0.87, 0.75), (0.82, 0.7, 0.5)
TAN, BROWN, GRAY, BLUE_GRAY = (0.72, 0.58, 0.38), (0.58, 0.44, 0.28), (0.75, 0.75, 0.74), (0.66, 0.71, 0.74)
BLACK, GALL, SEPIA = (0.05, 0.05, 0.06), (0.2, 0.11, 0.06), (0.42, 0.27, 0.14)
PENCIL, BLUE, RED, VIOLET, GREEN = (
    (0.35, 0.35, 0.36), (0.1, 0.16, 0.45), (0.62, 0.1, 0.1), (0.38, 0.15, 0.5), (0.12, 0.4, 0.25))


def _scan(dice: _Dice, **fixed: object) -> Scan:
    """A scan as any archive may have made it, with some settings fixed."""
    dark = dice.between(0.02, 0.2)
    backdrops = [(dark, dark, dark), (dark * 1.6, dark * 1.1, dark * 0.7), (0.6, 0.62, 0.63)]
    drawn = Scan(
        rotation=dice.rng.normal(0, 0.9),
        warp=dice.between(0, 4) if dice.chance(0.5) else 0.0,
        border=dice.between(0.01, 0.07) if dice.chance(0.4) else 0.0,
        backdrop=backdrops[int(dice.rng.choice(3, p=[0.6, 0.25, 0.15]))],
        torn=dice.between(0.3, 5),
        gutter=dice.between(0.1, 0.6) if dice.chance(0.3) else 0.0,
        uneven=dice.between(0, 0.12),
        blur=dice.between(0.3, 1.0),
        coarse=dice.between(1.2, 2.2) if dice.chance(0.2) else 1.0,
        noise=dice.between(0.002, 0.025),
        contrast=dice.between(0.85, 1.15),
        gamma=dice.between(0.85, 1.25),
        gray=dice.chance(0.3),
        jpeg=int(dice.between(35, 95)) if dice.chance(0.6) else 0,
    )
    return replace(drawn, **fixed)  # type: ignore[arg-type]


def _marks(dice: _Dice) -> Ink:
    colour = [BLUE, RED, VIOLET, GREEN, BLACK][int(dice.rng.integers(5))]
    return Ink(dice.near(colour), dice.between(0.5, 0.9), 0.3, 0.25, dice.between(0, 0.6), 0.3)


def _pen(dice: _Dice, low: float = 14, high: float = 52) -> Hand:
    """Handwriting with a steel pen or a quill; small hands are more frequent."""
    x_height = low * (high / low) ** dice.between(0, 1)
    return Hand(
        script="running" if dice.chance(0.75) else "upright",
        x_height=x_height,
        pen=max(1.5, x_height * dice.between(0.09, 0.19)),
        contrast=dice.between(0.2, 0.7),
        nib=dice.between(0.2, 1.1),
        slant=dice.between(-0.1, 0.8),
        stretch=dice.between(0.75, 1.4),
        jitter=dice.between(0.2, 0.9),
    )


def _type(dice: _Dice, low: float = 12, high: float = 24) -> Hand:
    """A typeface."""
    x_height = dice.between(low, high)
    return Hand(
        script="serif",
        x_height=x_height,
        pen=max(1.8, x_height * dice.between(0.14, 0.24)),
        contrast=dice.between(0.35, 0.72),
        nib=dice.between(-0.1, 0.35),
        slant=0.22 if dice.chance(0.15) else 0.0,
        stretch=dice.between(0.8, 1.05),
        jitter=dice.between(0.02, 0.08),
    )


def _written(dice: _Dice, **fixed: object) -> Setting:
    drawn = Setting(
        leading=dice.between(2.1, 3.4),
        drift=dice.between(0.3, 1.5),
        corrections=dice.between(0, 0.06) if dice.chance(0.4) else 0.0,
    )
    return replace(drawn, **fixed)  # type: ignore[arg-type]


def _set(dice: _Dice) -> Setting:
    return Setting(leading=dice.between(2.0, 2.6), align="justify", indent=1.5, drift=0.1)


def _letters(dice: _Dice) -> Archive:
    """Letters in iron-gall ink that ate itself through the paper."""
    ink = Ink(dice.near(GALL), dice.between(0.6, 1.0), dice.between(0.1, 0.35),
              dice.between(0.05, 0.25), dice.between(0, 1.2), 0.25)
    layout = dice.one_of("letter", "letter", "plain", "annotated", "envelope")
    return Archive(
        "", Plan(layout, _pen(dice), _pen(dice, 10, 20), _written(dice), 0.1, 0.15),
        ink, replace(ink, colour=dice.near(SEPIA)), _marks(dice),
        Paper(dice.near(CREAM if dice.chance(0.6) else BUFF), dice.between(0.02, 0.08),
              dice.between(0.01, 0.04), dice.count(0.4, 120), 0.02 * dice.chance(0.5),
              dice.count(0.4, 60)),
        Damage(dice.count(0.4, 3), dice.count(0.3, 2), dice.count(0.3, 6), dice.count(0.5, 3),
               dice.count(0.3, 6), dice.between(0.1, 0.6) if dice.chance(0.6) else 0.0,
               dice.between(1, 3), dice.between(0, 0.6)),
        _scan(dice),
    )


def _faded(dice: _Dice) -> Archive:
    """Sepia or pencil, hardly darker than the paper."""
    pencil = dice.chance(0.5)
    ink = Ink(dice.near(PENCIL if pencil else SEPIA), dice.between(0.3, 0.6), dice.between(0.1, 0.3),
              dice.between(0.2, 0.45) if pencil else 0.15, 0.0, 0.3)
    hand = _pen(dice, 16, 40)
    hand = replace(hand, contrast=hand.contrast * 0.4) if pencil else hand
    colour = [CREAM, GRAY, BUFF, WHITE][int(dice.rng.integers(4))]
    layout = dice.one_of("letter", "plain", "envelope", "diary", "blank")
    return Archive(
        "", Plan(layout, hand, _type(dice), _written(dice), 0.2, 0.1), ink, ink, _marks(dice),
        Paper(dice.near(colour), dice.between(0.02, 0.06), dice.between(0.01, 0.05),
              dice.count(0.5, 200), 0.0, dice.count(0.2, 30)),
        Damage(dice.count(0.3, 2), dice.count(0.2, 1), dice.count(0.2, 3), dice.count(0.5, 2),
               dice.count(0.4, 5), dice.between(0.05, 0.25) if dice.chance(0.4) else 0.0, 2.5, 0.3),
        _scan(dice, noise=dice.between(0.002, 0.012), contrast=1.0),
    )


def _through(dice: _Dice) -> Archive:
    """Both sides written with a full pen: the other side is nearly as dark."""
    archive = _letters(dice)
    damage = replace(archive.damage, bleed=dice.between(0.5, 0.95), bleed_blur=dice.between(0.8, 3))
    ink = replace(archive.ink, strength=dice.between(0.9, 1.05), patches=dice.between(0.05, 0.2))
    return replace(archive, damage=damage, ink=ink)


def _printed_book(dice: _Dice) -> Archive:
    """A book, with print that shows through."""
    ink = Ink(dice.near(BLACK), dice.between(0.75, 1.0), dice.between(0.05, 0.25),
              dice.between(0.05, 0.3), dice.between(0, 0.8), dice.between(0.1, 0.4))
    red = replace(ink, colour=dice.near(RED))
    colour = [CREAM, BUFF, TAN, WHITE][int(dice.rng.integers(4))]
    return Archive(
        "", Plan(dice.one_of("book", "book", "title", "columns"), _type(dice), _pen(dice, 10, 18),
                 _set(dice), 0.0, 0.2), ink, red, _marks(dice),
        Paper(dice.near(colour), dice.between(0.02, 0.06), dice.between(0.01, 0.05),
              dice.count(0.6, 250), 0.015 * dice.chance(0.3), dice.count(0.5, 100)),
        Damage(dice.count(0.3, 2), dice.count(0.3, 2), dice.count(0.2, 4), 0, dice.count(0.2, 4),
               dice.between(0.05, 0.4) if dice.chance(0.8) else 0.0, dice.between(1, 3), 0.1),
        _scan(dice, gutter=dice.between(0.1, 0.7) if dice.chance(0.6) else 0.0),
    )


def _blackletter_book(dice: _Dice) -> Archive:
    """An old print in broken letters on browned paper."""
    archive = _printed_book(dice)
    x_height = dice.between(13, 30)
    hand = Hand("blackletter", x_height, x_height * dice.between(0.2, 0.28), dice.between(0.55, 0.75),
                dice.between(0.6, 0.9), 0.0, dice.between(0.65, 0.85), 0.08)
    plan = replace(archive.plan, hand=hand, layout=dice.one_of("book", "title", "columns", "plain"))
    return replace(archive, plan=plan, paper=replace(archive.paper, colour=dice.near(BUFF, 0.06)))


def _newspaper(dice: _Dice) -> Archive:
    """Columns of small worn type on yellow wood-pulp paper."""
    archive = _printed_book(dice)
    plan = replace(archive.plan, hand=_type(dice, 9, 14), layout="columns")
    ink = replace(archive.ink, grain=dice.between(0.2, 0.45), rough=dice.between(0.2, 0.5))
    paper = replace(archive.paper, colour=dice.near((0.8, 0.72, 0.55), 0.06), fibres=300,
                    grain=dice.between(0.03, 0.07))
    return replace(archive, plan=plan, ink=ink, paper=paper)


def _typescript(dice: _Dice) -> Archive:
    """A typewriter, ribbon or carbon copy, on thin paper."""
    x_height = dice.between(12, 22)
    hand = Hand("typewriter", x_height, max(1.6, x_height * dice.between(0.1, 0.2)), 0.0, 0.0, 0.0, 1.0,
                dice.between(0.05, 0.25))
    carbon = dice.chance(0.4)
    ink = Ink(dice.near(BLUE if dice.chance(0.25) else BLACK), dice.between(0.5, 0.95),
              dice.between(0.1, 0.3), dice.between(0.15, 0.4), 1.2 if carbon else 0.2, 0.4)
    colour = [WHITE, CREAM, BUFF, (0.9, 0.82, 0.62)][int(dice.rng.integers(4))]
    setting = Setting(leading=dice.between(2.4, 4.0), drift=0.2, indent=3.0,
                      corrections=0.02 * dice.chance(0.3))
    return Archive(
        "", Plan(dice.one_of("letter", "plain", "table", "book"), hand, _pen(dice, 14, 26), setting,
                 0.0, 0.5), ink, Ink(dice.near(BLUE), 0.8), _marks(dice),
        Paper(dice.near(colour), dice.between(0.01, 0.05), dice.between(0.01, 0.04),
              dice.count(0.5, 150), 0.0, dice.count(0.2, 20)),
        Damage(dice.count(0.2, 2), dice.count(0.2, 1), dice.count(0.2, 3), dice.count(0.6, 3),
               dice.count(0.3, 8), dice.between(0.05, 0.3) if dice.chance(0.4) else 0.0, 1.5, 0.0),
        _scan(dice),
    )


def _office(dice: _Dice) -> Archive:
    """Forms and ledgers: printed labels, answers by hand, rules and stamps."""
    ink = Ink(dice.near(BLUE if dice.chance(0.5) else BLACK), dice.between(0.6, 0.95), 0.15,
              dice.between(0.05, 0.25), dice.between(0, 0.6), 0.25)
    label = replace(_type(dice, 9, 14), script=dice.one_of("serif", "sans"))
    colour = [WHITE, CREAM, BLUE_GRAY, BUFF][int(dice.rng.integers(4))]
    return Archive(
        "", Plan(dice.one_of("form", "form", "table"), _pen(dice, 13, 24), label, _written(dice), 0.0,
                 0.6), ink, Ink(dice.near(BLACK), dice.between(0.6, 0.9)), _marks(dice),
        Paper(dice.near(colour), dice.between(0.01, 0.05), dice.between(0.01, 0.03)),
        Damage(dice.count(0.3, 2), dice.count(0.2, 2), dice.count(0.3, 4), dice.count(0.5, 3),
               dice.count(0.3, 6), dice.between(0.05, 0.4) if dice.chance(0.5) else 0.0, 2.0, 0.3),
        _scan(dice),
    )


def _microfilm_diary(dice: _Dice) -> Archive:
    """A diary on microfilm: gray, dark, stained, black beyond its edges."""
    hand = _pen(dice, 10, 18)
    ink = Ink(BLACK, dice.between(0.6, 0.95), 0.3, 0.2, 0.3, 0.3)
    light = dice.between(0.5, 0.8)
    return Archive(
        "", Plan("diary", hand, replace(_type(dice, 12, 18), script="serif"), _written(dice), 0.5),
        ink, Ink(BLACK, 0.95), _marks(dice),
        Paper((light, light, light), dice.between(0.08, 0.2), dice.between(0.02, 0.06)),
        Damage(dice.count(0.8, 5), dice.count(0.5, 2), dice.count(0.5, 10), 0, dice.count(0.5, 5),
               dice.between(0.05, 0.35), 2.0, 0.3),
        _scan(dice, gray=True, border=dice.between(0.02, 0.06), backdrop=(0.08, 0.08, 0.08),
              torn=dice.between(2, 7), uneven=dice.between(0.1, 0.3), gutter=dice.between(0, 0.5)),
    )


def _oriental(dice: _Dice) -> Archive:
    """Joined writing from right to left with a reed pen, on tinted paper."""
    x_height = dice.between(9, 18)
    hand = Hand("nastaliq", x_height, x_height * dice.between(0.22, 0.4), dice.between(0.5, 0.8),
                dice.between(0.8, 1.3), dice.between(-0.1, 0.15), dice.between(0.9, 1.4),
                dice.between(0.1, 0.5))
    ink = Ink(dice.near(BLACK), dice.between(0.75, 1.0), 0.15, dice.between(0.05, 0.25), 0.2, 0.25)
    tint = [(0.78, 0.42, 0.25), (0.6, 0.66, 0.68), CREAM, TAN, (0.75, 0.7, 0.5)]
    return Archive(
        "", Plan(dice.one_of("plain", "annotated", "letter"), hand, replace(hand, x_height=x_height * 0.75),
                 _written(dice, leading=dice.between(3.6, 5.5), corrections=0.0), 0.0, 0.1),
        ink, Ink(dice.near(RED), 0.9), _marks(dice),
        Paper(dice.near(tint[int(dice.rng.integers(5))]), dice.between(0.03, 0.09),
              dice.between(0.02, 0.05), dice.count(0.6, 150), 0.02 * dice.chance(0.5), dice.count(0.4, 50)),
        Damage(dice.count(0.4, 3), dice.count(0.4, 2), dice.count(0.4, 8), dice.count(0.3, 2), 0,
               dice.between(0.05, 0.35) if dice.chance(0.5) else 0.0, 2.5, 0.2),
        _scan(dice),
    )


def _parchment(dice: _Dice) -> Archive:
    """Parchment with a broad nib, in letters that nobody knows, or upright ones."""
    x_height = dice.between(18, 45)
    hand = Hand(dice.one_of("runes", "upright", "blackletter"), x_height, x_height * dice.between(0.14, 0.24),
                dice.between(0.4, 0.75), dice.between(0.5, 0.9), dice.between(-0.05, 0.2), 0.9,
                dice.between(0.1, 0.35), int(dice.rng.integers(1 << 30)))
    ink = Ink(dice.near(GALL), dice.between(0.7, 1.0), dice.between(0.2, 0.5), 0.2, 0.4, 0.35)
    colour = [BUFF, TAN, BROWN, (0.85, 0.8, 0.66)][int(dice.rng.integers(4))]
    return Archive(
        "", Plan(dice.one_of("plain", "annotated", "book", "title"), hand, _pen(dice, 10, 16),
                 _written(dice, corrections=0.0), 0.3), ink, Ink(dice.near(RED), 0.85), _marks(dice),
        Paper(dice.near(colour), dice.between(0.06, 0.15), dice.between(0.02, 0.06)),
        Damage(dice.count(0.7, 4), dice.count(0.5, 3), dice.count(0.5, 8), 0, dice.count(0.7, 10),
               dice.between(0.1, 0.5) if dice.chance(0.6) else 0.0, 3.0, 0.4),
        _scan(dice, border=dice.between(0.01, 0.08) if dice.chance(0.6) else 0.0, torn=dice.between(2, 9)),
    )


def _clean(dice: _Dice) -> Archive:
    """A good scan of a clean page; some are almost blank."""
    archive = [_letters, _printed_book, _office, _typescript][int(dice.rng.integers(4))](dice)
    damage = Damage(folds=dice.count(0.2, 1), bleed=0.08 * dice.chance(0.4))
    plan = replace(archive.plan, layout=dice.one_of("blank", "title", "plain", archive.plan.layout))
    paper = replace(archive.paper, colour=dice.near(WHITE), mottling=0.01, foxing=0, fibres=0)
    return replace(archive, plan=plan, damage=damage, paper=paper)


ARCHIVES: dict[str, Callable[[_Dice], Archive]] = {
    "letters": _letters,
    "faded": _faded,
    "through": _through,
    "book": _printed_book,
    "blackletter": _blackletter_book,
    "newspaper": _newspaper,
    "typescript": _typescript,
    "office": _office,
    "microfilm": _microfilm_diary,
    "oriental": _oriental,
    "parchment": _parchment,
    "clean": _clean,
}
"""Every kind of archive by name."""
