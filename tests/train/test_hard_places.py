"""Windows that are drawn where a network errs."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from docbin_napari.model.ink_model import load_model
from docbin_napari.train.dataset import CELL, LoadedPair, WindowSampler
from docbin_napari.train.loop import train
from docbin_napari.train.train_config import AugmentConfig, TrainConfig
from docbin_napari.train.validate import hard_places

STILL = AugmentConfig(warp=0, mirror=0)


def page(shape=(400, 300)) -> LoadedPair:
    """Bars of ink that the small model reads."""
    ink = np.zeros(shape, bool)
    ink[20::40, 20:-20] = ink[21::40, 20:-20] = ink[22::40, 20:-20] = ink[23::40, 20:-20] = True
    pixels = np.repeat(np.where(ink, 40, 220).astype(np.uint8)[..., None], 3, axis=2)
    truth = np.stack([ink, np.ones_like(ink)], axis=-1).astype(np.uint8) * 255
    return LoadedPair("c/p", "c", pixels, truth, None, None)


def test_what_is_read_wrong_is_counted_where_it_is(dark_model):
    right = page()
    wrong = replace(right, truth=right.truth.copy())
    wrong.truth[110:114, 40:200, 0] = 255  # a stroke that is not there
    wrong.truth[300:302, 40:42, 0] = 255  # hidden behind the next line
    wrong.truth[290:310, 30:60, 1] = 0
    first, second = hard_places(load_model(dark_model, "cpu"), [right, wrong])
    assert first.shape == second.shape == (13, 10)
    gained = second.astype(int) - first
    assert gained[110 // CELL].sum() == pytest.approx(3 * 159, abs=60)
    assert gained[110 // CELL, 200 // CELL + 1 :].sum() == 0
    gained[110 // CELL] = 0
    assert not gained.any(), "unlabelled pixels count nowhere"


def test_a_border_that_is_off_by_a_pixel_is_no_error(dark_model):
    thin = page()
    thin.truth[20::40, :, 0] = 0
    whole = hard_places(load_model(dark_model, "cpu"), [page()])[0]
    assert np.array_equal(hard_places(load_model(dark_model, "cpu"), [thin])[0], whole)


def seen(sampler: WindowSampler, place: tuple[int, int]) -> float:
    """Share of windows that show a marked pixel."""
    windows = sampler.batch(60, np.random.default_rng(0)).pixels
    assert windows.shape == (60, 3, 64, 64)
    return (windows[:, 0] == 7).flatten(1).any(1).float().mean().item()


@pytest.mark.parametrize("place", [(200, 150), (3, 3), (399, 299)])
def test_hard_windows_show_the_place(place):
    marked = page()
    marked.pixels[place] = 7
    places = np.zeros((13, 10), np.uint16)
    places[place[0] // CELL, place[1] // CELL] = 5
    shares = (0.0, 0.5, 1.0)
    sampler = [WindowSampler([marked], 64, {}, STILL, (share, [places])) for share in shares]
    never, half, always = (seen(one, place) for one in sampler)
    assert never < 0.2
    assert never < half < always
    assert always > 0.5


def test_a_page_without_errors_is_drawn_as_ever():
    nothing = [np.zeros((13, 10), np.uint16)]
    sampler = WindowSampler([page()], 64, {}, STILL, (1.0, nothing))
    hard = sampler.batch(4, np.random.default_rng(0))
    assert (hard.truth[:, 0].mean() > 0).item()


def test_a_page_smaller_than_a_window_is_drawn_whole():
    small = page((40, 50))
    places = [np.array([[0, 3], [0, 0]], np.uint16)]
    sampler = WindowSampler([small], 64, {}, STILL, (1.0, places))
    windows = sampler.batch(8, np.random.default_rng(0))
    assert (windows.truth[:, 1].sum((1, 2)) == 40 * 50).all()


def test_a_training_looks_for_hard_places_first_and_is_resumed_the_same(
    two_archives, dark_model, tmp_path
):
    settings = TrainConfig(
        (two_archives / "pale",), (two_archives / "dark",), str(tmp_path / "one.safetensors"),
        steps=4, batch=2, window=64, start=(str(dark_model),), hard=0.8, run=tmp_path / "run",
        device="cpu", every=0.0,
    )  # fmt: skip
    list(train(settings))
    whole = load_file(tmp_path / "one.safetensors")
    reports = train(settings)
    assert next(report for report in reports if report.step == 2)
    reports.close()
    list(train(replace(settings, resume=True)))
    resumed = load_file(tmp_path / "one.safetensors")
    assert all(np.array_equal(weights, resumed[name]) for name, weights in whole.items())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hard": 1.5, "start": ("x",)}, "hard must lie between"),
        ({"hard": 0.3}, "name one"),
    ],
)
def test_what_cannot_be_is_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        TrainConfig((), (), "x", **changes)
