"""The tiny model in float32, so that geometry is not blurred by rounding."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from docbin_napari.model.device import Device
from docbin_napari.model.registry import find_model
from docbin_napari.model.unet import UNet
from docbin_napari.model.weights import InkModel, architecture


@pytest.fixture(scope="session")
def tiny_model(tiny_model_file: Path) -> InkModel:
    """Random weights on the CPU; every logit depends on all pixels of its context."""
    info = find_model(tiny_model_file)
    network = UNet(architecture(info))
    network.load_state_dict(load_file(tiny_model_file))
    return InkModel(network, info, Device("cpu", "float32", "chosen by the test"))
