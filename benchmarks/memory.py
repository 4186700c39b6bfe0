"""Peak memory of binarizing one large page, file to file: python benchmarks/memory.py.

Every size runs in a fresh process, where the kernel keeps the highest resident size.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from docbin_napari.model.registry import DEFAULT_MODEL

_MEBIBYTE = 2**20


def main() -> None:
    """Measure some sizes and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 15, 60])
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--page", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.page:
        measure(arguments.page, arguments.preset, arguments.model)
        return
    print(f"preset {arguments.preset}\n\n| page | idle | peak above idle |\n| --- | --- | --- |")
    for megapixels in arguments.megapixels:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.tif"
            write_page(page, megapixels)
            command = [sys.executable, __file__, "--page", str(page)]
            command += ["--preset", arguments.preset, "--model", arguments.model]
            idle, peak = subprocess.run(
                command, check=True, capture_output=True, text=True
            ).stdout.split()[-2:]
            print(f"| {megapixels:g} Mpix | {idle} MiB | {int(peak) - int(idle)} MiB |", flush=True)


def write_page(path: Path, megapixels: float) -> None:
    """A colour page with lines of dark strokes."""
    import tifffile

    side = int((megapixels * 1e6) ** 0.5)
    pixels = np.full((side, side, 3), (225, 210, 180), np.uint8)
    for top in range(20, side - 10, 40):
        pixels[top : top + 6, 30 : side - 30 : 1] = (60, 50, 40)
    tifffile.imwrite(path, pixels, compression="deflate", rowsperstrip=64)


def measure(page: Path, preset: str, model: str) -> None:
    """Print the resident size before, with the model warm, and the highest one after."""
    from docbin_napari.cli import main as docbin
    from docbin_napari.inference.predict import ink_probability
    from docbin_napari.model.weights import load_model

    ink_probability(np.full((64, 64, 3), 200, np.uint8), load_model(model), "fast")
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    docbin(["binarize", str(page), "--preset", preset, "--model", model, "--quiet"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(idle // _MEBIBYTE, peak // _MEBIBYTE)


if __name__ == "__main__":
    main()
