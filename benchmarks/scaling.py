"""Mpix/s over workers and threads, and over size of windows and batches: benchmarks/scaling.py.

Every combination runs once in every round, so that other load on the machine hits all alike.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch

from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from effort import passes, spares_views
from hardware import hardware
from pages import draw, megapixels
from records import Journal, figure, print_header, print_row, span
from roofline import Roofline, describe, measure_roofline, share_cells, share_titles
from timing import interleaved, median_ratio
from window_sizes import compare_windows
from workers import RunningTeam, Team

PARTS = ("workers", "windows")


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--preset", default="fast", choices=list(PRESETS), help="of the workers")
    parser.add_argument("--repeat", type=int, default=5, help="rounds, after one that warms up")
    parser.add_argument("--height", type=int, default=2600, help="rounded up to a multiple of 32")
    parser.add_argument("--width", type=int, default=1900, help="rounded up to a multiple of 32")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=PARTS)
    parser.add_argument("--windows", type=int, nargs="+", default=[256, 384, 512, 768, 1024, 1536])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--teams", nargs="+", default=["1x1", "1x2", "2x1"], metavar="WxT")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    arguments = parser.parse_args()
    model = load_model(arguments.model, arguments.device)
    pixels = draw(arguments.height, arguments.width)
    settings = f"model {model.info.name}, page of {megapixels(pixels):.1f} Mpix"
    print(f"{settings}; {hardware(model.device)}; torch {torch.__version__}\n", flush=True)
    journal = Journal(arguments.csv, "scaling", hardware(model.device), settings)
    roofline = measure_roofline(arguments.model, model.device)
    print(describe(roofline), end="")
    if "workers" in arguments.parts:
        compare_teams(pixels, model, arguments, journal, roofline)
    if "windows" in arguments.parts:
        compare_windows(pixels, model, arguments, journal, roofline)


def parse_team(text: str) -> Team:
    """Read ``workers x threads``.

    Examples
    --------
    >>> parse_team("2x1")
    Team(workers=2, threads=1)
    """
    try:
        workers, threads = (int(part) for part in text.split("x"))
    except ValueError:
        raise SystemExit(f"--teams: {text!r} is not WORKERSxTHREADS, such as 2x1") from None
    return Team(workers, threads)


def compare_teams(
    pixels: np.ndarray,
    model: InkModel,
    arguments: argparse.Namespace,
    journal: Journal,
    roofline: Roofline | None,
) -> None:
    """Print the rate of one and more workers, in processes of their own."""
    config = PRESETS[arguments.preset]
    work = (
        None
        if spares_views(config)
        else passes(config, pixels.shape[:2], model.engine.config.stride)
    )
    teams = [parse_team(text) for text in arguments.teams]
    words = (arguments.model, arguments.device, arguments.preset)
    with contextlib.ExitStack() as stack:
        page = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "page.npy"
        np.save(page, pixels)
        running = [stack.enter_context(RunningTeam(team, page, words)) for team in teams]
        works = {team.label: one.compute for team, one in zip(teams, running, strict=True)}
        runs = interleaved(works, arguments.repeat)
    print(f"Preset {arguments.preset}, a page a worker:\n")
    print_header(
        ["workers", "median, Mpix/s", "lowest–highest", "speed-up", *share_titles(roofline)]
    )
    first = teams[0]
    for team in teams:
        rates = [megapixels(pixels) * team.workers / taken for taken in runs[team.label]]
        base = [megapixels(pixels) * first.workers / taken for taken in runs[first.label]]
        journal.add(f"{team.label}, {arguments.preset}", "rate", "Mpix/s", rates)
        median = statistics.median(rates)
        cells = [team.label, figure(median), span(rates), f"{median_ratio(rates, base):.2f}"]
        print_row([*cells, *share_cells(roofline, median * 1e6 * work if work else None)])


if __name__ == "__main__":
    main()
