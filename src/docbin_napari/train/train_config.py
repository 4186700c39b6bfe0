"""Settings of all trainings, declared once; the command line reads them from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import ClassVar, TypeVar

from docbin_napari.describe import check_numbers

Config = TypeVar("Config", bound="LearningConfig")


class TrainingError(Exception):
    """A training cannot begin or go on."""


class Stopped(Exception):  # noqa: N818
    """A stop was asked for in the middle of a measurement."""


@dataclass(frozen=True)
class AugmentConfig:
    """How windows are varied. Shares are probabilities for each window, 0 to 1.

    Parameters
    ----------
    warp : float
        Share of windows that are turned by any angle and scaled.
    scale : tuple of float
        Smallest and largest magnification of warped windows.
    mirror : float
        Share of windows that are mirrored. Print-through is mirrored too: mirroring
        everything takes away a cue that tells it from ink.
    bleed : float
        Share with print-through of another window, mirrored.
    exchange : float
        Share without its ink, or with that of another window instead.
    light : float
        Share with uneven light, or in a shadow.
    fade : float
        Share whose ink is bleached in places.
    colour : float
        Share with other contrast, brightness, gamma and tint.
    gray : float
        Share without colour.
    blur : float
        Share that is blurred.
    noise : float
        Share with sensor noise.
    jpeg : float
        Share that went through JPEG.
    solid : float
        Share with solid shapes of ink: filled boxes, bullets, bars, heavy stems.
    invert : float
        Share with light and dark exchanged, as a whole or in a part.
    edge : float
        Share with scanner background, leaves of a book block or boards beyond a page edge or in
        holes, or with fingers on the page.
    corner : float
        Share with one colour beyond a slanted line, as scans that were straightened.
    unknown : float
        Share for which the network does not get the ink colours of the page.
    unlevelled : float
        Share for which the network gets the ink colours of the page, but not where its ground
        truth cuts the edges of strokes.
    """

    warp: float = 0.5
    scale: tuple[float, float] = (0.4, 2.6)
    mirror: float = 0.1
    bleed: float = 0.35
    exchange: float = 0.0
    light: float = 0.4
    fade: float = 0.2
    colour: float = 0.6
    gray: float = 0.25
    blur: float = 0.15
    noise: float = 0.25
    jpeg: float = 0.15
    solid: float = 0.12
    invert: float = 0.06
    edge: float = 0.15
    corner: float = 0.12
    unknown: float = 0.1
    unlevelled: float = 0.5

    @classmethod
    def shares(cls) -> list[str]:
        """List the names of the shares."""
        return [field.name for field in fields(cls) if field.name != "scale"]

    def __post_init__(self) -> None:
        check_numbers(self, **dict.fromkeys(self.shares(), 1.0))
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise ValueError(
                f"scale is from a factor above 0 to one not below it, not {self.scale}"
            )


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """How a network learns: the settings of training and fine-tuning alike.

    Parameters
    ----------
    minutes : float
        Time budget; the learning rate falls to its lowest at its end. 0: use steps.
    steps : int
        Number of steps where minutes is 0.
    batch : int
        Windows in a step, of all processes together under torchrun.
    window : int
        Side of a training window, pixels.
    learning_rate : float
        Highest learning rate of AdamW, after a short warm-up.
    weight_decay : float
        Of AdamW, on the weights of convolutions.
    dice : float
        Weight of the Dice loss beside binary cross-entropy.
    average : float
        Decay of the moving average of the weights; what is saved is the average.
    hard : float
        Share of windows, 0 to 1, that are drawn around places where the start errs.
    seed : int
        Same seed, same steps and same machine type: same weights.
    device : str
        auto, cpu, cuda or mps.
    title : str
        One line about the model, stored in its file.
    overwrite : bool
        Replace a model of this name.

    Raises
    ------
    ValueError
        If a value is outside its range.
    """

    SCHEDULE: ClassVar[tuple[float, float, float]] = (0.02, 0.01, 0.01)
    """Warm-up as a share of the budget; first and last rate as shares of the highest."""

    minutes: float = 0.0
    steps: int = 2000
    batch: int = 16
    window: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    dice: float = 0.5
    average: float = 0.998
    hard: float = 0.0
    seed: int = 0
    device: str = "auto"
    title: str = ""
    overwrite: bool = False

    def __post_init__(self) -> None:
        unlimited = ("minutes", "learning_rate", "weight_decay", "dice")
        check_numbers(self, **dict.fromkeys(unlimited, math.inf), hard=1, seed=2**63 - 1)
        if not self.minutes and self.steps < 1:
            raise ValueError("give a time budget (minutes) or a number of steps above 0")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, not {self.batch}")
        if self.window < 64 or self.window % 32:
            raise ValueError(f"window must be a multiple of 32 and at least 64, not {self.window}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be at least 0 and below 1, not {self.average}")

    def spent(self, step: int, seconds: float) -> float:
        """Compute the share of the budget, 0 to 1, that so many steps or seconds have spent."""
        share = seconds / (60 * self.minutes) if self.minutes else step / self.steps
        return min(share, 1.0)

    def rate_at(self, share: float) -> float:
        """Compute the learning rate at a share of the budget: a warm-up, then half a cosine."""
        warm_up, first, last = self.SCHEDULE
        warm = max(min(share / warm_up, 1.0), first)
        fall = last + (1 - last) / 2 * (1 + math.cos(math.pi * share))
        return self.learning_rate * warm * fall


def own_settings_first(config: type[Config]) -> type[Config]:
    """List the settings of a class before those of the class it extends, as help texts show them.

    Parameters
    ----------
    config : type
        A dataclass that extends `LearningConfig`.

    Returns
    -------
    type
        The same class.
    """
    shared = LearningConfig.__dataclass_fields__
    settings = config.__dataclass_fields__
    ordered = [name for name in settings if name not in shared] + list(shared)
    # The constructor is made already; this is the order of `dataclasses.fields` alone.
    type.__setattr__(config, "__dataclass_fields__", {name: settings[name] for name in ordered})
    return config


@own_settings_first
@dataclass(frozen=True)
class TrainConfig(LearningConfig):
    """What to train on, for how long and how.

    Parameters
    ----------
    train : tuple of Path
        Collections of pairs, or folders of collections.
    validate : tuple of Path
        The same, for pages that are measured and never trained on. Calibration and
        threshold are fitted on them at the end.
    output : str
        Name of the new model, or a .safetensors file.
    weights : tuple of str
        COLLECTION=FACTOR pairs: how much more or less often a collection is drawn.
    start : tuple of str
        Names or files of models whose weights to start from, with their architecture.
        Of several, which must be alike, the mean of the weights is taken: models that
        were trained on from the same one are better together (Wortsman et al. 2022,
        arXiv:2203.05482). Random weights where there is none.
    deeper : tuple of int
        Channels of coarser levels that the network gets below those of start, so that it sees
        more of the page. At first they change nothing (Chen et al. 2016, arXiv:1511.05641).
    every : float
        Minutes between validations and checkpoints.
    fold : int
        Pixels folded into channels at the entrance of the network, each way.
    channels : tuple of int
        Channels of the network at each level, finest first.
    blocks : int
        Residual blocks of the encoder at each level.
    draw_on_device : bool
        Whether pages lie, and windows are drawn and varied, on the device of the network, which
        a fast GPU needs: five bytes of its memory for every pixel of all pages.
    run : Path
        Folder for checkpoint and log.
    resume : bool
        Go on from the checkpoint in run.
    overwrite : bool
        Replace a model of this name, and begin anew in a folder of a run that is not finished.
    training_data : str
        What it was trained on, in words, stored in its file.
    augment : AugmentConfig
        How windows are varied.
    """

    train: tuple[Path, ...]
    validate: tuple[Path, ...]
    output: str
    weights: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    deeper: tuple[int, ...] = ()
    every: float = 10.0
    fold: int = 2
    channels: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    draw_on_device: bool = False
    run: Path = Path("runs/train")
    resume: bool = False
    training_data: str = ""
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, every=math.inf)
        if self.hard and not self.start:
            raise ValueError("hard places are where the network of start errs: name one")
        if self.deeper and not self.start:
            raise ValueError(
                "deeper adds levels to the network of start: name one, or use channels"
            )
        collection_factors(self.weights)

    @property
    def checkpoint(self) -> Path:
        """File of the state of the run."""
        return self.run / "checkpoint.pt"

    @property
    def interim(self) -> Path:
        """File of the averaged weights while the model is made."""
        return self.run / "last.safetensors"


@dataclass(frozen=True)
class AverageConfig:
    """Which models to average, and the pages that finish the result.

    Parameters
    ----------
    models : tuple of str
        Models of one architecture: names, or .safetensors files.
    train : tuple of Path
        The pages that they have learnt from: collections, or folders of collections.
    validate : tuple of Path
        Held-out pages, which choose edge level, calibration and threshold.
    output : str
        Name of the new model, or a .safetensors file.
    shares : tuple of float
        How much each model counts, in any unit; all the same by default.
    windows : int
        Training windows on which the statistics of the batch norms are measured anew, half of them
        varied as in a training; 0 takes the mean of the statistics.
    window : int
        Side of these windows, pixels, a multiple of the stride of the network.
    weights : tuple of str
        COLLECTION=FACTOR: how much more often such windows come from that collection.
    title : str
        What the model is for, in a few words; default: that of the last model.
    training_data : str
        What it learnt from, in words; default: that of the last model.
    device : str
        Where held-out pages are read: auto, cpu, cuda, mps.
    overwrite : bool
        Replace a model of this name.
    """

    models: tuple[str, ...]
    train: tuple[Path, ...]
    validate: tuple[Path, ...]
    output: str
    shares: tuple[float, ...] = ()
    windows: int = 640
    window: int = 512
    weights: tuple[str, ...] = ()
    title: str = ""
    training_data: str = ""
    device: str = "auto"
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_numbers(self, windows=math.inf, window=math.inf)


def collection_factors(weights: tuple[str, ...]) -> dict[str, float]:
    """Read ``COLLECTION=FACTOR`` pairs.

    Parameters
    ----------
    weights : tuple of str
        As in `TrainConfig`.

    Returns
    -------
    dict
        Collection name to factor.

    Raises
    ------
    ValueError
        If an entry has another form or a negative factor.

    Examples
    --------
    >>> collection_factors(("letters=0.5",))
    {'letters': 0.5}
    """
    factors = {}
    for entry in weights:
        name, _, value = entry.partition("=")
        try:
            factors[name] = float(value)
        except ValueError as error:
            raise ValueError(
                f"weights must have the form COLLECTION=FACTOR, not {entry!r}"
            ) from error
        if not 0 <= factors[name] < math.inf:
            raise ValueError(f"the factor of a collection must be a number of 0 or more: {entry!r}")
    return factors
