"""Finish a model: choose edge level, calibration and threshold, and write its file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from docbin_napari.features.page_look import looks_of
from docbin_napari.inference.inference_config import PRESETS, PresetName
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.ink_model import Calibration, InkModel, fit_calibration
from docbin_napari.train.dataset import LoadedPair
from docbin_napari.train.validate import Validation, page_f_measure, read_pair, validate

_MOST_LOOKS = 256
_MOST_PIXELS_A_PAGE = 100_000
_EDGE_LEVELS = (None, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
_TRIMMED = 0.1
_THRESHOLDS = np.arange(0.05, 0.96, 0.01)


def finished_header(
    model: InkModel, learnt: Sequence[LoadedPair], held_out: Sequence[LoadedPair]
) -> tuple[Validation, dict[str, Any]]:
    """Choose edge level, calibration and threshold of a new model on held-out pages.

    Parameters
    ----------
    model : InkModel
        The weights, with an identity calibration.
    learnt : sequence of LoadedPair
        What they were trained on: the look of these pages is kept in the file.
    held_out : sequence of LoadedPair
        Pages never trained on.

    Returns
    -------
    Validation
        One pass over the held-out pages at probability 0.5, before the calibration.
    dict
        For the header of the file.
    """
    if model.engine.config.page_ink:
        model = model.with_edge_level(choose_edge_level(model, held_out))
    figures = validate(model, held_out)
    calibration, threshold = calibrate(model, held_out, "balanced")
    shown = {
        "validation FM": round(figures.f_measure, 2),
        "validation false ink %": round(figures.false_ink, 3),
    }
    apart = max(1, -(-len(learnt) // _MOST_LOOKS))  # enough to know what was learnt from
    return figures, {
        "threshold": threshold,
        "calibration": asdict(calibration),
        "edge_level": model.edge_level,
        "figures": {name: value for name, value in shown.items() if not math.isnan(value)},
        "pages_seen": looks_of(pair.pixels for pair in learnt[::apart]),
    }


def calibrate(
    model: InkModel, pairs: Sequence[LoadedPair], preset: PresetName
) -> tuple[Calibration, float]:
    """Fit calibration and threshold on held-out pages.

    Parameters
    ----------
    model : InkModel
        With an identity calibration.
    pairs : sequence of LoadedPair
        Pages never trained on, or parts of such pages.
    preset : {"fast", "balanced", "best"}
        How the pages are read.

    Returns
    -------
    calibration : Calibration
        Fitted on an equal number of pixels of every page; the identity where none has ink.
    threshold : float
        Calibrated probability with the highest mean F-measure on those of these pages that have
        ink.
    """
    probabilities = [read_pair(model, pair, PRESETS[preset]) for pair in pairs]
    random = np.random.default_rng(0)
    logits, ink = [], []
    for probability, pair in zip(probabilities, pairs, strict=True):
        known = np.flatnonzero(pair.truth[..., 1])
        chosen = random.choice(known, min(len(known), _MOST_PIXELS_A_PAGE), replace=False)
        logits.append(_logit(probability.ravel()[chosen]))
        ink.append(pair.truth[..., 0].ravel()[chosen] > 0)
    if not np.concatenate(ink).any():
        return Calibration(), 0.5
    calibration = fit_calibration(np.concatenate(logits), np.concatenate(ink))
    scores = np.zeros(len(_THRESHOLDS))
    for probability, pair in zip(probabilities, pairs, strict=True):
        if not pair.truth[..., 0].any():
            continue
        calibrated = calibration.probability(_logit(probability))
        scores += [f_measure(calibrated >= level, *pair.masks) for level in _THRESHOLDS]
    return calibration, round(float(_THRESHOLDS[scores.argmax()]), 2)


def choose_edge_level(model: InkModel, pairs: Sequence[LoadedPair]) -> float | None:
    """Find where edges of strokes are best cut on held-out pages.

    Strategy: a page on which one level joins or loses whole strokes gains more by it than all
    others together, and says nothing about theirs. So each page votes with how far a level is
    above the mean of all levels there, and of these votes the highest and the lowest tenth do not
    count.

    Parameters
    ----------
    model : InkModel
        With an identity calibration.
    pairs : sequence of LoadedPair
        Pages never trained on.

    Returns
    -------
    float or None
        Edge level with the highest trimmed mean F-measure on those of these pages that have ink,
        in one pass; None if the network does best without any, or no page has ink.
    """
    inked = [pair for pair in pairs if pair.truth[..., 0].any()]
    if not inked:
        return None
    models = [model.with_edge_level(level) for level in _EDGE_LEVELS]
    scores = np.array([[page_f_measure(x, pair) for x in models] for pair in inked])
    votes = scores - scores.mean(axis=1, keepdims=True)
    return _EDGE_LEVELS[stats.trim_mean(votes, _TRIMMED, axis=0).argmax()]


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(special.logit(np.clip(probability, 1e-6, 1 - 1e-6)))
