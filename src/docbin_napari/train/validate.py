"""Validate on whole pages by the shipped inference."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import ink_probability
from docbin_napari.metrics import error_kinds, f_measure
from docbin_napari.model.calibration import Calibration, fit_calibration
from docbin_napari.model.weights import InkModel
from docbin_napari.train.dataset import LoadedPair

_MOST_PIXELS_A_PAGE = 100_000
_EDGE_LEVELS = (None, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
_THRESHOLDS = np.arange(0.05, 0.96, 0.01)


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
        The network as it would be shipped.
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


def calibrate(
    model: InkModel, pairs: Sequence[LoadedPair], config: InferenceConfig
) -> tuple[Calibration, float]:
    """Fit calibration and threshold on held-out pages.

    Parameters
    ----------
    model : InkModel
        With an identity calibration.
    pairs : sequence of LoadedPair
        Pages never trained on.
    config : InferenceConfig
        How the pages are looked at.

    Returns
    -------
    calibration : Calibration
        Fitted on an equal number of pixels of every page.
    threshold : float
        Calibrated probability with the highest mean F-measure on those of these pages that have
        ink.
    """
    probabilities = [ink_probability(pair.pixels, model, config) for pair in pairs]
    random = np.random.default_rng(0)
    logits, ink = [], []
    for probability, pair in zip(probabilities, pairs, strict=True):
        known = np.flatnonzero(pair.truth[..., 1])
        chosen = random.choice(known, min(len(known), _MOST_PIXELS_A_PAGE), replace=False)
        logits.append(_logit(probability.ravel()[chosen]))
        ink.append(pair.truth[..., 0].ravel()[chosen] > 0)
    calibration = fit_calibration(np.concatenate(logits), np.concatenate(ink))
    scores = np.zeros(len(_THRESHOLDS))
    for probability, pair in zip(probabilities, pairs, strict=True):
        if not pair.truth[..., 0].any():
            continue
        calibrated = calibration.probability(_logit(probability))
        scores += [_f_measure(calibrated >= threshold, pair) for threshold in _THRESHOLDS]
    return calibration, round(float(_THRESHOLDS[scores.argmax()]), 2)


def choose_edge_level(model: InkModel, pairs: Sequence[LoadedPair]) -> float | None:
    """Find where edges of strokes are best cut on held-out pages.

    Parameters
    ----------
    model : InkModel
        With an identity calibration.
    pairs : sequence of LoadedPair
        Pages never trained on.

    Returns
    -------
    float or None
        Edge level with the highest mean F-measure on those of these pages that have ink, in one
        pass; None if the network does best without any, or no page has ink.
    """
    inked = [pair for pair in pairs if pair.truth[..., 0].any()]
    if not inked:
        return None
    figures = {
        level: validate(model.cutting_edges_at(level), inked).f_measure for level in _EDGE_LEVELS
    }
    return max(figures, key=figures.__getitem__)


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    bounded = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(bounded / (1 - bounded)))


def _f_measure(ink: np.ndarray, pair: LoadedPair) -> float:
    return f_measure(ink, pair.truth[..., 0] > 0, pair.truth[..., 1] > 0)
