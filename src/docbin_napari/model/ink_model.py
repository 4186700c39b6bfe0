"""A network with the settings of its file: normalisation, calibration, threshold."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from docbin_napari.__about__ import __version__
from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.page_look import FamiliarPages
from docbin_napari.io.paths import atomic_path
from docbin_napari.model.engine import EngineConfig, load_engine
from docbin_napari.model.model_file import (
    DEFAULT_MODEL,
    HEADER_KEY,
    ModelError,
    ModelInfo,
    checked,
    find_model,
    load_tensors,
    read_info,
)
from docbin_napari.pairs.provenance import folder_key

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from docbin_napari.features.survey import PageSurvey
    from docbin_napari.model.engine import Device, Engine
    from docbin_napari.model.unet import UNet

    Colours = TypeVar("Colours", Tensor, NDArray[np.float32])


@dataclass(frozen=True)
class Normalisation:
    """What is done to RGB before the network: ``(pixels - mean) / deviation``.

    Parameters
    ----------
    mean, deviation : float
        In units of the 8-bit values, the same for the three channels.
    """

    mean: float = 170.0
    deviation: float = 60.0

    @classmethod
    def of_model(cls, info: ModelInfo) -> Normalisation:
        """Read the header of a model file."""
        return cls(**info.header.get("normalisation", {}))

    def of(self, colours: Colours) -> Colours:
        """Normalise colours, float, 0 to 255; any shape."""
        return (colours - self.mean) / self.deviation

    def undo(self, values: Colours) -> Colours:
        """Give the colours, 0 to 255, of normalised values; any shape."""
        return values * self.deviation + self.mean


def page_condition(
    ink: NDArray[np.float32] | None, edge_level: float | None, normalisation: Normalisation
) -> NDArray[np.float32]:
    """Combine what a network is given of a page.

    Parameters
    ----------
    ink : ndarray or None
        float32 (6,), from `page_ink`; None where nothing stands out from the paper.
    edge_level : float or None
        Where edges of strokes are to be cut, 0 to 1; None leaves it to the network.
    normalisation : Normalisation
        Of the model.

    Returns
    -------
    ndarray
        float32 (7,), normalised, as `UNet.forward` takes it; NaN where it is not known.
    """
    colours = np.full(6, np.nan) if ink is None else ink
    edge = np.nan if edge_level is None else 255 * edge_level
    return normalisation.of(np.append(colours, edge).astype(np.float32))


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling with a bias: ``sigmoid(logit / temperature + bias)``.

    Guo et al. 2017, arXiv:1706.04599; with a bias it is Platt's scaling (1999).

    Parameters
    ----------
    temperature : float
        Above 0. Above 1 the network was too sure of itself.
    bias : float
        Added after the division; positive values raise the probability of ink everywhere.
    """

    temperature: float = 1.0
    bias: float = 0.0

    def probability(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the calibrated probability of ink.

        Parameters
        ----------
        logits : ndarray
            float32, any shape.

        Returns
        -------
        ndarray
            float32 of the same shape, 0 to 1.

        Examples
        --------
        >>> Calibration(2.0).probability(np.zeros(1, np.float32)).tolist()
        [0.5]
        """
        # 1 / (1 + exp(-x)) in place; of what is below -80 the exponential would overflow.
        found = logits * np.float32(-1 / self.temperature) - np.float32(self.bias)
        np.exp(np.minimum(found, 80, out=found), out=found)
        found += 1
        return np.asarray(np.reciprocal(found, out=found))

    def logit(self, probability: float) -> float:
        """Compute the raw logit of a calibrated probability; undoes `probability`.

        Parameters
        ----------
        probability : float
            0 to 1, both excluded.

        Returns
        -------
        float
            Logit of the network.

        Examples
        --------
        >>> Calibration(2.0, 1.0).logit(0.5)
        -2.0
        """
        return (_log_odds(probability) - self.bias) * self.temperature

    def moved(self, threshold: float, to: float) -> Calibration:
        """Move all probabilities so that a new threshold selects the same pixels as the old one.

        Parameters
        ----------
        threshold : float
            Cuts the probabilities of this calibration, 0 to 1.
        to : float
            Cuts those of the new one at the same logits, 0 to 1.

        Returns
        -------
        Calibration
            This one where both are the same.

        Examples
        --------
        >>> moved = Calibration(2.0, 1.0).moved(0.5, 0.8)
        >>> round(moved.logit(0.8), 6) == Calibration(2.0, 1.0).logit(0.5)
        True
        """
        if threshold == to:
            return self
        return Calibration(self.temperature, self.bias + _log_odds(to) - _log_odds(threshold))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


def fit_calibration(logits: NDArray[np.float32], ink: NDArray[np.bool_]) -> Calibration:
    """Fit temperature and bias on held-out pixels by maximum likelihood.

    Parameters
    ----------
    logits : ndarray
        Float (N,), logits of the network as they are blended at inference.
    ink : ndarray
        bool (N,), the ground truth.

    Returns
    -------
    Calibration
        The fit. Its log-likelihood on these pixels is never below that of ``Calibration()``.

    Raises
    ------
    ValueError
        If there is no pixel.
    """
    if not logits.size:
        raise ValueError("no labelled pixel to fit a calibration on")
    from scipy.optimize import minimize

    values, target = logits.astype(np.float64), ink.astype(np.float64)

    def loss(fit: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shifted = values * fit[0] + fit[1]
        error = 0.5 * (1 + np.tanh(shifted / 2)) - target
        likelihood = np.logaddexp(0, shifted) - target * shifted
        return float(likelihood.mean()), np.array([(error * values).mean(), error.mean()])

    scale, bias = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    if scale <= 0:
        return Calibration()
    return Calibration(temperature=1 / float(scale), bias=float(bias))


@dataclass(frozen=True, eq=False)
class InkModel:
    """A network in its engine, with the settings of its file; made by `load_model`.

    Parameters
    ----------
    engine : Engine
        Runs the network.
    info : ModelInfo
        What the file says about itself.
    base : InkModel, optional
        Reads the pages that are unlike all that this model has learnt from, if its file says
        which these are.

    Raises
    ------
    ModelError
        If what the file says about these pages cannot be read.
    """

    engine: Engine
    info: ModelInfo
    base: InkModel | None = None
    familiar: FamiliarPages | None = field(init=False)

    def __post_init__(self) -> None:
        stored = self.info.header.get("pages_known")
        try:
            familiar = None if stored is None else FamiliarPages.from_header(stored)
        except ValueError as error:
            raise ModelError(f"{self.info.path}: {error}") from error
        object.__setattr__(self, "familiar", familiar)

    @property
    def device(self) -> Device:
        """Where it runs, with which numbers, and why."""
        return self.engine.device

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink, 0 to 1."""
        return self.info.threshold

    @cached_property
    def normalisation(self) -> Normalisation:
        """What is done to colours before the network."""
        return Normalisation.of_model(self.info)

    @cached_property
    def calibration(self) -> Calibration:
        """From logits to probabilities."""
        return Calibration(**self.info.header.get("calibration", {}))

    @property
    def edge_level(self) -> float | None:
        """Where edges of strokes are cut, as `edge_level` measures it: low is bold, 0 to 1.

        None where the network draws strokes as bold as it expects on a page.
        """
        level = self.info.header.get("edge_level", USUAL_EDGE_LEVEL)
        return None if level is None else float(level)

    def on_cpu(self) -> InkModel:
        """Give the same model on the CPU, for when the device runs out of memory."""
        return replace(self, engine=self.engine.on_cpu())

    def with_edge_level(self, level: float | None) -> InkModel:
        """Give the same model with bolder or thinner strokes.

        Parameters
        ----------
        level : float or None
            Edge level, 0 to 1; None leaves it to the network. Networks that have not learnt from
            edge levels take no notice.

        Returns
        -------
        InkModel
            A copy.
        """
        base = self.base and self.base.with_edge_level(level)
        return replace(self, info=_changed(self.info, edge_level=level), base=base)

    def for_file(self, file: Path | None) -> InkModel:
        """Give the same model, which reads all pages of the folders that its own pages lie in.

        Parameters
        ----------
        file : Path, optional
            Of the pages that are going to be read.

        Returns
        -------
        InkModel
            This model, or a copy that leaves no page to its base.
        """
        folders = self.familiar.folders if self.familiar else ()
        if file is None or folder_key(file) not in folders:
            return self
        return replace(self, info=_changed(self.info, pages_known=None))

    def for_page(self, survey: PageSurvey) -> InkModel:
        """Choose which model reads a page: this one, or its base.

        Parameters
        ----------
        survey : PageSurvey
            Of the page.

        Returns
        -------
        InkModel
            This model; its base for a page that is unlike all pages it has learnt from, with the
            threshold of this model.
        """
        if self.base is None or self.familiar is None or self.familiar.include(survey):
            return self
        base = self.base
        moved = asdict(base.calibration.moved(base.threshold, self.threshold))
        return replace(base, info=_changed(base.info, threshold=self.threshold, calibration=moved))


def _changed(info: ModelInfo, **changes: Any) -> ModelInfo:
    return replace(info, header={**info.header, **changes})


def load_model(
    name_or_path: str | Path = DEFAULT_MODEL,
    device: str = "auto",
    engine: EngineConfig | None = None,
) -> InkModel:
    """Load a model by name or file and put it on a device.

    Parameters
    ----------
    name_or_path : str or Path
        A name from ``docbin models``, or a ``.safetensors`` file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.
    engine : EngineConfig, optional
        What runs it; chosen for the device by default. On a CPU that is OpenVINO, and torch is
        not loaded.

    Returns
    -------
    InkModel
        Ready for `ink_probability` and `binarize`.

    Raises
    ------
    ModelError
        If there is no such model, or the file is damaged or of another kind.
    DeviceError
        If the device is not there.

    Examples
    --------
    >>> model = load_model("general-1", device="cpu")
    >>> 0 < model.threshold < 1
    True
    """
    info = find_model(name_or_path)
    return InkModel(load_engine(info, device, engine), info, _load_base(info, device, engine))


def _load_base(info: ModelInfo, device: str, engine: EngineConfig | None) -> InkModel | None:
    """Load the model that reads the unfamiliar pages and chooses the size of all."""
    if "base" not in info.header:
        return None
    name = str(info.header["base"].get("name", ""))
    try:
        base = find_model(name)
        return InkModel(load_engine(base, device, engine), base)
    except ModelError as error:
        if "pages_known" in info.header:
            warnings.warn(
                f"{info.name} leaves pages that it does not know to {name or 'its base'}, which "
                f"cannot be loaded, so it reads them itself ({error})",
                stacklevel=3,
            )
        return None


def load_network(info: ModelInfo) -> UNet:
    """Load the network of a model file, as it was trained.

    Parameters
    ----------
    info : ModelInfo
        From `find_model`.

    Returns
    -------
    UNet
        On the CPU in float32, batch norms not folded.

    Raises
    ------
    ModelError
        If the file is damaged or of another version.
    """
    import torch

    from docbin_napari.model.unet import UNet

    with checked(info):
        tensors = load_tensors(info)
        network = UNet(info.architecture)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return network


PLAIN: Mapping[str, Any] = {"threshold": 0.5, "calibration": {}, "edge_level": None}
"""Header of a model that is not finished."""


def run_through_file(network: UNet, path: Path, device: str) -> InkModel:
    """Write an unfinished model, and load it as users load theirs.

    Parameters
    ----------
    network : UNet
        The network, batch norms not folded.
    path : Path
        The file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.

    Returns
    -------
    InkModel
        Ready to run.

    Raises
    ------
    ModelError, DeviceError
        As `load_model`.
    """
    save_model(path, network, PLAIN)
    return load_model(path, device)


def save_model(
    path: Path, network: UNet, header: Mapping[str, Any], *, compact: bool = False
) -> ModelInfo:
    """Write a model file, atomically.

    Parameters
    ----------
    path : Path
        The ``.safetensors`` file to write; an old one is replaced at the end.
    network : UNet
        The network, batch norms not folded.
    header : mapping
        ``threshold`` and ``calibration``, and what people want to know: ``title``,
        ``training_data``, ``figures``, and so on; JSON values only.
    compact : bool, optional
        Whether weights of convolutions are rounded to 16-bit floats; the file is half as large.

    Returns
    -------
    ModelInfo
        What the new file says about itself.
    """
    from safetensors.torch import save

    from docbin_napari.model.unet import count_parameters

    complete = {
        "architecture": asdict(network.config),
        "normalisation": asdict(Normalisation()),
        "parameters": count_parameters(network),
        "version": __version__,
        **header,
    }
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    if compact:
        tensors |= {name: value.half() for name, value in tensors.items() if value.ndim == 4}
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={HEADER_KEY: json.dumps(complete)}))
    return read_info(path)
