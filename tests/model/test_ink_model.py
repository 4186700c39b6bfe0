"""A model that is told how dark the ink of each page is."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from docbin_napari.features.ink_colour import page_ink, page_strips
from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.model.weights import load_model, load_network, save_model

PAPER = 220


def written(ink: int) -> np.ndarray:
    pixels = np.full((96, 64, 3), PAPER, np.uint8)
    pixels[20:24, 8:56] = ink
    return pixels


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    network = UNet(UNetConfig(channels=(8, 8), page_ink=True))
    for parameter in network.page_ink.parameters():
        torch.nn.init.normal_(parameter)
    save_model(tmp_path / "told.safetensors", network, {"threshold": 0.5})
    return load_model(tmp_path / "told.safetensors", "cpu", EngineConfig(precision="f32"))


def logits(model) -> np.ndarray:
    return model.logits(written(90)[None, :64])


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() > 0.05)


def test_each_page_is_read_with_its_own_ink(model):
    untold = logits(model)
    dark, pale = (logits(model.for_page(written(ink))) for ink in (10, 190))
    assert differ(dark, pale)
    assert differ(dark, untold)
    assert np.array_equal(logits(model), untold), "the model itself stays as it is"


def test_a_blank_page_has_no_ink_to_tell_of(model):
    assert np.array_equal(logits(model.for_page(written(PAPER))), logits(model))


def test_the_ink_can_be_that_of_a_larger_page(model):
    whole = written(10)
    part = whole[40:]
    told = model.for_page(part, page_ink(page_strips(whole)))
    assert np.array_equal(logits(told), logits(model.for_page(whole)))
    assert differ(logits(told), logits(model.for_page(part)))


def test_a_model_that_knows_its_page_keeps_it(model):
    told = model.for_page(written(10))
    assert told.for_page(written(190)) is told


def test_the_copy_on_the_cpu_knows_the_page(model):
    told = model.for_page(written(10))
    copied = told.on_cpu()
    assert np.array_equal(logits(copied), logits(told))
    assert copied.for_page(written(190)) is copied


def test_strokes_are_drawn_as_bold_as_is_asked_for(model):
    page = written(10)
    bold, thin = (model.cutting_edges_at(level) for level in (0.2, 0.9))
    assert differ(logits(bold.for_page(page)), logits(thin.for_page(page)))
    assert np.array_equal(logits(bold.for_page(page).on_cpu()), logits(bold.for_page(page)))


def test_the_network_can_be_left_to_choose_how_bold_strokes_are(model, tmp_path):
    page = written(10)
    chosen = model.cutting_edges_at(None)
    assert differ(logits(chosen.for_page(page)), logits(model.for_page(page)))
    header = {"threshold": 0.5, "edge_level": None}
    save_model(tmp_path / "open.safetensors", load_network(model.info), header)
    stored = load_model(tmp_path / "open.safetensors", "cpu", EngineConfig(precision="f32"))
    assert stored.edge_level is None
    assert np.array_equal(logits(stored.for_page(page)), logits(chosen.for_page(page)))


@pytest.fixture
def two_windows():
    return np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8)


def as_torch(windows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(windows).permute(0, 3, 1, 2).float()


def as_windows(pixels: torch.Tensor) -> np.ndarray:
    return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def test_a_look_at_half_of_the_size_is_averaged_in(model, two_windows):
    whole, both = model.logits(two_windows), model.looking_in("half").logits(two_windows)
    half = model.logits(as_windows(functional.avg_pool2d(as_torch(two_windows), 2)))
    coarse = torch.from_numpy(half)[:, None]
    smooth = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")[:, 0].numpy()
    np.testing.assert_allclose(both, 0.25 * whole + 0.75 * smooth, atol=1e-5)
    assert differ(both, whole)


def test_an_enlarged_look_has_a_logit_for_each_pixel_of_the_window(model, two_windows):
    enlarged = functional.interpolate(as_torch(two_windows), scale_factor=2.0, mode="bicubic")
    fine = torch.from_numpy(model.logits(as_windows(enlarged)))
    expected = functional.avg_pool2d(fine, 2).numpy()
    # Where a colour lies between two whole numbers, it may be rounded to either.
    found = model.looking_in("double").logits(two_windows)
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert differ(expected, model.logits(two_windows))


@pytest.mark.parametrize(("size", "span"), [("own", 1), ("half", 2), ("double", 0.5)])
def test_a_size_decides_what_a_window_must_be_and_goes_along_to_the_cpu(
    model, two_windows, size, span
):
    sized = model.looking_in(size)
    assert sized.stride == span * model.stride
    assert sized.context == span * model.context
    assert sized.window_side(1024) == (512 if size == "double" else 1024)
    assert np.array_equal(sized.on_cpu().logits(two_windows), sized.logits(two_windows))


def test_thin_ink_is_told_as_dark_as_it_is_where_the_page_is_enlarged(model):
    page = np.full((96, 96, 3), 220, np.uint8)
    page[::12] = 20  # lines of one pixel, which averaging would make paler
    told = model.looking_in("double")
    as_it_is = told.for_page(page, np.array([20, 20, 20, 220, 220, 220], np.float32))
    assert np.array_equal(logits(told.for_page(page)), logits(as_it_is))
    assert differ(logits(told.for_page(page)), logits(told.for_page(page, page_ink([page]))))


def test_a_page_can_be_asked_for_with_thinner_strokes(model):
    page = written(10)
    asked = ink_probability(page, model, InferenceConfig(edge_level=0.9))
    as_the_file = ink_probability(page, model.cutting_edges_at(0.9), InferenceConfig())
    assert np.array_equal(asked, as_the_file)
    assert not np.array_equal(asked, ink_probability(page, model, InferenceConfig()))


def test_the_file_says_where_edges_are_cut(model, tmp_path):
    page = written(10)
    asked = logits(model.cutting_edges_at(0.9).for_page(page))
    header = {"threshold": 0.5, "edge_level": 0.9}
    save_model(tmp_path / "thin.safetensors", load_network(model.info), header)
    stored = load_model(tmp_path / "thin.safetensors", "cpu", EngineConfig(precision="f32"))
    assert stored.edge_level == 0.9
    assert np.array_equal(logits(stored.for_page(page)), asked)
    assert differ(asked, logits(model.for_page(page)))
