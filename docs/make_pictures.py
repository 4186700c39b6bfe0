"""Makes the pictures: python docs/make_pictures.py [before-after] [failures] [napari] [tutorial].

``before-after`` and ``failures`` need the package alone, ``napari`` and ``tutorial`` also a
display with OpenGL. ``tutorial`` trains for minutes and is made only when it is named.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from docbin_napari import binarize
from docbin_napari.inference.classical import otsu
from docbin_napari.io.rgb import to_rgb

IMAGES = Path(__file__).resolve().parent / "images"
TEST_PAGES = IMAGES.parents[1] / "datasets" / "test"


def black_on_white(ink: np.ndarray) -> np.ndarray:
    """Bool ink to uint8 RGB for showing."""
    return np.repeat(np.where(ink, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def side_by_side(pictures: list[np.ndarray], path: Path, gap: int = 12) -> None:
    """Write pictures of one height beside each other."""
    height = pictures[0].shape[0]
    white = np.full((height, gap, 3), 255, np.uint8)
    row = [part for picture in pictures for part in (picture, white)][:-1]
    Image.fromarray(np.concatenate(row, axis=1)).save(path, optimize=True)
    print(path)


def before_and_after() -> None:
    """A real page that may be shown, and a part of a generated one: page, Otsu, ours."""
    from skimage.data import page

    pixels = to_rgb(page())
    double = pixels.repeat(2, axis=0).repeat(2, axis=1)
    inks = (otsu(pixels), binarize(pixels, config="best"))
    results = [black_on_white(ink).repeat(2, axis=0).repeat(2, axis=1) for ink in inks]
    side_by_side([double, *results], IMAGES / "page.png")

    from docbin_napari.pairs.pair import find_pairs, read_pair

    pair = next(pair for pair in find_pairs(TEST_PAGES) if "through" in pair.name)
    pixels, _ = read_pair(pair)
    middle = pixels.shape[0] // 2, pixels.shape[1] // 2
    part = np.s_[middle[0] - 250 : middle[0] + 250, middle[1] - 260 : middle[1] + 260]
    ours = binarize(pixels, config="best")
    pictures = [pixels[part], black_on_white(otsu(pixels))[part], black_on_white(ours)[part]]
    side_by_side(pictures, IMAGES / "generated.png")


def failures() -> None:
    """The four kinds of drawn pages that are read worst: the page, and its errors.

    Of each kind the same seed, which no training uses; of each page the region with the worst
    errors. Missed strokes are red, false ink blue, errors at borders orange.
    """
    from docbin_napari.drawing.archives import ARCHIVES
    from docbin_napari.drawing.generator import draw_page
    from docbin_napari.metrics.error_kinds import error_maps
    from docbin_napari.metrics.rates import f_measure
    from docbin_napari.pairs.mask_trouble import lightness
    from docbin_napari.report.pictures import paint, worst_region

    found = []
    for archive in ARCHIVES:
        page = draw_page(9_300_000, 900, 800, archive)
        ink = binarize(page.pixels, config="balanced")
        found.append((f_measure(ink, page.ink), archive, page, ink))
    rows = []
    for figure, archive, page, ink in sorted(found, key=lambda one: one[0])[:4]:
        print(f"{archive}: FM {figure:.1f}")
        errors = error_maps(ink, page.ink)
        region = np.s_[worst_region(page.ink ^ ink, (220, 320))]
        kinds = [kind[region] for kind in (errors.border, errors.missed, errors.false_ink)]
        painted = paint(lightness(page.pixels[region]), kinds)
        rows.append([page.pixels[region], painted])
    column = np.full((220, 12, 3), 255, np.uint8)
    lines = []
    for left, right in (rows[:2], rows[2:]):
        pictures = [left[0], column, left[1], column, column, right[0], column, right[1]]
        lines.append(np.concatenate(pictures, axis=1))
    gap = np.full((12, lines[0].shape[1], 3), 255, np.uint8)
    path = IMAGES / "failures.png"
    Image.fromarray(np.concatenate([lines[0], gap, lines[1]])).save(path, optimize=True)
    print(path)


def napari_window() -> None:
    """The whole window after a run of the widget on the sample page."""
    import napari
    from qtpy.QtWidgets import QApplication

    from docbin_napari.plugin.dock import BINARIZE, open_panel

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1400, 900)
    viewer.open_sample("docbin-napari", "degraded_page")
    for layer in list(viewer.layers)[1:]:
        viewer.layers.remove(layer)
    widget = open_panel(viewer, BINARIZE)
    QApplication.processEvents()
    widget.run.native.click()
    end = time.monotonic() + 300
    while not widget.run.enabled:
        assert time.monotonic() < end, widget.status.value
        QApplication.processEvents()
        time.sleep(0.01)
    for _ in range(50):
        QApplication.processEvents()
        time.sleep(0.02)
    path = IMAGES / "napari.png"
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    print(path)
    viewer.close()


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    chosen = sys.argv[1:] or ["before-after", "failures", "napari"]
    if "before-after" in chosen:
        before_and_after()
    if "failures" in chosen:
        failures()
    if "napari" in chosen:
        napari_window()
    if "tutorial" in chosen:
        from tutorial_pictures import make_pictures

        make_pictures(IMAGES)
