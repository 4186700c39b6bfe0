"""Settings of a fine-tuning, declared once; command line and widget read them from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

from docbin_napari.describe import check_numbers
from docbin_napari.model.model_file import DEFAULT_MODEL
from docbin_napari.train.train_config import AugmentConfig, LearningConfig, own_settings_first

Layers = Literal["all", "decoder", "norms", "exit"]
Norms = Literal["frozen", "train"]
Refit = Literal["auto", "keep", "refit"]


@own_settings_first
@dataclass(frozen=True)
class FinetuneConfig(LearningConfig):
    """A model that learns from a few pages without forgetting the others.

    Parameters
    ----------
    collections : tuple of Path
        Collections of pairs, or folders of collections, to learn from.
    output : str
        Name of the new model, or a .safetensors file.
    pages : tuple of str
        Only these pages of the collections, PAGE or COLLECTION/PAGE; all by default.
    start : str
        Name or file of the model to start from. Where that is itself a fine-tuned one, its own
        base is taken: training a trained model again and again would drift away.
    longer : str
        Name or file of a fine-tuned model that goes on learning from the same pairs with the
        same seed; the result is a model of its own, as good or better on the held-out part.
    test : tuple of Path
        Pairs of other pages, measured before and after and never learnt from.
    minutes : float
        Time for learning and validation, counted from the first step; preparation and the last
        measurements take some seconds more. 0: use steps.
    layers : {"all", "decoder", "norms", "exit"}
        What learns: everything, the way back to full resolution, scale and shift of the
        batch norms, or the last convolution.
    hard : float
        Share of the windows of your pages that are drawn where the start errs, 0 to 1: at ink
        that it misses and at background that it calls ink.
    norms : {"frozen", "train"}
        Whether batch norms keep the statistics of the start, or take those of the windows.
    replay : float
        Share of windows from other pages, 0 to 1, so that these are not forgotten.
    replay_from : tuple of Path
        Collections of pairs to replay, besides generated pages.
    replay_pages : int
        Number of pages that are generated for replay and kept in the cache folder. What cannot
        be drawn within four seconds is left to the next training, unless minutes is 0.
    distill : float
        How much of the target on replayed windows is the output of the start, 0 to 1; the rest
        is their ground truth.
    augment : float
        How much the windows of your pages are varied: 0 not at all, 1 as in training.
    held_out : float
        Share of the labelled windows that are never learnt from and choose the best weights,
        0 to 0.5. With eight pages or more, whole pages are held out.
    validations : int
        How often the held-out windows are measured, spread evenly; less often where that would
        take more than a quarter of minutes.
    patience : int
        Validations without a better figure after which the training ends; 0: never.
    keep : float
        How much of what was learnt is kept, 0 to 1: the model is the start plus this share of
        the way to the learnt weights (Wortsman et al. 2022, arXiv:2109.01903).
    ratio : float
        Which pages the new model reads itself, besides those in the folders of your pages: pages
        whose features are at most this many times as far from the nearest of your pages as from
        the fifth nearest that the start has learnt from. All others are left to the start.
        0: the new model reads every page.
    calibration : {"auto", "keep", "refit"}
        Whether the calibration is that of the start or fitted on the held-out windows; auto fits
        it where a million pixels or more are held out, or a hundred thousand if everything
        learns. The threshold stays that of the start.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    SCHEDULE: ClassVar[tuple[float, float, float]] = (0.05, 0.05, 0.0)

    collections: tuple[Path, ...]
    output: str
    pages: tuple[str, ...] = ()
    start: str = DEFAULT_MODEL
    longer: str = ""
    test: tuple[Path, ...] = ()
    minutes: float = field(default=5.0, kw_only=True)
    steps: int = field(default=400, kw_only=True)
    batch: int = field(default=8, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    learning_rate: float = field(default=5e-4, kw_only=True)
    average: float = field(default=0.98, kw_only=True)
    layers: Layers = "all"
    norms: Norms = "frozen"
    replay: float = 0.25
    replay_from: tuple[Path, ...] = ()
    replay_pages: int = 24
    distill: float = 0.5
    augment: float = 0.7
    held_out: float = 0.2
    validations: int = 10
    patience: int = 0
    keep: float = 1.0
    ratio: float = 1.2
    calibration: Refit = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        unlimited = {"augment": math.inf, "ratio": math.inf}
        check_numbers(self, replay=1, distill=1, keep=1, held_out=0.5, **unlimited)
        if not self.collections:
            raise ValueError("name at least one collection of pairs to learn from")
        if not self.output:
            raise ValueError("give the new model a name")
        if self.validations < 1:
            raise ValueError(f"validations must be at least 1, not {self.validations}")
        if self.replay_pages < 0 or self.patience < 0:
            raise ValueError("replay_pages and patience must be at least 0")


def scaled_augmentation(strength: float, full: AugmentConfig) -> AugmentConfig:
    """Vary windows more or less often.

    Parameters
    ----------
    strength : float
        0 not at all, 1 as in `full`; above 1 more often, no share above 1.
    full : AugmentConfig
        The shares at strength 1.

    Returns
    -------
    AugmentConfig
        The shares times the strength; the range of magnifications narrows with it.

    Examples
    --------
    >>> scaled_augmentation(0.5, AugmentConfig(blur=0.2)).blur
    0.1
    >>> scaled_augmentation(0, AugmentConfig()).scale
    (1.0, 1.0)
    """
    shares = {name: min(1.0, strength * getattr(full, name)) for name in full.shares()}
    reach = min(strength, 1.0)
    low, high = full.scale
    return replace(full, **shares, scale=(low**reach, high**reach))
