"""Pages to learn from, in the size in which they are read."""

import numpy as np
import pytest
from scipy import ndimage

from docbin_napari.drawing.generator import draw_page
from docbin_napari.finetune.few_pages import in_reading_size, learnt_size
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.model.ink_model import load_model
from docbin_napari.train.dataset import LoadedPair


@pytest.fixture(scope="module")
def built_in():
    return load_model("general-1", "cpu")


def loaded(pixels: np.ndarray, ink: np.ndarray) -> LoadedPair:
    truth = np.stack([ink, np.ones_like(ink)], axis=-1).astype(np.uint8) * 255
    return LoadedPair("mine/page", "mine", pixels, truth, None, 0.5)


@pytest.fixture(scope="module")
def thin():
    page = draw_page(2, 700, 600)
    pixels = page.pixels.reshape(350, 2, 300, 2, 3).mean((1, 3)).astype(np.uint8)
    return loaded(pixels, page.ink.reshape(350, 2, 300, 2).mean((1, 3)) >= 0.5)


def test_a_page_with_thin_strokes_is_learnt_from_as_large_as_it_is_read(built_in, thin):
    thin.truth[:, 200:, 1] = 0
    [large] = in_reading_size([thin], built_in)
    assert large.pixels.shape == (700, 600, 3)
    assert large.pixels.dtype == large.truth.dtype == np.uint8
    assert (large.name, large.edge) == (thin.name, thin.edge)
    assert set(np.unique(large.truth)) == {0, 255}
    assert not large.truth[:, 400:, 1].any()
    assert large.truth[:, :400, 1].all()
    assert large.truth[..., 0].mean() == pytest.approx(thin.truth[..., 0].mean(), rel=0.1)
    # What was ink stays where it was.
    assert large.pixels[large.truth[..., 0] > 0].mean() < large.pixels.mean() - 20


def test_other_pages_stay_as_they_are(built_in):
    page = draw_page(1, 700, 600)
    pair = loaded(page.pixels, page.ink)
    assert in_reading_size([pair], built_in) == [pair]


def test_a_soft_page_is_learnt_from_in_its_own_size_only(built_in):
    page = draw_page(2, 350, 300)
    soft = page.pixels.repeat(2, 0).repeat(2, 1).astype(np.float32)
    soft = ndimage.uniform_filter(soft, (5, 5, 0)).astype(np.uint8)
    assert PageReader.of(soft, built_in, InferenceConfig()).size == "half"
    assert learnt_size(loaded(soft, page.ink.repeat(2, 0).repeat(2, 1)), built_in) == "own"
