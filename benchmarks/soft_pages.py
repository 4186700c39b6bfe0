"""What a look at half of the size brings on soft pages: python benchmarks/soft_pages.py.

Drawn pages as they are and enlarged, or with --collections the pages of a folder of pairs, in one
pass: FM at their own size only, and with half of it, too, as pages are read by default
that are taken for soft. The rows "no" say what it would do to all others.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from docbin_napari.inference.config import PRESETS
from docbin_napari.inference.predict import binarize
from docbin_napari.io.pairs import find_pairs, read_pair
from docbin_napari.metrics import f_measure
from docbin_napari.model.registry import DEFAULT_MODEL
from docbin_napari.model.softness import is_soft
from docbin_napari.model.weights import InkModel, load_model
from hardware import hardware
from records import print_header, print_row
from stress_pages import TruePage, drawn, scaled

FIRST_SEED = 9_300_000


def main() -> None:
    """Read all pages both ways and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=Path, help="pairs to read instead")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--pages", type=int, default=16, help="drawn pages")
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 1.5, 2])
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--width", type=int, default=800)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    print(f"model {model.info.name}, one pass; {hardware(model.device)}\n")
    found: dict[tuple[str, bool], list[list[float]]] = defaultdict(list)
    for kind, page in tqdm(list_pages(arguments), leave=False, unit="page"):
        found[kind, is_soft(page.pixels)].append(figures(page, model))
    print_header(["pages of", "soft", "pages", "FM, own size", "FM, half of it too", "change"])
    for (kind, soft), rows in sorted(found.items()):
        own, both = np.mean(rows, axis=0)
        cells = [f"{own:.2f}", f"{both:.2f}", f"{both - own:+.2f}"]
        print_row([kind, "yes" if soft else "no", str(len(rows)), *cells])


def list_pages(arguments: argparse.Namespace) -> Iterator[tuple[str, TruePage]]:
    """Each page with the kind that it belongs to."""
    if arguments.collections is not None:
        for pair in find_pairs(arguments.collections):
            pixels, truth = read_pair(pair)
            yield pair.collection, TruePage(pixels, truth.ink, truth.labelled)
        return
    for index in range(arguments.pages):
        page = drawn(arguments.seed + index, (arguments.height, arguments.width))
        for scale in arguments.scales:
            yield f"the generator, × {scale:g}", page if scale == 1 else scaled(page, scale)


def figures(page: TruePage, model: InkModel) -> list[float]:
    """FM at its own size only, and with half of it, percent."""
    configs = [replace(PRESETS["fast"], half_size=choice) for choice in ("never", "always")]
    return [
        f_measure(binarize(page.pixels, model, config), page.ink, page.labelled)
        for config in configs
    ]


if __name__ == "__main__":
    main()
