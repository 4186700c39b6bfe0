"""Prepare the windows of each training step.

Strategy: a batch is drawn and varied by a generator that depends on seed and step alone. To
draw it costs more than to learn from it on a GPU, and its windows cannot be drawn apart: they
share the generator, and one shows through another. So several processes take turns. Each
prepares the whole batch of one of the next steps, and gives every process its share of it.
No window is prepared twice, and each is what one process alone would have made.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor

from docbin_napari.model.normalisation import Normalisation
from docbin_napari.train.augment import augment
from docbin_napari.train.config import TrainConfig
from docbin_napari.train.dataset import WindowSampler
from docbin_napari.train.distributed import Ranks, RanksError


class Batches:
    """The share of one process in every batch.

    Parameters
    ----------
    sampler : WindowSampler
        Where windows come from.
    config : TrainConfig
        Windows in a step, seed, and how they are varied.
    device : str
        Where the network is.
    ranks : Ranks
        Who else trains.

    Raises
    ------
    RanksError
        If a batch cannot be shared evenly.
    """

    def __init__(
        self, sampler: WindowSampler, config: TrainConfig, device: str, ranks: Ranks
    ) -> None:
        _check_even(config.batch, ranks.size)
        self._sampler = sampler
        self._config = config
        self._device = device
        self._ranks = ranks
        self._ready: deque[tuple[Tensor, Tensor, Tensor]] = deque()

    def of(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Take the windows of a step; steps are asked for one after the other.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        inputs : Tensor
            Float32 (N, 3, H, W), normalised, in channels-last layout, on the device.
        truth : Tensor
            Float32 (N, 2, H, W): ink 0 to 1, labelled 0 or 1; on the device.
        ink : Tensor
            Float32 (N, 7): normalised colours of ink and paper of each page, edge level;
            NaN where they are not known; on the device.
        """
        if not self._ready:
            parts = self._prepare(step + self._ranks.rank)
            inputs, truth, ink = (self._ranks.exchange(part) for part in parts)
            self._ready.extend(zip(inputs, truth, ink, strict=True))
        share, truth_share, ink_share = self._ready.popleft()
        return share.to(memory_format=torch.channels_last), truth_share, ink_share

    def _prepare(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """The whole batch of a step."""
        random = np.random.default_rng([self._config.seed, step])
        windows = self._sampler.batch(self._config.batch, random)
        windows = augment(windows, self._config.augment, random)
        inputs, ink = (Normalisation().of(x) for x in (windows.pixels, windows.ink))
        return inputs.to(self._device), windows.truth.to(self._device), ink.to(self._device)


def _check_even(batch: int, size: int) -> None:
    least = batch // size * size
    if least == batch:
        return
    fitting = f"{least} or {least + size}" if least else f"{size}"
    raise RanksError(
        f"a batch of {batch} windows cannot be shared evenly by {size} processes: "
        f"use --batch {fitting}, or another number of processes"
    )
