"""Pages to learn from, in the size in which they are read."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.survey import PageSurvey
from docbin_napari.finetune.few_pages import in_reading_size, learnt_size, load_few_pages
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import predict_with
from docbin_napari.model.ink_model import load_model
from docbin_napari.pairs.pair import write_pair
from docbin_napari.train.dataset import LoadedPair
from docbin_napari.train.validate import read_pair


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
    assert learnt_size(thin, built_in) == "double"
    known = np.arange(6, dtype=np.float32)
    [large] = in_reading_size([replace(thin, size="double", thin_ink=known)])
    assert (large.size, large.ink.tolist()) == ("own", known.tolist())
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
    assert learnt_size(pair, built_in) == "own"
    assert in_reading_size([pair]) == [pair]


def test_all_parts_of_a_page_are_read_as_the_page_is(built_in, thin, tmp_path):
    """A form with small print and a corner of large letters, which is held out or learnt from."""
    pixels, ink = thin.pixels.copy(), thin.masks[0].copy()
    large = draw_page(1, 700, 600)
    pixels, ink = np.tile(pixels, (2, 2, 1)), np.tile(ink, (2, 2))
    pixels[:160, :160] = large.pixels[200:360, 100:260]
    ink[:160, :160] = large.ink[200:360, 100:260]
    write_pair(tmp_path / "forms", "form", pixels, ink)
    few = load_few_pages([tmp_path / "forms"], (), 0.3, model=built_in)
    survey = PageSurvey.of(pixels)
    assert few.learn
    assert few.held_out
    for part in (*few.learn, *few.held_out):
        assert part.size == "double"
        assert part.thin_ink.tolist() == survey.thin_ink.tolist()
    part = few.held_out[0]
    config = InferenceConfig(size="double", invert="never")
    reader = PageReader.of(part.pixels, built_in, config, survey.ink, survey.thin_ink)
    read = np.zeros(part.truth.shape[:2], np.float32)
    for _ in predict_with(reader, config, read):
        pass
    assert (read_pair(built_in, part, InferenceConfig()) == read).all()


def test_a_soft_page_is_learnt_from_in_its_own_size_only(built_in):
    page = draw_page(2, 350, 300)
    soft = page.pixels.repeat(2, 0).repeat(2, 1).astype(np.float32)
    soft = ndimage.uniform_filter(soft, (5, 5, 0)).astype(np.uint8)
    assert PageReader.of(soft, built_in, InferenceConfig()).size == "half"
    assert learnt_size(loaded(soft, page.ink.repeat(2, 0).repeat(2, 1)), built_in) == "own"
