"""Windows of a fine-tuning: own pages mixed with replayed ones.

Strategy: each batch mixes windows of the own pages with windows of pages that the program
draws itself or that lie in folders of pairs. The output of the start for a replayed window is
part of its target: where it differs from the ground truth, it is still what other users rely on,
and to unlearn it costs more than it brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from docbin_napari.finetune.finetune_config import FinetuneConfig, scaled_augmentation
from docbin_napari.finetune.replay_cache import generated_page
from docbin_napari.train.augment import augment
from docbin_napari.train.batches import Batch
from docbin_napari.train.dataset import (
    DrawnWindows,
    HardPlaces,
    LoadedPair,
    WindowSampler,
    load_pairs,
)
from docbin_napari.train.train_config import AugmentConfig

_REPLAYED = AugmentConfig()
# What an archive does not show would only take time; its pages come with an edge level, or none.
_OWN = replace(_REPLAYED, solid=0.0, invert=0.0, unlevelled=0.0)


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
        self._variation = scaled_augmentation(config.augment, _OWN), _REPLAYED
        hard = HardPlaces(config.hard, places)
        self._own = WindowSampler(list(own), config.window, {}, self._variation[0], hard)
        self._replayed = (
            WindowSampler(list(replayed), config.window, {}, self._variation[1])
            if replayed
            else None
        )

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
        others = config.batch * config.replay if self._replayed else 0.0
        # The share is met on average where it is no whole number of windows.
        count = min(int(others + random.random()), config.batch - 1)
        parts = [self._draw(self._own, config.batch - count, self._variation[0], random)]
        if count and self._replayed:
            parts.append(self._draw(self._replayed, count, self._variation[1], random))
        return Batch.of(parts, self._device), config.batch - count

    def _draw(
        self,
        sampler: WindowSampler,
        count: int,
        variation: AugmentConfig,
        random: np.random.Generator,
    ) -> DrawnWindows:
        return augment(sampler.batch(count, random), variation, random)
