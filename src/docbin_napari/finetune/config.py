"""Settings of a fine-tuning, declared once; command line and widget read them from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from docbin_napari.features.page_look import RATIO
from docbin_napari.model.registry import DEFAULT_MODEL
from docbin_napari.train.config import AugmentConfig, check_numbers

Layers = Literal["auto", "all", "decoder", "norms", "exit"]
Norms = Literal["frozen", "train"]
Refit = Literal["auto", "keep", "refit"]


@dataclass(frozen=True)
class FinetuneConfig:
    """A model that learns from a few pages without forgetting the others.

    Parameters
    ----------
    collections : tuple of Path
        Collections of pairs, or folders of collections, to learn from.
    output : str
        Name of the new model, or a ``.safetensors`` file.
    pages : tuple of str
        Only these pages of the collections, ``PAGE`` or ``COLLECTION/PAGE``; all by default.
    start : str
        Name or file of the model to start from. Where that is itself a fine-tuned one, its own
        base is taken: training the trained again and again would drift away.
    longer : str
        Name or file of a fine-tuned model that goes on learning from the same pairs with the
        same seed; the result is a model of its own, as good or better on the held-out part.
    test : tuple of Path
        Pairs of other pages, measured before and after and never learnt from.
    minutes : float
        Time for learning and validation, counted from the first step; preparation and the last
        measurements take some seconds more. 0: use `steps`.
    steps : int
        Number of steps where `minutes` is 0.
    batch : int
        Windows in a step.
    window : int
        Side of a training window, pixels.
    learning_rate : float
        Highest learning rate of AdamW, after a short warm-up; falls to zero.
    weight_decay : float
        Of AdamW, on the weights of convolutions.
    dice : float
        Weight of the Dice loss beside binary cross-entropy.
    average : float
        Decay of the moving average of the weights; what is kept is the average.
    layers : {"auto", "all", "decoder", "norms", "exit"}
        What learns: everything, the way back to full resolution, scale and shift of the
        batch norms, or the last convolution. ``auto`` looks how much the start errs on the own
        pages: where it is much, everything learns, at a quarter of the learning rate, with half
        of the replay and `keep` 1; otherwise the norms. Settings other than the usual ones stay.
    hard : float
        Share of the own windows that are drawn where the start errs, 0 to 1; both ink that it
        misses and background that it takes for ink.
    norms : {"frozen", "train"}
        Whether batch norms keep the statistics of the start, or take those of the windows.
    replay : float
        Share of windows from other pages, 0 to 1, so that these are not forgotten.
    replay_from : tuple of Path
        Collections of pairs to replay, besides generated pages.
    replay_pages : int
        Number of pages that are generated for replay and kept in the cache folder. What cannot
        be drawn within four seconds is left to the next training, unless `minutes` is 0.
    distill : float
        How far the target on replayed windows is what the start says, 0 to 1, instead of
        their ground truth.
    augment : float
        How much the windows of the own pages are varied: 0 not at all, 1 as in training.
    held_out : float
        Share of the labelled windows that are never learnt from and choose the best weights,
        0 to 0.5. Of eight pages and more, whole pages are held out.
    validations : int
        How often the held-out windows are looked at, spread evenly; less often where that would
        take more than a quarter of `minutes`.
    patience : int
        After so many validations without a better figure the training ends; 0: never.
    keep : float
        How much of what was learnt is kept, 0 to 1: the model is the start plus this share of
        the way to the learnt weights (Wortsman et al. 2022, arXiv:2109.01903).
    ratio : float
        Which pages the new model reads itself: those whose look is at most this many times as
        far from the nearest own page as from the nearest page that the start has learnt from.
        All others are left to the start. 0: the new model reads every page.
    calibration : {"auto", "keep", "refit"}
        Whether calibration and threshold are those of the start or fitted on the held-out
        windows; ``auto`` fits them where a million pixels or more are held out.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    seed : int
        Same seed, same steps and same machine type: same weights.
    title : str
        One line about the model, stored in its file.
    overwrite : bool
        Whether a model of the user's with the same name may be replaced.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    collections: tuple[Path, ...]
    output: str
    pages: tuple[str, ...] = ()
    start: str = DEFAULT_MODEL
    longer: str = ""
    test: tuple[Path, ...] = ()
    minutes: float = 5.0
    steps: int = 400
    batch: int = 8
    window: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    dice: float = 0.5
    average: float = 0.98
    layers: Layers = "auto"
    hard: float = 0.0
    norms: Norms = "frozen"
    replay: float = 0.5
    replay_from: tuple[Path, ...] = ()
    replay_pages: int = 24
    distill: float = 0.5
    augment: float = 0.7
    held_out: float = 0.2
    validations: int = 10
    patience: int = 0
    keep: float = 0.7
    ratio: float = RATIO
    calibration: Refit = "auto"
    device: str = "auto"
    seed: int = 0
    title: str = ""
    overwrite: bool = False

    def __post_init__(self) -> None:
        numbers = ("minutes", "learning_rate", "weight_decay", "dice", "augment", "ratio")
        check_numbers(self, **dict.fromkeys(numbers, math.inf))
        _check_budget(self)
        if self.window < 64 or self.window % 32:
            raise ValueError(f"window must be a multiple of 32 and at least 64, not {self.window}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be at least 0 and below 1, not {self.average}")
        highest = {"replay": 1, "hard": 1, "distill": 1, "keep": 1, "held_out": 0.5}
        for name, most in highest.items():
            if not 0 <= getattr(self, name) <= most:
                value = getattr(self, name)
                raise ValueError(f"{name} must lie between 0 and {most}, not {value}")


_FAR = {"learning_rate": 5e-4, "keep": 1.0, "replay": 0.25}
_MANY_ERRORS = 0.04


def suited(config: FinetuneConfig, errors: float) -> FinetuneConfig:
    """Choose what learns, and how fast, by how far the own pages are from the start.

    Parameters
    ----------
    config : FinetuneConfig
        Where its `layers` are not ``auto``, everything stays.
    errors : float
        Of the start on the own pages: those that are no border's, as a share of the ink.

    Returns
    -------
    FinetuneConfig
        With `layers` other than ``auto``.
    """
    if config.layers != "auto":
        return config
    if errors < _MANY_ERRORS:
        return replace(config, layers="norms")
    usual = {field.name: field.default for field in fields(config)}
    changes: dict[str, Any] = {
        name: v for name, v in _FAR.items() if getattr(config, name) == usual[name]
    }
    return replace(config, layers="all", **changes)


def _check_budget(config: FinetuneConfig) -> None:
    if not config.collections:
        raise ValueError("name at least one collection of pairs to learn from")
    if not config.output:
        raise ValueError("give the new model a name")
    if not config.minutes and config.steps < 1:
        raise ValueError("give a time budget (minutes) or a number of steps above 0")
    if config.batch < 1 or config.validations < 1:
        raise ValueError("batch and validations must be at least 1")
    if config.replay_pages < 0 or config.patience < 0:
        raise ValueError("replay_pages and patience must be at least 0")


def scaled_augmentation(strength: float, full: AugmentConfig | None = None) -> AugmentConfig:
    """Vary windows more or less often.

    Parameters
    ----------
    strength : float
        0 not at all, 1 as in `full`; above 1 more often, no share above 1.
    full : AugmentConfig, optional
        The shares at strength 1; those of the training by default.

    Returns
    -------
    AugmentConfig
        The shares times the strength; the range of magnifications narrows with it.

    Examples
    --------
    >>> scaled_augmentation(0.5, AugmentConfig(blur=0.2)).blur
    0.1
    >>> scaled_augmentation(0).scale
    (1.0, 1.0)
    """
    full = full or AugmentConfig()
    shares = {
        field.name: min(1.0, strength * getattr(full, field.name))
        for field in fields(full)
        if field.name != "scale"
    }
    reach = min(strength, 1.0)
    low, high = full.scale
    return replace(full, **shares, scale=(low**reach, high**reach))
