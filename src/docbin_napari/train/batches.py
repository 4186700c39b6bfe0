"""Prepare the windows of each training step.

Strategy: a batch is drawn and varied by a generator that depends on seed and step alone. To
draw it costs more than to learn from it on a GPU, and its windows cannot be drawn apart: they
share the generator, and one shows through another. So several processes take turns. Each
prepares the whole batch of one of the next steps, and gives every process its share of it.
No window is prepared twice, and each is what one process alone would have made.

The output of other models may be mixed into the ground truth: the mean of several, and of several
views, makes fewer mistakes than one model in one pass, and knows where it doubts (Hinton et al.
2015, arXiv:1503.02531). All views of all models would cost several times a training step, so each
model sees the batch in one view, and the views take turns. Cross-entropy is linear in its target: a
target mixed from both is as good as two losses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from docbin_napari.inference.predict import SYMMETRY_SETS
from docbin_napari.model.engine import Device
from docbin_napari.model.ink_model import Normalisation
from docbin_napari.model.unet import UNet
from docbin_napari.train.augment import augment
from docbin_napari.train.dataset import DrawnWindows, WindowSampler
from docbin_napari.train.distributed import Ranks
from docbin_napari.train.train_config import TrainConfig, TrainingError


@dataclass(frozen=True)
class Batch:
    """Windows of a step, ready for the network and on its device.

    Parameters
    ----------
    inputs : Tensor
        Float32 (N, 3, H, W), normalised, in channels-last layout.
    truth : Tensor
        Float32 (N, 2, H, W): ink 0 to 1, labelled 0 or 1.
    ink : Tensor
        Float32 (N, 7): normalised colours of ink and paper of each page, edge level;
        NaN where they are not known.
    """

    inputs: Tensor
    truth: Tensor
    ink: Tensor

    @classmethod
    def of(cls, parts: Sequence[DrawnWindows], device: str) -> Batch:
        """Normalise windows, those of several samplers behind each other."""
        pixels, truth, ink = (
            torch.cat([getattr(part, name) for part in parts])
            for name in ("pixels", "truth", "ink")
        )
        inputs, ink = (Normalisation().of(colours).to(device) for colours in (pixels, ink))
        return cls(inputs.to(memory_format=torch.channels_last), truth.to(device), ink)


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
    TrainingError
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
        self._ready: deque[Batch] = deque()

    def of(self, step: int) -> Batch:
        """Take the windows of a step; steps are asked for one after the other.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        Batch
            The share of this process.
        """
        if not self._ready:
            whole = self._prepare(step + self._ranks.rank)
            parts = (self._ranks.exchange(x) for x in (whole.inputs, whole.truth, whole.ink))
            for inputs, truth, ink in zip(*parts, strict=True):
                self._ready.append(Batch(inputs.to(memory_format=torch.channels_last), truth, ink))
        return self._ready.popleft()

    def _prepare(self, step: int) -> Batch:
        """Draw and vary the whole batch of a step."""
        random = np.random.default_rng([self._config.seed, step])
        windows = self._sampler.batch(self._config.batch, random)
        return Batch.of([augment(windows, self._config.augment, random)], self._device)


def _check_even(batch: int, size: int) -> None:
    least = batch // size * size
    if least == batch:
        return
    fitting = f"{least} or {least + size}" if least else f"{size}"
    raise TrainingError(
        f"a batch of {batch} windows cannot be shared evenly by {size} processes: "
        f"use --batch {fitting}, or another number of processes"
    )


_VIEWS = SYMMETRY_SETS[2]
"""Quarter turns; none is mirrored."""


class Teachers:
    """Models whose output is learnt beside the ground truth.

    Parameters
    ----------
    networks : sequence of UNet
        They take the same normalised input as the network that learns. They are moved to
        the device, and no longer trained.
    share : float
        Of the teachers in the mixture, 0 to 1.
    device : Device
        Where windows are, and in which number format convolutions are computed.
    """

    def __init__(self, networks: Sequence[UNet], share: float, device: Device) -> None:
        self._networks = [network.move(device.name).eval() for network in networks]
        self._share = share
        self._device = device

    def mix(self, batch: Batch, step: int) -> Batch:
        """Mix the mean output of the teachers into the ground truth of a batch.

        Parameters
        ----------
        batch : Batch
            Not changed.
        step : int
            Number of the step, from 0; it chooses the views.

        Returns
        -------
        Batch
            Its ink is between ground truth and teachers.
        """
        if not self._networks:
            return batch
        mixed = torch.lerp(batch.truth[:, :1], self._probability(batch, step), self._share)
        return replace(batch, truth=torch.cat([mixed, batch.truth[:, 1:]], dim=1))

    @torch.no_grad()
    def _probability(self, batch: Batch, step: int) -> Tensor:
        """Probability of ink by the mean logit of all teachers, float32 (N, 1, H, W)."""
        total = torch.zeros_like(batch.inputs[:, :1], dtype=torch.float32)
        for number, network in enumerate(self._networks):
            view = _VIEWS[(step + number) % len(_VIEWS)]
            turned = torch.rot90(batch.inputs, view, (2, 3))
            with self._device.training_format():
                logits = network(turned.contiguous(memory_format=torch.channels_last), batch.ink)
            total += torch.rot90(logits.float(), -view, (2, 3))
        return (total / len(self._networks)).sigmoid()
