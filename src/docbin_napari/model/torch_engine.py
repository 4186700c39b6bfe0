"""Run a network with torch: on GPUs, during training and as the reference."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from docbin_napari.model.engine import DTYPES, Device, DeviceError, Engine, choose_device
from docbin_napari.model.ink_model import InkModel, Normalisation, load_network
from docbin_napari.model.model_file import ModelInfo
from docbin_napari.model.unet import UNet

_PIXELS_AT_ONCE = {"cpu": 2**20, "cuda": 2**24, "mps": 2**22}


class TorchEngine(Engine):
    """Runs a network with torch.

    Parameters
    ----------
    network : UNet
        In evaluation mode; its batch norms are folded and it is moved to the device.
    normalisation : Normalisation
        What is done to the pixels.
    device : Device
        Where to run and with which number format.
    """

    def __init__(self, network: UNet, normalisation: Normalisation, device: Device) -> None:
        self.config, self.device = network.config, device
        self.pixels_at_once = _PIXELS_AT_ONCE[device.name]
        self._normalisation = normalisation
        self._network = network.fold_norms().move(device.name, device.torch_dtype)
        self._network.requires_grad_(False)

    def on_cpu(self) -> TorchEngine:
        """Give an engine for the same network on the CPU; itself if it runs there."""
        if self.device.name == "cpu":
            return self
        return TorchEngine(copy.deepcopy(self._network), self._normalisation, choose_device("cpu"))

    @torch.inference_mode()
    def logits(
        self, windows: NDArray[np.uint8], condition: NDArray[np.float32], streams: int = 1
    ) -> NDArray[np.float32]:
        """Run the network, see `docbin_napari.model.engine.Engine`."""
        # PyTorch takes neither read-only arrays nor flipped ones.
        shared = torch.from_numpy(np.require(windows, requirements=["C", "W"]))
        on_gpu = self.device.name == "cuda"
        uploaded = (shared.pin_memory() if on_gpu else shared).to(
            self.device.name, non_blocking=on_gpu
        )
        colours = uploaded.permute(0, 3, 1, 2).float()
        pixels = self._normalisation.of(colours).to(
            self.device.torch_dtype, memory_format=torch.channels_last
        )
        ink = torch.from_numpy(condition).to(self.device.name).expand(len(pixels), -1)
        logits: NDArray[np.float32] = self._network(pixels, ink)[:, 0].float().cpu().numpy()
        return logits


def torch_model(
    network: UNet, info: ModelInfo, device: Device, base: InkModel | None = None
) -> InkModel:
    """Make a model of a network that has no file of its own, to be run by torch.

    Parameters
    ----------
    network : UNet
        As `TorchEngine` takes it.
    info : ModelInfo
        What a file of it would say about itself.
    device : Device
        Where to run and with which number format.
    base : InkModel, optional
        As `InkModel` takes it.

    Returns
    -------
    InkModel
        Ready to run.
    """
    return InkModel(TorchEngine(network, Normalisation.of_model(info), device), info, base)


def load_torch_engine(
    info: ModelInfo, device: str = "auto", precision: str = "auto"
) -> TorchEngine:
    """Load the network of a model file; see `docbin_napari.model.engine.load_engine`."""
    if precision == "int8":
        raise DeviceError("torch runs no int8: use --engine openvino, or --precision bf16 or f32")
    chosen = choose_device(device)
    if precision != "auto":
        chosen = replace(chosen, dtype=DTYPES[precision], reason="asked for")
    return TorchEngine(load_network(info), Normalisation.of_model(info), chosen)
