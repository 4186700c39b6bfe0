"""What it brings to read pages in another size: python benchmarks/page_sizes.py.

Drawn pages, or with --collections the pages of a folder of pairs, at several resolutions, in one
pass: FM in their own size, in half of it, too, and enlarged to twice of it. "Chosen" is the size
in which `docbin binarize` reads them by default.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
from tqdm import tqdm

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.page_reader import PageReader, PageSize
from docbin_napari.inference.predict import binarize
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from docbin_napari.pairs.pair import find_pairs, read_pair
from hardware import hardware
from records import print_header, print_row
from stress_pages import TruePage, drawn, scaled

FIRST_SEED = 9_300_000
SIZES: tuple[PageSize, ...] = get_args(PageSize)


def main() -> None:
    """Read all pages in all sizes and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=Path, help="pairs to read instead")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--pages", type=int, default=16, help="drawn pages")
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--scales", type=float, nargs="+", default=[0.5, 0.67, 1, 1.5, 2])
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--width", type=int, default=800)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    print(f"model {model.info.name}, one pass; {hardware(model.device)}\n")
    found: dict[tuple[float, PageSize], list[list[float]]] = defaultdict(list)
    for page in tqdm(list(pages(arguments)), leave=False, unit="page"):
        for scale in arguments.scales:
            sized = page if scale == 1 else scaled(page, scale)
            chosen = PageReader.of(sized.pixels, model, InferenceConfig()).size
            found[scale, chosen].append(figures(sized, model))
    print_header(["scale", "chosen", "pages", *(f"FM, {size}" for size in SIZES), "gain"])
    for (scale, chosen), rows in sorted(found.items()):
        means = dict(zip(SIZES, np.mean(rows, axis=0), strict=True))
        cells = [f"{means[size]:.2f}" for size in SIZES]
        gain = means[chosen] - means["own"]
        print_row([f"× {scale:g}", chosen, str(len(rows)), *cells, f"{gain:+.2f}"])


def pages(arguments: argparse.Namespace) -> Iterator[TruePage]:
    """Pages at the resolution that they have."""
    if arguments.collections is None:
        for index in range(arguments.pages):
            yield drawn(arguments.seed + index, (arguments.height, arguments.width))
        return
    for pair in find_pairs(arguments.collections):
        pixels, truth = read_pair(pair)
        yield TruePage(pixels, truth.ink, truth.labelled)


def figures(page: TruePage, model: InkModel) -> list[float]:
    """FM in each size, percent."""
    configs = [replace(PRESETS["fast"], size=size) for size in SIZES]
    return [
        f_measure(binarize(page.pixels, model, config), page.ink, page.labelled)
        for config in configs
    ]


if __name__ == "__main__":
    main()
