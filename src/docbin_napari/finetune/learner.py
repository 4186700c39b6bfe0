"""Network that learns part of its layers and moves part of the way from its start."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docbin_napari.finetune.config import FinetuneConfig, Layers
from docbin_napari.finetune.replay import Windows
from docbin_napari.model.device import Device
from docbin_napari.model.unet import UNet
from docbin_napari.train.loss import ink_loss
from docbin_napari.train.state import TrainState

_WARM_UP = 0.05
_BEGINNINGS = {"decoder": ("up.", "decoder.", "exit."), "exit": ("exit.",)}


def learning_parameters(network: UNet, layers: Layers) -> Iterator[tuple[str, nn.Parameter]]:
    """Choose what learns.

    Parameters
    ----------
    network : UNet
        Batch norms not folded.
    layers : {"all", "decoder", "norms", "exit"}
        As in `FinetuneConfig`.

    Yields
    ------
    name : str
        Of the parameter.
    parameter : Parameter
        One that learns.
    """
    for name, parameter in network.named_parameters():
        if layers == "norms":
            chosen = ".norm." in name or name == "exit.bias"
        else:
            chosen = layers == "all" or name.startswith(_BEGINNINGS[layers])
        if chosen:
            yield name, parameter


class Learner:
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
    """

    def __init__(
        self,
        start: UNet,
        config: FinetuneConfig,
        device: Device,
        learnt: Mapping[str, Tensor] | None = None,
    ) -> None:
        torch.manual_seed(config.seed)
        self._config = config
        self._device = device
        self._start = copy.deepcopy(start).move(device.name).requires_grad_(False).eval()
        network = copy.deepcopy(self._start)
        if learnt is not None:
            network.load_state_dict(dict(learnt))
        average = copy.deepcopy(network)
        chosen = [parameter for _, parameter in learning_parameters(network, config.layers)]
        for parameter in chosen:
            parameter.requires_grad_(True)
        groups = [
            {"params": [p for p in chosen if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in chosen if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=config.learning_rate)
        self._state = TrainState(network, average, optimizer)
        self._chosen = chosen

    @property
    def steps(self) -> int:
        """Steps done."""
        return self._state.step

    def step(self, windows: Windows, share: float) -> tuple[float, float]:
        """Learn from a batch.

        Parameters
        ----------
        windows : Windows
            Of own and replayed pages.
        share : float
            Share of the budget that is spent, 0 to 1.

        Returns
        -------
        loss : float
            On the windows of the own pages.
        learning_rate : float
            Of this step.
        """
        state, config = self._state, self._config
        rate = self._set_learning_rate(share)
        # The network has no other layers that differ in training.
        state.network.train(config.norms == "train")
        logits = self._logits(state.network, windows.inputs, windows.ink)
        own = self._loss(logits[: windows.own], windows.truth[: windows.own])
        loss = own
        if windows.own < len(logits):
            weight = windows.own / len(logits)
            loss = weight * own + (1 - weight) * self._replay_loss(logits, windows)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._chosen, 1.0)
        state.optimizer.step()
        state.step += 1
        state.follow(config.average)
        return own.item(), rate

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights, taken back towards the start as the settings say.

        Returns
        -------
        dict
            State of a `UNet` of the same architecture, on the CPU.
        """
        start, learnt = self._start.state_dict(), self._state.average.state_dict()
        return {
            name: (
                torch.lerp(value, learnt[name], self._config.keep)
                if value.is_floating_point()
                else value
            ).cpu().clone()
            for name, value in start.items()
        }  # fmt: skip

    def _set_learning_rate(self, share: float) -> float:
        """A short warm-up, then half a cosine."""
        warm = max(min(share / _WARM_UP, 1.0), 0.05)
        rate = self._config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        for group in self._state.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _logits(self, network: UNet, inputs: Tensor, ink: Tensor) -> Tensor:
        with self._device.training_format():
            logits: Tensor = network(inputs, ink)
        return logits.float()

    def _loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        return ink_loss(logits, truth[:, :1], truth[:, 1:], self._config.dice)

    def _replay_loss(self, logits: Tensor, windows: Windows) -> Tensor:
        """Loss on replayed windows: towards their ground truth and towards the start."""
        distill = self._config.distill
        logits, truth = logits[windows.own :], windows.truth[windows.own :]
        if not distill:
            return self._loss(logits, truth)
        with torch.no_grad():
            inputs, ink = windows.inputs[windows.own :], windows.ink[windows.own :]
            target = self._logits(self._start, inputs, ink).sigmoid()
        towards_start = F.binary_cross_entropy_with_logits(logits, target)
        # What remains when both agree says nothing about drift; it is taken off.
        entropy = F.binary_cross_entropy(target, target)
        if distill == 1:
            return towards_start - entropy
        return distill * (towards_start - entropy) + (1 - distill) * self._loss(logits, truth)
