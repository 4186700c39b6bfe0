import numpy as np
import pytest
from PIL import Image

from docbin_napari.inference.classical import BASELINES, otsu, sauvola
from docbin_napari.io.rgb import luma


@pytest.fixture
def one_stroke():
    """A dark bar on light paper."""
    page = np.full((40, 60, 3), (235, 228, 210), dtype=np.uint8)
    page[18:21, 10:50] = (60, 50, 40)
    return page


def _bar():
    ink = np.zeros((40, 60), dtype=bool)
    ink[18:21, 10:50] = True
    return ink


def test_gray_is_pillows_l_for_random_colours():
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    np.testing.assert_array_equal(luma(pixels), np.asarray(Image.fromarray(pixels).convert("L")))


def test_gray_reaches_both_ends():
    black_white = np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)
    np.testing.assert_array_equal(luma(black_white), [[0, 255]])


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
def test_a_clear_stroke_is_found(baseline, one_stroke):
    np.testing.assert_array_equal(baseline(one_stroke), _bar())


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_page_of_one_gray_has_no_ink_for_otsu(level):
    assert not otsu(np.full((8, 8, 3), level, dtype=np.uint8)).any()


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 3)])
def test_tiny_pages(baseline, shape):
    ink = baseline(np.full((*shape, 3), 200, dtype=np.uint8))
    assert ink.shape == shape
    assert ink.dtype == bool
    assert not ink.any()


def test_sauvola_follows_uneven_light_where_otsu_cannot(one_stroke):
    light = np.linspace(0.3, 1, 60)[:, np.newaxis]
    page = (one_stroke * light).astype(np.uint8)
    assert (sauvola(page) == _bar()).mean() > 0.99
    assert (otsu(page) == _bar()).mean() < 0.9
