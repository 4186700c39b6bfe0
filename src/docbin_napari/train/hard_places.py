"""Find places where a network errs on its training pages.

Strategy: most of a page is learnt soon, and what is left are single words of print-through,
stains and faded lines. They are found once, with the network that a training starts from.
Its ground truth is uncertain at the borders of strokes, so an error counts where it is at
least two pixels wide both ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.ink_model import InkModel
from docbin_napari.train.dataset import LoadedPair, count_in_cells


def hard_places(model: InkModel, pairs: Sequence[LoadedPair]) -> list[np.ndarray]:
    """Count the errors of a model in squares of pages, in one pass.

    Parameters
    ----------
    model : InkModel
        It gets the edge level of each page's ground truth.
    pairs : sequence of LoadedPair
        Pages with ground truth.

    Returns
    -------
    list of ndarray
        uint16 (ceil(H / 32), ceil(W / 32)) for each page: wrong pixels in each square. All 0
        where the page is read like its ground truth.
    """
    return [count_in_cells(wide_errors(_ink(model, pair), pair)) for pair in pairs]


def _ink(model: InkModel, pair: LoadedPair) -> NDArray[np.bool_]:
    """Read a page, bool (H, W), with its own edge level."""
    reader = model.with_edge_level(pair.edge)
    return ink_probability(pair.pixels, reader, PRESETS["fast"]) >= 0.5


def wide_errors(found: NDArray[np.bool_], pair: LoadedPair) -> NDArray[np.bool_]:
    """Find the errors that are two pixels wide both ways: not those of a border.

    Parameters
    ----------
    found : ndarray
        bool (H, W): ink as it was read.
    pair : LoadedPair
        The page with its ground truth.

    Returns
    -------
    ndarray
        bool (H, W): wrong labelled pixels, the upper left one of each square of two by two.
    """
    wrong = (found != (pair.truth[..., 0] > 127)) & (pair.truth[..., 1] > 0)
    solid: NDArray[np.bool_] = np.zeros_like(wrong)
    solid[:-1, :-1] = wrong[:-1, :-1] & wrong[1:, :-1] & wrong[:-1, 1:] & wrong[1:, 1:]
    return solid
