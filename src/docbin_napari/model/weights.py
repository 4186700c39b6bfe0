"""Model files to networks that are ready to run, and back."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from docbin_napari.__about__ import __version__
from docbin_napari.io.atomic import atomic_path
from docbin_napari.model.calibration import Calibration
from docbin_napari.model.device import Device, choose_device
from docbin_napari.model.fused import fastest_forward
from docbin_napari.model.page_look import FamiliarPages
from docbin_napari.model.registry import (
    DEFAULT_MODEL,
    HEADER_KEY,
    ModelError,
    ModelInfo,
    find_model,
)
from docbin_napari.model.unet import UNet, UNetConfig, count_parameters

if TYPE_CHECKING:
    from docbin_napari.io.row_source import RowSource


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


class InkModel:
    """A network on its device, ready to run; made by `load_model`.

    Parameters
    ----------
    network : UNet
        In evaluation mode; its batch norms are folded and it is moved to the device.
    info : ModelInfo
        What the file says about itself.
    device : Device
        Where to run and with which number format.
    base : InkModel, optional
        Reads the pages that are unlike all that this model has learnt from, if its file says
        which these are.

    Raises
    ------
    ModelError
        If what the file says about these pages cannot be read.
    """

    def __init__(
        self, network: UNet, info: ModelInfo, device: Device, base: InkModel | None = None
    ) -> None:
        self.info = info
        self.device = device
        self.calibration = Calibration(**info.header.get("calibration", {}))
        self._familiar = _familiar_pages(info)
        self._base = base and base._cut_at(self.threshold)
        self._normalisation = Normalisation(**info.header.get("normalisation", {}))
        self._network = network.fold_norms().move(device.name, device.torch_dtype)
        self._network.requires_grad_(False)
        self._forward = fastest_forward(self._network)

    def on_cpu(self) -> InkModel:
        """Give the same model on the CPU, for where the memory of the device ends.

        Returns
        -------
        InkModel
            A copy.
        """
        return InkModel(copy.deepcopy(self._network), self.info, choose_device("cpu"))

    def for_page(self, pixels: RowSource) -> InkModel:
        """Choose who reads a page.

        Parameters
        ----------
        pixels : RowSource
            uint8 (H, W, 3), RGB.

        Returns
        -------
        InkModel
            This model; its base for a page that is unlike all pages it has learnt from. Both
            have the same threshold.
        """
        if self._base is None or self._familiar is None or self._familiar.include(pixels):
            return self
        return self._base

    def _cut_at(self, threshold: float) -> InkModel:
        """The same model, its probabilities moved so that its threshold becomes another one."""
        moved = copy.copy(self)
        moved.calibration = self.calibration.moved(self.threshold, threshold)
        moved.info = replace(self.info, header={**self.info.header, "threshold": threshold})
        return moved

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink, 0 to 1."""
        return self.info.threshold

    @property
    def stride(self) -> int:
        """Window sides must be multiples of this, pixels."""
        return self._network.config.stride

    @property
    def context(self) -> int:
        """Pixels to each side that a logit can depend on."""
        return self._network.config.context

    def upload(self, rows: np.ndarray) -> Tensor:
        """Bring rows of a page to the device, as they are.

        Parameters
        ----------
        rows : ndarray
            uint8 (H, W, 3), RGB.

        Returns
        -------
        Tensor
            uint8 (H, W, 3). On the CPU it shares the memory of `rows` where it can.
        """
        # PyTorch takes neither read-only arrays nor flipped ones.
        shared = torch.from_numpy(np.require(rows, requirements=["C", "W"]))
        if self.device.name == "cuda":
            # Page-locked memory goes over while the GPU is still busy with the rows before.
            return shared.pin_memory().to(self.device.name, non_blocking=True)
        return shared.to(self.device.name)

    def normalise(self, windows: Tensor) -> Tensor:
        """Turn colours into what the network was trained with.

        Parameters
        ----------
        windows : Tensor
            uint8 (N, H, W, 3), RGB, on the device.

        Returns
        -------
        Tensor
            (N, 3, H, W) in channels-last layout and the device's number format.
        """
        norm = self._normalisation
        scaled = (windows.permute(0, 3, 1, 2).float() - norm.mean) / norm.deviation
        return scaled.to(self.device.torch_dtype, memory_format=torch.channels_last)

    @torch.inference_mode()
    def logits(self, pixels: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        pixels : Tensor
            As `normalise` gives them, sides multiples of `stride`.

        Returns
        -------
        Tensor
            Logits of ink, float32 (N, H, W), on the device.
        """
        channels_last = pixels.contiguous(memory_format=torch.channels_last)
        logits = self._forward(channels_last)
        return logits[:, 0].float()


def load_model(name_or_path: str | Path = DEFAULT_MODEL, device: str = "auto") -> InkModel:
    """Load a model by name or file and put it on a device.

    Parameters
    ----------
    name_or_path : str or Path
        A name from ``docbin models``, or a ``.safetensors`` file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.

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
    chosen = choose_device(device)
    return InkModel(load_network(info), info, chosen, _load_base(info, chosen))


def _load_base(info: ModelInfo, device: Device) -> InkModel | None:
    """The model that a fine-tuned one leaves unfamiliar pages to."""
    if "pages_known" not in info.header:
        return None
    name = str(info.header.get("base", {}).get("name", ""))
    try:
        base = find_model(name)
        return InkModel(load_network(base), base, device)
    except ModelError as error:
        warnings.warn(
            f"{info.name} leaves pages that it does not know to {name or 'its base'}, which "
            f"cannot be loaded, so it reads them itself ({error})",
            stacklevel=3,
        )
        return None


def _familiar_pages(info: ModelInfo) -> FamiliarPages | None:
    stored = info.header.get("pages_known")
    try:
        return None if stored is None else FamiliarPages.from_header(stored)
    except ValueError as error:
        raise ModelError(f"{info.path}: {error}") from error


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
    try:
        network = UNet(architecture(info))
        network.load_state_dict(load_file(info.path))
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{info.path}: the weights are damaged ({error})") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{info.path}: written by docbin-napari {info.version}, "
            f"its network is not known to {__version__} ({str(error).splitlines()[0]})"
        ) from error
    return network


def architecture(info: ModelInfo) -> UNetConfig:
    """Architecture of a model file.

    Parameters
    ----------
    info : ModelInfo
        From `find_model`.

    Returns
    -------
    UNetConfig
        The settings of its network.
    """
    stored = dict(info.header["architecture"])
    return UNetConfig(**{**stored, "channels": tuple(stored["channels"])})


def save_model(path: Path, network: UNet, header: Mapping[str, Any]) -> ModelInfo:
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

    Returns
    -------
    ModelInfo
        What the new file says about itself.
    """
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
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={HEADER_KEY: json.dumps(complete)}))
    return find_model(path)
