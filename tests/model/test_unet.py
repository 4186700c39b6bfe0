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


def context(config: UNetConfig) -> int:
    """Pixels to each side of a pixel that its logit can depend on, at most."""
    levels = [config.fold * 2**level for level in range(len(config.channels))]
    reach = config.fold + levels[-1]  # the entrance, and positions inside one folded pixel
    reach += sum(2 * config.blocks * step for step in levels) + sum(2 * s for s in levels[:-1])
    return -(-reach // config.stride) * config.stride


@pytest.mark.parametrize("config", CONFIGS)
@given(row=st.integers(0, 255), column=st.integers(0, 255))
def test_no_logit_depends_on_pixels_beyond_the_context(config, row, column):
    network = ready(config)
    pixels = torch.zeros(1, 3, 256, 256)
    changed = pixels.clone()
    changed[..., row, column] = 50.0
    with torch.no_grad():
        reached = (network(pixels) != network(changed))[0, 0].nonzero()
    assert (reached - torch.tensor([row, column])).abs().max() <= context(config)


def told_of_ink() -> UNet:
    """A network to which the ink of a page makes a difference."""
    network = ready(UNetConfig(channels=(8, 8, 16), page_ink=True))
    for parameter in network.page_ink.parameters():
        torch.nn.init.normal_(parameter)
    return network


def test_at_first_the_ink_of_the_page_makes_no_difference():
    network = ready(UNetConfig(channels=(8, 8), page_ink=True))
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(pixels, torch.randn(2, 7)), network(pixels))


def test_each_window_is_read_with_the_ink_of_its_page():
    network, pixels = told_of_ink(), torch.randn(1, 3, 32, 32).expand(3, -1, -1, -1)
    ink = torch.tensor([[-1.0] * 7, [1.0] * 7, [1.0] * 5 + [torch.nan, 1.0]])
    with torch.no_grad():
        dark, light, unknown = network(pixels, ink)
        (untold,) = network(pixels[:1])
    torch.testing.assert_close(unknown, untold)
    assert (dark - light).abs().max() > 0.1
    assert (light - untold).abs().max() > 0.1


def test_an_open_edge_level_is_another_than_all_levels_and_than_an_unknown_page():
    network, pixels = told_of_ink(), torch.randn(1, 3, 32, 32).expand(3, -1, -1, -1)
    ink = torch.tensor([[1.0] * 6 + [level] for level in (0.0, 1.0, torch.nan)])
    with torch.no_grad():
        zero, one, is_open = network(pixels, ink)
        (untold,) = network(pixels[:1])
    for other in (zero, one, untold):
        assert (is_open - other).abs().max() > 0.1


@pytest.mark.parametrize(
    "settings", [{"fold": 0}, {"fold": 9}, {"channels": ()}, {"channels": (8, 0)}]
)
def test_settings_must_be_ones_that_a_file_can_store(settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} must lie between"):
        UNetConfig(**settings)
