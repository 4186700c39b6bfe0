"""Save and read the checkpoint of a training."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from docbin_napari.io.paths import atomic_path
from docbin_napari.train.learning import Learner
from docbin_napari.train.train_config import TrainConfig, TrainingError


def save_checkpoint(learner: Learner, config: TrainConfig, finished: bool = False) -> None:
    """Write a checkpoint, atomically.

    Parameters
    ----------
    learner : Learner
        What to keep.
    config : TrainConfig
        Names the file; checked again when the run goes on.
    finished : bool
        Whether the model of the run is written.
    """
    content = {"finished": finished, **learner.state(), "settings": _settings(config)}
    packed = io.BytesIO()
    torch.save(content, packed)
    with atomic_path(config.checkpoint) as temporary:
        # Not by torch, which reports a full disk as an error of its own.
        temporary.write_bytes(packed.getbuffer())


def read_checkpoint(config: TrainConfig) -> dict[str, Any]:
    """Read a checkpoint and check that it fits.

    Parameters
    ----------
    config : TrainConfig
        Must have the same architecture, data and recipe; the time budget may differ.

    Returns
    -------
    dict
        For `Learner.restore`; its tensors are on the CPU.

    Raises
    ------
    TrainingError
        If there is no such file, it is damaged, or the settings differ.
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
    return cast("dict[str, Any]", content)


def unfinished_run(path: Path) -> bool:
    """Return whether a run that is not finished would be lost if its checkpoint was replaced."""
    if not path.is_file():
        return False
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return False  # It is damaged: nothing can go on from it.
    return isinstance(content, dict) and not content.get("finished", False)


_FREE_TO_CHANGE = {
    "validate", "output", "minutes", "steps", "every", "device", "run", "resume", "overwrite",
    "title", "training_data",
}  # fmt: skip


def common_settings(config: TrainConfig) -> str:
    """Describe the settings that all processes of a training must have in common.

    Parameters
    ----------
    config : TrainConfig
        Of one process. Where its files lie on its machine is its own affair.

    Returns
    -------
    str
        Equal for equal trainings.
    """
    start, teachers = (("",) * len(names) for names in (config.start, config.teachers))
    files = replace(config, start=start, teachers=teachers, run=Path())
    return repr(replace(files, train=(), validate=(), output="", deeper=()))


def _settings(config: TrainConfig) -> dict[str, str]:
    names = set(config.__dataclass_fields__) - _FREE_TO_CHANGE
    return {name: repr(getattr(config, name)) for name in sorted(names)}
