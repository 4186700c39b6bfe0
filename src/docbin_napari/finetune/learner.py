"""Fine-tune some of the layers on the user's windows and on replayed ones, near the start.

Strategy: each batch mixes windows of the own pages with windows of pages that the program
draws itself or that lie in folders of pairs. The output of the start for a replayed window is
part of its target: where it differs from the ground truth, it is still what other users rely on,
and to unlearn it costs more than it brings.

Each generated page is kept in a file, so that the set grows from one training to the next where
there was no time to draw all of it. Files lie in a folder that is named after the version, because
another version may draw other pages; folders of other versions are removed. A file that cannot be
read or written costs the drawing and nothing else.
"""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from docbin_napari.__about__ import __version__
from docbin_napari.drawing.generator import draw_page
from docbin_napari.finetune.finetune_config import FinetuneConfig, Layers, scaled_augmentation
from docbin_napari.io.paths import atomic_path
from docbin_napari.model.engine import Device
from docbin_napari.model.unet import UNet
from docbin_napari.train.augment import augment
from docbin_napari.train.dataset import LoadedPair, WindowSampler, generated_pair
from docbin_napari.train.learning import Batch, Learner, ink_loss
from docbin_napari.train.train_config import AugmentConfig

# Two windows of a training wide. Drawing takes as long as there are pixels.
_SIDE = 512
_ARCHIVES = "all"
_FIRST_SEED = 7_000_000


def generated_page(seed: int, number: int) -> LoadedPair:
    """Read a page from the cache, or draw and keep it.

    Parameters
    ----------
    seed : int
        Of the fine-tuning.
    number : int
        Number of the page, from 0.

    Returns
    -------
    LoadedPair
        512 pixels high and wide, labelled everywhere.
    """
    folder = cache_folder() / "replay" / f"{__version__}-{_ARCHIVES}-{_SIDE}"
    path = folder / f"{seed}-{number}.npy"
    try:
        planes = np.load(path)
        if planes.shape != (_SIDE, _SIDE, 4):
            raise ValueError("a page of another size")
    except (OSError, ValueError, EOFError):
        page = draw_page(_FIRST_SEED + 1000 * seed + number, _SIDE, _SIDE, _ARCHIVES)
        planes = np.dstack([page.pixels, page.ink])
        with suppress(OSError):
            _write(path, planes)
    pixels = np.ascontiguousarray(planes[..., :3])
    return generated_pair(number, pixels, planes[..., 3].astype(bool))


def cache_folder() -> Path:
    """Give the folder of what can be made again: ``$DOCBIN_CACHE``, else that of the platform."""
    chosen = os.environ.get("DOCBIN_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("docbin-napari"))


def _write(path: Path, planes: NDArray[np.uint8]) -> None:
    for other in path.parent.parent.glob("*"):
        if other != path.parent:
            shutil.rmtree(other, ignore_errors=True)
    with atomic_path(path, own_folder=True) as temporary:
        np.save(temporary, planes)


_REPLAYED = AugmentConfig()
# What an archive does not show would only take time; its pages come with an edge level, or none.
_OWN = replace(_REPLAYED, solid=0.0, invert=0.0, unlevelled=0.0)


class MixedWindows:
    """Batches of own and replayed windows.

    Parameters
    ----------
    own : sequence of LoadedPair
        Pages to learn from.
    replayed : sequence of LoadedPair
        Pages not to forget; may be empty.
    config : FinetuneConfig
        Shares, size, seed, augmentation.
    device : str
        Where the network is.
    places : sequence of ndarray
        For each of `own`, where the start errs, as `hard_places` counts it.
    """

    def __init__(
        self,
        own: Sequence[LoadedPair],
        replayed: Sequence[LoadedPair],
        config: FinetuneConfig,
        device: str,
        places: Sequence[np.ndarray],
    ) -> None:
        self._config = config
        self._device = device
        varied = scaled_augmentation(config.augment, _OWN)
        hard = config.hard, places
        self._samplers = [WindowSampler(list(own), config.window, {}, varied, hard)]
        if replayed:
            self._samplers.append(WindowSampler(list(replayed), config.window, {}, _REPLAYED))

    def of(self, step: int) -> tuple[Batch, int]:
        """Draw the windows of a step; they depend on seed and step alone.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        batch : Batch
            The windows.
        own : int
            How many of them are of the own pages, at least one; these come first.
        """
        config = self._config
        random = np.random.default_rng([config.seed, step])
        others = config.batch * config.replay if len(self._samplers) > 1 else 0.0
        # The share is met on average where it is no whole number of windows.
        count = min(int(others + random.random()), config.batch - 1)
        parts = [
            augment(sampler.batch(size, random), sampler.augment, random)
            for sampler, size in zip(self._samplers, (config.batch - count, count), strict=False)
            if size
        ]
        return Batch.of(parts, self._device), config.batch - count


_BEGINNINGS = {"all": ("",), "decoder": ("up.", "decoder.", "exit."), "exit": ("exit.",)}


def learning_parameters(network: UNet, layers: Layers) -> Iterator[nn.Parameter]:
    """Choose what learns.

    Parameters
    ----------
    network : UNet
        Batch norms not folded.
    layers : {"all", "decoder", "norms", "exit"}
        As in `FinetuneConfig`.

    Yields
    ------
    Parameter
        One that learns.
    """
    for name, parameter in network.named_parameters():
        if layers == "norms":
            chosen = ".norm." in name or name == "exit.bias"
        else:
            chosen = name.startswith(_BEGINNINGS[layers])
        if chosen:
            yield parameter


def between(
    start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Interpolate between two states of a network."""
    return {
        name: torch.lerp(value, end[name], share) if value.is_floating_point() else value
        for name, value in start.items()
    }


class FinetuneLearner:
    """A network that is being fine-tuned.

    Parameters
    ----------
    start : UNet
        Trained; it stays as it is.
    config : FinetuneConfig
        What learns and how.
    device : Device
        Where.
    learnt : mapping, optional
        State of a network that has learnt before and goes on; it begins as the start otherwise.

    Attributes
    ----------
    state : Learner
        Network, steps and time.
    """

    def __init__(
        self,
        start: UNet,
        config: FinetuneConfig,
        device: Device,
        learnt: Mapping[str, Tensor] | None = None,
    ) -> None:
        self._config = config
        self._device = device
        self._start = copy.deepcopy(start).move(device.name).requires_grad_(False).eval()
        network = copy.deepcopy(self._start)
        if learnt is not None:
            network.load_state_dict(dict(learnt))
        self.state = Learner.of(network, config, learning_parameters(network, config.layers))

    def step(self, batch: Batch, own: int) -> tuple[float, float]:
        """Learn from a batch.

        Parameters
        ----------
        batch : Batch
            Of own and replayed pages.
        own : int
            How many windows are of the own pages; these come first.

        Returns
        -------
        loss : float
            On the windows of the own pages.
        learning_rate : float
            Of this step.

        Raises
        ------
        TrainingError
            If the loss is NaN or infinite.
        """
        network = self.state.network
        # The network has no other layers that differ in training.
        network.train(self._config.norms == "train")
        logits = self._logits(network, batch)
        loss = own_loss = self._loss(logits[:own], batch.truth[:own])
        if own < len(logits):
            weight = own / len(logits)
            loss = weight * own_loss + (1 - weight) * self._replay_loss(logits[own:], batch, own)
        _, rate = self.state.descend(loss)
        return own_loss.item(), rate

    def weights(self) -> dict[str, Tensor]:
        """Take the averaged weights back towards the start as the settings ask.

        Returns
        -------
        dict
            State of a `UNet` of the same architecture, on the CPU.
        """
        start, learnt = self._start.state_dict(), self.state.average.state_dict()
        kept = between(start, learnt, self._config.keep)
        return {name: value.cpu().clone() for name, value in kept.items()}

    def _logits(self, network: UNet, batch: Batch, first: int = 0) -> Tensor:
        with self._device.training_format():
            logits: Tensor = network(batch.inputs[first:], batch.ink[first:])
        return logits.float()

    def _loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        return ink_loss(logits, truth[:, :1], truth[:, 1:], self._config.dice)

    def _replay_loss(self, logits: Tensor, batch: Batch, own: int) -> Tensor:
        """Compute the loss on replayed windows, towards ground truth and start."""
        distill = self._config.distill
        if not distill:
            return self._loss(logits, batch.truth[own:])
        with torch.no_grad():
            target = self._logits(self._start, batch, own).sigmoid()
        towards_start = F.binary_cross_entropy_with_logits(logits, target)
        return distill * towards_start + (1 - distill) * self._loss(logits, batch.truth[own:])
