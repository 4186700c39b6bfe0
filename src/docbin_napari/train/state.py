"""Save and restore the state of a training."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch

from docbin_napari.io.atomic import atomic_path
from docbin_napari.model.registry import find_model
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.model.weights import load_network
from docbin_napari.train.config import TrainConfig
from docbin_napari.train.start import grown, mean_network


class CheckpointError(Exception):
    """A checkpoint is missing, damaged or belongs to other settings."""


@dataclass
class TrainState:
    """Network, optimizer and how far they are.

    Parameters
    ----------
    network : UNet
        What is trained.
    average : UNet
        Moving average of its weights and batch norm statistics: what is saved.
    optimizer : AdamW
        With its moments.
    step : int
        Steps done.
    seconds : float
        Time spent in training and validation, over all parts of the run.
    """

    network: UNet
    average: UNet
    optimizer: torch.optim.AdamW
    step: int = 0
    seconds: float = 0.0

    def follow(self, decay: float) -> None:
        """Move the average towards the network.

        Parameters
        ----------
        decay : float
            How much of the old average stays, once there were enough steps.
        """
        share = 1 - min(decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            current = self.network.state_dict()
            for name, value in self.average.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(current[name], share)
                else:
                    value.copy_(current[name])


def new_state(config: TrainConfig, device: str) -> TrainState:
    """A fresh network with its optimizer.

    Parameters
    ----------
    config : TrainConfig
        Architecture, seed, learning rate.
    device : str
        Where to train.

    Returns
    -------
    TrainState
        At step 0.

    Raises
    ------
    ModelError
        If there is no model to start from, or several are not alike.
    """
    torch.manual_seed(config.seed)
    network = UNet(UNetConfig(config.fold, config.channels, config.blocks, config.page_ink))
    if config.start:
        network = mean_network([load_network(find_model(name)) for name in config.start])
        network = grown(network, config.deeper, page_ink=config.page_ink)
    network.move(device)
    average = copy.deepcopy(network).requires_grad_(False)
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return TrainState(network, average, torch.optim.AdamW(groups, lr=config.learning_rate))


def save_checkpoint(
    path: Path, state: TrainState, config: TrainConfig, finished: bool = False
) -> None:
    """Write a checkpoint, atomically.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    state : TrainState
        What to keep.
    config : TrainConfig
        Checked again when the run goes on.
    finished : bool
        Whether the model of the run is written.
    """
    content = {
        "finished": finished,
        "network": state.network.state_dict(),
        "average": state.average.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "step": state.step,
        "seconds": state.seconds,
        "settings": _settings(config),
    }
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def read_checkpoint(path: Path, config: TrainConfig) -> dict[str, Any]:
    """Read a checkpoint and check that it fits.

    Parameters
    ----------
    path : Path
        Written by `save_checkpoint`.
    config : TrainConfig
        Must have the same architecture, data and recipe; the time budget may differ.

    Returns
    -------
    dict
        For `resumed_state`; its tensors are on the CPU.

    Raises
    ------
    CheckpointError
        If there is no such file, it is damaged, or the settings differ.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint to resume from; leave out --resume")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: the checkpoint is damaged ({words})") from error
    if not isinstance(content, dict) or not isinstance(content.get("settings"), dict):
        raise CheckpointError(f"{path}: this is no checkpoint of docbin-napari")
    stored, asked = content["settings"], _settings(config)
    # A setting that came later was not used, which is what its default says.
    defaults = _settings(TrainConfig((), (), ""))
    differing = [name for name in asked if stored.get(name, defaults[name]) != asked[name]]
    if differing:
        raise CheckpointError(
            f"{path}: made with other settings ({', '.join(differing)}); "
            "repeat them, or start anew in another --run folder"
        )
    return cast("dict[str, Any]", content)


def unfinished_run(path: Path) -> bool:
    """Whether a checkpoint is one of a run that would be lost if another one wrote over it."""
    if not path.is_file():
        return False
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return False  # It is damaged: nothing can go on from it.
    return isinstance(content, dict) and not content.get("finished", False)


def resumed_state(content: dict[str, Any], config: TrainConfig, device: str) -> TrainState:
    """Go on from a checkpoint.

    Parameters
    ----------
    content : dict
        From `read_checkpoint`.
    config : TrainConfig
        Of this part of the run.
    device : str
        Where to train.

    Returns
    -------
    TrainState
        As it was saved.
    """
    state = new_state(config, device)
    state.network.load_state_dict(content["network"])
    state.average.load_state_dict(content["average"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.step, state.seconds = content["step"], content["seconds"]
    return state


_FREE_TO_CHANGE = {
    "validate", "output", "minutes", "steps", "every", "device", "run", "resume", "overwrite",
    "title", "training_data",
}  # fmt: skip


def common_settings(config: TrainConfig) -> str:
    """Settings that all processes of a training have in common, to be compared.

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
