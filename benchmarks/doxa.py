"""Classical methods of doxapy (CC0-1.0), an optional peer: those not installed are named."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from docbin_napari.io.rgb import luma

Method = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class DoxaMethod:
    """A method of doxapy on the same gray as ours: uint8 (H, W, 3) to bool (H, W), True is ink.

    Parameters
    ----------
    algorithm : str
        Its name in doxapy.
    parameters : mapping
        As doxapy names them; what is missing has doxapy's own default.
    """

    algorithm: str
    parameters: Mapping[str, float]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Find the ink."""
        import doxapy

        gray = luma(pixels)
        binary = np.empty_like(gray)
        method = doxapy.Binarization(getattr(doxapy.Binarization.Algorithms, self.algorithm))
        method.initialize(gray)
        method.to_binary(binary, dict(self.parameters))
        # doxapy draws ink in black.
        return binary == 0


DOXA_METHODS: dict[str, DoxaMethod] = {
    "wolf": DoxaMethod("WOLF", {"window": 41, "k": 0.5}),
    "su": DoxaMethod("SU", {}),
    "nick": DoxaMethod("NICK", {"window": 75, "k": -0.2}),
    "isauvola": DoxaMethod("ISAUVOLA", {"window": 75, "k": 0.2}),
}
"""Methods by the name that the benchmarks know them by."""


def has_doxapy() -> bool:
    """Whether doxapy is installed."""
    return importlib.util.find_spec("doxapy") is not None
