"""Load model files as networks, and save them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docbin_napari.__about__ import __version__
from docbin_napari.io.atomic import atomic_path
from docbin_napari.model.architecture import architecture
from docbin_napari.model.engine import EngineConfig, load_engine
from docbin_napari.model.ink_model import InkModel
from docbin_napari.model.normalisation import Normalisation
from docbin_napari.model.registry import (
    DEFAULT_MODEL,
    HEADER_KEY,
    ModelError,
    ModelInfo,
    find_model,
)
from docbin_napari.model.tensors import checked, load_tensors

if TYPE_CHECKING:
    from docbin_napari.model.unet import UNet

__all__ = ["architecture", "load_model", "load_network", "save_model"]


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
    """The model that a fine-tuned one leaves unfamiliar pages to."""
    if "pages_known" not in info.header:
        return None
    name = str(info.header.get("base", {}).get("name", ""))
    try:
        base = find_model(name)
        return InkModel(load_engine(base, device, engine), base)
    except ModelError as error:
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
        network = UNet(architecture(info))
        network.load_state_dict({name: torch.from_numpy(value) for name, value in tensors.items()})
    return network


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
    return find_model(path)
