"""Average views of a window, turned or mirrored, until the result is stable.

Strategy: the views of a window are averaged as logits. After the first one it has been seen
enough where nothing comes near the threshold: blank paper, much of any archive. Where there is
ink, the first four of the eight views are a fair sample, upright and turned, mirrored and not;
their number was doubled from two, and where fewer of the ink pixels than the tolerance changed
sides by it, the second four would change still fewer, since errors of single views average out
with the square root of their number.
"""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.symmetry import SYMMETRY_SETS, turn, turn_back
from docbin_napari.model.weights import InkModel

_CLEAR_PROBABILITY = 0.05
"""Where no pixel of a window reaches it at the first view, the window is blank."""
_FAIR_SAMPLE = 4
"""Fewer views than these are not taken for an answer, unless the window is blank."""


def look(
    model: InkModel, windows: NDArray[np.uint8], config: InferenceConfig
) -> Generator[int, None, NDArray[np.float32]]:
    """Average the logits of some windows over their views.

    Parameters
    ----------
    model : InkModel
        The network.
    windows : ndarray
        uint8 (N, H, W, 3), RGB.
    config : InferenceConfig
        Number of symmetries and tolerance.

    Yields
    ------
    int
        Views that are done or not needed, of N times the number of symmetries; between two passes
        through the network.

    Returns
    -------
    ndarray
        float32 (N, H, W).
    """
    symmetries = SYMMETRY_SETS[config.symmetries]
    total = np.array(_view(model, windows, symmetries[0]))
    views = np.ones(len(windows), np.float32)
    undecided = np.arange(len(windows))
    if config.tolerance:
        undecided = undecided[_comes_near_ink(model, total)]
    done = 1
    while done < len(symmetries) and len(undecided):
        before = _ink(model, total[undecided] / np.float32(done))
        chosen = windows if len(undecided) == len(windows) else windows[undecided]
        for symmetry in symmetries[done : 2 * done]:
            decided = len(windows) - len(undecided)
            yield decided * len(symmetries) + len(undecided) * done
            total[undecided] += _view(model, chosen, symmetry)
            done += 1
        views[undecided] = done
        if config.tolerance and done >= _FAIR_SAMPLE:
            changed = _ink(model, total[undecided] / np.float32(done)) != before
            undecided = undecided[_share_of_ink(changed, before) > config.tolerance]
    total /= views[:, None, None]
    return total


def _view(model: InkModel, windows: NDArray[np.uint8], symmetry: int) -> NDArray[np.float32]:
    return turn_back(model.logits(turn(windows, symmetry)), symmetry)


def _ink(model: InkModel, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(logits >= model.calibration.logit(model.threshold))


def _comes_near_ink(model: InkModel, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which windows are not blank, bool (N,)."""
    return np.asarray(logits.max(axis=(1, 2)) >= model.calibration.logit(_CLEAR_PROBABILITY))


def _share_of_ink(changed: NDArray[np.bool_], ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Changed pixels of each window as a share of its ink, float (N,)."""
    return np.asarray(changed.sum(axis=(1, 2)) / np.maximum(ink.sum(axis=(1, 2)), 1))
