"""Edges of pages, holes in them, and what lies behind."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn.functional import avg_pool2d, max_pool2d

from docbin_napari.train import page_edges as module
from docbin_napari.train.page_edges import filled_corners, page_edges

PAPER = 200.0


def sheets(count: int = 40, side: int = 96) -> tuple[torch.Tensor, torch.Tensor]:
    """Plain paper that is ink everywhere and labelled nowhere, to see what is laid bare."""
    truth = torch.zeros(count, 2, side, side)
    truth[:, 0] = 1
    return torch.full((count, 3, side, side), PAPER), truth


def test_behind_the_page_there_is_no_ink_and_that_is_known():
    pixels, truth = sheets()
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    beyond = truth[:, 1] == 1
    assert torch.equal(truth[:, 0] == 0, beyond)
    for bare in beyond:
        assert 0 < bare.float().mean() < 0.9, "each window shows the page and what is behind"


def test_behind_the_page_nothing_of_the_page_is_seen():
    pixels, truth = sheets()
    others = pixels.clone()
    others[:, :, ::2] -= 100  # what is on the page
    page_edges(pixels, truth.clone(), 1.0, np.random.default_rng(0))
    page_edges(others, truth, 1.0, np.random.default_rng(0))
    beyond = avg_pool2d(truth[:, 1:], 5, 1, 2, count_include_pad=False)[:, 0] == 1
    beyond[:, [0, 1, -2, -1]] = beyond[:, :, [0, 1, -2, -1]] = False  # edges outside are near
    assert beyond.sum() > 1000
    assert torch.equal(pixels[:, 0][beyond], others[:, 0][beyond])


def test_fingers_cover_ink_from_one_side_in_warm_colours(monkeypatch):
    monkeypatch.setattr(module, "_FINGERS", 1.0)
    pixels, truth = sheets()
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    covered = truth[:, 1] == 1
    assert torch.equal(truth[:, 0] == 0, covered)
    assert covered.flatten(1).any(1).sum() > 30
    for window, under in zip(pixels, covered, strict=True):
        inside = under[1:-1, 1:-1].numpy()
        from_sides = ndimage.binary_propagation(
            under.numpy() & ~np.pad(np.ones_like(inside), 1), mask=under.numpy()
        )
        assert np.array_equal(from_sides, under.numpy()), "none floats on the page"
        red, _, blue = window[:, under].mean(1) if under.any() else (1, 0, 0)
        assert red > blue


def test_some_of_what_lies_behind_is_as_uneven_as_writing(monkeypatch):
    monkeypatch.setattr(module, "_FINGERS", 0.0)
    pixels, truth = sheets(400)
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    far = avg_pool2d(truth[:, 1:], 41, 1, 20, count_include_pad=False)[:, 0] == 1
    spreads = [
        window[0][bare].std().item()
        for window, bare in zip(pixels, far, strict=True)
        if bare.sum() > 50
    ]
    assert sum(spread > 20 for spread in spreads) > 0.1 * len(spreads)
    assert sum(spread < 8 for spread in spreads) > 0.1 * len(spreads)


def test_paper_far_from_its_edge_is_as_it_was():
    pixels, truth = sheets(side=256)
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    near = max_pool2d(truth[:, 1:], 121, 1, 60)[:, 0] == 1
    away = pixels[:, 0][~near]
    assert len(away) > 10_000
    assert (away - PAPER).abs().max() < 3


def test_some_edges_throw_a_shadow_on_the_page_and_some_fray_bright():
    pixels, truth = sheets(400)
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    # Next to the edge, but beyond the pixels that are a mixture of both sides.
    bare = truth[:, 1:]
    close = max_pool2d(bare, 5, 1, 2) > max_pool2d(bare, 3, 1, 1)
    levels = [window[0, edge[0]].mean().item() for window, edge in zip(pixels, close, strict=True)]
    assert sum(level < PAPER - 20 for level in levels) > 60
    assert sum(level > PAPER + 5 for level in levels) > 5


def test_holes_are_larger_than_full_stops():
    pixels, truth = sheets(200)
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    sizes = []
    for bare in truth[:, 1].numpy() > 0:
        parts, count = ndimage.label(bare)
        inner = set(range(1, count + 1)) - {*parts[0], *parts[-1], *parts[:, 0], *parts[:, -1]}
        sizes += [int((parts == number).sum()) for number in inner]
    assert len(sizes) > 20
    assert min(sizes) > 40


def test_filled_corners_are_one_colour_beyond_a_line_and_no_ink_is_there():
    random = np.random.default_rng(0)
    pixels, truth = sheets(400, 64)
    pixels += torch.from_numpy(random.uniform(-40, 40, pixels.shape)).float()
    before = pixels.clone()
    filled_corners(pixels, truth, 1.0, random)
    beyond = truth[:, 1] == 1
    assert torch.equal(truth[:, 0] == 0, beyond)
    assert torch.equal(pixels.movedim(1, -1)[~beyond], before.movedim(1, -1)[~beyond])
    colours = []
    for window, corner in zip(pixels, beyond, strict=True):
        assert corner.float().mean() < 0.6
        if corner.any():
            colour = window[:, corner]
            assert torch.equal(colour, colour[:, :1].expand_as(colour))
            colours.append(colour[0, 0].item())
    like_paper = sum(PAPER < colour < PAPER + 40 for colour in colours) / len(colours)
    assert like_paper > 0.5
    assert 255.0 in colours
    assert 0.0 in colours


@pytest.mark.parametrize("change", [page_edges, filled_corners])
@pytest.mark.parametrize("chance", [0.0, 0.4])
def test_chance_says_how_many_windows_are_changed(change, chance):
    pixels, truth = sheets(300, 32)
    change(pixels, truth, chance, np.random.default_rng(0))
    changed = (truth[:, 1] > 0).any(1).any(1).float().mean().item()
    assert changed == pytest.approx(chance, abs=0.07)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_behind_a_page_lies_what_other_windows_without_ink_show(monkeypatch, share):
    monkeypatch.setattr(module, "_REAL", share)
    monkeypatch.setattr(module, "_SHADOW", 0.0)
    photograph = torch.from_numpy(np.random.default_rng(3).uniform(0, 255, (3, 96, 96))).float()
    pixels, truth = sheets()
    pixels[0], truth[0, 0], truth[0, 1] = photograph, 0, 1
    page_edges(pixels, truth, 1.0, np.random.default_rng(0))
    seen = torch.stack([photograph, photograph.rot90(2, (1, 2))])
    same = (pixels[1:, None] - seen).abs().amax(2).amin(1) < 1e-3
    bare = avg_pool2d(truth[1:, 1:], 5, 1, 2, count_include_pad=False)[:, 0] == 1
    assert bare.sum() > 1000
    assert torch.equal(same & bare, bare if share else torch.zeros_like(bare))
