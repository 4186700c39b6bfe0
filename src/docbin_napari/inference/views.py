"""Average views of a window, turned or mirrored, until the result is stable.

Strategy: the views of a window are averaged as logits. The first one is enough where nothing comes
near the threshold: blank paper, much of any archive. Where there is
ink, the first four of the eight views are a fair sample, upright and turned, mirrored and not;
their number was doubled from two, and where fewer of the ink pixels than the tolerance changed
sides by it, the second four would change still fewer, since errors of single views average out
with the square root of their number.

A symmetry of the square has a number k in 0..7: k % 4 quarter turns, after a mirror image for
k >= 4.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader

Values = TypeVar("Values", bound=np.generic)

SYMMETRY_SETS: dict[int, tuple[int, ...]] = {
    1: (0,),
    2: (0, 2),
    4: (0, 1, 2, 3),
    8: (0, 6, 1, 5, 2, 4, 3, 7),
}
"""Which ones are averaged, by their number. Of all eight the first four are a fair sample."""

_CLEAR_PROBABILITY = 0.05
"""Where no pixel of a window reaches it at the first view, the window is blank."""
_FAIR_SAMPLE = 4
"""Fewer views than these are not enough, unless the window is blank."""


def average_views(
    reader: PageReader, windows: NDArray[np.uint8], config: InferenceConfig
) -> Generator[int, None, NDArray[np.float32]]:
    """Average the logits of some windows over their views.

    Parameters
    ----------
    reader : PageReader
        The network and the page.
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
    total = np.array(_view(reader, windows, symmetries[0]))
    views = np.ones(len(windows), np.float32)
    undecided = np.arange(len(windows))
    if config.tolerance:
        undecided = undecided[_comes_near_ink(reader, total)]
    done = 1
    while done < len(symmetries) and len(undecided):
        before = reader.is_ink(total[undecided] / np.float32(done))
        chosen = windows if len(undecided) == len(windows) else windows[undecided]
        for symmetry in symmetries[done : 2 * done]:
            decided = len(windows) - len(undecided)
            yield decided * len(symmetries) + len(undecided) * done
            total[undecided] += _view(reader, chosen, symmetry)
            done += 1
        views[undecided] = done
        if config.tolerance and done >= _FAIR_SAMPLE:
            changed = reader.is_ink(total[undecided] / np.float32(done)) != before
            undecided = undecided[_share_of_ink(changed, before) > config.tolerance]
    total /= views[:, None, None]
    return total


def _view(reader: PageReader, windows: NDArray[np.uint8], symmetry: int) -> NDArray[np.float32]:
    return turn_back(reader.logits(turn(windows, symmetry)), symmetry)


def _comes_near_ink(reader: PageReader, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which windows are not blank, bool (N,)."""
    least = reader.model.calibration.logit(_CLEAR_PROBABILITY)
    return np.asarray(logits.max(axis=(1, 2)) >= least)


def _share_of_ink(changed: NDArray[np.bool_], ink: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Changed pixels of each window as a share of its ink, float (N,)."""
    return np.asarray(changed.sum(axis=(1, 2)) / np.maximum(ink.sum(axis=(1, 2)), 1))


def turn(windows: NDArray[Values], symmetry: int) -> NDArray[Values]:
    """Apply a symmetry.

    Parameters
    ----------
    windows : ndarray
        (N, H, W, ...).
    symmetry : int
        0 to 7.

    Returns
    -------
    ndarray
        (N, H, W, ...), or (N, W, H, ...) for an odd number of quarter turns; a view.

    Examples
    --------
    >>> turn(np.array([[[1, 2]]]), 2).tolist()
    [[[2, 1]]]
    """
    mirrored = windows[:, :, ::-1] if symmetry >= 4 else windows
    return np.rot90(mirrored, symmetry % 4, (1, 2))


def turn_back(windows: NDArray[Values], symmetry: int) -> NDArray[Values]:
    """Undo `turn`.

    Parameters
    ----------
    windows : ndarray
        (N, H, W, ...), as `turn` gave it.
    symmetry : int
        The same number.

    Returns
    -------
    ndarray
        As it was before `turn`; a view.

    Examples
    --------
    >>> turn_back(turn(np.array([[[1, 2]]]), 7), 7).tolist()
    [[[1, 2]]]
    """
    upright = np.rot90(windows, -(symmetry % 4), (1, 2))
    return upright[:, :, ::-1] if symmetry >= 4 else upright
