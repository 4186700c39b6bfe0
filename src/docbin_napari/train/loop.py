"""Train a network."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from docbin_napari.model.device import Device
from docbin_napari.model.registry import ModelError, ModelInfo, find_model
from docbin_napari.model.unet import UNet
from docbin_napari.model.weights import InkModel, load_model, load_network, save_model
from docbin_napari.train.batches import Batches
from docbin_napari.train.config import TrainConfig, collection_factors
from docbin_napari.train.dataset import HardPlaces, LoadedPair, WindowSampler, load_pairs
from docbin_napari.train.distributed import ALONE, Ranks
from docbin_napari.train.finish import PLAIN, ModelFiles, finish_model
from docbin_napari.train.hard_places import hard_places
from docbin_napari.train.loss import ink_loss
from docbin_napari.train.model_output import output_path
from docbin_napari.train.overlap_warning import tell_of_learnt_pages
from docbin_napari.train.state import (
    TrainState,
    common_settings,
    new_state,
    read_checkpoint,
    resumed_state,
    save_checkpoint,
)
from docbin_napari.train.teachers import BatchSource, TaughtBatches
from docbin_napari.train.validate import Validation, validate

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


def train(
    config: TrainConfig, ranks: Ranks = ALONE, stopped: Callable[[], bool] = lambda: False
) -> Iterator[Report]:
    """Train a network; stop by not asking for the next report.

    Parameters
    ----------
    config : TrainConfig
        What, how and for how long.
    ranks : Ranks, optional
        The processes that train together, from `distributed.join`. All of them call this
        and get the same reports; only the first reads and writes in `config.run`.
    stopped : callable, optional
        Asked after every step in the first process. If it says so, a checkpoint is written and
        there are no more reports.

    Yields
    ------
    Report
        Every 20 steps, after every validation, and at the end with the model.

    Raises
    ------
    PairError
        If the pairs do not fit together.
    PageError, MaskError
        If a page or its mask cannot be read.
    ValueError
        If there is nothing to learn from or to judge by, or the loss is no longer a number.
    ModelError
        If a model to start from or to learn from is not there or damaged, or a network does
        not fit the windows.
    CheckpointError
        If the run cannot be resumed.
    DeviceError
        If the device is not there.
    RanksError
        If the processes do not fit together.
    """
    device = ranks.device(config.device)
    pairs = load_pairs(config.train)
    held_out = load_pairs(config.validate) if ranks.is_first else []
    _check_pairs(pairs, held_out, config)
    _check_same_work(pairs, config, ranks)
    if held_out:
        tell_of_learnt_pages(pairs, held_out)
    state = _begin(config, device, ranks)
    _check_window(config, "the network", state.network)
    teachers = _teachers(config)
    factors = collection_factors(config.weights)
    hard = None
    if config.hard:
        hard = HardPlaces(config.hard, ranks.first(lambda: _hard_places(pairs, config)))
    drawn_on = device.name if config.draw_on_device else "cpu"
    drawn_on = device.name if config.draw_on_device else "cpu"
    sampler = WindowSampler(pairs, config.window, factors, config.augment, hard, drawn_on)
    batches: BatchSource = Batches(sampler, config, device.name, ranks)
    if teachers:
        batches = TaughtBatches(batches, teachers, config.teach, device)
    network = ranks.join_network(state.network, device)
    losses: list[float] = []
    started, next_validation = time.monotonic() - state.seconds, config.every * 60 + state.seconds
    while (share := _share(state, config)) < 1:
        rate = _set_learning_rate(state, config, share)
        losses.append(_step(state, network, batches, config, device, ranks))
        now = ranks.first(lambda: _now(started, stopped), quick=True)
        if math.isinf(now):
            state.seconds = time.monotonic() - started
            ranks.first(lambda: save_checkpoint(_checkpoint(config), state, config))
            return
        state.seconds = now
        report = Report(state.step, share, state.seconds / 60, float(np.mean(losses)), rate)
        if state.seconds >= next_validation:
            figures = ranks.first(lambda: _measure(state, held_out, config))
            state.seconds = ranks.first(lambda: time.monotonic() - started, quick=True)
            next_validation = state.seconds + config.every * 60
            yield replace(report, validation=figures)
            losses = []
        elif state.step % _STEPS_A_REPORT == 0:
            yield report
            losses = []
    figures, model = ranks.first(lambda: _finish(state, pairs, held_out, config))
    loss = float(np.mean(losses)) if losses else math.nan
    yield Report(state.step, 1.0, state.seconds / 60, loss, 0.0, figures, model)


def _now(started: float, stopped: Callable[[], bool]) -> float:
    """Seconds since the start; without end if the training was stopped."""
    return math.inf if stopped() else time.monotonic() - started


def _check_pairs(pairs: list[LoadedPair], held_out: list[LoadedPair], config: TrainConfig) -> None:
    """What cannot go well is better known before hours of work."""
    if not any(pair.truth[..., 1].any() for pair in pairs):
        raise ValueError("--train: no pixel of these pages is labelled, so nothing can be learnt")
    for pair in held_out:
        if not pair.truth[..., 1].any():
            raise ValueError(
                f"--validate: no pixel of {pair.name} is labelled, so it cannot judge; leave it out"
            )
    known = {pair.collection for pair in pairs}
    for name in collection_factors(config.weights):
        if name not in known:
            there = ", ".join(sorted(known))
            raise ValueError(f"--weights: there is no collection {name}; there are {there}")


def _check_same_work(pairs: list[LoadedPair], config: TrainConfig, ranks: Ranks) -> None:
    """Machines that share no disk can differ unnoticed in their pages, and in their settings."""
    mend = "start all processes with the same settings and the same pages in --train"
    ranks.check_same("settings", common_settings(config), mend)
    pages = [(pair.name, pair.pixels.shape) for pair in pairs]
    ranks.check_same("training pages", pages, mend)


def _begin(config: TrainConfig, device: Device, ranks: Ranks) -> TrainState:
    """A new network, or the one of the checkpoint, which only the first process needs to have."""
    if not config.resume:
        return new_state(config, device.name)
    content = ranks.first(lambda: read_checkpoint(_checkpoint(config), config))
    return resumed_state(content, config, device.name)


def _hard_places(pairs: list[LoadedPair], config: TrainConfig) -> list[np.ndarray]:
    """Where the network errs that the training started from, even if it is resumed."""
    return hard_places(_interim(new_state(config, "cpu"), config), pairs)


def _teachers(config: TrainConfig) -> list[UNet]:
    """The networks of the models that teach, if there are any."""
    teachers = [load_network(find_model(name)) for name in config.teachers]
    for name, teacher in zip(config.teachers, teachers, strict=True):
        _check_window(config, f"the teacher {name!r}", teacher)
    return teachers


def _check_window(config: TrainConfig, name: str, network: UNet) -> None:
    """A deep network halves its windows more often than the least window can be."""
    stride = network.config.stride
    if config.window % stride:
        raise ModelError(
            f"windows of {config.window} pixels cannot be halved as often as {name} does; "
            f"choose --window as a multiple of {stride}"
        )


def _checkpoint(config: TrainConfig) -> Path:
    return config.run / "checkpoint.pt"


def _share(state: TrainState, config: TrainConfig) -> float:
    """Share of the budget that is spent."""
    if config.minutes:
        return min(state.seconds / (60 * config.minutes), 1.0)
    return state.step / config.steps


def _set_learning_rate(state: TrainState, config: TrainConfig, share: float) -> float:
    """A short warm-up, then half a cosine."""
    warm = min(share / _WARM_UP, 1.0) if share < _WARM_UP else 1.0
    rate = config.learning_rate * max(warm, 0.01) * (0.01 + 0.495 * (1 + math.cos(math.pi * share)))
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    return rate


def _step(
    state: TrainState,
    network: nn.Module,
    batches: BatchSource,
    config: TrainConfig,
    device: Device,
    ranks: Ranks,
) -> float:
    """One step of all processes; the loss is that of the whole batch."""
    inputs, truth, ink = batches.of(state.step)
    network.train()
    with device.training_format():
        logits: Tensor = network(inputs, ink)
    loss = ink_loss(logits, truth[:, :1], truth[:, 1:], config.dice, ranks.total)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    figure = loss.item()
    if not math.isfinite(figure):
        raise ValueError(
            f"the loss is no longer a number after {state.step} steps: use a lower "
            "--learning-rate; --resume goes on from the last checkpoint"
        )
    state.step += 1
    state.follow(config.average)
    return figure


def _interim_path(config: TrainConfig) -> Path:
    return config.run / "last.safetensors"


def _interim(state: TrainState, config: TrainConfig) -> InkModel:
    """The averaged weights, as a model in the run's folder."""
    save_model(_interim_path(config), state.average, PLAIN)
    try:
        return load_model(_interim_path(config), config.device)
    except ModelError as error:
        raise ValueError(
            f"the weights are out of range after {state.step} steps: use a lower --learning-rate"
        ) from error


def _measure(state: TrainState, held_out: list[LoadedPair], config: TrainConfig) -> Validation:
    """Write a checkpoint, then measure the averaged weights."""
    save_checkpoint(_checkpoint(config), state, config)
    return validate(_interim(state, config), held_out)


def _finish(
    state: TrainState, pairs: list[LoadedPair], held_out: list[LoadedPair], config: TrainConfig
) -> tuple[Validation, ModelInfo]:
    """Write a checkpoint, calibrate the averaged weights, choose the threshold, write the model."""
    save_checkpoint(_checkpoint(config), state, config)
    told = {
        "title": config.title,
        "training_data": config.training_data or ", ".join(str(path.name) for path in config.train),
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "seed": config.seed,
    }
    files = ModelFiles(output_path(config.output), _interim_path(config))
    done = finish_model(state.average, pairs, held_out, files, config.device, told)
    save_checkpoint(_checkpoint(config), state, config, finished=True)
    return done
