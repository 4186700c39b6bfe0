"""Pack collections of pairs into a small folder that travels to another machine.

    python scripts/pack_pages.py PAGES/train GENERATED --output runs/packed --mebibytes 40

Pages become JPEG files of the best quality with which everything fits; masks stay exact.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from docbin_napari.io.encode import encode_jpeg
from docbin_napari.io.mask import write_ground_truth
from docbin_napari.io.page import GROUND_TRUTH_FOLDER
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair

QUALITIES = (85, 75, 65, 55, 45, 35, 25)


def main() -> int:
    """Pack with lower and lower quality until it fits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="collections, or folders of them")
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    parser.add_argument("--mebibytes", type=float, default=40, help="most that it may take")
    options = parser.parse_args()
    pairs = [pair for folder in options.folders for pair in find_pairs(folder)]
    if not pairs or options.output.exists():
        sys.exit("there are no pairs" if not pairs else f"{options.output}: choose a new folder")
    for quality in QUALITIES:
        size = sum(pack(pair, options.output, quality) for pair in pairs) / 2**20
        print(f"quality {quality}: {len(pairs)} pages, {size:.1f} MiB")
        if size <= options.mebibytes:
            return 0
        shutil.rmtree(options.output)
    sys.exit(f"it does not fit into {options.mebibytes:g} MiB with any quality: pack fewer pages")


def pack(pair: Pair, output: Path, quality: int) -> int:
    """Write one pair; returns the bytes that it takes."""
    pixels, truth = read_pair(pair)
    page = output / pair.collection / f"{pair.name}.jpg"
    mask = page.parent / GROUND_TRUTH_FOLDER / f"{pair.name}.png"
    mask.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(encode_jpeg(pixels, quality))
    write_ground_truth(mask, truth.ink, truth.labelled)
    return page.stat().st_size + mask.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
