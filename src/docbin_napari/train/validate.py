"""Measure a network on whole pages by the shipped inference, and find where it errs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import ink_probability, predict_with
from docbin_napari.metrics.error_kinds import error_kinds
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.ink_model import InkModel
from docbin_napari.train.dataset import LoadedPair, count_in_cells


@dataclass(frozen=True)
class Validation:
    """Figures of a network on pages that it was not trained on.

    Parameters
    ----------
    f_measure : float
        Mean over the pages with ink at threshold 0.5, percent; NaN if none has any.
    false_ink : float
        Ink away from true ink, mean over all pages, percent of their labelled pixels.
    collections : dict
        Mean F-measure of each collection that has ink.
    """

    f_measure: float
    false_ink: float
    collections: dict[str, float]


def read_pair(
    model: InkModel,
    pair: LoadedPair,
    config: InferenceConfig,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """Read a page, or a part of it as the whole page is read.

    Parameters
    ----------
    model : InkModel
        The network, run as users run it.
    pair : LoadedPair
        A page, or a part of it.
    config : InferenceConfig
        How it is read.
    check : callable, optional
        Called after every batch of windows; may raise.

    Returns
    -------
    ndarray
        Probability of ink, float32 (H, W).
    """
    if pair.size != "auto":
        config = replace(config, size=pair.size, invert="never")
    reader = PageReader.of(pair.pixels, model, config, pair.ink, pair.thin_ink)
    probability = np.zeros(pair.pixels.shape[:2], np.float32)
    for _ in predict_with(reader, config, probability):
        check()
    return probability


def page_f_measure(model: InkModel, pair: LoadedPair, threshold: float = 0.5) -> float:
    """Measure the F-measure of a page, percent, at a probability, in one pass."""
    ink = ink_probability(pair.pixels, model, PRESETS["fast"]) >= threshold
    return f_measure(ink, *pair.masks)


def validate(model: InkModel, pairs: Sequence[LoadedPair]) -> Validation:
    """Measure a model in one pass over whole pages.

    Parameters
    ----------
    model : InkModel
        The network, run as users run it.
    pairs : sequence of LoadedPair
        Pages never trained on.

    Returns
    -------
    Validation
        Mean F-measure, and by collection.
    """
    scores = defaultdict(list)
    false_ink = []
    for pair in pairs:
        ink = ink_probability(pair.pixels, model, PRESETS["fast"]) >= 0.5
        truth, labelled = pair.masks
        false_ink.append(error_kinds(ink, truth, labelled).false_ink)
        if truth.any():
            scores[pair.collection].append(f_measure(ink, truth, labelled))
    everything = [score for group in scores.values() for score in group]
    return Validation(
        float(np.mean(everything)) if everything else math.nan,
        float(np.mean(false_ink)),
        {name: float(np.mean(group)) for name, group in scores.items()},
    )


# Strategy: most of a page is learnt soon, and what is left are single words of print-through,
# stains and faded lines. They are found once, with the network that a training starts from.
# Its ground truth is uncertain at the borders of strokes, so an error counts where it is at
# least two pixels wide both ways.


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
    places = []
    for pair in pairs:
        reader = model.with_edge_level(pair.edge)
        ink = ink_probability(pair.pixels, reader, PRESETS["fast"]) >= 0.5
        places.append(count_in_cells(wide_errors(ink, pair)))
    return places


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
    truth, labelled = pair.masks
    wrong = (found != truth) & labelled
    solid: NDArray[np.bool_] = np.zeros_like(wrong)
    solid[:-1, :-1] = wrong[:-1, :-1] & wrong[1:, :-1] & wrong[:-1, 1:] & wrong[1:, 1:]
    return solid
