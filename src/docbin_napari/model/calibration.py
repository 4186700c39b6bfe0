"""Calibrate logits to probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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

    def probability(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probability of ink.

        Parameters
        ----------
        logits : ndarray
            float32, any shape.

        Returns
        -------
        ndarray
            float32 of the same shape, 0 to 1.

        Examples
        --------
        >>> Calibration(2.0).probability(np.zeros(1, np.float32)).tolist()
        [0.5]
        """
        # 1 / (1 + exp(-x)) in place; of what is below -80 the exponential would overflow.
        found = logits * np.float32(-1 / self.temperature) - np.float32(self.bias)
        np.exp(np.minimum(found, 80, out=found), out=found)
        found += 1
        return np.asarray(np.reciprocal(found, out=found))

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


def fit_calibration(logits: NDArray[np.float32], ink: NDArray[np.bool_]) -> Calibration:
    """Fit temperature and bias on held-out pixels by maximum likelihood.

    Parameters
    ----------
    logits : ndarray
        Float (N,), logits of the network as they are blended at inference.
    ink : ndarray
        bool (N,), the ground truth.

    Returns
    -------
    Calibration
        The fit. Its log-likelihood on these pixels is never below that of ``Calibration()``.

    Raises
    ------
    ValueError
        If there is no pixel.
    """
    if not logits.size:
        raise ValueError("no labelled pixel to fit a calibration on")
    from scipy.optimize import minimize

    values, target = logits.astype(np.float64), ink.astype(np.float64)

    def loss(fit: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shifted = values * fit[0] + fit[1]
        error = 0.5 * (1 + np.tanh(shifted / 2)) - target
        likelihood = np.logaddexp(0, shifted) - target * shifted
        return float(likelihood.mean()), np.array([(error * values).mean(), error.mean()])

    scale, bias = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    if scale <= 0:
        return Calibration()
    return Calibration(temperature=1 / float(scale), bias=float(bias))
