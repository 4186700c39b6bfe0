"""Generate degraded pages with exact ground truth.

Strategy: a seed chooses an archive (hand, ink, paper, damage, scanner). Text is
drawn as pen strokes already in the geometry of the final scan, and a pixel is ink
where strokes cover half of it or more. Everything else — paper, stains, the other
side, light, blur, noise — is laid around these strokes afterwards and never moves
them, so the ground truth is right to the pixel even where no eye finds the ink.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from docbin_napari.drawing import paper
from docbin_napari.drawing.archives import Archive, choose_archive, resized
from docbin_napari.drawing.blocks import Sheet
from docbin_napari.drawing.layout import compose
from docbin_napari.drawing.noise import Plane, Rng, Shape
from docbin_napari.drawing.objects import OBJECTS, Scene
from docbin_napari.drawing.paper import Ink, layer, roughened, stained
from docbin_napari.drawing.scan import digitized, laid_on, page_share
from docbin_napari.drawing.strokes import Strokes, coverage, joined, rasterize
from docbin_napari.drawing.surroundings import Surroundings, gutter_light, surround
from docbin_napari.drawing.text import Box

SMALLEST = 64
"""Smallest height and width of a page in pixels."""

PAPER_TINT = (0.4, 0.3, 0.2)

SAMPLE_SEED = 48
"""Seed of the page that is shown as sample data."""


@dataclass(frozen=True)
class SyntheticPage:
    """A generated page.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        The degraded page, RGB.
    ink : ndarray of bool, shape (H, W)
        Its ground truth: True where ink covers half of a pixel or more.
    """

    pixels: NDArray[np.uint8]
    ink: NDArray[np.bool_]


def draw_page(
    seed: int,
    height: int = 1200,
    width: int = 900,
    archive: str | None = None,
    written: float = 1.0,
    scale: float = 1.0,
) -> SyntheticPage:
    """Draw a degraded page and its ground truth.

    Text, initials, stamps, dark rules and solid shapes are ink, however faded; so is light
    writing on a dark ground, see `Sheet`. Pale printed writing lines and squares, stains, the
    other side of the leaf, and all that lies around or on the page are not: leaf edges, boards,
    rulers with their numbers, charts, ribbons, fingers.

    Parameters
    ----------
    seed : int
        Chooses everything; the same seed and size give the same page.
    height, width : int
        Size in pixels, 64 or more.
    archive : str, optional
        One of `archives.ARCHIVES` or of `archives.GROUPS`; by default the seed chooses it too.
    written : float
        Share of the page, from the top, that is written on, 0 to 1. The other side of the
        leaf, which may show through, is written on as a whole.
    scale : float
        Resolution over the usual one, which is about 300 dpi: 2 draws letters twice as large.

    Returns
    -------
    SyntheticPage
        The page.

    Raises
    ------
    ValueError
        If the page would be smaller than 64 × 64 pixels, or there is no such archive.

    Examples
    --------
    >>> page = draw_page(seed=7, height=200, width=300)
    >>> page.pixels.shape, page.ink.shape
    ((200, 300, 3), (200, 300))
    """
    if min(height, width) < SMALLEST:
        raise ValueError(
            f"a page needs at least {SMALLEST} × {SMALLEST} pixels, not {height} × {width}"
        )
    rng = np.random.default_rng(seed)
    settings = resized(choose_archive(rng, archive), scale)
    return draw_archive_page(rng, settings, (height, width), written)


def draw_archive_page(
    rng: Rng, archive: Archive, shape: Shape, written: float = 1.0
) -> SyntheticPage:
    """Draw a page of a given archive.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all that is left to chance.
    archive : Archive
        Settings.
    shape : (int, int)
        Height and width in pixels.
    written : float
        Share of the page, from the top, that is written on, 0 to 1.

    Returns
    -------
    SyntheticPage
        The page.
    """
    # Streams of their own: the same text stands on a page whatever happens to its paper.
    of_edges, of_paper, of_back, of_text, of_ink, of_light = rng.spawn(6)
    share, around = _edges(of_edges, shape, archive)
    light = paper.make_paper(of_paper, shape, archive.paper)
    light, kept = paper.age(of_paper, light, archive.damage)
    light = _behind(of_back, light, archive)
    sheet = _sheet(of_text, shape, archive)
    if written < 1:
        sheet = sheet.changed(lambda strokes: strokes.above(written * shape[0]))
    if sheet.picture is not None:
        paper.print_picture(of_ink, light, sheet.picture)
    light, ink = _printed(of_ink, light, sheet, archive, kept)
    if archive.around is not None and archive.around.gutter:
        light *= gutter_light(of_edges, shape, archive.around, archive.scan.rotation)[..., None]
    scene = laid_on(of_light, light, share, archive.scan, around)
    ink &= (share >= 0.5) & ~_covered(of_edges, scene, archive)
    return SyntheticPage(digitized(of_light, scene, archive.scan), ink)


def _edges(rng: Rng, shape: Shape, archive: Archive) -> tuple[Plane, Plane | None]:
    """Compute how much of each pixel is page, and the light around it, if that is drawn."""
    share = page_share(rng, shape, archive.scan)
    around = None
    if archive.around is not None:
        around, inside = surround(rng, shape, archive.around, archive.scan.rotation)
        share = np.minimum(share, inside)
    return np.minimum(share, paper.lost(rng, shape, archive.damage)), around


def _printed(
    rng: Rng, light: Plane, sheet: Sheet, archive: Archive, kept: Plane
) -> tuple[Plane, NDArray[np.bool_]]:
    """Lay writing lines, dark grounds and all layers of ink on paper; returns light and ink."""
    shape = kept.shape
    guides = coverage(rasterize(joined(sheet.guides), shape)[0]) * rng.uniform(*archive.ruled)
    light = stained(light, guides, archive.ruling)
    ink = np.zeros(shape, np.bool_)
    if sheet.panels:
        light, ink = _lit(rng, light, sheet, archive.ink)
    left_out = -rasterize(joined(sheet.cut), shape)[0] if sheet.cut else np.inf
    for strokes, kind in _inks(sheet, archive):
        distance, density = rasterize(strokes, shape)
        distance = roughened(rng, np.minimum(distance, left_out), kind)
        ink |= distance >= 0
        light = stained(light, layer(rng, distance, density, kind) * kept, kind.colour)
    return light, ink


def _covered(rng: Rng, scene: Plane, archive: Archive) -> NDArray[np.bool_]:
    """Lay things on a lit scene, in place; returns where they hide what is below."""
    if archive.around is None:
        return np.zeros(scene.shape[:2], np.bool_)
    things = Scene(scene, archive.around.boxes(scene.shape[:2])[0])
    for name in archive.around.objects:
        OBJECTS[name](rng, things)
    return things.covered >= 0.5


def _lit(rng: Rng, light: Plane, sheet: Sheet, kind: Ink) -> tuple[Plane, NDArray[np.bool_]]:
    """Print dark grounds around light writing, which is the ink."""
    shape = light.shape[:2]
    ground, density = rasterize(joined(sheet.panels), shape)
    writing = roughened(rng, rasterize(joined(sheet.light), shape)[0], kind)
    amount = layer(rng, np.minimum(ground, -writing), density, kind)
    return stained(light, amount, kind.colour), (writing >= 0) & (ground >= 0)


def _inks(sheet: Sheet, archive: Archive) -> list[tuple[Strokes, Ink]]:
    """List the layers of ink that have strokes, in the order in which they are laid."""
    inks = (archive.ink, archive.second, archive.marks)
    layers = zip((sheet.text, sheet.second, sheet.marks), inks, strict=True)
    return [(joined(strokes), kind) for strokes, kind in layers if strokes]


def _sheet(rng: Rng, shape: Shape, archive: Archive) -> Sheet:
    """Write inside the margins, turned by the angle of the scan, on lines that sway."""
    height, width = shape
    edge = archive.scan.border * max(shape) * 1.2
    low = 0.02 if archive.scan.border else 0.04
    left, right, top, bottom = rng.uniform(low, 0.11, 4) * min(shape) + edge
    box = Box(left, top, width - right, height - bottom)
    boxes = [box] if archive.around is None else _boxes(archive.around, box, shape)
    sheet, *others = [compose(rng, archive.plan, box) for box in boxes]
    angle = np.deg2rad(archive.scan.rotation)
    sway, phase = archive.scan.warp, rng.uniform(0, 6)
    length = rng.uniform(0.4, 1.2) * width

    def change(strokes: Strokes) -> Strokes:
        turned = strokes.moved(-width / 2, -height / 2).turned(angle).moved(width / 2, height / 2)
        x, y = turned.points.T
        y += sway * np.sin(x / length * 2 * np.pi + phase)
        return turned

    return sheet.changed(change, *others)


def _boxes(around: Surroundings, box: Box, shape: Shape) -> list[Box]:
    """List the boxes of text inside what lies around the page: one, or one per leaf."""
    if around.strips:
        pad = 0.1 * around.boxes(shape)[0].height
        return [
            Box(leaf.left + 2 * pad, leaf.top + pad, leaf.right - 2 * pad, leaf.bottom - pad)
            for leaf in around.boxes(shape)
        ]
    left, top, right, bottom = around.inset(shape)
    box = Box(box.left + left, box.top + top, box.right - right, box.bottom - bottom)
    if not around.gutter:
        return [box]
    fold, pad = around.gutter * shape[1], 0.04 * shape[1]
    if around.gutter < 0.5:
        box = box._replace(left=fold + pad)
        return [box, box._replace(left=fold - pad - box.width, right=fold - pad)]
    box = box._replace(right=fold - pad)
    return [box, box._replace(left=fold + pad, right=fold + pad + box.width)]


def _behind(rng: Rng, light: Plane, archive: Archive) -> Plane:
    """Let the other side of the leaf, mirrored, and the next leaf show through."""
    shape = light.shape[:2]
    other = archive if archive.behind is None else replace(archive, plan=archive.behind)
    damage = archive.damage
    for strength, step, blur in ((damage.bleed, -1, 1.0), (damage.beneath, 1, 1.6)):
        if not strength:
            continue
        for strokes, kind in _inks(_sheet(rng, shape, other), other):
            amount = layer(rng, *rasterize(strokes, shape), kind)[:, ::step]
            amount = paper.bleed_through(rng, amount, strength, damage.bleed_blur * blur)
            # Seen through paper, any ink looks browner than it is.
            red, green, blue = (np.add(kind.colour, PAPER_TINT) / 2).tolist()
            light = stained(light, amount, (red, green, blue))
    return light
