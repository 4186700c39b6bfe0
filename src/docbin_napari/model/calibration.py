"""From logits to probabilities that mean what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling with a bias: ``sigmoid(logit / temperature + bias)``.

    Guo et al. 2017, arXiv:1706.04599; with a bias it is Platt's scaling (1999).

    Parameters
    ----------
    temperature : float
        Above 1 the network was too sure of itself.
    bias : float
        Added after the division; positive values make all pixels more ink.
    """

    temperature: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature must be positive, not {self.temperature}")

    def probability(self, logits: Tensor) -> Tensor:
        """Calibrated probability of ink.

        Parameters
        ----------
        logits : Tensor
            Float, any shape.

        Returns
        -------
        Tensor
            Float32 of the same shape, 0 to 1.

        Examples
        --------
        >>> Calibration(2.0).probability(torch.zeros(1)).tolist()
        [0.5]
        """
        return torch.sigmoid(logits.float() / self.temperature + self.bias)

    def logit(self, probability: float) -> float:
        """Raw logit that stands for a calibrated probability; undoes `probability`.

        Parameters
        ----------
        probability : float
            0 to 1, both excluded.

        Returns
        -------
        float
            Logit of the network.

        Examples
        --------
        >>> Calibration(2.0, 1.0).logit(0.5)
        -2.0
        """
        return (_log_odds(probability) - self.bias) * self.temperature

    def moved(self, threshold: float, to: float) -> Calibration:
        """Move all probabilities so that another threshold cuts where one has cut.

        Parameters
        ----------
        threshold : float
            Cuts the probabilities of this calibration, 0 to 1.
        to : float
            Cuts those of the new one at the same logits, 0 to 1.

        Returns
        -------
        Calibration
            This one where both are the same.

        Examples
        --------
        >>> moved = Calibration(2.0, 1.0).moved(0.5, 0.8)
        >>> round(moved.logit(0.8), 6) == Calibration(2.0, 1.0).logit(0.5)
        True
        """
        if threshold == to:
            return self
        return Calibration(self.temperature, self.bias + _log_odds(to) - _log_odds(threshold))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def fit_calibration(logits: Tensor, ink: Tensor) -> Calibration:
    """Fit temperature and bias on held-out pixels by maximum likelihood.

    Parameters
    ----------
    logits : Tensor
        Float (N,), logits of the network as they are blended at inference.
    ink : Tensor
        Bool (N,), the ground truth.

    Returns
    -------
    Calibration
        The fit. Its log-likelihood on these pixels is never below that of ``Calibration()``.

    Raises
    ------
    ValueError
        If there is no pixel.
    """
    if not logits.numel():
        raise ValueError("no labelled pixel to fit a calibration on")
    logits, target = logits.double(), ink.double()
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.binary_cross_entropy_with_logits(logits * scale + bias, target)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    if scale.item() <= 0:
        return Calibration()
    return Calibration(temperature=1 / scale.item(), bias=bias.item())
