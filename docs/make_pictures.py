"""Makes the pictures of the README: python docs/make_pictures.py [before-after] [napari].

``before-after`` needs the package alone, ``napari`` also a display with OpenGL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from docbin_napari import binarize, ink_probability
from docbin_napari.inference.classical import otsu
from docbin_napari.io.rgb import to_rgb

IMAGES = Path(__file__).resolve().parent / "images"
TEST_PAGES = IMAGES.parents[1] / "datasets" / "test"
SHOWN_GENERATED = ("bleed", 0)


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
    shown = [double]
    for ink in (otsu(pixels), binarize(pixels, config="best")):
        shown.append(black_on_white(ink).repeat(2, axis=0).repeat(2, axis=1))
    side_by_side(shown, IMAGES / "page.png")

    from docbin_napari.io.pairs import find_pairs, read_pair

    pair = find_pairs(TEST_PAGES)[0]
    pixels, _ = read_pair(pair)
    middle = pixels.shape[0] // 2, pixels.shape[1] // 2
    part = np.s_[middle[0] - 250 : middle[0] + 250, middle[1] - 260 : middle[1] + 260]
    ours = ink_probability(pixels, config="best") >= 0.5
    pictures = [pixels[part], black_on_white(otsu(pixels))[part], black_on_white(ours)[part]]
    side_by_side(pictures, IMAGES / "generated.png")


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    chosen = sys.argv[1:] or ["before-after", "napari"]
    if "before-after" in chosen:
        before_and_after()
