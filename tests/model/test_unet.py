import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.model.unet import UNet, UNetConfig

CONFIGS = [
    UNetConfig(fold=1, channels=(4, 8, 8)),
    UNetConfig(fold=2, channels=(8, 8, 16)),
    UNetConfig(fold=4, channels=(8, 16), blocks=2),
]


def ready(config: UNetConfig) -> UNet:
    torch.manual_seed(0)
    network = UNet(config)
    network.train()
    network(torch.randn(2, 3, 64, 64))  # gives the batch norms statistics of their own
    return network.eval()


@pytest.mark.parametrize("config", CONFIGS)
def test_one_logit_for_every_pixel(config):
    with torch.no_grad():
        assert ready(config)(torch.zeros(2, 3, 32, 48)).shape == (2, 1, 32, 48)


@pytest.mark.parametrize("config", CONFIGS)
def test_folding_the_norms_changes_nothing(config):
    network = ready(config)
    pixels = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        before = network(pixels)
        after = network.fold_norms()(pixels)
        again = network.fold_norms()(pixels)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(again, after)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("config", CONFIGS)
@given(row=st.integers(0, 255), column=st.integers(0, 255))
def test_no_logit_depends_on_pixels_beyond_the_context(config, row, column):
    network = ready(config)
    pixels = torch.zeros(1, 3, 256, 256)
    changed = pixels.clone()
    changed[..., row, column] = 50.0
    with torch.no_grad():
        reached = (network(pixels) != network(changed))[0, 0].nonzero()
    assert (reached - torch.tensor([row, column])).abs().max() <= config.context
    assert config.context % config.stride == 0


def test_settings_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        UNetConfig(fold=0)
    with pytest.raises(ValueError, match="positive"):
        UNetConfig(channels=())
