"""Which pages are read in another size than their own."""

import numpy as np
import pytest
from PIL import Image

from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader, choose_size
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.ink_model import load_model


@pytest.fixture(scope="module")
def built_in():
    return load_model("general-1", "cpu")


def resized(pixels: np.ndarray, factor: float) -> np.ndarray:
    size = tuple(round(side * factor) for side in pixels.shape[1::-1])
    way = Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC
    return np.array(Image.fromarray(pixels).resize(size, way))


@pytest.mark.parametrize(
    ("factor", "expected"), [(1, "own"), (0.5, "double"), (2, "half")], ids=str
)
def test_the_resolution_of_a_page_decides(built_in, factor, expected):
    page = resized(draw_page(1, 700, 600).pixels, factor)
    assert PageReader.of(page, built_in, InferenceConfig()).size == expected


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (300, 1), (1, 700), (64, 64)])
def test_a_page_without_strokes_stays_as_it_is(built_in, shape):
    assert (
        PageReader.of(np.full((*shape, 3), 200, np.uint8), built_in, InferenceConfig()).size
        == "own"
    )


class DarkIsInk:
    """Finds ink where it is dark; enlarged, only some of it, and counts its passes."""

    def __init__(self, left_if_enlarged: float) -> None:
        self._left = left_if_enlarged
        self.passes = 0

    def __call__(self, size):
        def find_ink(pixels):
            self.passes += 1
            dark = pixels.mean(axis=-1) < 128
            if size == "double":
                dark[:, int(self._left * dark.shape[1]) :] = False
            return dark

        return find_ink


def size_of(pixels, find_ink):
    return choose_size(pixels, PageSurvey.of(pixels), find_ink)


def ruled(width: int) -> np.ndarray:
    page = np.full((200, 300, 3), 220, np.uint8)
    for column in range(10, 290, 20):
        page[:, column : column + width] = 40
    return page


@pytest.mark.parametrize(
    ("width", "left", "expected"), [(1, 1.0, "double"), (1, 0.5, "own"), (6, 1.0, "own")]
)
def test_thin_strokes_are_enlarged_unless_that_loses_ink(width, left, expected):
    model = DarkIsInk(left)
    assert size_of(ruled(width), model) == expected
    assert (model.passes > 0) == (width == 1), "other pages cost no pass at all"


def test_a_network_that_fails_is_left_to_fail_where_that_is_told():
    def failing(size):
        def find_ink(pixels):
            raise RuntimeError("no kernel image is available")

        return find_ink

    assert size_of(ruled(1), failing) == "own"


def test_of_a_large_page_only_a_little_is_asked_for():
    class Page:
        shape, dtype = (20_000, 9_000, 3), np.dtype(np.uint8)
        rows = 0

        def __getitem__(self, rows):
            self.rows += rows.stop - rows.start
            page = np.full((rows.stop - rows.start, 9_000, 3), 220, np.uint8)
            page[:, 4000:4500:20] = 40
            return page

    page = Page()
    assert size_of(page, DarkIsInk(1.0)) == "double"
    assert page.rows < 20_000 / 4


@pytest.mark.parametrize("chosen", ["own", "half", "double"])
def test_the_smallest_window_is_large_enough_for_every_size(built_in, chosen):
    page = draw_page(1, 300, 260).pixels
    config = InferenceConfig(window=64, size=chosen)
    assert ink_probability(page, built_in, config).shape == page.shape[:2]
