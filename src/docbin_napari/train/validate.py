"""Validate on whole pages by the shipped inference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.metrics.error_kinds import error_kinds
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.ink_model import InkModel
from docbin_napari.train.dataset import LoadedPair


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
        truth, labelled = pair.truth[..., 0] > 0, pair.truth[..., 1] > 0
        false_ink.append(error_kinds(ink, truth, labelled).false_ink)
        if truth.any():
            scores[pair.collection].append(f_measure(ink, truth, labelled))
    everything = [score for group in scores.values() for score in group]
    return Validation(
        float(np.mean(everything)) if everything else math.nan,
        float(np.mean(false_ink)),
        {name: float(np.mean(group)) for name, group in scores.items()},
    )
