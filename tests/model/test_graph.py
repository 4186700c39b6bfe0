"""The graph of OpenVINO says what the network of torch says."""

import numpy as np
import pytest
import torch

from docbin_napari.model.engine import Device, EngineConfig
from docbin_napari.model.ink_model import Normalisation
from docbin_napari.model.model_file import UNetConfig
from docbin_napari.model.openvino_engine import OpenVINOEngine, RangeObserver, page_shifts
from docbin_napari.model.torch_engine import TorchEngine
from docbin_napari.model.unet import UNet

NORMALISATION = Normalisation(150.0, 50.0)
IN_FLOAT32 = EngineConfig(precision="f32")
UNKNOWN = np.full(7, np.nan, np.float32)
CONFIGS = [
    UNetConfig(fold=1, channels=(8, 8)),
    UNetConfig(fold=2, channels=(8, 12), blocks=2),
    UNetConfig(fold=4, channels=(8, 8, 16), page_ink=True),
    UNetConfig(channels=(4, 4, 4, 4, 4, 4), page_ink=True),
]


def trained(config: UNetConfig) -> UNet:
    """A network with statistics and weights as after a training."""
    torch.manual_seed(0)
    network = UNet(config)
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.uniform_(-0.3, 0.3)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    if network.page_ink is not None:
        for parameter in network.page_ink.parameters():
            torch.nn.init.normal_(parameter)
    return network.eval()


def tensors_of(network: UNet) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy().copy() for name, value in network.state_dict().items()}


def windows_for(config: UNetConfig, count: int = 2) -> np.ndarray:
    size = (count, 3 * config.stride, 2 * config.stride, 3)
    return np.random.default_rng(0).integers(0, 256, size, np.uint8)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("level", [-1.0, 0.5, np.nan])
def test_both_engines_give_the_same_logits(config, level):
    network = trained(config)
    ours = OpenVINOEngine(config, tensors_of(network), NORMALISATION, None, IN_FLOAT32)
    theirs = TorchEngine(network, NORMALISATION, Device("cpu", "float32", "chosen by the test"))
    windows = windows_for(config)
    for condition in (UNKNOWN, np.array([0.5, 0.2, 0.1, -1, -0.5, 0, level], np.float32)):
        expected = theirs.logits(windows, condition)
        assert expected.std() > 0.01, "a network that says the same everywhere proves nothing"
        found = ours.logits(windows, condition)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_a_page_whose_colours_are_not_known_shifts_nothing():
    config = UNetConfig(channels=(8, 8), page_ink=True)
    tensors = tensors_of(trained(config))
    assert not page_shifts(config, tensors, np.array([np.nan] * 6 + [0.5], np.float32)).any()
    assert page_shifts(config, tensors, np.array([0.5] * 6 + [np.nan], np.float32)).any()


def test_ranges_hold_what_was_seen_of_every_feature():
    config = UNetConfig(channels=(8, 8))
    watched = RangeObserver(config, tensors_of(trained(config)), NORMALISATION, None, IN_FLOAT32)
    for windows in (windows_for(config, 3), 255 - windows_for(config, 1)):
        assert watched.logits(windows, UNKNOWN).shape == windows.shape[:3]
    half, all_of_it = watched.ranges(0.5), watched.ranges(1.0)
    assert set(all_of_it) == {
        *("level.0", "level.1", "up.0", "sum.0"),
        *("encoder.0.0.inner", "encoder.0.0.outer", "encoder.1.0.inner", "encoder.1.0.outer"),
        *("decoder.0.inner", "decoder.0.outer"),
    }
    for name, (low, high) in all_of_it.items():
        assert low <= half[name][0] <= 0 < half[name][1] <= high
        # Behind a ReLU nothing is negative.
        assert (low < 0) == name.startswith(("up", "sum"))
