"""Generated pages to measure on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from docbin_napari.drawing.generator import draw_page

GRID = 32


def draw(height: int, width: int, seed: int = 7) -> np.ndarray:
    """A page with both sides rounded up to multiples of `GRID`: uint8 (H, W, 3), RGB.

    On such a page windows of any library lie on the grid of the network's coarsest level.

    Examples
    --------
    >>> draw(70, 100).shape
    (96, 128, 3)
    """
    return draw_page(seed, -(-height // GRID) * GRID, -(-width // GRID) * GRID).pixels


def different(pixels: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Pages as heavy as one page, no two of them alike: its rows are moved round.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3); H is at least `count`.
    count : int
        How many.

    Examples
    --------
    >>> pages = different(np.arange(12, dtype=np.uint8).reshape(4, 1, 3), 2)
    >>> [int(page[0, 0, 0]) for page in pages]
    [0, 6]
    """
    for index in range(count):
        yield np.roll(pixels, -index * len(pixels) // count, axis=0)


def write_pages(folder: Path, pixels: np.ndarray, count: int) -> None:
    """Write `different` pages as PNG files of 300 dpi into a folder."""
    for index, page in enumerate(different(pixels, count), start=1):
        Image.fromarray(page).save(folder / f"page{index}.png", dpi=(300, 300), compress_level=1)


def megapixels(pixels: np.ndarray) -> float:
    """Size of a page in millions of pixels."""
    return pixels.shape[0] * pixels.shape[1] / 1e6
