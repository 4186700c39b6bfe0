"""Mpix/s over size of windows and batches: of the engine on a page, and of the network alone."""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import InferenceError, ink_probability
from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import InkModel, load_network
from docbin_napari.model.unet import UNet
from effort import passes
from pages import megapixels
from records import Journal, figure, print_header, print_row, span
from roofline import Roofline, share_cells, share_titles
from timing import interleaved


def compare_windows(
    pixels: np.ndarray,
    model: InkModel,
    arguments: argparse.Namespace,
    journal: Journal,
    roofline: Roofline | None,
) -> None:
    """Print the rate of every window with every batch: one pass, the overlap of ``fast``.

    Beside the rate of the page stand the pixels that go through the network meanwhile, overlaps
    counted in, and what the network does without the engine: windows that are on the device
    already, and logits that stay there. The gap between the two is what the engine costs.
    """
    configs: dict[str, InferenceConfig] = {}
    works: dict[str, Callable[[], object]] = {}
    alone = NetworkAlone(model, max(arguments.batches))
    for window, batch in itertools.product(arguments.windows, arguments.batches):
        name = f"window {window}, batch {batch}"
        config = InferenceConfig(window=window, overlap=PRESETS["fast"].overlap, batch=batch)
        pair = {
            name: partial(ink_probability, pixels, model, config),
            f"{name}, network alone": partial(alone.compute, window, batch),
        }
        if does_fit(name, pair):
            configs[name] = config
            works |= pair
    runs = interleaved(works, arguments.repeat)
    print("\nOne pass over a page, by size of window and batch:\n")
    titles = ["window", "batch", "median, Mpix/s", "lowest–highest", "through the network"]
    print_header([*titles, "network alone", *share_titles(roofline)])
    for name, config in configs.items():
        rates = [megapixels(pixels) / taken for taken in runs[name]]
        journal.add(name, "rate", "Mpix/s", rates)
        size = config.batch * config.window**2 / 1e6
        limits = [size / taken for taken in runs[f"{name}, network alone"]]
        journal.add(f"{name}, network alone", "rate", "Mpix/s", limits)
        median = statistics.median(rates)
        through = median * passes(config, pixels.shape[:2], model.engine.config.stride)
        cells = [str(config.window), str(config.batch), figure(median), span(rates)]
        cells += [figure(through), figure(statistics.median(limits))]
        print_row([*cells, *share_cells(roofline, through * 1e6)])


class NetworkAlone:
    """The network of a model, without page, windows and blending.

    Parameters
    ----------
    model : InkModel
        The model; its network is loaded once more.
    batch : int
        Most windows in one pass.
    """

    def __init__(self, model: InkModel, batch: int) -> None:
        device = choose_device(model.device.name)
        network: UNet = load_network(model.info).fold_norms()
        self._network = network.move(device.name, device.torch_dtype).requires_grad_(False)
        self._device = device
        self._batch = batch
        self._windows: dict[int, Tensor] = {}

    @torch.inference_mode()
    def compute(self, window: int, batch: int) -> None:
        """Run one pass, and wait for it."""
        if window not in self._windows:
            shape = (self._batch, 3, window, window)
            blank = torch.zeros(shape, dtype=self._device.torch_dtype, device=self._device.name)
            self._windows[window] = blank.to(memory_format=torch.channels_last)
        self._network(self._windows[window][:batch])[0, 0, 0, 0].item()


def does_fit(name: str, works: dict[str, Callable[[], object]]) -> bool:
    """Warm up; False, with a line that says so, where the device has too little memory."""
    try:
        for work in works.values():
            work()
    except (InferenceError, torch.OutOfMemoryError) as error:
        print(f"left out, {name}: {str(error).splitlines()[0]}", flush=True)
        return False
    return True
