"""Where a training begins."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from docbin_napari.model.ink_model import save_model
from docbin_napari.model.model_file import ModelError
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.train.learning import Learner
from docbin_napari.train.start import starting_network
from docbin_napari.train.train_config import TrainConfig


def model_file(path: Path, value: float, channels: tuple[int, ...] = (8, 8)) -> str:
    """A network whose weights and statistics are all one value."""
    network = UNet(UNetConfig(channels=channels, page_ink=True))
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.fill_(value)
    save_model(path, network, {"threshold": 0.5, "calibration": {}})
    return str(path)


def config(*start: str) -> TrainConfig:
    return TrainConfig(train=(), validate=(), output="new", start=start)


def test_several_models_are_averaged(tmp_path):
    start = [model_file(tmp_path / f"{value}.safetensors", value) for value in (1.0, 3.0, 5.0)]
    learner = Learner.of(starting_network(config(*start)), config(*start))
    for network in (learner.network, learner.average):
        assert network.config.channels == (8, 8)
        assert all(bool((tensor == 3).all()) for tensor in network.state_dict().values())


def test_a_start_that_is_not_told_of_ink_learns_it_without_a_jump(tmp_path):
    network = UNet(UNetConfig(channels=(8, 8))).eval()
    start = tmp_path / "start.safetensors"
    save_model(start, network, {"threshold": 0.5, "calibration": {}})
    told = starting_network(config(str(start))).eval()
    assert told.config == replace(network.config, page_ink=True)
    pixels = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(told(pixels, torch.zeros(1, 7)), network(pixels))


def test_models_that_are_not_alike_are_refused(tmp_path):
    start = [
        model_file(tmp_path / "narrow.safetensors", 1.0),
        model_file(tmp_path / "wide.safetensors", 1.0, channels=(16, 16)),
    ]
    with pytest.raises(ModelError, match="different architectures"):
        starting_network(config(*start))
