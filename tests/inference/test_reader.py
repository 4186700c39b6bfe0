"""A model bound to a page: its ink, its size, how bold strokes are drawn."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from docbin_napari.features.survey import PageSurvey, page_ink
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.ink_model import load_model, load_network, save_model
from docbin_napari.model.unet import UNet, UNetConfig

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
    save_model(tmp_path / "conditioned.safetensors", network, {"threshold": 0.5})
    return load_model(tmp_path / "conditioned.safetensors", "cpu", EngineConfig(precision="f32"))


def bound(model, page=None, ink=None, **config) -> PageReader:
    """A reader of a page in its own size; of a blank page where there is none."""
    page = written(PAPER) if page is None else page
    return PageReader.of(page, model, InferenceConfig(**{"size": "own", **config}), ink, ink)


def logits(reader) -> np.ndarray:
    return reader.logits(written(90)[None, :64])


def differ(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() > 0.05)


def test_each_page_is_read_with_its_own_ink(model):
    dark, pale = (logits(bound(model, written(ink))) for ink in (10, 190))
    assert differ(dark, pale)
    assert differ(dark, logits(bound(model)))


def test_the_ink_can_be_that_of_a_larger_page(model):
    whole = written(10)
    part = whole[40:]
    known = bound(model, part, PageSurvey.of(whole).ink)
    assert np.array_equal(logits(known), logits(bound(model, whole)))
    assert differ(logits(known), logits(bound(model, part)))


def test_the_copy_on_the_cpu_knows_the_page(model):
    reader = bound(model, written(10))
    assert np.array_equal(logits(reader.on_cpu()), logits(reader))


def test_strokes_are_drawn_as_bold_as_is_asked_for(model):
    page = written(10)
    bold, thin = (model.with_edge_level(level) for level in (0.2, 0.9))
    assert differ(logits(bound(bold, page)), logits(bound(thin, page)))
    assert np.array_equal(logits(bound(bold, page).on_cpu()), logits(bound(bold, page)))


def test_the_network_can_be_left_to_choose_how_bold_strokes_are(model, tmp_path):
    page = written(10)
    chosen = model.with_edge_level(None)
    assert differ(logits(bound(chosen, page)), logits(bound(model, page)))
    header = {"threshold": 0.5, "edge_level": None}
    save_model(tmp_path / "open.safetensors", load_network(model.info), header)
    stored = load_model(tmp_path / "open.safetensors", "cpu", EngineConfig(precision="f32"))
    assert stored.edge_level is None
    assert np.array_equal(logits(bound(stored, page)), logits(bound(chosen, page)))


@pytest.fixture
def two_windows():
    return np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8)


def as_torch(windows: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(windows).permute(0, 3, 1, 2).float()


def as_windows(pixels: torch.Tensor) -> np.ndarray:
    return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def test_logits_in_half_of_the_size_are_averaged_in(model, two_windows):
    own = bound(model)
    whole, both = own.logits(two_windows), bound(model, size="half").logits(two_windows)
    half = own.logits(as_windows(functional.avg_pool2d(as_torch(two_windows), 2)))
    coarse = torch.from_numpy(half)[:, None]
    smooth = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")[:, 0].numpy()
    np.testing.assert_allclose(both, 0.25 * whole + 0.75 * smooth, atol=1e-5)
    assert differ(both, whole)


def test_an_enlarged_window_has_a_logit_for_each_pixel_of_the_window(model, two_windows):
    enlarged = functional.interpolate(as_torch(two_windows), scale_factor=2.0, mode="bicubic")
    own = bound(model)
    fine = torch.from_numpy(own.logits(as_windows(enlarged)))
    expected = functional.avg_pool2d(fine, 2).numpy()
    # Where a colour lies between two whole numbers, it may be rounded to either.
    found = bound(model, size="double").logits(two_windows)
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert differ(expected, own.logits(two_windows))


@pytest.mark.parametrize(("size", "span"), [("own", 1), ("half", 2), ("double", 0.5)])
def test_a_size_decides_what_a_window_must_be_and_goes_along_to_the_cpu(
    model, two_windows, size, span
):
    sized, own = bound(model, size=size), bound(model)
    assert sized.stride == span * own.stride
    assert sized.window_side(1024) == (512 if size == "double" else 1024)
    assert np.array_equal(sized.on_cpu().logits(two_windows), sized.logits(two_windows))


def test_thin_ink_is_as_dark_as_it_is_where_the_page_is_enlarged(model):
    page = np.full((96, 96, 3), 220, np.uint8)
    page[::12] = 20  # lines of one pixel, which averaging would make paler
    as_it_is = bound(model, page, np.array([20, 20, 20, 220, 220, 220], np.float32), size="double")
    assert np.array_equal(logits(bound(model, page, size="double")), logits(as_it_is))
    assert differ(logits(as_it_is), logits(bound(model, page, page_ink([page]), size="double")))


def test_a_page_can_be_asked_for_with_thinner_strokes(model):
    page = written(10)
    asked = ink_probability(page, model, InferenceConfig(edge_level=0.9))
    as_the_file = ink_probability(page, model.with_edge_level(0.9), InferenceConfig())
    assert np.array_equal(asked, as_the_file)
    assert not np.array_equal(asked, ink_probability(page, model, InferenceConfig()))


def test_the_file_says_where_edges_are_cut(model, tmp_path):
    page = written(10)
    asked = logits(bound(model.with_edge_level(0.9), page))
    header = {"threshold": 0.5, "edge_level": 0.9}
    save_model(tmp_path / "thin.safetensors", load_network(model.info), header)
    stored = load_model(tmp_path / "thin.safetensors", "cpu", EngineConfig(precision="f32"))
    assert stored.edge_level == 0.9
    assert np.array_equal(logits(bound(stored, page)), asked)
    assert differ(asked, logits(bound(model, page)))
