"""A model that is told how dark the ink of each page is."""

import numpy as np
import pytest
import torch

from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.page_ink import page_ink, page_strips
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
    return load_model(tmp_path / "told.safetensors", "cpu")


def logits(model) -> torch.Tensor:
    windows = torch.from_numpy(written(90)[None, :64])
    return model.logits(model.normalise(windows))


def differ(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() > 0.05)


def test_each_page_is_read_with_its_own_ink(model):
    untold = logits(model)
    dark, pale = (logits(model.for_page(written(ink))) for ink in (10, 190))
    assert differ(dark, pale)
    assert differ(dark, untold)
    assert torch.equal(logits(model), untold), "the model itself stays as it is"


def test_a_blank_page_has_no_ink_to_tell_of(model):
    assert torch.equal(logits(model.for_page(written(PAPER))), logits(model))


def test_the_ink_can_be_that_of_a_larger_page(model):
    whole = written(10)
    part = whole[40:]
    told = model.for_page(part, page_ink(page_strips(whole)))
    assert torch.equal(logits(told), logits(model.for_page(whole)))
    assert differ(logits(told), logits(model.for_page(part)))


def test_a_model_that_knows_its_page_keeps_it(model):
    told = model.for_page(written(10))
    assert told.for_page(written(190)) is told


def test_the_copy_on_the_cpu_knows_the_page(model):
    told = model.for_page(written(10))
    copied = told.on_cpu()
    assert torch.equal(logits(copied), logits(told))
    assert copied.for_page(written(190)) is copied


def test_strokes_are_drawn_as_bold_as_is_asked_for(model):
    page = written(10)
    bold, thin = (model.cutting_edges_at(level) for level in (0.2, 0.9))
    assert differ(logits(bold.for_page(page)), logits(thin.for_page(page)))
    assert torch.equal(logits(bold.for_page(page).on_cpu()), logits(bold.for_page(page)))


def test_the_network_can_be_left_to_choose_how_bold_strokes_are(model, tmp_path):
    page = written(10)
    chosen = model.cutting_edges_at(None)
    assert differ(logits(chosen.for_page(page)), logits(model.for_page(page)))
    header = {"threshold": 0.5, "edge_level": None}
    save_model(tmp_path / "open.safetensors", load_network(model.info), header)
    stored = load_model(tmp_path / "open.safetensors", "cpu")
    assert stored.edge_level is None
    assert torch.equal(logits(stored.for_page(page)), logits(chosen.for_page(page)))


def test_a_look_at_half_of_the_size_is_averaged_in(model):
    windows = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8))
    pixels = model.normalise(windows)
    whole, both = model.logits(pixels), model.at_half_size_too().logits(pixels)
    half = model.logits(torch.nn.functional.avg_pool2d(pixels, 2))
    # Between the pixels of the small page lie straight lines; over four of them both are the same.
    inside = torch.nn.functional.avg_pool2d((4 * both - whole) / 3, 2)
    smooth = torch.nn.functional.interpolate(half[:, None], scale_factor=2.0, mode="bilinear")[:, 0]
    torch.testing.assert_close(inside, torch.nn.functional.avg_pool2d(smooth, 2))
    assert differ(both, whole)
    assert model.at_half_size_too().stride == 2 * model.stride
    assert model.at_half_size_too().context == 2 * model.context
    assert torch.equal(model.at_half_size_too().on_cpu().logits(pixels), both)


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
    stored = load_model(tmp_path / "thin.safetensors", "cpu")
    assert stored.edge_level == 0.9
    assert torch.equal(logits(stored.for_page(page)), asked)
    assert differ(asked, logits(model.for_page(page)))
