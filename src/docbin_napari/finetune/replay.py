"""Windows of a fine-tuning: own pages mixed with replayed ones.

Strategy: each batch mixes windows of the own pages with windows of pages that the program
draws itself or that lie in folders of pairs. What the start says about a replayed window is
part of its target: where its answer is another than the ground truth, it is the answer that
other users rely on, and to unlearn it costs more than it brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from docbin_napari.finetune.config import FinetuneConfig, scaled_augmentation
from docbin_napari.finetune.replay_cache import generated_page
from docbin_napari.model.normalisation import Normalisation
from docbin_napari.train.augment import augment
from docbin_napari.train.config import AugmentConfig
from docbin_napari.train.dataset import (
    DrawnWindows,
    HardPlaces,
    LoadedPair,
    WindowSampler,
    load_pairs,
)

# What the start has not learnt cannot be kept: it never saw solid shapes or light writing.
_AS_LEARNT = AugmentConfig(solid=0.0, invert=0.0)


@dataclass(frozen=True)
class Windows:
    """A batch, ready for the network.

    Parameters
    ----------
    inputs : Tensor
        Float32 (N, 3, H, W), normalised, in channels-last layout, on the device.
    truth : Tensor
        Float32 (N, 2, H, W): ink 0 to 1, labelled 0 or 1; on the device.
    ink : Tensor
        Float32 (N, 7): normalised colours of ink and paper of each page, edge level; NaN where they
        are not known; on the device.
    own : int
        How many of them are of the own pages; these come first.
    """

    inputs: Tensor
    truth: Tensor
    ink: Tensor
    own: int


def replay_pages(config: FinetuneConfig) -> Iterator[LoadedPair]:
    """Read or draw the pages that are replayed, one after the other.

    Parameters
    ----------
    config : FinetuneConfig
        Where from and how many; none at all where the share of replayed windows is 0.

    Yields
    ------
    LoadedPair
        A page; a generated one comes from the cache, or is drawn within a second.
    """
    if not config.replay:
        return
    if config.replay_from:
        yield from load_pairs(config.replay_from)
    for number in range(config.replay_pages):
        yield generated_page(config.seed, number)


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
        # Own pages are told the edge level that the finished model is told, or none.
        own_variation = scaled_augmentation(config.augment, _AS_LEARNT)
        self._variation = replace(own_variation, unlevelled=0.0), _AS_LEARNT
        hard = HardPlaces(config.hard, places)
        self._own = WindowSampler(list(own), config.window, {}, self._variation[0], hard)
        self._replayed = (
            WindowSampler(list(replayed), config.window, {}, self._variation[1])
            if replayed
            else None
        )

    def of(self, step: int) -> Windows:
        """Draw the windows of a step; they depend on seed and step alone.

        Parameters
        ----------
        step : int
            Number of the step, from 0.

        Returns
        -------
        Windows
            At least one window is of the own pages.
        """
        config = self._config
        random = np.random.default_rng([config.seed, step])
        others = config.batch * config.replay if self._replayed else 0.0
        # The share is met on average where it is no whole number of windows.
        count = min(int(others + random.random()), config.batch - 1)
        parts = [self._draw(self._own, config.batch - count, self._variation[0], random)]
        if count and self._replayed:
            parts.append(self._draw(self._replayed, count, self._variation[1], random))
        inputs, ink = (
            Normalisation().of(torch.cat(tensors)).to(self._device)
            for tensors in ([part.pixels for part in parts], [part.ink for part in parts])
        )
        return Windows(
            inputs.to(memory_format=torch.channels_last),
            torch.cat([part.truth for part in parts]).to(self._device),
            ink,
            config.batch - count,
        )

    def _draw(
        self,
        sampler: WindowSampler,
        count: int,
        variation: AugmentConfig,
        random: np.random.Generator,
    ) -> DrawnWindows:
        return augment(sampler.batch(count, random), variation, random)
