"""The fused network says what the plain one says."""

import pytest
import torch

from docbin_napari.model import fused
from docbin_napari.model.fused import FusedForward, fastest_forward
from docbin_napari.model.unet import UNet, UNetConfig


def make_network(config: UNetConfig) -> UNet:
    """A network with statistics in its batch norms, which are folded."""
    torch.manual_seed(3)
    network = UNet(config)
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 3, 64, 64))
    return network.fold_norms().move("cpu").requires_grad_(False)


@pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_convolution_pointwise"), reason="PyTorch without oneDNN"
)
@pytest.mark.parametrize(
    "config",
    [
        UNetConfig(channels=(16, 32)),
        UNetConfig(fold=1, channels=(8, 16, 16), blocks=2),
        UNetConfig(fold=4, channels=(32,)),
        UNetConfig(channels=(16, 32), page_ink=True),
    ],
)
def test_logits_are_those_of_the_plain_network(config):
    network = make_network(config)
    forward = fastest_forward(network)
    assert isinstance(forward, FusedForward)
    pixels = torch.randn(3, 3, 96, 64).contiguous(memory_format=torch.channels_last)
    before = pixels.clone()
    with torch.inference_mode():
        torch.testing.assert_close(forward(pixels), network(pixels), rtol=1e-4, atol=1e-4)
        assert torch.equal(pixels, before)


def test_the_plain_network_is_used_where_the_operators_are_missing(monkeypatch):
    class NoOperators:
        def __getattr__(self, name):
            raise AttributeError(name)

    network = make_network(UNetConfig(channels=(16, 32)))
    monkeypatch.setattr(fused.torch.ops, "mkldnn", NoOperators())
    assert fastest_forward(network) is network


def test_the_plain_network_is_used_where_the_answer_differs(monkeypatch):
    network = make_network(UNetConfig(channels=(16, 32)))
    monkeypatch.setattr(FusedForward, "__call__", lambda self, pixels: network(pixels) + 1)
    assert fastest_forward(network) is network
