"""The training, from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from docbin_napari.inference.config import PRESETS
from docbin_napari.model.device import Device, choose_device
from docbin_napari.model.registry import ModelInfo, user_model_folder
from docbin_napari.model.weights import Normalisation, load_model, save_model
from docbin_napari.train.augment import augment
from docbin_napari.train.config import TrainConfig, collection_factors
from docbin_napari.train.dataset import LoadedPair, WindowSampler, load_pairs
from docbin_napari.train.loss import ink_loss
from docbin_napari.train.state import TrainState, load_checkpoint, new_state, save_checkpoint
from docbin_napari.train.validate import Validation, calibrate, validate

_STEPS_A_REPORT = 20
_WARM_UP = 0.02


@dataclass(frozen=True)
class Report:
    """News of a training.

    Parameters
    ----------
    step : int
        Steps done.
    share : float
        Share of the budget that is spent, 0 to 1.
    minutes : float
        Time spent, over all parts of the run.
    loss : float
        Mean over the steps since the last report.
    learning_rate : float
        Of the last step.
    validation : Validation, optional
        Figures of the averaged weights, when they were just measured.
    model : ModelInfo, optional
        The finished model, in the last report.
    """

    step: int
    share: float
    minutes: float
    loss: float
    learning_rate: float
    validation: Validation | None = None
    model: ModelInfo | None = None


def train(config: TrainConfig) -> Iterator[Report]:
    """Train a network; stop by not asking for the next report.

    Parameters
    ----------
    config : TrainConfig
        What, how and for how long.

    Yields
    ------
    Report
        Every 20 steps, after every validation, and at the end with the model.

    Raises
    ------
    PairError
        If the pairs cannot be read.
    CheckpointError
        If the run cannot be resumed.
    DeviceError
        If the device is not there.
    """
    device = choose_device(config.device)
    checkpoint = config.run / "checkpoint.pt"
    state = (
        load_checkpoint(checkpoint, config, device.name)
        if config.resume
        else new_state(config, device.name)
    )
    sampler = WindowSampler(
        load_pairs(config.train), config.window, collection_factors(config.weights), config.augment
    )
    held_out = load_pairs(config.validate)
    losses: list[float] = []
    started, next_validation = time.monotonic() - state.seconds, config.every * 60 + state.seconds
    while (share := _share(state, config)) < 1:
        rate = _learning_rate(config, share)
        losses.append(_step(state, sampler, config, rate, device))
        state.seconds = time.monotonic() - started
        report = Report(state.step, share, state.seconds / 60, float(np.mean(losses)), rate)
        if state.seconds >= next_validation:
            save_checkpoint(checkpoint, state, config)
            figures = _measure(state, held_out, config)
            state.seconds = time.monotonic() - started
            next_validation = state.seconds + config.every * 60
            yield replace(report, validation=figures)
            losses = []
        elif state.step % _STEPS_A_REPORT == 0:
            yield report
            losses = []
    save_checkpoint(checkpoint, state, config)
    figures, model = _finish(state, held_out, config)
    loss = float(np.mean(losses)) if losses else math.nan
    yield Report(state.step, 1.0, state.seconds / 60, loss, 0.0, figures, model)


def _share(state: TrainState, config: TrainConfig) -> float:
    """Share of the budget that is spent."""
    if config.minutes:
        return min(state.seconds / (60 * config.minutes), 1.0)
    return state.step / config.steps


def _learning_rate(config: TrainConfig, share: float) -> float:
    warm = min(share / _WARM_UP, 1.0) if share < _WARM_UP else 1.0
    return config.learning_rate * max(warm, 0.01) * (0.01 + 0.495 * (1 + math.cos(math.pi * share)))


def _step(
    state: TrainState, sampler: WindowSampler, config: TrainConfig, rate: float, device: Device
) -> float:
    random = np.random.default_rng([config.seed, state.step])
    pixels, truth = sampler.batch(config.batch, random)
    pixels = augment(pixels, truth, config.augment, random)
    norm = Normalisation()
    inputs = ((pixels - norm.mean) / norm.deviation).to(
        device.name, memory_format=torch.channels_last
    )
    truth = truth.to(device.name)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.network.train()
    with torch.autocast(device.name, torch.bfloat16, enabled=device.dtype == "bfloat16"):
        logits: Tensor = state.network(inputs)
    loss = ink_loss(logits, truth[:, :1], truth[:, 1:], config.dice)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    state.step += 1
    state.follow(config.average)
    return loss.item()


def _interim(state: TrainState, config: TrainConfig, header: dict[str, Any]) -> Path:
    """The averaged weights as a model file in the run's folder."""
    path = config.run / "last.safetensors"
    save_model(path, state.average, {"threshold": 0.5, "calibration": {}, **header})
    return path


def _measure(state: TrainState, held_out: list[LoadedPair], config: TrainConfig) -> Validation:
    model = load_model(_interim(state, config, {}), config.device)
    return validate(model, held_out)


def _finish(
    state: TrainState, held_out: list[LoadedPair], config: TrainConfig
) -> tuple[Validation, ModelInfo]:
    """Calibrate the averaged weights, choose the threshold, write the model file."""
    model = load_model(_interim(state, config, {}), config.device)
    figures = validate(model, held_out)
    calibration, threshold = calibrate(model, held_out, PRESETS["balanced"])
    header = {
        "threshold": threshold,
        "calibration": {"temperature": calibration.temperature, "bias": calibration.bias},
        "title": config.title,
        "training_data": config.training_data or ", ".join(str(path.name) for path in config.train),
        "figures": {"validation FM": round(figures.f_measure, 2)},
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "seed": config.seed,
    }
    return figures, save_model(output_path(config.output), state.average, header)


def output_path(output: str) -> Path:
    """File of a new model: a ``.safetensors`` path as it is, a name in the user's folder.

    Parameters
    ----------
    output : str
        As in `TrainConfig`.

    Returns
    -------
    Path
        Where the model is written.

    Examples
    --------
    >>> output_path("letters").name
    'letters.safetensors'
    """
    if output.endswith(".safetensors"):
        return Path(output)
    return user_model_folder() / f"{output}.safetensors"
