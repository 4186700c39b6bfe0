"""Grown networks say what the small one said, until they learn."""

import pytest
import torch

from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.train.start import grown


@pytest.fixture
def small():
    torch.manual_seed(1)
    network = UNet(UNetConfig(channels=(8, 16)))
    network(torch.randn(2, 3, 64, 64))  # gives the batch norms statistics of their own
    return network.eval()


@pytest.mark.parametrize("deeper", [(), (16,), (16, 8)])
def test_a_grown_network_says_the_same_at_first(small, deeper):
    large = grown(small, deeper).eval()
    pixels = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(large(pixels), small(pixels))
    assert large.config.channels == (8, 16, *deeper)
    assert large.config.page_ink


def test_a_grown_network_learns_with_its_new_levels(small):
    large = grown(small, (16, 8)).train()
    optimizer = torch.optim.SGD(large.parameters(), lr=0.1)
    before = {name: value.clone() for name, value in large.named_parameters()}
    for _ in range(2):
        optimizer.zero_grad()
        large(torch.randn(2, 3, 64, 64)).square().mean().backward()
        optimizer.step()
    moved = {
        name for name, value in large.named_parameters() if not torch.equal(value, before[name])
    }
    assert {"up.1.norm.weight", "decoder.1.second.norm.weight", "up.1.conv.weight"} <= moved


def test_a_network_with_nothing_to_add_stays_itself(small):
    whole = grown(small, ())
    assert grown(whole, ()) is whole


@pytest.mark.parametrize("deeper", [(), (8,), (16, 8)])
def test_what_was_learnt_of_the_ink_of_the_page_is_kept(deeper):
    torch.manual_seed(2)
    small = UNet(UNetConfig(channels=(8, 16), page_ink=True)).eval()
    torch.nn.init.normal_(small.page_ink.shifts.weight)
    large = grown(small, deeper).eval()
    pixels, ink = torch.randn(1, 3, 64, 64), torch.randn(1, 7)
    with torch.no_grad():
        assert not torch.allclose(small(pixels, ink), small(pixels))
        assert torch.equal(large(pixels, ink), small(pixels, ink))
