"""How fast the presets are, decoding and encoding left out: python benchmarks/speed.py."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

from docbin_napari.inference.config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.registry import DEFAULT_MODEL
from docbin_napari.model.weights import load_model
from docbin_napari.train.synthesis import draw_page
from hardware import hardware
from timing import times


def main() -> None:
    """Time every preset on one page, and the help text of the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--height", type=int, default=2600)
    parser.add_argument("--width", type=int, default=1900)
    arguments = parser.parse_args()
    model = load_model(arguments.model, arguments.device)
    pixels = draw_page(7, arguments.height, arguments.width).pixels
    size = pixels.shape[0] * pixels.shape[1] / 1e6
    print(f"model {model.info.name}, page of {size:.1f} Mpix; {hardware(model.device)}\n")
    print("| what | median | best |")
    print("| --- | --- | --- |")
    for name, config in PRESETS.items():
        seconds = times(lambda c=config: ink_probability(pixels, model, c), arguments.repeat)
        median, best = size / statistics.median(seconds), size / min(seconds)
        print(f"| {name} | {median:.2f} Mpix/s | {best:.2f} Mpix/s |", flush=True)
    command = [sys.executable, "-m", "docbin_napari", "--help"]
    seconds = times(lambda: subprocess.run(command, check=True, capture_output=True), 9)
    print(f"| docbin --help | {statistics.median(seconds):.2f} s | {min(seconds):.2f} s |")


if __name__ == "__main__":
    main()
