"""Solid shapes of ink that are printed onto windows."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from docbin_napari.train.solid_ink import solid_ink

PAPER, INK = 200.0, 40.0


def sheets(count: int = 60, side: int = 256) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Paper with one short stroke; the lower half is not labelled."""
    pixels = torch.full((count, 3, side, side), PAPER)
    truth = torch.zeros(count, 2, side, side)
    truth[:, 0, 2:4, 2:20] = 1
    pixels[:, :, 2:4, 2:20] = INK
    truth[:, 1, : side // 2] = 1
    page = torch.tensor([[*3 * [INK], *3 * [PAPER], 128]]).repeat(count, 1)
    return pixels, truth, page


def test_shapes_are_dark_and_known_to_be_ink():
    pixels, truth, page = sheets()
    before, blank = truth[:, 0].clone(), pixels[:, 0].numpy().copy()
    solid_ink(pixels, truth, page, 1.0, np.random.default_rng(0))
    printed = (truth[:, 0] > 0) & (before == 0)
    assert printed.any((1, 2)).float().mean() > 0.9
    assert (truth[:, 1][printed] == 1).all()
    assert pixels[:, 0][printed].max() < PAPER - 30
    untouched = ~ndimage.binary_dilation(printed.numpy(), np.ones((1, 3, 3)), iterations=4)
    assert (pixels[:, 0].numpy() != blank)[untouched].mean() < 1e-3, "but for rims of shapes"


def test_sizes_span_an_order_of_magnitude_and_more():
    pixels, truth, page = sheets(200)
    solid_ink(pixels, truth, page, 1.0, np.random.default_rng(0))
    depths = [ndimage.distance_transform_edt(ink).max() for ink in truth[:, 0].numpy()]
    assert min(depths) < 5
    assert max(depths) > 50


def test_pages_without_writing_get_none():
    pixels, truth, page = sheets(20)
    truth[:, 0] = 0
    before = pixels.clone()
    solid_ink(pixels, truth, page, 1.0, np.random.default_rng(0))
    assert torch.equal(pixels, before)
    assert not truth[:, 0].any()


def test_light_writing_on_a_dark_page_gets_none():
    """There the ink of the page, told as its darkest colour, is its ground."""
    pixels, truth, page = sheets(20)
    pixels = 240 - pixels
    before = pixels.clone()
    solid_ink(pixels, truth, page, 1.0, np.random.default_rng(0))
    assert torch.equal(pixels, before)


def test_what_is_not_seen_is_not_labelled():
    """A shape on the black background of a scanner changes no pixel; so nobody can say."""
    pixels, truth, page = sheets(200)
    pixels[..., 128:] = 5.0
    truth[:, 1, :, 128:] = 1
    before = truth[:, 0].clone()
    solid_ink(pixels, truth, page, 1.0, np.random.default_rng(0))
    printed = (truth[:, 0] > 0) & (before == 0)
    assert printed[..., :128].any()
    assert not printed[..., 130:].any()
    hidden = truth[:, 1, :, 130:] == 0
    assert hidden.any((1, 2)).float().mean() > 0.3


def test_ink_of_unknown_colour_is_dark():
    pixels, truth, page = sheets(30)
    solid_ink(pixels, truth, torch.full_like(page, torch.nan), 1.0, np.random.default_rng(0))
    solid = torch.from_numpy(ndimage.binary_erosion(truth[:, 0].numpy(), np.ones((1, 5, 5))))
    assert solid.any()
    assert pixels[:, 0][solid].mean() < 100


@pytest.mark.parametrize("chance", [0.0, 0.4])
def test_chance_says_how_many_windows_are_changed(chance):
    pixels, truth, page = sheets(300, 64)
    before = pixels.clone()
    solid_ink(pixels, truth, page, chance, np.random.default_rng(0))
    changed = (pixels != before).any(1).any(1).any(1).float().mean().item()
    assert 0.6 * chance <= changed <= 1.2 * chance, "some shapes lie outside of their window"
