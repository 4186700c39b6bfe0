"""Learn: one network, its moving average, its optimizer and one step down the loss.

Training and fine-tuning both do these steps; what differs is the loss that they go down.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from docbin_napari.model.unet import UNet
from docbin_napari.train.train_config import LearningConfig, TrainingError


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
    """

    config: LearningConfig
    network: UNet
    average: UNet
    optimizer: torch.optim.AdamW
    step: int = 0
    seconds: float = 0.0

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

    def set_rate(self) -> float:
        """Set the learning rate that the schedule has for now, and return it."""
        rate = self.config.rate_at(self.spent)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def descend(self, loss: Tensor) -> float:
        """Take a step down the gradient of a loss, and move the average.

        Parameters
        ----------
        loss : Tensor
            Of a batch, computed by `network`.

        Returns
        -------
        float
            The loss.

        Raises
        ------
        TrainingError
            If it is NaN or infinite.
        """
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
        return figure

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
    """Binary cross-entropy plus weighted Dice, over labelled pixels only.

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
