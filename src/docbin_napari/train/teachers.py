"""Mix the output of other models into the ground truth.

Strategy: the mean of several models, and of several views, makes fewer mistakes than one model in
one pass, and knows where it doubts. A network that learns this mean beside the ground truth comes
near to it in one pass (Hinton et al. 2015, arXiv:1503.02531). All views of all models would cost
several times a training step, so each model sees the batch in one view, and the views take turns.
Cross-entropy is linear in its target: a target mixed from both is as good as two losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from docbin_napari.inference.symmetry import SYMMETRY_SETS
from docbin_napari.model.device import Device
from docbin_napari.model.unet import UNet

_VIEWS = SYMMETRY_SETS[2]
"""Quarter turns; none is mirrored."""


class BatchSource(Protocol):
    """What gives the windows of each step: `Batches`, or a source that changes them."""

    def of(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Take the windows of a step, as `Batches.of` does."""


class TaughtBatches:
    """Batches whose ground truth is mixed with what teachers say.

    Parameters
    ----------
    batches : BatchSource
        Where windows come from.
    teachers : sequence of UNet
        They take the same normalised input as the network that learns. They are moved to
        the device, and no longer trained.
    share : float
        Of the teachers in the mixture, 0 to 1.
    device : Device
        Where windows are, and in which number format convolutions are computed.
    """

    def __init__(
        self, batches: BatchSource, teachers: Sequence[UNet], share: float, device: Device
    ) -> None:
        self._batches = batches
        self._teachers = [teacher.move(device.name).eval() for teacher in teachers]
        self._share = share
        self._device = device

    def of(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Take the windows of a step.

        Parameters
        ----------
        step : int
            Number of the step, from 0; it chooses the views.

        Returns
        -------
        inputs, truth, ink : Tensor
            As from `Batches.of`; the ink of `truth` is between ground truth and teachers.
        """
        inputs, truth, ink = self._batches.of(step)
        said = self._answer(inputs, ink, step)
        mixed = torch.lerp(truth[:, :1], said, self._share)
        return inputs, torch.cat([mixed, truth[:, 1:]], dim=1), ink

    @torch.no_grad()
    def _answer(self, inputs: Tensor, ink: Tensor, step: int) -> Tensor:
        """Probability of ink by the mean logit of all teachers, float32 (N, 1, H, W)."""
        total = torch.zeros_like(inputs[:, :1], dtype=torch.float32)
        for number, teacher in enumerate(self._teachers):
            view = _VIEWS[(step + number) % len(_VIEWS)]
            seen = torch.rot90(inputs, view, (2, 3)).contiguous(memory_format=torch.channels_last)
            with self._device.training_format():
                logits = teacher(seen, ink)
            total += torch.rot90(logits.float(), -view, (2, 3))
        return (total / len(self._teachers)).sigmoid()
