"""A model file with a tiny network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_small_model(folder: Path) -> Path:
    """Write a model of random weights, always the same, that reads pages at once."""
    import torch

    from docbin_napari.model.ink_model import save_model
    from docbin_napari.model.unet import UNet, UNetConfig

    torch.manual_seed(1)
    network = UNet(UNetConfig(fold=2, channels=(8, 8)))
    header = {"threshold": 0.4, "calibration": {"temperature": 1.5, "bias": -0.1}}
    path = folder / "tiny.safetensors"
    save_model(path, network, {**header, "title": "Random numbers", "training_data": "nothing"})
    return path
