"""Learn: batches of windows, one network with its moving average, and its loss.

Strategy: a batch is drawn and varied by a generator that depends on seed and step alone. To
draw it costs more than to learn from it on a GPU, and its windows cannot be drawn apart: they
share the generator, and one shows through another. So several processes take turns. Each
prepares the whole batch of one of the next steps, and gives every process its share of it.
No window is prepared twice, and each is what one process alone would have made.
"""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docbin_napari.model.ink_model import Normalisation
from docbin_napari.model.unet import UNet
from docbin_napari.train.augment import augment
from docbin_napari.train.dataset import DrawnWindows, WindowSampler
from docbin_napari.train.distributed import Ranks
from docbin_napari.train.train_config import LearningConfig, TrainConfig, TrainingError


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
        least = config.batch // ranks.size * ranks.size
        if least != config.batch:
            fitting = f"{least} or {least + ranks.size}" if least else f"{ranks.size}"
            raise TrainingError(
                f"a batch of {config.batch} windows cannot be shared evenly by {ranks.size} "
                f"processes: use --batch {fitting}, or another number of processes"
            )
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
            # Each process draws and varies the whole batch of one of the next steps.
            random = np.random.default_rng([self._config.seed, step + self._ranks.rank])
            windows = self._sampler.batch(self._config.batch, random)
            varied = augment(windows, self._config.augment, random)
            whole = Batch.of([varied], self._device)
            parts = (self._ranks.exchange(x) for x in (whole.inputs, whole.truth, whole.ink))
            for inputs, truth, ink in zip(*parts, strict=True):
                self._ready.append(Batch(inputs.to(memory_format=torch.channels_last), truth, ink))
        return self._ready.popleft()


@dataclass
class Learner:
    """A network that learns.

    Parameters
    ----------
    config : LearningConfig
        Learning rate, weight decay, moving average.
    network : UNet
        What is trained, on its device.
    average : UNet
        Moving average of its weights and batch norm statistics: what is saved.
    optimizer : AdamW
        With its moments.
    step : int
        Steps done.
    seconds : float
        Time spent in training and validation, over all parts of the run.
    data : str
        Checksum of what it learns from; empty where nobody goes on with it.
    """

    config: LearningConfig
    network: UNet
    average: UNet
    optimizer: torch.optim.AdamW
    step: int = 0
    seconds: float = 0.0
    data: str = ""

    @classmethod
    def of(
        cls, network: UNet, config: LearningConfig, chosen: Iterable[nn.Parameter] | None = None
    ) -> Learner:
        """Begin to train a network.

        Parameters
        ----------
        network : UNet
            On its device.
        config : LearningConfig
            How it learns.
        chosen : iterable of Parameter, optional
            The parameters that learn; all of them by default.

        Returns
        -------
        Learner
            At step 0.
        """
        learning = list(network.parameters() if chosen is None else chosen)
        network.requires_grad_(False)
        average = copy.deepcopy(network)
        for parameter in learning:
            parameter.requires_grad_(True)
        groups = [
            {"params": [p for p in learning if p.ndim > 1], "weight_decay": config.weight_decay},
            {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
        ]
        return cls(config, network, average, torch.optim.AdamW(groups, lr=config.learning_rate))

    @property
    def spent(self) -> float:
        """Share of the budget that is spent, 0 to 1."""
        return self.config.spent(self.step, self.seconds)

    def descend(self, loss: Tensor) -> tuple[float, float]:
        """Take a step down the gradient of a loss, as far as the schedule says; move the average.

        Parameters
        ----------
        loss : Tensor
            Of a batch, computed by `network`.

        Returns
        -------
        loss : float
            The loss.
        learning_rate : float
            Of this step.

        Raises
        ------
        TrainingError
            If the loss is NaN or infinite.
        """
        rate = self.config.rate_at(self.spent)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        figure = loss.item()
        if not math.isfinite(figure):
            raise TrainingError(
                f"the loss is no longer a number after {self.step} steps: use a lower "
                "--learning-rate"
            )
        self.step += 1
        self._move_average()
        return figure, rate

    def state(self) -> dict[str, Any]:
        """Give what a checkpoint keeps."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` gave."""
        for name in ("network", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds = state["step"], state["seconds"]

    def _move_average(self) -> None:
        """Move the average towards the network: faster at first, when it is still the start."""
        share = 1 - min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            current = self.network.state_dict()
            for name, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(current[name], share)
                else:
                    value.copy_(current[name])


def ink_loss(
    logits: Tensor,
    ink: Tensor,
    labelled: Tensor,
    dice: float,
    total: Callable[[Tensor], Tensor] = lambda sums: sums,
) -> Tensor:
    """Compute binary cross-entropy plus weighted Dice, over labelled pixels only.

    Parameters
    ----------
    logits : Tensor
        Float (N, 1, H, W).
    ink : Tensor
        Float (N, 1, H, W): share of each pixel that is ink, 0 to 1.
    labelled : Tensor
        Float (N, 1, H, W): 1 where the ground truth is known, 0 elsewhere.
    dice : float
        Weight of the Dice term (Milletari et al. 2016, doi:10.1109/3DV.2016.79).
    total : callable, optional
        Adds up the sums over pixels where windows of a batch lie in several processes:
        the loss is a ratio of sums over the whole batch, and a mean of ratios is another one.

    Returns
    -------
    Tensor
        One number; 0 where nothing is labelled.

    Examples
    --------
    >>> import torch
    >>> sure = torch.full((1, 1, 2, 2), 20.0)
    >>> bool(ink_loss(sure, torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), 0.5) < 1e-3)
    True
    """
    logits = logits.float()
    entropy = F.binary_cross_entropy_with_logits(logits, ink, weight=labelled, reduction="sum")
    probability = logits.sigmoid() * labelled
    target = ink * labelled
    shared = (probability * target).sum()
    sums = torch.stack([entropy, labelled.sum(), shared, probability.sum(), target.sum()])
    entropy, pixels, shared, found, present = total(sums).unbind()
    unlike = 1 - (2 * shared + 1) / (found + present + 1)
    return entropy / pixels.clamp(min=1) + dice * unlike
