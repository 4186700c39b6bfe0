"""Learn part of the layers and move part of the way from the start."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docbin_napari.finetune.finetune_config import FinetuneConfig, Layers
from docbin_napari.model.engine import Device
from docbin_napari.model.unet import UNet
from docbin_napari.train.batches import Batch
from docbin_napari.train.learning import Learner, ink_loss

_BEGINNINGS = {"decoder": ("up.", "decoder.", "exit."), "exit": ("exit.",)}


def learning_parameters(network: UNet, layers: Layers) -> Iterator[nn.Parameter]:
    """Choose what learns.

    Parameters
    ----------
    network : UNet
        Batch norms not folded.
    layers : {"all", "decoder", "norms", "exit"}
        As in `FinetuneConfig`.

    Yields
    ------
    Parameter
        One that learns.
    """
    for name, parameter in network.named_parameters():
        if layers == "norms":
            chosen = ".norm." in name or name == "exit.bias"
        else:
            chosen = layers == "all" or name.startswith(_BEGINNINGS[layers])
        if chosen:
            yield parameter


class FinetuneLearner:
    """A network on its way from its start.

    Parameters
    ----------
    start : UNet
        Trained; it stays as it is.
    config : FinetuneConfig
        What learns and how.
    device : Device
        Where.
    learnt : mapping, optional
        State of a network that has learnt before and goes on; it begins as the start otherwise.

    Attributes
    ----------
    state : Learner
        Network, steps and time.
    """

    def __init__(
        self,
        start: UNet,
        config: FinetuneConfig,
        device: Device,
        learnt: Mapping[str, Tensor] | None = None,
    ) -> None:
        self._config = config
        self._device = device
        self._start = copy.deepcopy(start).move(device.name).requires_grad_(False).eval()
        network = copy.deepcopy(self._start)
        if learnt is not None:
            network.load_state_dict(dict(learnt))
        self.state = Learner.of(network, config, learning_parameters(network, config.layers))

    def step(self, batch: Batch, own: int) -> tuple[float, float]:
        """Learn from a batch.

        Parameters
        ----------
        batch : Batch
            Of own and replayed pages.
        own : int
            How many windows are of the own pages; these come first.

        Returns
        -------
        loss : float
            On the windows of the own pages.
        learning_rate : float
            Of this step.

        Raises
        ------
        TrainingError
            If the loss is NaN or infinite.
        """
        rate = self.state.set_rate()
        # The network has no other layers that differ in training.
        self.state.network.train(self._config.norms == "train")
        logits = self._logits(self.state.network, batch.inputs, batch.ink)
        loss = own_loss = self._loss(logits[:own], batch.truth[:own])
        if own < len(logits):
            weight = own / len(logits)
            loss = weight * own_loss + (1 - weight) * self._replay_loss(logits[own:], batch, own)
        self.state.descend(loss)
        return own_loss.item(), rate

    def weights(self) -> dict[str, Tensor]:
        """Take the averaged weights back towards the start as the settings ask.

        Returns
        -------
        dict
            State of a `UNet` of the same architecture, on the CPU.
        """
        learnt, keep = self.state.average.state_dict(), self._config.keep
        return {
            name: (torch.lerp(value, learnt[name], keep) if value.is_floating_point() else value)
            .cpu()
            .clone()
            for name, value in self._start.state_dict().items()
        }

    def _logits(self, network: UNet, inputs: Tensor, ink: Tensor) -> Tensor:
        with self._device.training_format():
            logits: Tensor = network(inputs, ink)
        return logits.float()

    def _loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        return ink_loss(logits, truth[:, :1], truth[:, 1:], self._config.dice)

    def _replay_loss(self, logits: Tensor, batch: Batch, own: int) -> Tensor:
        """Compute the loss on replayed windows, towards ground truth and start."""
        distill = self._config.distill
        if not distill:
            return self._loss(logits, batch.truth[own:])
        with torch.no_grad():
            target = self._logits(self._start, batch.inputs[own:], batch.ink[own:]).sigmoid()
        towards_start = F.binary_cross_entropy_with_logits(logits, target)
        if distill == 1:
            return towards_start
        return distill * towards_start + (1 - distill) * self._loss(logits, batch.truth[own:])
