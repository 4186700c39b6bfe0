"""Logits of windows read in half or double size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

PageSize = Literal["own", "half", "double"]
"""own: windows as they are; half: in half of their size, too; double: enlarged."""

SPAN: dict[PageSize, float] = {"own": 1.0, "half": 2.0, "double": 0.5}
"""Pixels of a page that stride and context of a network reach over, for one of its own."""

_SHARE_OF_HALF = 0.75
"""Weight of the look at half of the size: the best of 0, 0.5, 0.75 and 1 on soft pages."""

# Weights of the neighbours of a pixel, from before to behind, for the first of the two pixels that
# it becomes; for the second they are reversed.
_LINEAR = (0.25, 0.75, 0.0)
_CUBIC = (-0.03515625, 0.26171875, 0.87890625, -0.10546875, 0.0)


def look_in_size(
    network: Network, windows: NDArray[np.uint8], size: PageSize
) -> NDArray[np.float32]:
    """Run a network on windows in a size.

    Parameters
    ----------
    network : callable
        From windows to logits, float32 (N, H, W).
    windows : ndarray
        uint8 (N, H, W, 3), RGB.
    size : {"own", "half", "double"}
        half weighs the look at half of the size three to one against the look at the own
        size, at five quarters of its cost. double takes means over pairs of pixels each way,
        at four times the cost.

    Returns
    -------
    ndarray
        Logits, float32 (N, H, W).
    """
    if size == "double":
        enlarged = _doubled(windows.astype(np.float32), _CUBIC)
        return _halved(network(np.clip(np.rint(enlarged), 0, 255).astype(np.uint8)))
    logits = network(windows)
    if size == "half":
        coarse = network(np.rint(_halved(windows)).astype(np.uint8))
        logits += np.float32(_SHARE_OF_HALF) * (_doubled(coarse, _LINEAR) - logits)
    return logits


def _halved(values: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over pairs of rows and columns, float32 (N, H / 2, W / 2, ...)."""
    rows = values[:, ::2].astype(np.float32) + values[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4)


def _doubled(values: NDArray[np.float32], weights: tuple[float, ...]) -> NDArray[np.float32]:
    """Twice as many rows and columns, (N, 2 H, 2 W, ...); beyond the ends the last is repeated."""
    for axis in (1, 2):
        values = _doubled_along(values, axis, weights)
    return values


def _doubled_along(
    values: NDArray[np.float32], axis: int, weights: tuple[float, ...]
) -> NDArray[np.float32]:
    reach, length = len(weights) // 2, values.shape[axis]
    beyond = [(reach, reach) if number == axis else (0, 0) for number in range(values.ndim)]
    padded = np.pad(values, beyond, mode="edge")
    halves = [
        sum(
            np.float32(weight) * np.take(padded, np.arange(length) + start, axis)
            for start, weight in enumerate(chosen)
            if weight
        )
        for chosen in (weights, weights[::-1])
    ]
    shape = list(values.shape)
    shape[axis] *= 2
    return np.stack(halves, axis=axis + 1).reshape(shape)
