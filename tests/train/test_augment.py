import dataclasses

import numpy as np
import pytest
import torch

from docbin_napari.train import augment as changes
from docbin_napari.train.augment import augment
from docbin_napari.train.dataset import DrawnWindows
from docbin_napari.train.train_config import AugmentConfig

NOTHING = AugmentConfig(
    **{
        field.name: 0.0
        for field in dataclasses.fields(AugmentConfig)
        if field.name not in ("scale", "warp", "mirror")
    }
)


@pytest.fixture
def windows():
    torch.manual_seed(0)
    truth = torch.zeros(4, 2, 64, 64)
    truth[:, 0, 20:24, 8:56] = 1
    truth[:, 1] = 1
    pixels = 220 + 5 * torch.randn(4, 3, 64, 64)
    pixels = torch.where(truth[:, :1] > 0, 40.0, pixels).clamp(0, 255)
    ink = torch.tensor([[40.0, 40, 40, 220, 220, 220, 140]]).repeat(4, 1)
    return DrawnWindows(pixels, truth, ink, torch.ones(4), 255 - ink)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_no_chance_no_change(windows):
    same = augment(windows, NOTHING, random())
    for name in ("pixels", "truth", "ink"):
        assert torch.equal(getattr(same, name), getattr(windows, name))


@pytest.mark.parametrize(
    "name",
    [
        "bleed",
        "light",
        "fade",
        "colour",
        "gray",
        "blur",
        "noise",
        "jpeg",
        "edge",
        "corner",
        "solid",
        "exchange",
        "invert",
    ],
)
def test_each_change_alone_changes_the_page_within_range(windows, name):
    windows.pixels[:, 1] *= 0.9  # gray would not change a gray page
    config = dataclasses.replace(NOTHING, **{name: 1.0})
    changed = augment(windows, config, random())
    assert not torch.equal(changed.pixels, windows.pixels)
    assert changed.pixels.shape == windows.pixels.shape
    assert changed.pixels.min() >= 0
    assert changed.pixels.max() <= 255
    assert torch.isfinite(changed.pixels).all()
    if name != "corner":  # these do not reach the ink of every window
        assert torch.equal(changed.truth, windows.truth) == (
            name not in ("edge", "solid", "exchange")
        )


def test_all_together_are_repeatable_and_leave_the_input_alone(windows):
    before = windows.pixels.clone(), windows.truth.clone(), windows.ink.clone()
    one = augment(windows, AugmentConfig(edge=1), random(3))
    same = augment(windows, AugmentConfig(edge=1), random(3))
    assert torch.equal(one.pixels, same.pixels)
    for old, now in zip(before, (windows.pixels, windows.truth, windows.ink), strict=True):
        assert torch.equal(old, now)


def test_the_ink_of_the_page_gets_the_tint_of_its_windows(windows):
    changed = augment(windows, dataclasses.replace(NOTHING, colour=1.0), random())
    for pixels, truth, told in zip(changed.pixels, changed.truth, changed.ink, strict=True):
        where = truth[0] > 0
        seen = torch.cat([pixels[:, where].mean(1), pixels[:, ~where].mean(1)])
        torch.testing.assert_close(told[:6], seen, atol=4, rtol=0)
    assert not torch.equal(changed.ink, windows.ink)
    assert torch.equal(changed.ink[:, 6], windows.ink[:, 6]), "where edges are cut is no colour"


def test_what_changes_a_place_does_not_change_the_ink_of_the_page(windows):
    changed = augment(windows, dataclasses.replace(NOTHING, light=1.0, fade=1.0), random())
    assert torch.equal(changed.ink, windows.ink)


def test_ink_is_forgotten_and_unknown_ink_stays_unknown(windows):
    config = dataclasses.replace(AugmentConfig(), unknown=1.0)
    assert augment(windows, config, random()).ink.isnan().all()
    windows.ink[1] = torch.nan
    changed = augment(windows, dataclasses.replace(AugmentConfig(), unknown=0.0), random())
    assert changed.ink.isnan().all(1).tolist() == [False, True, False, False]
    assert torch.isfinite(changed.pixels).all()


def test_of_an_edge_level_that_is_forgotten_the_colours_are_still_told(windows):
    config = dataclasses.replace(AugmentConfig(), unknown=0.0)
    forgotten = augment(windows, dataclasses.replace(config, unlevelled=1.0), random()).ink
    kept = augment(windows, dataclasses.replace(config, unlevelled=0.0), random()).ink
    assert forgotten[:, 6].isnan().all()
    assert torch.equal(kept[:, 6], windows.ink[:, 6])
    assert torch.equal(forgotten[:, :6], kept[:, :6])


def test_faded_ink_is_lighter_but_not_lighter_than_paper(windows):
    pixels, truth = windows.pixels, windows.truth
    faded = changes.fade(pixels, truth[:, :1], random())
    ink = truth[:, :1].expand_as(pixels) > 0
    assert faded[ink].mean() > pixels[ink].mean() + 10
    assert faded[ink].mean() < pixels[~ink].mean()


@pytest.mark.parametrize("ink", [130.0, 180.0])
def test_ink_fades_to_a_fifth_of_its_contrast_at_most(ink):
    """The paper is grained: its brightest grains are not what ink fades to."""
    grain = torch.from_numpy(np.random.default_rng(1).normal(0, 6, (4, 1, 256, 256))).float()
    truth = torch.zeros(4, 1, 256, 256)
    truth[:, :, 20:240:20] = truth[:, :, 21:240:20] = truth[:, :, 22:240:20] = 1
    pixels = (torch.where(truth > 0, ink, 210.0) + grain).expand(4, 3, 256, 256)
    faded = torch.stack([changes.fade(pixels, truth, random(n)) for n in range(20)])
    left = (210 - faded[:, :, 0][..., 21:240:20, :]).mean((0, 1, 3)) / (210 - ink)
    lowest = (210 - faded[:, :, 0][..., 21:240:20, :]).reshape(20 * 4, -1).quantile(0.02, dim=1)
    assert (left < 0.9).all()
    assert lowest.min() > 0.2 * (210 - ink) - 2 * 6


def test_sensor_noise_is_coloured_and_not_only_coloured():
    gray = torch.full((8, 3, 64, 64), 128.0)
    noisy = changes.noise(gray, random()) - gray
    red, green = noisy[:, 0].flatten(), noisy[:, 1].flatten()
    assert 0.35 < float(torch.corrcoef(torch.stack([red, green]))[0, 1]) < 0.65


def test_print_through_darkens_only_where_the_other_ink_is(windows):
    pixels = windows.pixels
    elsewhere = windows.truth[:, :1].roll(20, dims=2)
    shown = changes.bleed(pixels, elsewhere, windows.ink, windows.scale, random())
    assert (shown <= pixels).all()
    far = torch.zeros_like(elsewhere, dtype=torch.bool)
    far[:, :, :30] = True
    assert torch.equal(shown[far.expand_as(pixels)], pixels[far.expand_as(pixels)])
    through = shown[elsewhere.expand_as(pixels) > 0]
    assert 40 < through.mean() < 215


def test_print_through_is_paler_than_pale_ink(windows):
    pale = torch.tensor([[170.0, 170, 170, 220, 220, 220, 140]]).repeat(4, 1)
    everywhere = torch.ones(4, 1, 64, 64)
    shown = changes.bleed(
        torch.full((4, 3, 64, 64), 220.0), everywhere, pale, torch.ones(4), random()
    )
    assert 170 < shown.min() < 215


def test_print_through_of_an_enlarged_page_is_softer(windows):
    plain = torch.full_like(windows.pixels, 220)
    block = torch.zeros(4, 1, 64, 64)
    block[:, :, 20:44] = 1

    def steepest(scale: float) -> float:
        scales = torch.full((4,), scale)
        shown = changes.bleed(plain, block, windows.ink, scales, random())
        return float(shown.diff(dim=2).abs().max() / (220 - shown.min()))

    assert steepest(2.0) < 0.7 * steepest(1.0)


def test_blur_keeps_the_mean_and_softens_edges(windows):
    pixels = windows.pixels
    blurred = changes.blur(pixels, random())
    assert blurred.mean() == pytest.approx(pixels.mean().item(), rel=0.01)
    assert blurred.diff(dim=2).abs().max() < pixels.diff(dim=2).abs().max()


def test_light_writing_is_ink_too_and_the_page_is_known_to_be_inverted(windows):
    changed = augment(windows, dataclasses.replace(NOTHING, invert=1.0), random(2))
    whole, part = 0, 0
    for index in range(4):
        exchanged = changed.pixels[index] == 255 - windows.pixels[index]
        assert (exchanged | (changed.pixels[index] == windows.pixels[index])).all()
        if exchanged.all():
            whole += 1
            assert torch.equal(changed.ink[index], windows.inverted_ink[index])
        else:
            part += bool(exchanged.any())
            assert torch.equal(changed.ink[index], windows.ink[index])
    assert whole > 0
    assert part > 0


def test_the_colours_of_exchanged_ink_are_not_known_once_inverted(windows, monkeypatch):
    def paled(pixels, truth, page, chance, random):
        page = page.clone()
        page[0, :3] = 180
        return pixels, page

    monkeypatch.setattr(changes, "exchange_ink", paled)
    for seed in range(20):
        changed = augment(windows, dataclasses.replace(NOTHING, invert=1.0), random(seed))
        if torch.equal(changed.pixels[0], 255 - windows.pixels[0]):
            break
    assert changed.ink[0].isnan().all()
    assert not changed.ink[1:].isnan().any()


def test_print_through_comes_from_windows_with_ink():
    pixels, truth = torch.full((2, 3, 64, 64), 200.0), torch.zeros(2, 2, 64, 64)
    truth[:, 1] = 1
    truth[0, 0, 20:30, 10:30] = 1
    unknown = torch.full((2, 7), torch.nan)
    windows = DrawnWindows(pixels, truth, unknown, torch.ones(2), unknown)
    changed = augment(windows, dataclasses.replace(NOTHING, bleed=1.0), random())
    mirrored = changed.pixels[:, 0, 20:30, 34:54].mean((1, 2))
    assert (mirrored < 190).all(), "the blank window shows what stands on the other one"
    assert (changed.pixels[:, 0, 50:] == 200).all()


def test_light_leaves_the_writing_and_some_of_it_lies_in_deep_shadow():
    pixels = torch.full((100, 3, 256, 256), 200.0)
    pixels[:, :, 28:] = 60
    lit = changes.light(pixels, random())
    paper, ink = lit[:, 0, 27], lit[:, 0, 28]
    assert (ink < 0.6 * paper).all(), "light falls on ink and paper alike"
    deepest = paper.amin(1) / 200
    assert 0.05 < (deepest < 0.3).float().mean() < 0.4
    assert (deepest > 0.6).float().mean() > 0.2
