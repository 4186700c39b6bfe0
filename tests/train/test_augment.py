import dataclasses

import numpy as np
import pytest
import torch

from docbin_napari.train import augment as changes
from docbin_napari.train.augment import augment
from docbin_napari.train.config import AugmentConfig

NOTHING = AugmentConfig(
    **{
        field.name: 0.0
        for field in dataclasses.fields(AugmentConfig)
        if field.name not in ("scale", "warp", "mirror")
    }
)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    truth = torch.zeros(4, 2, 64, 64)
    truth[:, 0, 20:24, 8:56] = 1
    truth[:, 1] = 1
    pixels = 220 + 5 * torch.randn(4, 3, 64, 64)
    pixels = torch.where(truth[:, :1] > 0, 40.0, pixels).clamp(0, 255)
    return pixels, truth


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_no_chance_no_change(batch):
    pixels, truth = batch
    assert torch.equal(augment(pixels, truth, NOTHING, random()), pixels)


@pytest.mark.parametrize(
    "name", ["bleed", "light", "fade", "colour", "gray", "blur", "noise", "jpeg", "edge"]
)
def test_each_change_alone_changes_the_page_within_range(batch, name):
    pixels, truth = batch
    pixels[:, 1] *= 0.9  # gray would not change a gray page
    config = dataclasses.replace(NOTHING, **{name: 1.0})
    ink = truth.clone()
    changed = augment(pixels, ink, config, random())
    assert not torch.equal(changed, pixels)
    assert changed.shape == pixels.shape
    assert changed.min() >= 0
    assert changed.max() <= 255
    assert torch.isfinite(changed).all()
    if name != "edge":
        assert torch.equal(ink, truth)


def test_all_together_are_repeatable_and_leave_the_input_alone(batch):
    pixels, truth = batch
    before = pixels.clone()
    one = augment(pixels, truth.clone(), AugmentConfig(), random(3))
    same = augment(pixels, truth.clone(), AugmentConfig(), random(3))
    assert torch.equal(one, same)
    assert torch.equal(pixels, before)


def test_faded_ink_is_lighter_but_not_lighter_than_paper(batch):
    pixels, truth = batch
    faded = changes.fade(pixels, truth[:, :1], random())
    ink = truth[:, :1].expand_as(pixels) > 0
    assert faded[ink].mean() > pixels[ink].mean() + 10
    assert faded[ink].mean() < pixels[~ink].mean()


def test_print_through_darkens_only_where_the_other_ink_is(batch):
    pixels, truth = batch
    elsewhere = truth[:, :1].roll(20, dims=2)
    shown = changes.bleed(pixels, elsewhere, random())
    assert (shown <= pixels).all()
    far = torch.zeros_like(elsewhere, dtype=torch.bool)
    far[:, :, :30] = True
    assert torch.equal(shown[far.expand_as(pixels)], pixels[far.expand_as(pixels)])
    assert shown[elsewhere.expand_as(pixels) > 0].mean() < 215


def test_no_ink_beyond_a_page_edge(batch):
    pixels, truth = batch
    truth[:, 0] = 1
    truth[:, 1] = 0
    edged = changes.page_edges(pixels.clone(), truth, 1.0, random())
    beyond = truth[:, 1] == 1
    assert beyond.any()
    assert (truth[:, 0][beyond] == 0).all()
    for window, outside in zip(edged, beyond, strict=True):
        assert window[0, outside].std() < 10, "plain background, not what was on the page"
    inside = ~beyond[:, None].expand_as(pixels)
    assert torch.equal(edged[inside], pixels[inside])


def test_blur_keeps_the_mean_and_softens_edges(batch):
    pixels, _ = batch
    blurred = changes.blur(pixels, random())
    assert blurred.mean() == pytest.approx(pixels.mean().item(), rel=0.01)
    assert blurred.diff(dim=2).abs().max() < pixels.diff(dim=2).abs().max()
