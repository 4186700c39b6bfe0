"""Settings of a training, declared once; the command line reads them from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path


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
    light : float
        Share with uneven light.
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
        Share with scanner background, leaves of a book block or boards beyond a page edge, or
        in holes.
    unknown : float
        Share whose network is not told the ink of the page.
    unlevelled : float
        Share whose network is told the ink of the page, but not where its ground truth cuts
        the edges of strokes.
    """

    warp: float = 0.5
    scale: tuple[float, float] = (0.4, 2.6)
    mirror: float = 0.1
    bleed: float = 0.35
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
    unknown: float = 0.1
    unlevelled: float = 0.5

    def __post_init__(self) -> None:
        shares = {field.name: 1.0 for field in fields(self) if field.name != "scale"}
        check_numbers(self, **shares)
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise ValueError(
                f"scale is from a factor above 0 to one not below it, not {self.scale}"
            )


@dataclass(frozen=True)
class TrainConfig:
    """What to train on, for how long and how.

    Parameters
    ----------
    train : tuple of Path
        Collections of pairs, or folders of collections.
    validate : tuple of Path
        The same, for pages that are measured and never trained on. Calibration and
        threshold are fitted on them at the end.
    output : str
        Name of the new model, or a ``.safetensors`` file.
    minutes : float
        Time budget; the learning rate falls to zero at its end. 0: use `steps`.
    steps : int
        Number of steps where `minutes` is 0.
    batch : int
        Windows in a step, of all processes together.
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
    weights : tuple of str
        ``COLLECTION=FACTOR`` pairs: how much more or less often a collection is drawn.
    hard : float
        Share of windows, 0 to 1, that are drawn around places where the network of `start`
        errs. It is measured on all training pages before the first step.
    start : tuple of str
        Names or files of models whose weights to start from, with their architecture.
        Of several, which must be alike, the mean of the weights is taken: models that
        were trained on from the same one are better together (Wortsman et al. 2022,
        arXiv:2203.05482). Random weights where there is none.
    deeper : tuple of int
        Channels of coarser levels that the network gets below those of `start`, so that it sees
        more of the page. At first they change nothing (Chen et al. 2016, arXiv:1511.05641).
    teachers : tuple of str
        Names or files of models whose mean answer is learnt beside the ground truth, each
        upright and upside down in turn.
    teach : float
        Share of the teachers in what is learnt, 0 to 1; the rest is ground truth.
    seed : int
        Same seed, same steps and same machine type: same weights.
    every : float
        Minutes between validations and checkpoints.
    fold : int
        Pixels folded into channels at the entrance of the network, each way.
    channels : tuple of int
        Channels of the network at each level, finest first.
    blocks : int
        Residual blocks of the encoder at each level.
    page_ink : bool
        Whether the network is told how dark the ink of the whole page is, which tells faded
        ink from print-through. It costs nothing when pages are read.
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    draw_on_device : bool
        Whether pages lie, and windows are drawn and varied, on the device of the network, which
        a fast GPU needs: five bytes of its memory for every pixel of all pages.
    run : Path
        Folder for checkpoint and log.
    overwrite : bool
        Replace a model of this name, and begin anew in a folder of a run that is not finished.
    resume : bool
        Go on from the checkpoint in `run`.
    title : str
        One line about the model, stored in its file.
    training_data : str
        What it was trained on, in words, stored in its file.
    augment : AugmentConfig
        How windows are varied.
    """

    train: tuple[Path, ...]
    validate: tuple[Path, ...]
    output: str
    minutes: float = 0.0
    steps: int = 2000
    batch: int = 16
    window: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    dice: float = 0.5
    average: float = 0.998
    weights: tuple[str, ...] = ()
    hard: float = 0.0
    start: tuple[str, ...] = ()
    deeper: tuple[int, ...] = ()
    teachers: tuple[str, ...] = ()
    teach: float = 0.5
    seed: int = 0
    every: float = 10.0
    fold: int = 2
    channels: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    page_ink: bool = True
    device: str = "auto"
    draw_on_device: bool = False
    run: Path = Path("runs/train")
    resume: bool = False
    overwrite: bool = False
    title: str = ""
    training_data: str = ""
    augment: AugmentConfig = field(default_factory=AugmentConfig)

    def __post_init__(self) -> None:
        check_numbers(self, learning_rate=math.inf, weight_decay=math.inf, dice=math.inf)
        check_numbers(self, minutes=math.inf, every=math.inf)
        if not self.minutes and self.steps < 1:
            raise ValueError("give a time budget (minutes) or a number of steps above 0")
        if self.batch < 1:
            raise ValueError(f"batch must be at least 1, not {self.batch}")
        if self.window < 64 or self.window % 32:
            raise ValueError(f"window must be a multiple of 32 and at least 64, not {self.window}")
        if not 0 <= self.average < 1:
            raise ValueError(f"average must be at least 0 and below 1, not {self.average}")
        if not 0 <= self.hard <= 1:
            raise ValueError(f"hard is a share of windows, 0 to 1, not {self.hard}")
        if self.hard and not self.start:
            raise ValueError("hard places are where the network of start errs: name one")
        if self.deeper and not self.start:
            raise ValueError(
                "deeper adds levels to the network of start: name one, or use channels"
            )
        if not 0 <= self.teach <= 1:
            raise ValueError(f"teach is the share of the teachers, 0 to 1, not {self.teach}")
        collection_factors(self.weights)


def check_numbers(settings: object, **most: float) -> None:
    """Refuse numbers that are none, below 0 or too high.

    Parameters
    ----------
    settings : object
        With the numbers as attributes.
    **most : float
        Name and highest value.

    Raises
    ------
    ValueError
        If one is outside.
    """
    for name, highest in most.items():
        value = getattr(settings, name)
        if not (0 <= value <= highest and math.isfinite(value)):
            limit = "" if math.isinf(highest) else f" and {highest:g} at the most"
            raise ValueError(f"{name} must be a number of 0 or more{limit}, not {value}")


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
            raise ValueError(f"weights must look like COLLECTION=FACTOR, not {entry!r}") from error
        if not 0 <= factors[name] < math.inf:
            raise ValueError(f"the factor of a collection is a number, not negative: {entry!r}")
    return factors
