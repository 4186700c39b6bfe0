"""Normalise colours for the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Colours = TypeVar("Colours", Tensor, NDArray[np.float32])


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

    def of(self, colours: Colours) -> Colours:
        """Normalise colours, float, 0 to 255; any shape."""
        return (colours - self.mean) / self.deviation


def page_condition(
    ink: NDArray[np.float32] | None, edge_level: float | None, normalisation: Normalisation
) -> NDArray[np.float32]:
    """Combine what a network is given of a page.

    Parameters
    ----------
    ink : ndarray or None
        float32 (6,), from `page_ink`; None where nothing stands out from the paper.
    edge_level : float or None
        Where edges of strokes are to be cut, 0 to 1; None leaves it to the network.
    normalisation : Normalisation
        Of the model.

    Returns
    -------
    ndarray
        float32 (7,), normalised, as `UNet.forward` takes it; NaN where it is not known.
    """
    colours = np.full(6, np.nan) if ink is None else ink
    edge = np.nan if edge_level is None else 255 * edge_level
    return normalisation.of(np.append(colours, edge).astype(np.float32))
