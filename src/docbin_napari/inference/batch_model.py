"""The network of a batch, loaded when the first page needs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbin_napari.inference.config import InferenceConfig

if TYPE_CHECKING:
    from docbin_napari.inference.made_from import Recipe

    # It loads torch.
    from docbin_napari.model.weights import InkModel


@dataclass(frozen=True)
class BatchModel:
    """The network of a batch and how it is used.

    Parameters
    ----------
    load : callable
        Gives the `InkModel`. Called once, before the first page that has to be computed, so that
        a batch in which all is done needs no network.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1. By default the model's own.
    recipe : Recipe, optional
        What results keep of it, to know whether they are done; nothing by default.
    """

    load: Callable[[], InkModel]
    inference: InferenceConfig
    threshold: float | None = None
    recipe: Recipe | None = None

    def lowest(self) -> int:
        """Probability in 256 steps from which a pixel is ink."""
        threshold = self.load().threshold if self.threshold is None else self.threshold
        # Rounded, so that a threshold of 51/255 does not become 51.00000000000001.
        return math.ceil(round(threshold * 255, 6))
