"""How often a window is looked at: as it is, turned, mirrored, until the answer stands.

Strategy: the views of a window are averaged as logits. After the first one it has been seen
enough where nothing comes near the threshold: blank paper, much of any archive. Where there is
ink, the first four of the eight views are a fair sample, upright and turned, mirrored and not;
their number was doubled from two, and where fewer of the ink pixels than the tolerance changed
sides by it, the second four would change still fewer, since errors of single views average out
with the square root of their number.
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.symmetry import SYMMETRY_SETS, turn, turn_back
from docbin_napari.model.weights import InkModel

_CLEAR_PROBABILITY = 0.05
"""Where no pixel of a window reaches it at the first view, the window is blank."""
_FAIR_SAMPLE = 4
"""Fewer views than these are not taken for an answer, unless the window is blank."""


def look(model: InkModel, windows: Tensor, config: InferenceConfig) -> Generator[int, None, Tensor]:
    """Average the logits of some windows over their views.

    Parameters
    ----------
    model : InkModel
        The network on its device.
    windows : Tensor
        uint8 (N, H, W, 3), RGB, on the device.
    config : InferenceConfig
        Number of symmetries and tolerance.

    Yields
    ------
    int
        Views that are done or not needed, of N times the number of symmetries; between two passes
        through the network.

    Returns
    -------
    Tensor
        Float32 (N, H, W), on the device.
    """
    symmetries = SYMMETRY_SETS[config.symmetries]
    pixels = model.normalise(windows)
    total = _view(model, pixels, symmetries[0])
    views = torch.ones(len(windows), device=total.device)
    undecided = torch.arange(len(windows), device=total.device)
    if config.tolerance:
        undecided = undecided[_comes_near_ink(model, total)]
    done = 1
    while done < len(symmetries) and len(undecided):
        before = _ink(model, total[undecided] / done)
        chosen = pixels if len(undecided) == len(windows) else pixels[undecided]
        for symmetry in symmetries[done : 2 * done]:
            decided = len(windows) - len(undecided)
            yield decided * len(symmetries) + len(undecided) * done
            total[undecided] += _view(model, chosen, symmetry)
            done += 1
        views[undecided] = done
        if config.tolerance and done >= _FAIR_SAMPLE:
            changed = _ink(model, total[undecided] / done) != before
            undecided = undecided[_share_of_ink(changed, before) > config.tolerance]
    return total / views[:, None, None]


def _view(model: InkModel, pixels: Tensor, symmetry: int) -> Tensor:
    return turn_back(model.logits(turn(pixels, symmetry)), symmetry)


def _ink(model: InkModel, logits: Tensor) -> Tensor:
    return logits >= model.calibration.logit(model.threshold)


def _comes_near_ink(model: InkModel, logits: Tensor) -> Tensor:
    """Which windows are not blank, bool (N,)."""
    return logits.amax(dim=(1, 2)) >= model.calibration.logit(_CLEAR_PROBABILITY)


def _share_of_ink(changed: Tensor, ink: Tensor) -> Tensor:
    """Changed pixels of each window as a share of its ink, float (N,)."""
    return changed.sum(dim=(1, 2)) / ink.sum(dim=(1, 2)).clamp(min=1)
