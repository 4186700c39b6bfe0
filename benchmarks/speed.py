"""How fast the presets are beside others, and what the command line adds: benchmarks/speed.py.

Every method runs once in every round, so that other load on the machine hits all of them alike;
ratios are medians of the ratios of each round. Pages are in memory, but for the last two tables.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from commands import Command, cold_start, folder_overhead
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.model.ink_model import load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from engines import EngineComparison
from hardware import hardware
from pages import draw, megapixels
from records import Journal
from steps import page_steps

PARTS = ("engine", "steps", "cold", "folder")


def main() -> None:
    """Measure the parts that are asked for."""
    arguments = parse()
    model = load_model(arguments.model, arguments.device)
    pixels = draw(arguments.height, arguments.width)
    settings = f"model {model.info.name}, page of {megapixels(pixels):.1f} Mpix"
    print(f"{settings}; {hardware(model.device)}; torch {torch.__version__}\n", flush=True)
    journal = Journal(arguments.csv, "speed", hardware(model.device), settings)
    if "engine" in arguments.parts:
        EngineComparison(model, pixels, arguments, journal).run()
    if "steps" in arguments.parts:
        page_steps(model, pixels, arguments.presets, arguments.repeat, journal)
    command = Command(arguments.model, arguments.device, tuple(arguments.presets))
    if "cold" in arguments.parts:
        cold_start(command, pixels, arguments.repeat, journal)
    if "folder" in arguments.parts:
        rounds = arguments.folder_repeat
        folder_overhead(command, pixels, arguments.folder_pages, rounds, journal)


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeat", type=int, default=5, help="rounds, after one that warms up")
    parser.add_argument("--height", type=int, default=2600, help="rounded up to a multiple of 32")
    parser.add_argument("--width", type=int, default=1900, help="rounded up to a multiple of 32")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--monai-batch", type=int, default=4, help="windows in one pass")
    parser.add_argument("--folder-pages", type=int, default=20)
    parser.add_argument("--folder-repeat", type=int, default=3, help="rounds of the folder")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
