"""How much the probabilities of two ways to the same result differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from docbin_napari.inference.inference_config import InferenceConfig

TOLERANCE = 2.0


@dataclass(frozen=True)
class Agreement:
    """Differences between two pages of probabilities, in units of 1/255.

    Parameters
    ----------
    largest, mean : float
        Of all pixels.
    beyond : float
        Share of the pixels that differ by more than `TOLERANCE`, 0 to 1.
    """

    largest: float
    mean: float
    beyond: float

    @property
    def cells(self) -> list[str]:
        """As they are printed."""
        return [f"{self.largest:.2f}", f"{self.mean:.4f}", f"{self.beyond:.4%}"]


TITLES = ["largest, 1/255", "mean, 1/255", f"pixels above {TOLERANCE:g}/255"]


def agreement(first: np.ndarray, second: np.ndarray) -> Agreement:
    """Compare two pages of probabilities, float (H, W), 0 to 1.

    Examples
    --------
    >>> agreement(np.array([[0.0, 0.5]]), np.array([[0.0, 0.6]])).cells
    ['25.50', '12.7500', '50.0000%']
    """
    difference = np.abs(first.astype(np.float64) - second) * 255
    beyond = float((difference > TOLERANCE).mean())
    return Agreement(float(difference.max()), float(difference.mean()), beyond)


def uncut(config: InferenceConfig, shape: tuple[int, ...]) -> InferenceConfig:
    """The same settings with a window that holds the whole page, so that none has a border.

    Examples
    --------
    >>> uncut(InferenceConfig(symmetries=4), (100, 70)).window
    128
    """
    return replace(config, window=max(64, -(-max(shape[:2]) // 32) * 32))
