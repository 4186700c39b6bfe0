"""Archives: sets of hands, inks, papers and damages that belong together.

Every archive is a function that draws its settings from a generator, so that two
pages of one archive resemble each other like neighbours in a box, not like copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from docbin_napari.drawing import dice as colours
from docbin_napari.drawing.blocks import Plan
from docbin_napari.drawing.dice import BLACK, BLUE, BUFF, CREAM, GALL, RED, SEPIA, TAN, WHITE, Dice
from docbin_napari.drawing.noise import Colour, Rng
from docbin_napari.drawing.paper import Damage, Ink, Paper
from docbin_napari.drawing.scan import Scan
from docbin_napari.drawing.surroundings import Surroundings


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
    ruling: Colour = (0.35, 0.4, 0.5)
    ruled: tuple[float, float] = (0.1, 0.35)

    def varied(self, **parts: Any) -> Archive:
        """Return the archive with other parts; a dict changes single settings of a part."""
        changed = {
            name: replace(getattr(self, name), **part) if isinstance(part, dict) else part
            for name, part in parts.items()
        }
        return replace(self, **changed)


def choose_archive(rng: Rng, name: str | None = None) -> Archive:
    """Choose an archive and its settings.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all choices.
    name : str, optional
        One of `ARCHIVES`, or one of `GROUPS` to choose from; "usual" by default.

    Returns
    -------
    Archive
        The settings of one page.

    Raises
    ------
    ValueError
        If there is no archive of that name.
    """
    if name is not None and name not in (*ARCHIVES, *GROUPS):
        known = ", ".join([*ARCHIVES, *GROUPS])
        raise ValueError(f"there is no archive {name!r}; choose one of {known}")
    dice = Dice(rng)
    chosen = dice.one_of(*GROUPS[name if name in GROUPS else "usual"])
    return ARCHIVES[name if name in ARCHIVES else chosen](dice)


def resized(archive: Archive, factor: float) -> Archive:
    """Return the archive as it is at another resolution: letters, blur and leaves grow alike.

    Examples
    --------
    >>> from numpy.random import default_rng
    >>> letters = choose_archive(default_rng(0), "letters")
    >>> resized(letters, 2.0).plan.hand.x_height / letters.plan.hand.x_height
    2.0
    """

    def plan(of: Plan) -> Plan:
        hand, second = (
            replace(hand, x_height=hand.x_height * factor, pen=max(1.0, hand.pen * factor))
            for hand in (of.hand, of.second)
        )
        return replace(of, hand=hand, second=second, grid=of.grid * factor)

    around, scan = archive.around, archive.scan
    return archive.varied(
        plan=plan(archive.plan),
        behind=archive.behind and plan(archive.behind),
        ink={"spread": archive.ink.spread * factor},
        damage={"bleed_blur": archive.damage.bleed_blur * factor},
        scan={"blur": max(0.3, scan.blur * factor), "torn": scan.torn * factor},
        around=around
        and replace(around, pitch=around.pitch * factor, cockle=around.cockle * factor),
    )


def _letters(dice: Dice) -> Archive:
    """Choose letters in iron-gall ink that ate into the paper."""
    layout = dice.one_of("letter", "letter", "plain", "annotated", "envelope")
    return Archive(
        Plan(layout, dice.pen(), dice.pen(10, 20), dice.lines(), guides=0.1, stamps=0.15),
        dice.ink(GALL, GALL, BLACK),
        *dice.other_inks(SEPIA, RED),
        dice.paper([CREAM, CREAM, BUFF]),
        dice.damage(0.4),
        dice.scan(),
    )


def _faded(dice: Dice) -> Archive:
    """Choose sepia or pencil, hardly darker than the paper."""
    layout = dice.one_of("letter", "plain", "envelope", "diary", "blank")
    pencil = dice.chance(0.5)
    hand = dice.pen(16, 45)
    if pencil:
        hand = replace(hand, contrast=hand.contrast * 0.4)
    grain = dice.between(0.2, 0.45) if pencil else 0.15
    strength = dice.between(0.3, 0.6)
    ink = dice.ink(colours.PENCIL if pencil else SEPIA, strength=strength, grain=grain, spread=0.0)
    return Archive(
        Plan(layout, hand, dice.face(), dice.lines(), guides=0.2, stamps=0.1),
        ink,
        *dice.other_inks(BLACK, strength=strength + 0.1),
        dice.paper([CREAM, colours.GRAY, BUFF, WHITE]),
        dice.damage(0.3, bleed=dice.maybe(0.4, 0.05, 0.25), beneath=0.0, water=0.2),
        dice.scan(noise=dice.scale(0.002, 0.012), contrast=1.0),
    )


def _through(dice: Dice) -> Archive:
    """Choose both sides written with a full pen: the other side is nearly as dark."""
    return _letters(dice).varied(
        damage={"bleed": dice.between(0.5, 0.95)},
        ink={"strength": dice.between(0.9, 1.05), "patches": dice.between(0.05, 0.2)},
    )


def _book(dice: Dice) -> Archive:
    """Choose a book, with print that shows through."""
    layout = dice.one_of("book", "book", "title", "columns")
    return Archive(
        Plan(layout, dice.face(), dice.pen(10, 18), dice.justified(), stamps=0.2),
        dice.ink(BLACK),
        *dice.other_inks(RED, BLACK),
        dice.paper([CREAM, BUFF, TAN, WHITE]),
        dice.damage(0.3, folds=0, bleed=dice.maybe(0.8, 0.05, 0.45)),
        dice.scan(gutter=dice.maybe(0.6, 0.1, 0.7)),
    )


def _blackletter(dice: Dice) -> Archive:
    """Choose an old print in blackletter on browned paper."""
    archive = _book(dice)
    layout = dice.one_of("book", "title", "columns", "plain")
    plan = {"layout": layout, "hand": dice.broken_face()}
    return archive.varied(plan=plan, paper=dice.paper([BUFF, TAN]))


def _newspaper(dice: Dice) -> Archive:
    """Choose columns of small worn type on yellow wood-pulp paper, sometimes a picture."""
    pulp = [(0.8, 0.72, 0.55), (0.86, 0.8, 0.66), (0.78, 0.74, 0.66)]
    return _book(dice).varied(
        plan={"hand": dice.face(9, 15), "layout": "columns", "pictures": 0.35},
        ink={"grain": dice.between(0.2, 0.45), "rough": dice.between(0.2, 0.5)},
        paper=dice.paper(pulp, fibres=300),
    )


def _typescript(dice: Dice) -> Archive:
    """Choose a typewriter, ribbon or carbon copy, on thin paper."""
    layout = dice.one_of("letter", "plain", "table", "book")
    setting = dice.lines(leading=dice.between(2.4, 4.0), drift=0.2, indent=3.0)
    carbon = 1.4 if dice.chance(0.4) else 0.2
    return Archive(
        Plan(layout, dice.typewriter(), dice.pen(14, 26), setting, stamps=0.5),
        dice.ink(BLACK, BLACK, BLUE, grain=dice.between(0.15, 0.4), spread=carbon),
        *dice.other_inks(BLUE, BLACK),
        dice.paper([WHITE, CREAM, BUFF, (0.9, 0.82, 0.62)]),
        dice.damage(0.3),
        dice.scan(holes=dice.count(0.3, 2)),
    )


def _office(dice: Dice) -> Archive:
    """Choose forms and ledgers: printed labels, answers by hand, rules and stamps."""
    layout = dice.one_of("form", "form", "table")
    label = replace(dice.face(9, 14), script="serif" if dice.chance(0.5) else "sans")
    return Archive(
        Plan(layout, dice.pen(13, 26), label, dice.lines(), stamps=0.6),
        dice.ink(BLUE, BLACK),
        *dice.other_inks(BLACK, colours.GREEN, BLACK),
        dice.paper([WHITE, CREAM, colours.SKY, BUFF], fibres=0),
        dice.damage(0.35),
        dice.scan(holes=dice.count(0.3, 2)),
    )


def _microfilm(dice: Dice) -> Archive:
    """Choose a diary on microfilm: gray, dark, stained, black beyond its edges."""
    light = dice.between(0.5, 0.8)
    sheet = dice.paper(
        [(light, light, light)], mottling=dice.between(0.06, 0.18), browning=dice.between(0, 0.6)
    )
    film = dice.scan(
        gray=True,
        border=dice.between(0.02, 0.06),
        backdrop=(0.08, 0.08, 0.08),
        torn=dice.scale(1, 7),
        uneven=dice.between(0.1, 0.3),
        gutter=dice.between(0, 0.5),
    )
    return Archive(
        Plan("diary", dice.pen(10, 20), dice.face(12, 18), dice.lines(), guides=0.5),
        dice.ink(BLACK),
        *dice.other_inks(BLACK, strength=0.95),
        sheet,
        dice.damage(0.8, folds=0, tapes=0, bleed=dice.between(0.05, 0.35)),
        film,
    )


def _oriental(dice: Dice) -> Archive:
    """Choose joined writing from right to left with a reed pen, on tinted paper."""
    hand = dice.reed()
    lines = dice.lines(leading=dice.between(3.6, 5.5), corrections=0.0)
    layout = dice.one_of("plain", "annotated", "letter")
    return Archive(
        Plan(layout, hand, hand.scaled(0.75), lines, stamps=0.1),
        dice.ink(BLACK),
        *dice.other_inks(RED, BLACK),
        dice.paper([(0.78, 0.42, 0.25), (0.6, 0.66, 0.68), CREAM, TAN, (0.75, 0.7, 0.5)]),
        dice.damage(0.4),
        dice.scan(),
    )


def _parchment(dice: Dice) -> Archive:
    """Choose parchment with a broad nib, in letters that nobody knows, or upright ones."""
    script = dice.one_of("runes", "upright", "blackletter")
    slant, jitter = dice.between(-0.05, 0.2), dice.between(0.1, 0.35)
    own = {"slant": slant, "jitter": jitter, "letters": dice.seed()}
    hand = dice.pen(18, 45, script=script, stretch=0.9, **own)
    hand = replace(hand, pen=hand.x_height * dice.between(0.14, 0.24))
    layout = dice.one_of("plain", "annotated", "book", "title")
    return Archive(
        Plan(layout, hand, dice.pen(10, 16), dice.lines(corrections=0.0), guides=0.3),
        dice.ink(GALL, patches=dice.between(0.2, 0.5)),
        *dice.other_inks(RED, BLUE),
        dice.paper([BUFF, TAN, colours.BROWN, (0.85, 0.8, 0.66)], fibres=0, laid=0.0),
        dice.damage(0.6, folds=0, tapes=0),
        dice.scan(border=dice.maybe(0.6, 0.01, 0.08), torn=dice.scale(1, 9)),
    )


def _clean(dice: Dice) -> Archive:
    """Choose a good scan of a clean page; some are almost blank."""
    archive = dice.one_of(_letters, _book, _office, _typescript)(dice)
    return archive.varied(
        damage=Damage(folds=dice.count(0.2, 1), bleed=dice.maybe(0.4, 0.02, 0.12)),
        plan={"layout": dice.one_of("blank", "title", "plain", archive.plan.layout)},
        paper=dice.paper([WHITE], mottling=0.01, foxing=0, fibres=0, browning=0.0),
    )


def _photograph(dice: Dice) -> Archive:
    """Choose a page under a lamp, taken by a hand-held camera: shadows, blur, strong JPEG."""
    archive = dice.one_of(_letters, _book, _office, _typescript)(dice)
    return archive.varied(scan=_photographed(dice))


def _photographed(dice: Dice) -> Scan:
    """Choose a photograph by hand: shadows, blur, strong JPEG."""
    return dice.scan(
        gray=False,
        rotation=dice.between(-3, 3),
        warp=dice.between(2, 9),
        uneven=dice.between(0.12, 0.3),
        shadow=dice.between(0.2, 0.6),
        blur=dice.between(0.7, 1.4),
        noise=dice.scale(0.01, 0.03),
        jpeg=int(dice.between(30, 75)),
    )


def _negative(dice: Dice) -> Archive:
    """Choose light writing on a dark page, as on negative films and copies."""
    archive = dice.one_of(_letters, _book, _typescript)(dice)
    return archive.varied(scan={"negative": True, "gray": dice.chance(0.6)})


def _printed(dice: Dice, *layouts: str, low: float = 10, high: float = 26) -> Archive:
    """Choose print of any time, on any paper, in any layout."""
    archive = _book(dice)
    face = dice.face(low, high) if dice.chance(0.6) else dice.typewriter()
    face = replace(face, script="sans") if dice.chance(0.3) else face
    label = replace(dice.face(9, 18), script="serif" if dice.chance(0.5) else "sans")
    ink = dice.ink(
        BLACK, BLACK, BLUE, GALL, strength=dice.between(0.6, 1.05), grain=dice.between(0.03, 0.3)
    )
    paper, damage = dice.paper([WHITE, CREAM, BUFF, colours.GRAY, colours.SKY]), dice.damage(0.25)
    if dice.chance(0.2):
        ink = replace(ink, patches=0.0, grain=dice.maybe(0.5, 0.0, 0.1), spread=0.0, rim=0.0)
        paper = dice.paper([WHITE], mottling=0.005, foxing=0, fibres=0, browning=0.0, laid=0.0)
        damage = Damage()
    return archive.varied(
        plan=Plan(dice.one_of(*layouts), face, label, dice.justified(), stamps=0.15),
        ink=ink,
        paper=paper,
        damage=damage,
        scan=_photographed(dice) if dice.chance(0.12) else dice.scan(holes=dice.count(0.1, 2)),
    )


def _forms(dice: Dice) -> Archive:
    """Choose marked forms and files: filled boxes, bullets, bars, dark heads, codes, redactions."""
    archive = _printed(dice, "marked form", "marked form", "file")
    strength = dice.between(0.6, 1.0)
    archive = archive.varied(second=dice.ink(BLUE, BLACK, colours.PENCIL, strength=strength))
    writing = dice.pen(13, 26)
    if archive.plan.layout == "marked form" and dice.chance(0.5):
        return archive.varied(plan={"hand": writing})
    return archive


def _music(dice: Dice) -> Archive:
    """Choose printed music with words."""
    # One of three, as there was chant once: other settings of a seed stay the same.
    return _printed(dice, "music", "music", "music", low=9, high=34)


def _poster(dice: Dice) -> Archive:
    """Choose display type of all sizes, in old posters and title pages."""
    archive = _printed(dice, "poster")
    broken = dice.broken_face()
    return archive.varied(
        plan={"hand": broken if dice.chance(0.3) else archive.plan.hand},
        ink=dice.ink(BLACK, BLACK, RED, BLUE, grain=dice.between(0.02, 0.3)),
    )


def _ornamented(dice: Dice) -> Archive:
    """Choose old prints with filled initials, wood-cut head pieces and seals."""
    return _printed(dice, "ornamented").varied(
        plan={"hand": dice.broken_face() if dice.chance(0.5) else dice.face(12, 28)},
        ink=dice.ink(BLACK, BLACK, GALL),
        second=dice.ink(RED, RED, BLUE, BLACK),
        paper=dice.paper([CREAM, BUFF, TAN, WHITE]),
        damage=dice.damage(0.4),
    )


def _mixed(dice: Dice) -> Archive:
    """Choose light writing on dark grounds beside dark writing on light paper."""
    archive = _printed(dice, "half dark", "half dark", "magazine", low=9, high=30)
    return archive.varied(ink={"patches": dice.between(0.0, 0.15)})


def _inverted(dice: Dice) -> Archive:
    """Choose whole pages of light writing on a dark ground, such as photostats and blueprints."""
    archive = dice.one_of(_letters, _book, _typescript, _office)(dice)
    strength = dice.between(0.7, 1.05)
    return archive.varied(
        plan={"dark": True},
        ink=dice.ink(BLACK, BLUE, colours.GREEN, GALL, strength=strength, patches=0.1, spread=0.0),
        damage={"blots": 0, "bleed": 0.0, "beneath": 0.0, "water": 0.0},
    )


def _sparse(dice: Dice) -> Archive:
    """Choose a few words, or none, over a full page that shows through as dark as ink can be."""
    archive = dice.one_of(_letters, _book, _blackletter, _typescript, _parchment)(dice)
    full = archive.plan
    if full.layout in ("blank", "title", "envelope"):
        full = replace(full, layout="plain")
    return archive.varied(
        plan={"layout": dice.one_of("blank", "blank", "envelope", "title", "empty"), "stamps": 0.1},
        behind=full,
        damage={
            "bleed": dice.between(0.25, 0.95),
            "bleed_blur": dice.scale(0.4, 2.5),
            "beneath": dice.maybe(0.2, 0.05, 0.3),
        },
    )


def _volume(dice: Dice) -> Archive:
    """Choose a bound volume or a leaf as photographed: leaf edges, boards, ground, things."""
    kinds = [_letters, _book, _blackletter, _parchment, _faded, _oriental, _through, _ornamented]
    archive = dice.one_of(*kinds, _music)(dice)
    rotation = dice.between(-2.5, 2.5)
    archive = archive.varied(scan={"border": 0.0, "holes": 0, "rotation": rotation, "gutter": 0.0})
    if archive.plan.layout in ("envelope", "title"):
        archive = archive.varied(plan={"layout": "plain"})
    if dice.chance(0.15):
        archive = archive.varied(
            plan={"layout": dice.one_of("blank", "empty"), "stamps": 0.1},
            paper={"marbling": dice.maybe(0.4, 0.4, 1.0)},
        )
    return archive.varied(damage={"patches": dice.count(0.25, 4)}, around=dice.around())


_ONE_LEAF: dict[str, Any] = {"leaves": (0.0, 0.0, 0.0, 0.0), "board": 0.0, "gutter": 0.0}
_ONE_SIDE: dict[str, Any] = {"folds": 0, "tapes": 0, "bleed": 0.0, "beneath": 0.0}


def _papyrus(dice: Dice) -> Archive:
    """Choose papyrus: crossed strips of fibre, lost pieces, a reed pen, a light or dark ground."""
    archive = _parchment(dice)
    hand = dice.pen(14, 34, script=dice.one_of("upright", "runes", "running"), stretch=0.95)
    strips = dice.between(0.03, 0.12)
    tan = [(0.72, 0.56, 0.34), (0.6, 0.45, 0.26), (0.78, 0.66, 0.46), (0.45, 0.34, 0.2)]
    crossed = strips * dice.between(0, 0.9)
    return archive.varied(
        paper=dice.paper(tan, fibres=0, laid=0.0, strips=strips, crossed=crossed),
        around=dice.around(
            **_ONE_LEAF,
            margins=(*(dice.between(0.01, 0.1) for _ in range(3)), 0.03),
            ground=dice.one_of("white", "gray", "velvet", "felt"),
            objects=dice.things("ruler", "target"),
        ),
        plan=Plan(dice.one_of("plain", "plain", "columns"), hand, hand, dice.lines()),
        ink=dice.ink(BLACK, GALL, patches=dice.between(0.15, 0.5), grain=dice.between(0.1, 0.35)),
        damage=dice.damage(0.5, **_ONE_SIDE, gaps=dice.count(0.85, 40), mould=dice.count(0.4, 3)),
        scan=dice.scan(border=0.0, gutter=0.0, holes=0, gray=dice.chance(0.4)),
    )


def _fragment(dice: Dice) -> Archive:
    """Choose fragments in infrared: what supports them shows in gaps and cracks, dark as ink."""
    archive = _papyrus(dice)
    level = dice.between(0.06, 0.4)
    skin = [(0.62, 0.62, 0.62), (0.5, 0.5, 0.5), (0.72, 0.72, 0.72)]
    return archive.varied(
        paper=dice.paper(skin, fibres=0, laid=0.0, browning=dice.maybe(0.6, 0.1, 0.5)),
        around={"ground": "tissue", "ground_colour": (level,) * 3},
        damage={"gaps": dice.count(0.95, 60), "creases": dice.count(0.8, 10), "patches": 2},
        scan={"gray": True},
    )


def _palm(dice: Dice) -> Archive:
    """Choose palm leaves: incised writing blackened with soot, level fibres, dark cloth around."""
    script = dice.one_of("runes", "runes", "running")
    jitter = dice.between(0.1, 0.4)
    hand = dice.pen(10, 22, script=script, slant=0.0, contrast=0.2, jitter=jitter)
    hand = replace(hand, pen=max(1.4, hand.x_height * dice.between(0.08, 0.14)))
    leaf = [(0.72, 0.6, 0.4), (0.6, 0.48, 0.3), (0.66, 0.6, 0.48), (0.5, 0.38, 0.22)]
    around = dice.around(
        **_ONE_LEAF,
        margins=(dice.maybe(0.7, 0.01, 0.06), 0.02, dice.maybe(0.7, 0.01, 0.06), 0.02),
        strips=int(dice.between(4, 8.99)),
        ground=dice.one_of("velvet", "velvet", "velvet", "felt", "white"),
        objects=dice.things("ruler"),
    )
    lines = dice.lines(leading=dice.between(2.0, 2.8), corrections=0.0, paragraph=0.0)
    return Archive(
        Plan("plain", hand, hand, lines),
        dice.ink(BLACK, GALL, strength=dice.between(0.55, 1.0), patches=dice.between(0.1, 0.5)),
        *dice.other_inks(BLACK),
        dice.paper(
            leaf, fibres=0, laid=0.0, foxing=dice.count(0.6, 120),
            browning=dice.maybe(0.5, 0.1, 0.5), strips=dice.between(0.02, 0.1),
        ),
        dice.damage(0.5, **_ONE_SIDE, gaps=dice.count(0.3, 8), mould=dice.count(0.3, 2)),
        dice.scan(border=0.0, gutter=0.0, holes=0),
        around=around,
    )  # fmt: skip


def _squared(dice: Dice) -> Archive:
    """Choose squared, ruled and millimetre paper under a pen."""
    archive = _letters(dice)
    size, hand = dice.scale(6, 45), dice.pen(13, 34)
    layout = dice.one_of("plain", "letter", "table", "diary", "blank", "annotated")
    squares = dice.chance(0.75) or size < 15
    low = dice.between(0.1, 0.4)
    plan = {"layout": layout, "hand": hand, "grid": size, "squares": squares, "guides": 0.0}
    return archive.varied(
        plan=plan,
        ink=dice.ink(BLUE, BLACK, GALL, colours.PENCIL),
        paper=dice.paper([WHITE, CREAM, colours.GRAY], fibres=0, laid=0.0),
        damage=dice.damage(0.25),
        ruling=dice.colour((0.3, 0.4, 0.6), (0.25, 0.5, 0.4), (0.5, 0.5, 0.5), (0.6, 0.35, 0.3)),
        ruled=(low, low + 0.35),
    )


def _unfocused(dice: Dice) -> Archive:
    """Choose any page out of focus, up to a standard deviation of 3 pixels."""
    archive = ARCHIVES[dice.one_of(*_USUAL)](dice)
    return archive.varied(scan={"blur": dice.between(1.2, 3.0), "coarse": 1.0})


def _mouldy(dice: Dice) -> Archive:
    """Choose large stains with texture and a great deal of foxing."""
    return dice.one_of(_letters, _book, _faded, _typescript, _through)(dice).varied(
        damage={"mould": dice.count(1.0, 5), "stains": dice.count(0.5, 3)},
        paper={"foxing": dice.count(0.8, 500)},
    )


ARCHIVES: dict[str, Callable[[Dice], Archive]] = {
    archive.__name__[1:]: archive
    for archive in (
        _letters, _faded, _through, _book, _blackletter, _newspaper, _typescript, _office,
        _microfilm, _oriental, _parchment, _clean, _photograph, _negative, _forms, _music, _poster,
        _ornamented, _mixed, _inverted, _sparse, _volume, _papyrus, _palm, _fragment, _squared,
        _unfocused, _mouldy,
    )
}  # fmt: skip
"""Every kind of archive by name."""


# Three kinds of handwriting come twice, because real collections hold most of those.
_USUAL = (*list(ARCHIVES)[:13], "letters", "through", "faded")
_SOLID = ("forms", "music", "poster", "ornamented")
_SELDOM = ("papyrus", "palm", "fragment", "squared", "inverted", "unfocused", "mixed", "mouldy")

GROUPS: dict[str, tuple[str, ...]] = {
    "usual": _USUAL,
    "solid": _SOLID,
    "seldom": _SELDOM,
    "all": (*_USUAL, *_SOLID, *_SELDOM, "sparse", "sparse", "volume", "volume", "negative"),
}
"""Archives to choose from, by the name of the group."""
