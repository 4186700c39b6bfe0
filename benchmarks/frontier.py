"""Quality over speed for a grid of settings: python benchmarks/frontier.py COLLECTIONS.

COLLECTIONS is a folder of collections of pairs (PAGE and fg_mask/PAGE.png). Every page goes
through all settings before the next page comes, so that other load on the machine hits all alike.
A setting is on the frontier if no other one is both faster and better.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import binarize
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from effort import spares_views
from frontier_plot import Point, write_plot
from hardware import hardware
from pages import megapixels
from pareto import frontier
from records import Journal, figure, print_header, print_row
from timing import interleaved

OVERLAPS = (0.0, 0.09375, 0.25, 0.5)


@dataclass
class Setting:
    """A model and how it is used, and what was measured with it so far.

    Parameters
    ----------
    model : InkModel
        The network.
    config : InferenceConfig
        How it is used.
    preset : str
        Its name, or nothing.
    """

    model: InkModel
    config: InferenceConfig
    preset: str
    size: float = 0.0
    seconds: float = 0.0
    figures: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def label(self) -> str:
        """In words."""
        config = self.config
        views = f"symmetries {config.symmetries}, overlap {config.overlap:g}"
        return f"{self.variant}, {views}{f' ({self.preset})' if self.preset else ''}"

    @property
    def variant(self) -> str:
        """What the plot gives a line of its own, beside the symmetries."""
        name, tolerance = self.model.info.name, self.config.tolerance
        return f"{name}, tolerance {tolerance:g}" if spares_views(self.config) else name

    @property
    def rate(self) -> float:
        """Mpix/s over all pages."""
        return self.size / self.seconds

    @property
    def point(self) -> Point:
        """For the plot."""
        config = self.config
        mean = statistics.mean(itertools.chain(*self.figures.values()))
        return Point(self.variant, config.symmetries, config.overlap, self.rate, mean, self.preset)


def main() -> None:
    """Measure all settings on all pages, print one table and draw the plot."""
    arguments = parse()
    if arguments.plot and not importlib.util.find_spec("matplotlib"):
        raise SystemExit("--plot needs matplotlib: pip install --group benchmarks")
    pairs = find_pairs(arguments.collections)
    settings = grid(arguments)
    where = hardware(settings[0].model.device)
    what = f"{len(pairs)} pages of {arguments.collections.name}"
    print(f"{what}; {where}; torch {torch.__version__}\n", flush=True)
    journal = Journal(arguments.csv, "frontier", where, what)
    for pair in tqdm(pairs, leave=False):
        measure(pair, settings, arguments.repeat)
    settings.sort(key=lambda setting: setting.rate, reverse=True)
    points = [setting.point for setting in settings]
    chosen = frontier([(point.rate, point.f_measure) for point in points])
    print_table(settings, chosen, journal)
    if arguments.plot:
        best = [points[index] for index in chosen]
        write_plot(arguments.plot, points, best, f"{what}; {where}")
        print(f"\nplot: {arguments.plot}")


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--models", nargs="+", default=[DEFAULT_MODEL])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--symmetries", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--overlaps", type=float, nargs="+", default=list(OVERLAPS))
    parser.add_argument("--tolerances", type=float, nargs="+", default=preset_tolerances())
    parser.add_argument("--repeat", type=int, default=3, help="rounds a page, after one")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the plot here")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    return parser.parse_args()


def preset_tolerances() -> list[float]:
    """No tolerance, and those of the presets."""
    return sorted({0.0, *(config.tolerance for config in PRESETS.values())})


def grid(arguments: argparse.Namespace) -> list[Setting]:
    """All settings that are asked for, and the presets, each once."""
    asked = [
        InferenceConfig(symmetries=symmetries, overlap=overlap, tolerance=tolerance)
        for symmetries, overlap, tolerance in itertools.product(
            arguments.symmetries, arguments.overlaps, arguments.tolerances
        )
        # One view cannot be spared.
        if symmetries > 1 or not tolerance
    ]
    names = {config: name for name, config in PRESETS.items()}
    configs: Iterable[InferenceConfig] = dict.fromkeys([*asked, *names])
    models = [load_model(name, arguments.device) for name in arguments.models]
    return [
        Setting(model, config, names.get(config, ""))
        for model, config in itertools.product(models, configs)
    ]


def measure(pair: Pair, settings: list[Setting], rounds: int) -> None:
    """Let one page go through all settings: once for its F-measure, then for the time."""
    pixels, truth = read_pair(pair)
    works = {
        str(index): partial(binarize, pixels, setting.model, setting.config)
        for index, setting in enumerate(settings)
    }
    for setting, work in zip(settings, works.values(), strict=True):
        ink: np.ndarray = work()
        score = f_measure(ink, truth.ink, truth.labelled)
        setting.figures[pair.collection].append(score)
    runs = interleaved(works, rounds)
    for setting, seconds in zip(settings, runs.values(), strict=True):
        setting.size += megapixels(pixels)
        setting.seconds += statistics.median(seconds)


def print_table(settings: list[Setting], chosen: list[int], journal: Journal) -> None:
    """One row for each setting, the fastest first."""
    collections = list(settings[0].figures)
    print_header(["model, settings", "frontier", "Mpix/s", "FM, all pages", *collections])
    for index, setting in enumerate(settings):
        point = setting.point
        journal.add(setting.label, "rate", "Mpix/s", [setting.rate])
        journal.add(setting.label, "FM, all pages", "%", [point.f_measure])
        means = {name: statistics.mean(setting.figures[name]) for name in collections}
        for name, mean in means.items():
            journal.add(setting.label, f"FM, {name}", "%", [mean])
        cells = [setting.label, "*" if index in chosen else "", figure(setting.rate)]
        print_row([*cells, *(f"{mean:.2f}" for mean in (point.f_measure, *means.values()))])


if __name__ == "__main__":
    main()
