"""Model files to networks that are ready to run, and back."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from docbin_napari.__about__ import __version__
from docbin_napari.io.atomic import atomic_path
from docbin_napari.model.device import Device, choose_device
from docbin_napari.model.header import network_trouble
from docbin_napari.model.ink_model import InkModel
from docbin_napari.model.normalisation import Normalisation
from docbin_napari.model.registry import (
    DEFAULT_MODEL,
    HEADER_KEY,
    ModelError,
    ModelInfo,
    find_model,
    tensor_shapes,
)
from docbin_napari.model.unet import UNet, UNetConfig, count_parameters

_LARGEST_WEIGHT = 1e15

__all__ = ["InkModel", "architecture", "load_model", "load_network", "save_model"]


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
        # Before a network of the size that the header names is built.
        trouble = network_trouble(info.header["architecture"], tensor_shapes(info.path))
        if trouble:
            raise ModelError(f"{info.path}: {trouble}")
        network = UNet(architecture(info))
        network.load_state_dict(load_file(info.path))
        _check_values(info.path, network)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{info.path}: the weights are damaged ({error})") from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{info.path}: written by docbin-napari {info.version}, "
            f"its network is not known to {__version__} ({str(error).splitlines()[0]})"
        ) from error
    return network


def _check_values(path: Path, network: UNet) -> None:
    """Refuse weights of which nothing but noise or white pages can come."""
    for name, tensor in network.state_dict().items():
        largest = float(tensor.abs().max()) if tensor.numel() else 0.0
        # A comparison with NaN is False, too.
        if not largest <= _LARGEST_WEIGHT or (
            name.endswith("running_var") and bool((tensor < 0).any())
        ):
            raise ModelError(
                f"{path}: the weights are damaged ({name} is not finite or out of range)"
            )


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
