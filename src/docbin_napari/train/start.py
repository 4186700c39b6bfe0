"""Start a network: from random weights, the mean of others, or one with fewer levels.

Strategy: a deeper network gives the same output at first. New parts end in a batch norm whose scale
and shift are 0, so they add nothing until training moves them (Chen, Goodfellow, Shlens 2016,
arXiv:1511.05641). Coarser levels are such a part: what comes up from them is 0, and the block on
the way back that the former coarsest level did not need passes on what it gets, which is never
negative. What the ink of the page adds to the former levels is taken over, and is 0 for new ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import load_network, run_through_file, save_model
from docbin_napari.model.model_file import ModelError, ModelInfo, UNetConfig, find_model
from docbin_napari.model.unet import ConvNorm, ResidualBlock, UNet
from docbin_napari.train.augment import augment
from docbin_napari.train.dataset import (
    LoadedPair,
    WindowSampler,
    check_held_out,
    factors_of,
    load_pairs,
)
from docbin_napari.train.finish import finished_header
from docbin_napari.train.learning import Batch
from docbin_napari.train.model_output import checked_output
from docbin_napari.train.train_config import (
    AugmentConfig,
    AverageConfig,
    TrainConfig,
)
from docbin_napari.train.validate import Validation


def starting_network(config: TrainConfig) -> UNet:
    """Make the network that a training begins with.

    Parameters
    ----------
    config : TrainConfig
        Architecture and seed, or the models to start from.

    Returns
    -------
    UNet
        On the CPU.

    Raises
    ------
    ModelError
        If there is no model to start from, or several are not alike.
    """
    torch.manual_seed(config.seed)
    fresh = UNet(UNetConfig(config.fold, config.channels, config.blocks, page_ink=True))
    if not config.start:
        return fresh
    mean = mean_network([load_network(find_model(name)) for name in config.start])
    return grown(mean, config.deeper)


def mean_network(networks: Sequence[UNet], shares: Sequence[float] = ()) -> UNet:
    """Average the weights and the batch norm statistics of networks.

    Networks that were trained on from the same start often do better on average than each of
    them (model soups, Wortsman et al. 2022, arXiv:2203.05482).

    Parameters
    ----------
    networks : sequence of UNet
        Of one architecture. The first one is changed, and returned.
    shares : sequence of float, optional
        How much each of them counts; they are divided by their sum. All the same by default.

    Returns
    -------
    UNet
        The mean.

    Raises
    ------
    ModelError
        If they are not alike.
    ValueError
        If there is no network, or not a share for each that is 0 or more, not all of them 0.
    """
    if not networks:
        raise ValueError("--models: name at least one model")
    weights = torch.tensor([*shares] or [1.0] * len(networks), dtype=torch.float64)
    if len(weights) != len(networks) or not (weights.min() >= 0 and 0 < weights.sum() < math.inf):
        raise ValueError(
            f"--shares: give a number of 0 or more for each of the {len(networks)} models, not all "
            f"of them 0, instead of {list(shares)}"
        )
    weights /= weights.sum()
    first = networks[0]
    for other in networks[1:]:
        if other.config != first.config:
            raise ModelError(
                "the models have different architectures and have no mean; "
                f"choose models that are alike ({first.config}, {other.config})"
            )
    states = [network.state_dict() for network in networks]
    mean = {}
    for name, value in states[0].items():
        stack = torch.stack([state[name].double() for state in states])
        mean[name] = torch.einsum("n,n...->...", weights, stack).to(value.dtype)
    first.load_state_dict(mean)
    return first


def grown(network: UNet, deeper: tuple[int, ...]) -> UNet:
    """Give the network coarser levels, and the ink of the page as an input.

    Parameters
    ----------
    network : UNet
        Not changed.
    deeper : tuple of int
        Channels of the new levels, the coarsest last.

    Returns
    -------
    UNet
        ``network`` itself where there is nothing to add.

    Examples
    --------
    >>> from docbin_napari.model.unet import UNetConfig
    >>> grown(UNet(UNetConfig(channels=(8, 16))), (16,)).config.channels
    (8, 16, 16)
    """
    old = network.config
    config = replace(old, channels=(*old.channels, *deeper), page_ink=True)
    if config == old:
        return network
    larger = UNet(config)
    state = larger.state_dict()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            # Shifts of all levels lie in one tensor, those of new ones at its end.
            known = state[name][: len(value)] if value.ndim else state[name]
            known.copy_(value)
    for level in range(len(old.channels) - 1, len(config.channels) - 1):
        _silence(cast("ConvNorm", larger.up[level]))
        _silence(cast("ResidualBlock", larger.decoder[level]).second)
    return larger


def _silence(layer: ConvNorm) -> None:
    nn.init.zeros_(cast("nn.Parameter", layer.norm.weight))
    nn.init.zeros_(cast("nn.Parameter", layer.norm.bias))


_IN_A_BATCH = 8
_VARIED = AugmentConfig()
_SELDOM: Any = dict.fromkeys(AugmentConfig.shares(), 0.0)
_PLAIN = AugmentConfig(**_SELDOM | {"warp": 0.5, "scale": (0.8, 1.3)})


def measure_statistics(network: UNet, pairs: list[LoadedPair], config: AverageConfig) -> None:
    """Measure the statistics of the batch norms of a network on training windows.

    Strategy: features of a mean of weights vary less than those of each network, so that the mean
    of their statistics does not fit (Jordan et al. 2023, arXiv:2211.08403); and statistics of
    varied windows alone, as a training leaves them, expect more than pages have to show.

    Parameters
    ----------
    network : UNet
        On the CPU; the statistics change.
    pairs : list of LoadedPair
        Where windows are drawn from.
    config : AverageConfig
        How many, how large and of which collections.

    Raises
    ------
    ValueError
        If windows of this size cannot be halved as often as the network does, or there is no
        collection of a name.
    """
    if config.window < 1 or config.window % network.config.stride:
        raise ValueError(f"--window: choose a multiple of {network.config.stride} pixels")
    random, factors = np.random.default_rng(0), factors_of(config.weights, pairs)

    def batches() -> Iterator[Batch]:
        for changes in (_PLAIN, _VARIED):
            sampler = WindowSampler(pairs, config.window, factors, changes)
            for _ in range(math.ceil(config.windows / 2 / _IN_A_BATCH)):
                drawn = augment(sampler.batch(_IN_A_BATCH, random), changes, random)
                yield Batch.of([drawn], "cpu")

    # torch gives a network one argument: the batch.
    unpacking = network.register_forward_pre_hook(lambda _, given: (given[0].inputs, given[0].ink))
    update_bn(batches(), network)
    unpacking.remove()


def average_models(config: AverageConfig) -> tuple[Validation, ModelInfo]:
    """Average the weights of models, finish the result on held-out pages, and write it.

    Parameters
    ----------
    config : AverageConfig
        Which models and pages.

    Returns
    -------
    Validation
        Figures on the held-out pages.
    ModelInfo
        Of the new file.

    Raises
    ------
    ModelError
        If a model is missing or damaged, or they are not alike.
    TrainingError
        If the name is taken, or the model cannot be written there.
    PairError, PageError, MaskError
        If pages cannot be read.
    DeviceError
        If the device is not there.
    ValueError
        If the shares do not fit the models, or pages cannot be learnt from or measured with.
    """
    path = checked_output(config.output, config.overwrite)
    choose_device(config.device)
    infos = [find_model(name) for name in config.models]
    network = mean_network([load_network(info) for info in infos], config.shares)
    learnt, held_out = load_pairs(config.train), load_pairs(config.validate)
    if not learnt:
        raise ValueError("--train: there are no pages that the models have learnt from")
    if not held_out:
        raise ValueError("--validate: there are no pages to choose calibration and threshold by")
    check_held_out(held_out, learnt)
    if config.windows:
        measure_statistics(network, learnt, config)
    last = infos[-1].header
    header = {
        "title": config.title or str(last.get("title", "")),
        "training_data": config.training_data or str(last.get("training_data", "")),
        "mean_of": [info.name for info in infos],
        "shares": list(config.shares) or [1.0] * len(infos),
    }
    with TemporaryDirectory() as folder:
        model = run_through_file(network, Path(folder) / path.name, config.device)
        figures, chosen = finished_header(model, learnt, held_out)
    return figures, save_model(path, network, {**chosen, **header})
