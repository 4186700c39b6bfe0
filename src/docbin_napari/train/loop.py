"""Train a network: checkpoints, steps, validations, and the model at the end."""

from __future__ import annotations

import hashlib
import io
import math
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from docbin_napari.io.paths import atomic_path, file_hash
from docbin_napari.model.engine import Device
from docbin_napari.model.ink_model import InkModel, run_through_file, save_model
from docbin_napari.model.model_file import ModelError, ModelInfo, find_model
from docbin_napari.model.unet import UNet
from docbin_napari.train.dataset import (
    LoadedPair,
    WindowSampler,
    check_held_out,
    factors_of,
    load_pairs,
)
from docbin_napari.train.distributed import ALONE, Ranks
from docbin_napari.train.finish import finished_header
from docbin_napari.train.learning import Batch, Batches, Learner, ink_loss
from docbin_napari.train.model_output import output_path
from docbin_napari.train.start import starting_network
from docbin_napari.train.train_config import TrainConfig, TrainingError
from docbin_napari.train.validate import Validation, hard_places, validate


def save_checkpoint(learner: Learner, config: TrainConfig, finished: str = "") -> None:
    """Write a checkpoint, atomically.

    Parameters
    ----------
    learner : Learner
        What to keep.
    config : TrainConfig
        Names the file; checked again when the run goes on.
    finished : str
        SHA-256 of the model of the run, once it is written.
    """
    content = {
        "finished": finished,
        **learner.state(),
        "settings": _settings(config),
        "data": learner.data,
    }
    packed = io.BytesIO()
    torch.save(content, packed)
    with atomic_path(config.checkpoint) as temporary:
        # Not by torch, which reports a full disk as an error of its own.
        temporary.write_bytes(packed.getbuffer())


def read_checkpoint(config: TrainConfig, data: str = "") -> dict[str, Any]:
    """Read a checkpoint and check that it fits.

    Parameters
    ----------
    config : TrainConfig
        Must have the same architecture, data and recipe; the time budget may differ.
    data : str
        Checksum of what is learnt from; "" if that does not matter.

    Returns
    -------
    dict
        For `Learner.restore`; its tensors are on the CPU.

    Raises
    ------
    TrainingError
        If there is no such file, it is damaged, or settings, pages or models differ.
    """
    path = config.checkpoint
    if not path.is_file():
        raise TrainingError(f"{path}: no checkpoint to resume from; leave out --resume")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"{path}: the checkpoint is damaged ({words})") from error
    if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
        raise TrainingError(f"{path}: this is no checkpoint of docbin-napari: choose another --run")
    stored, asked = content["settings"], _settings(config)
    # A setting that came later was not used, as its default has it.
    defaults = _settings(TrainConfig((), (), ""))
    differing = [name for name in asked if stored.get(name, defaults[name]) != asked[name]]
    if differing:
        raise TrainingError(
            f"{path}: made with other settings ({', '.join(differing)}); "
            "repeat them, or start anew in another --run folder"
        )
    if data and content.get("data", data) != data:
        raise TrainingError(
            f"{path}: pages or models that it learns from have changed since; "
            "start anew in another --run folder"
        )
    return cast("dict[str, Any]", content)


def finished_model(path: Path) -> str | None:
    """Read the SHA-256 of a run's model from its checkpoint; "" while the run is unfinished."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return None  # It is damaged or not there: nothing can go on from it.
    return str(content.get("finished") or "") if isinstance(content, dict) else None


_FREE_TO_CHANGE = {
    "validate", "output", "minutes", "steps", "every", "device", "run", "resume", "overwrite",
    "title", "training_data",
}  # fmt: skip


def _settings(config: TrainConfig) -> dict[str, str]:
    names = set(config.__dataclass_fields__) - _FREE_TO_CHANGE
    return {name: repr(getattr(config, name)) for name in sorted(names)}


_STEPS_A_REPORT = 20


@dataclass(frozen=True)
class TrainReport:
    """Progress of a training.

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
) -> Iterator[TrainReport]:
    """Train a network; stop by not asking for the next report.

    Parameters
    ----------
    config : TrainConfig
        What, how and for how long.
    ranks : Ranks, optional
        The processes that train together, from `distributed.join`. All of them call this
        and get the same reports; only the first reads and writes in `config.run`.
    stopped : callable, optional
        Asked after every step in the first process. If it is true, a checkpoint is written and
        there are no more reports.

    Yields
    ------
    TrainReport
        Every 20 steps, after every validation, and at the end with the model.

    Raises
    ------
    PairError
        If the pairs do not fit together.
    PageError, MaskError
        If a page or its mask cannot be read.
    ValueError
        If there is nothing to learn from or to validate with.
    ModelError
        If a model to start from is not there or damaged, or the network does not fit the windows.
    TrainingError
        If the run cannot be resumed, the loss is no longer a number, or the processes do not
        fit together.
    DeviceError
        If the device is not there.
    """
    if not config.validate:
        raise ValueError("--validate: name pages that are not learnt from, to measure with")
    device = ranks.device(config.device)
    pairs = load_pairs(config.train)
    held_out = load_pairs(config.validate) if ranks.is_first else []
    if not any(pair.truth[..., 1].any() for pair in pairs):
        raise ValueError("--train: no pixel of these pages is labelled, so nothing can be learnt")
    check_held_out(held_out, pairs)
    _check_same_work(pairs, config, ranks)
    learner = _begin(config, device, ranks, pairs)
    batches = Batches(_sampler(pairs, config, device, ranks), config, device.name, ranks)
    network = ranks.join_network(learner.network, device)
    losses: list[float] = []
    started = time.monotonic() - learner.seconds
    next_validation = config.every * 60 + learner.seconds
    while (share := learner.spent) < 1:
        loss = _loss(network, batches.of(learner.step), config, device, ranks)
        figure, rate = learner.descend(loss)
        losses.append(figure)
        now = ranks.first(lambda: math.inf if stopped() else time.monotonic() - started, quick=True)
        if math.isinf(now):
            learner.seconds = time.monotonic() - started
            ranks.first(lambda: save_checkpoint(learner, config))
            return
        learner.seconds = now
        report = TrainReport(learner.step, share, now / 60, float(np.mean(losses)), rate)
        if now >= next_validation:
            figures = ranks.first(lambda: _measure(learner, held_out, config))
            learner.seconds = ranks.first(lambda: time.monotonic() - started, quick=True)
            next_validation = learner.seconds + config.every * 60
            yield replace(report, validation=figures)
            losses = []
        elif learner.step % _STEPS_A_REPORT == 0:
            yield report
            losses = []
    figures, model = ranks.first(lambda: _finish(learner, pairs, held_out, config))
    mean = float(np.mean(losses)) if losses else math.nan
    yield TrainReport(learner.step, 1.0, learner.seconds / 60, mean, 0.0, figures, model)


def _check_same_work(pairs: list[LoadedPair], config: TrainConfig, ranks: Ranks) -> None:
    """Compare settings and pages: machines that share no disk can differ unnoticed."""
    fix = "start all processes with the same settings and the same pages in --train"
    # Where files lie on its machine is each process's own affair.
    start = ("",) * len(config.start)
    shared = replace(config, train=(), validate=(), start=start, run=Path(), output="")
    ranks.check_same("settings", repr(shared), fix)
    pages = [(pair.name, pair.pixels.shape) for pair in pairs]
    ranks.check_same("training pages", pages, fix)


def _checksum(pairs: list[LoadedPair], config: TrainConfig) -> str:
    """Compute what changes when a page, a mask or a model does: a run could not go on exactly."""
    found = hashlib.sha256()
    for pair in pairs:
        arrays = (np.ascontiguousarray(array).data for array in (pair.pixels, pair.truth))
        found.update(f"{pair.name} {[zlib.crc32(array) for array in arrays]}".encode())
    for name in config.start:
        found.update(file_hash(find_model(name).path).encode())
    return found.hexdigest()


def _begin(config: TrainConfig, device: Device, ranks: Ranks, pairs: list[LoadedPair]) -> Learner:
    """Make a new network, or go on from the checkpoint, which only the first process must have."""
    data = ranks.first(lambda: _checksum(pairs, config))
    content = ranks.first(lambda: read_checkpoint(config, data)) if config.resume else None
    network = starting_network(config)
    # A deep network halves windows often.
    stride = network.config.stride
    if config.window % stride:
        raise ModelError(
            f"windows of {config.window} pixels cannot be halved as often as the network does; "
            f"choose --window as a multiple of {stride}"
        )
    learner = Learner.of(network.move(device.name), config)
    learner.data = data
    if content is not None:
        learner.restore(content)
    return learner


def _sampler(
    pairs: list[LoadedPair], config: TrainConfig, device: Device, ranks: Ranks
) -> WindowSampler:
    """Draw windows, some of them where the network errs that the run began with."""
    factors, hard = factors_of(config.weights, pairs), None
    if config.hard:
        counts = ranks.first(lambda: hard_places(_interim(starting_network(config), config), pairs))
        hard = config.hard, counts
    drawn_on = device.name if config.draw_on_device else "cpu"
    return WindowSampler(pairs, config.window, factors, config.augment, hard, drawn_on)


def _loss(
    network: nn.Module, batch: Batch, config: TrainConfig, device: Device, ranks: Ranks
) -> Tensor:
    """Compute the loss of the whole batch, of all processes."""
    network.train()
    with device.training_format():
        logits: Tensor = network(batch.inputs, batch.ink)
    return ink_loss(logits, batch.truth[:, :1], batch.truth[:, 1:], config.dice, ranks.total)


def _interim(network: UNet, config: TrainConfig) -> InkModel:
    """Load weights as a model, through a file in the folder of the run."""
    try:
        return run_through_file(network, config.interim, config.device)
    except ModelError as error:
        raise TrainingError("the weights are out of range: use a lower --learning-rate") from error


def _measure(learner: Learner, held_out: list[LoadedPair], config: TrainConfig) -> Validation:
    """Write a checkpoint, then measure the averaged weights."""
    save_checkpoint(learner, config)
    return validate(_interim(learner.average, config), held_out)


def _finish(
    learner: Learner, pairs: list[LoadedPair], held_out: list[LoadedPair], config: TrainConfig
) -> tuple[Validation, ModelInfo]:
    """Write a checkpoint, finish the averaged weights, and write the model."""
    save_checkpoint(learner, config)
    header = {
        "title": config.title,
        "training_data": config.training_data or ", ".join(str(path.name) for path in config.train),
        "steps": learner.step,
        "minutes": round(learner.seconds / 60, 1),
        "seed": config.seed,
    }
    figures, chosen = finished_header(_interim(learner.average, config), pairs, held_out)
    model = save_model(output_path(config.output), learner.average, {**chosen, **header})
    save_checkpoint(learner, config, finished=file_hash(model.path))
    return figures, model
