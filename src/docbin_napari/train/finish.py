"""Finish a model: choose edge level, calibration and threshold, and write its file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docbin_napari.features.page_look import as_lists, looks_of
from docbin_napari.inference.config import PRESETS
from docbin_napari.model.registry import ModelInfo
from docbin_napari.model.unet import UNet
from docbin_napari.model.weights import load_model, save_model
from docbin_napari.train.dataset import LoadedPair
from docbin_napari.train.validate import Validation, calibrate, choose_edge_level, validate

_MOST_LOOKS = 256
PLAIN: Mapping[str, Any] = {"threshold": 0.5, "calibration": {}, "edge_level": None}
"""What the file of a model says that was not finished."""


@dataclass(frozen=True)
class ModelFiles:
    """Where a model is written.

    Parameters
    ----------
    output : Path
        The finished model.
    interim : Path
        The weights meanwhile.
    """

    output: Path
    interim: Path


def finish_model(
    network: UNet,
    learnt: Sequence[LoadedPair],
    held_out: Sequence[LoadedPair],
    files: ModelFiles,
    device: str,
    told: Mapping[str, Any],
) -> tuple[Validation, ModelInfo]:
    """Choose what held-out pages tell, and write the model.

    Parameters
    ----------
    network : UNet
        The weights, batch norms not folded.
    learnt : sequence of LoadedPair
        What they were trained on: how these pages look is kept in the file.
    held_out : sequence of LoadedPair
        Pages that choose how bold strokes are drawn, calibration and threshold.
    files : ModelFiles
        Where it is written.
    device : str
        Where to compute, as `load_model` takes it.
    told : mapping
        More for the header of the file.

    Returns
    -------
    Validation
        One pass over the held-out pages at probability 0.5, before the calibration.
    ModelInfo
        Of the new file.
    """
    save_model(files.interim, network, PLAIN)
    model = load_model(files.interim, device)
    if network.config.page_ink and held_out:
        model = model.cutting_edges_at(choose_edge_level(model, held_out))
    figures = validate(model, held_out)
    calibration, threshold = calibrate(model, held_out, PRESETS["balanced"])
    shown = {
        "validation FM": round(figures.f_measure, 2),
        "validation false ink %": round(figures.false_ink, 3),
    }
    header = {
        "threshold": threshold,
        "calibration": {"temperature": calibration.temperature, "bias": calibration.bias},
        "edge_level": model.edge_level,
        "figures": {name: value for name, value in shown.items() if not math.isnan(value)},
        "pages_seen": as_lists(looks_of(pair.pixels for pair in _some(learnt))),
        **told,
    }
    return figures, save_model(files.output, network, header)


def _some(pairs: Sequence[LoadedPair]) -> Sequence[LoadedPair]:
    """Pages spread evenly over all of them; enough to know what was learnt from."""
    return pairs[:: max(1, -(-len(pairs) // _MOST_LOOKS))]
