"""Pages that contests do not look at: drawn so, or made from any page.

Strategy: blank pages, halftones, large letters, solid shapes and surroundings are drawn by this
project's own generator. All other cases are made from pages, generated or real, so that each can
be compared with the page that it comes from. Ground truth goes the same way as the page; what a
transformation brings in from outside is not labelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from PIL import Image
from scipy import ndimage

from docbin_napari.drawing.archives import Archive, choose_archive
from docbin_napari.drawing.generator import draw_archive_page
from docbin_napari.io.encode import jpeg_round_trip

_BORDER = 0.08
_BACKDROP = 14


@dataclass(frozen=True)
class TruePage:
    """A page with its ground truth.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3), RGB.
    ink, labelled : ndarray
        bool (H, W): where there is ink, and where that is known.
    """

    pixels: np.ndarray
    ink: np.ndarray
    labelled: np.ndarray


Draw = Callable[[int, tuple[int, int]], TruePage]
Change = Callable[[TruePage], TruePage]


def drawn(
    seed: int,
    shape: tuple[int, int],
    archive: str | None = None,
    change: Callable[[Archive], Archive] = lambda archive: archive,
) -> TruePage:
    """Draw a page of an archive whose settings are changed.

    Parameters
    ----------
    seed : int
        Chooses all that is not given.
    shape : (int, int)
        Height and width, pixels.
    archive : str, optional
        Name of the archive; the seed chooses one.
    change : callable
        From settings to settings.

    Examples
    --------
    >>> drawn(3, (100, 120)).pixels.shape
    (100, 120, 3)
    """
    rng = np.random.default_rng(seed)
    page = draw_archive_page(rng, change(choose_archive(rng, archive)), shape)
    return TruePage(page.pixels, page.ink, np.ones(shape, bool))


def without_ink(archive: Archive) -> Archive:
    """The same archive whose inks leave nothing on the paper, on either side."""
    inks = {
        name: replace(getattr(archive, name), strength=0.0) for name in ("ink", "second", "marks")
    }
    return replace(archive, **inks, damage=replace(archive.damage, blots=0))


def without_pictures(archive: Archive) -> Archive:
    """No page holds a halftone picture."""
    return replace(archive, plan=replace(archive.plan, pictures=0.0))


def with_pictures(archive: Archive) -> Archive:
    """Every page holds a halftone picture."""
    return replace(archive, plan=replace(archive.plan, layout="columns", pictures=1.0))


def blank(
    seed: int,
    shape: tuple[int, int],
    archive: str | None = None,
    change: Callable[[Archive], Archive] = without_pictures,
) -> TruePage:
    """Draw paper with all that is on it but ink: stains, folds, fibres, pale lines, edges."""
    page = drawn(seed, shape, archive, lambda settings: without_ink(change(settings)))
    return replace(page, ink=np.zeros(shape, bool))


def with_large_letters(archive: Archive) -> Archive:
    """Letters four times as large, as initials and posters have them."""
    hand = archive.plan.hand
    larger = replace(hand, x_height=hand.x_height * 4, pen=hand.pen * 4)
    return replace(archive, plan=replace(archive.plan, hand=larger, layout="title"))


def drawn_finer(seed: int, shape: tuple[int, int]) -> TruePage:
    """Draw a page as it is at 600 dpi: its truth has borders that no pixel of 300 dpi can have.

    Examples
    --------
    >>> drawn_finer(3, (100, 120)).ink.shape
    (200, 240)
    """
    return drawn(seed, (2 * shape[0], 2 * shape[1]), change=_with_letters_twice_as_large)


def drawn_finer_and_reduced(seed: int, shape: tuple[int, int]) -> TruePage:
    """The same page at 300 dpi."""
    return scaled(drawn_finer(seed, shape), 0.5)


def _with_letters_twice_as_large(archive: Archive) -> Archive:
    hand = archive.plan.hand
    finer = replace(hand, x_height=hand.x_height * 2, pen=hand.pen * 2)
    return replace(archive, plan=replace(archive.plan, hand=finer))


def scaled(page: TruePage, factor: float) -> TruePage:
    """The page at another resolution; what ink covers half of is ink, as in drawn pages.

    Examples
    --------
    >>> scaled(drawn(3, (100, 120)), 0.5).ink.shape
    (50, 60)
    """
    height, width = page.ink.shape
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    way = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    soft = Image.Resampling.BOX if factor < 1 else Image.Resampling.BILINEAR
    return TruePage(
        np.array(Image.fromarray(page.pixels).resize(size, way)),
        np.array(_gray(page.ink).resize(size, soft)) >= 128,
        np.array(_gray(page.labelled).resize(size, Image.Resampling.NEAREST)) >= 128,
    )


def rotated(page: TruePage, degrees: float) -> TruePage:
    """The page turned about its centre; corners get its middle colour and are not labelled."""
    paper = tuple(int(value) for value in np.median(page.pixels, axis=(0, 1)))
    image = Image.fromarray(page.pixels)
    return TruePage(
        np.array(image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=paper)),
        np.array(_gray(page.ink).rotate(degrees, Image.Resampling.BILINEAR)) >= 128,
        np.array(_gray(page.labelled).rotate(degrees)) >= 128,
    )


def compressed(page: TruePage, quality: int) -> TruePage:
    """The page after JPEG compression."""
    return replace(page, pixels=jpeg_round_trip(page.pixels, quality))


def inverted(page: TruePage) -> TruePage:
    """The page with light and dark exchanged."""
    return replace(page, pixels=255 - page.pixels)


def bordered(page: TruePage, share: float = _BORDER) -> TruePage:
    """The page on the black background of a scanner, which is no ink.

    Examples
    --------
    >>> bordered(drawn(3, (100, 120))).ink.shape
    (120, 140)
    """
    wide = round(max(page.ink.shape) * share)
    noise = np.random.default_rng(0).normal(
        _BACKDROP, 4, (page.ink.shape[0] + 2 * wide, page.ink.shape[1] + 2 * wide, 1)
    )
    pixels = np.repeat(np.clip(noise, 0, 255).astype(np.uint8), 3, axis=2)
    pixels[wide:-wide, wide:-wide] = page.pixels
    return TruePage(
        pixels, np.pad(page.ink, wide), np.pad(page.labelled, wide, constant_values=True)
    )


def defocused(page: TruePage, sigma: float) -> TruePage:
    """The page out of focus; its truth is that of the sharp page.

    Examples
    --------
    >>> sharp = drawn(3, (100, 120))
    >>> soft = defocused(sharp, 2.5)
    >>> bool(np.ptp(soft.pixels) < np.ptp(sharp.pixels)), soft.ink is sharp.ink
    (True, True)
    """
    return replace(page, pixels=ndimage.gaussian_filter(page.pixels, (sigma, sigma, 0)))


def with_leaves(archive: Archive) -> Archive:
    """A page in a thick book: a stack of leaf edges fills a quarter of its longer side."""
    if archive.around is None:
        raise ValueError("only pages of the archive 'volume' lie in a book: choose that one")
    around = replace(
        archive.around,
        margins=(0.0, 0.0, 0.28, 0.1),
        leaves=(0.0, 0.0, 0.25, 0.06),
        gutter=0.08,
        strips=0,
    )
    plan = archive.plan
    if plan.layout in ("blank", "empty"):
        plan = replace(plan, layout="plain")
    return replace(archive, around=around, plan=plan, paper=replace(archive.paper, marbling=0.0))


def with_full_back(archive: Archive) -> Archive:
    """A heading or a few lines over a full page that shows through nearly as dark as ink."""
    plan = archive.plan
    if plan.layout == "empty":
        plan = replace(plan, layout="blank")
    damage = replace(archive.damage, bleed=max(archive.damage.bleed, 0.6), bleed_blur=1.0)
    return replace(archive, plan=plan, damage=damage)


def _gray(flags: np.ndarray) -> Image.Image:
    return Image.fromarray(flags.astype(np.uint8) * 255)


DRAWN: dict[str, Draw] = {
    "blank": blank,
    "halftone picture alone": partial(blank, archive="newspaper", change=with_pictures),
    "halftone picture and text": partial(drawn, archive="newspaper", change=with_pictures),
    "large letters": partial(drawn, archive="book", change=with_large_letters),
    "solid shapes": partial(drawn, archive="solid"),
    "mixed polarity": partial(drawn, archive="mixed"),
    "book block": partial(drawn, archive="volume", change=with_leaves),
    "sparse front over full back": partial(drawn, archive="sparse", change=with_full_back),
    "squared paper": partial(drawn, archive="squared"),
    "drawn at 600 dpi, reduced to 300": drawn_finer_and_reduced,
    "drawn at 600 dpi": drawn_finer,
}
"""Cases that are drawn."""

CHANGED: dict[str, Change] = {
    "150 dpi": partial(scaled, factor=0.5),
    "600 dpi": partial(scaled, factor=2),
    "black border": bordered,
    "rotated by 2°": partial(rotated, degrees=2),
    "rotated by −5°": partial(rotated, degrees=-5),
    "JPEG, quality 25": partial(compressed, quality=25),
    "JPEG, quality 10": partial(compressed, quality=10),
    "out of focus, sigma 2.5": partial(defocused, sigma=2.5),
    "inverted": inverted,
}
"""Cases that are made from other pages."""

REFERENCES = {"drawn at 600 dpi": "drawn at 600 dpi, reduced to 300"}
"""Drawn cases that are compared with another one."""
