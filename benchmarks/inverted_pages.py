"""How often a page is taken for light writing on dark ground: python benchmarks/inverted_pages.py.

Every page is looked at as it is, of which no part should be inverted, and inverted. Drawn
pages of all archives but the negatives, or with --collections the pages of a folder of pairs.
"Ground dark" counts the negatives whose middle gray is dark: others are left alone on purpose.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from docbin_napari.drawing.archives import ARCHIVES
from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.dark_ground import light_on_dark_parts
from docbin_napari.features.survey import PageSurvey
from docbin_napari.io.page import read_pages
from docbin_napari.io.rgb import luma
from docbin_napari.pairs.pair import find_pairs
from records import print_header, print_row

FIRST_SEED = 9_100_000


def main() -> None:
    """Look at all pages and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=Path, help="look at these pages instead")
    parser.add_argument("--pages", type=int, default=130, help="drawn pages")
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--height", type=int, default=1200)
    parser.add_argument("--width", type=int, default=900)
    arguments = parser.parse_args()
    counts: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(4, int))
    for kind, pixels in tqdm(list_pages(arguments), leave=False, unit="page"):
        negative = 255 - pixels
        dark = np.median(luma(negative)) < 128
        found = (1, is_inverted(pixels), dark, is_inverted(negative))
        counts[kind] += np.array(found, int)
    print_header(["pages of", "pages", "wrongly inverted", "ground dark", "negatives found"])
    for kind, row in counts.items():
        print_row([kind, *map(str, row)])
    print_row(["all", *map(str, sum(counts.values()))])


def is_inverted(pixels: np.ndarray) -> bool:
    """Whether the page, or a part of it, is taken for light writing on dark ground."""
    survey = PageSurvey.of(pixels)
    if survey.is_light_on_dark:
        return True
    return survey.may_have_light_parts and light_on_dark_parts(pixels) is not None


def list_pages(arguments: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Each page with the kind that it belongs to: uint8 (H, W, 3), RGB."""
    if arguments.collections is not None:
        for pair in find_pairs(arguments.collections):
            yield pair.collection, next(read_pages(pair.page)).pixels
        return
    names = [name for name in ARCHIVES if name != "negative"]
    for index in range(arguments.pages):
        name = names[index % len(names)]
        seed = arguments.seed + index
        yield name, draw_page(seed, arguments.height, arguments.width, name).pixels


if __name__ == "__main__":
    main()
