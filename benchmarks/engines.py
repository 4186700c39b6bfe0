"""Our engine and others on one page in memory: rates, ratios, and how much the results differ."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from agreement import TITLES, agreement, uncut
from docbin_napari.inference.inference_config import PRESETS, InferenceConfig, PresetName
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.ink_model import InkModel, load_model
from effort import every_view, passes, spares_views
from pages import megapixels
from peers import Monai, MonaiSettings, classical_peers, missing_peers
from records import Journal, figure, print_header, print_row, span
from roofline import describe, measure_roofline, share_cells, share_titles
from timing import interleaved, median_ratio, ratios

EVERY_VIEW = ", every view"
# Others look at a page in its own size only, however soft it is.
_PRESETS = {name: replace(config, size="own") for name, config in PRESETS.items()}


class EngineComparison:
    """Our engine and the others on one page in memory.

    Parameters
    ----------
    model : InkModel
        As users load it.
    pixels : ndarray
        uint8 (H, W, 3), RGB, sides multiples of the stride.
    arguments : Namespace
        From `parse`.
    journal : Journal
        Where the figures are kept.
    """

    def __init__(
        self, model: InkModel, pixels: np.ndarray, arguments: argparse.Namespace, journal: Journal
    ) -> None:
        self._model = model
        self._pixels = pixels
        self._arguments = arguments
        self._journal = journal
        self._ours = our_settings(arguments.presets)
        self._monai = self._load_monai()
        self._others = classical_peers(model.device.name)

    def run(self) -> None:
        """Warm up, measure, and print three tables."""
        if missing := missing_peers():
            print(f"not installed and left out: {', '.join(missing)}\n")
        works = self._works()
        results = {name: work() for name, work in works.items()}
        runs = interleaved(works, self._arguments.repeat)
        self._print_rates(runs)
        self._print_ratios(runs)
        if self._monai:
            self._print_agreement(results)

    def _load_monai(self) -> dict[str, Monai]:
        if "MONAI" in missing_peers():
            return {}
        device = self._model.device
        narrow = torch.float16 if device.dtype == "float16" else torch.bfloat16
        ways = [
            MonaiSettings(device.name, dtype, self._arguments.monai_batch)
            for dtype in (None, narrow)
        ]
        return {way.label: Monai(self._arguments.model, way) for way in ways}

    def _works(self) -> dict[str, Callable[[], np.ndarray]]:
        works: dict[str, Callable[[], np.ndarray]] = {}
        for name, config in self._ours.items():
            works[name] = partial(ink_probability, self._pixels, self._model, config)
        for name in self._arguments.presets:
            for label, monai in self._monai.items():
                works[f"{label}, {name}"] = partial(monai.probability, self._pixels, _PRESETS[name])
        for name, method in self._others.items():
            works[name] = partial(method, self._pixels)
        return works

    def _print_rates(self, runs: dict[str, list[float]]) -> None:
        roofline = measure_roofline(self._arguments.model, self._model.device)
        print(describe(roofline), end="")
        print_header(["method", "median, Mpix/s", "lowest–highest", *share_titles(roofline)])
        size = megapixels(self._pixels)
        for name, taken in runs.items():
            rates = [size / seconds for seconds in taken]
            self._journal.add(name, "rate", "Mpix/s", rates)
            median = statistics.median(rates)
            through = None
            config = self._ours.get(name)
            if config and not spares_views(config):
                through = (
                    median
                    * 1e6
                    * passes(config, self._pixels.shape[:2], self._model.engine.config.stride)
                )
            print_row([name, figure(median), span(rates), *share_cells(roofline, through)])

    def _print_ratios(self, runs: dict[str, list[float]]) -> None:
        print(
            "\nHow many times as fast as others (MONAI: with the windows and symmetries of each):\n"
        )
        print_header(["than", *self._ours])
        for peer in (*self._monai, *self._others):
            cells = [peer]
            for name in self._ours:
                preset = name.removesuffix(EVERY_VIEW)
                other = runs[f"{peer}, {preset}" if peer in self._monai else peer]
                self._journal.add(f"{name} / {peer}", "speed-up", "1", ratios(other, runs[name]))
                cells.append(figure(median_ratio(other, runs[name])))
            print_row(cells)

    def _print_agreement(self, results: dict[str, np.ndarray]) -> None:
        print("\nHow much the probabilities differ; the uncut page is one window, in float32:\n")
        print_header(["preset", "first", "second", *TITLES])
        exact = in_float32(self._model)
        wide, narrow = self._monai
        for name in self._arguments.presets:
            full = every_view(_PRESETS[name])
            whole = uncut(full, self._pixels.shape)
            pages = {
                "as shipped": results[name],
                "ours": results.get(f"{name}{EVERY_VIEW}", results[name]),
                "ours, float32": ink_probability(self._pixels, exact, full),
                "uncut page": ink_probability(self._pixels, exact, whole),
                **{label: results[f"{label}, {name}"] for label in self._monai},
            }
            pairs = [("ours, float32", wide), ("ours", wide), ("ours", narrow)]
            pairs += [("ours", "ours, float32")]
            pairs += [("uncut page", "ours, float32"), ("uncut page", wide)]
            pairs += [("as shipped", "ours")] if spares_views(_PRESETS[name]) else []
            for first, second in pairs:
                found = agreement(pages[first], pages[second])
                pair = f"{name}: {first} - {second}"
                self._journal.add(pair, "largest difference", "1/255", [found.largest])
                self._journal.add(pair, "mean difference", "1/255", [found.mean])
                self._journal.add(pair, "pixels above 2/255", "1", [found.beyond])
                print_row([name, first, second, *found.cells])


def our_settings(presets: Sequence[PresetName]) -> dict[str, InferenceConfig]:
    """The presets, and those that spare views once more without sparing any.

    Others look at every window under every symmetry, so only that compares like with like.
    """
    settings: dict[str, InferenceConfig] = {}
    for name in presets:
        settings[name] = _PRESETS[name]
        if spares_views(_PRESETS[name]):
            settings[f"{name}{EVERY_VIEW}"] = every_view(_PRESETS[name])
    return settings


def in_float32(model: InkModel) -> InkModel:
    """The same model, computing in float32."""
    return load_model(model.info.path, model.device.name, EngineConfig(precision="f32"))
