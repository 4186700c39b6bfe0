"""How long a page takes to decode and a mask to encode: python benchmarks/formats.py.

Times are of the process, so that other load does not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from docbin_napari.drawing.generator import draw_page
from docbin_napari.io.mask import write_mask
from docbin_napari.io.page import read_pages

PAGES = {
    "page.jpg": {"quality": 90},
    "page.webp": {"quality": 90},
    "page_lzw.tif": {"compression": "tiff_lzw"},
    "page.png": {},
    "page.jp2": {"quality_mode": "rates", "quality_layers": [12]},
}
MASKS = ("mask.tif", "mask.png")


def main() -> None:
    """Measure all formats on one drawn page and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=2600)
    parser.add_argument("--width", type=int, default=1923)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    page = draw_page(7, arguments.height, arguments.width)
    print(f"page of {page.ink.size / 1e6:.1f} Mpix; process time, lowest of {arguments.repeat}\n")
    print("| file | MB | ms |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, options in PAGES.items():
            path = Path(folder) / name
            Image.fromarray(page.pixels).save(path, **options)
            report(path, lambda path=path: next(read_pages(path)), arguments.repeat)
        for name in MASKS:
            path = Path(folder) / name
            report(path, lambda path=path: write_mask(path, page.ink), arguments.repeat)


def report(path: Path, work: Callable[[], object], repeat: int) -> None:
    """Print the lowest process time of some rounds."""
    seconds = []
    for _ in range(repeat):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    size = path.stat().st_size / 1e6
    print(f"| {path.name} | {size:.2f} | {min(seconds) * 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main()
