"""Colours as a network takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """What is done to RGB before the network: ``(pixels - mean) / deviation``.

    Parameters
    ----------
    mean, deviation : float
        In units of the 8-bit values, the same for the three channels.
    """

    mean: float = 170.0
    deviation: float = 60.0

    def of(self, colours: Tensor) -> Tensor:
        """Normalise colours, float, 0 to 255; any shape."""
        return (colours - self.mean) / self.deviation


def told_of_page(
    ink: NDArray[np.float32], edge_level: float | None, normalisation: Normalisation
) -> Tensor:
    """Put together what a network is told of a page.

    Parameters
    ----------
    ink : ndarray
        float32 (6,), from `page_ink`.
    edge_level : float or None
        Where edges of strokes are to be cut, 0 to 1; None leaves it to the network.
    normalisation : Normalisation
        Of the model.

    Returns
    -------
    Tensor
        float32 (7,), normalised, as `UNet.of_page` takes it.
    """
    edge = np.float32(np.nan if edge_level is None else 255 * edge_level)
    return normalisation.of(torch.from_numpy(np.append(ink, edge)))
