"""Pages with sharp and with soft edges."""

import numpy as np
import pytest
from PIL import Image

from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.survey import PageSurvey, edge_softness, page_strips

NO_EDGES = 0.5


def sampled_rows(pixels):
    return [strip.green for strip in page_strips(pixels)]


@pytest.mark.parametrize("seed", range(3))
def test_a_page_of_twice_the_size_is_soft_and_the_page_itself_is_not(seed):
    page = draw_page(seed, 500, 400).pixels
    twice = np.array(Image.fromarray(page).resize((800, 1000), Image.Resampling.BICUBIC))
    assert edge_softness(sampled_rows(twice)) < edge_softness(sampled_rows(page))
    assert PageSurvey.of(twice).is_soft
    assert not PageSurvey.of(page).is_soft


def test_the_softer_the_edge_the_less_is_lost():
    columns = np.arange(200)
    pages = [
        np.tile(255 / (1 + np.exp(-(columns - 99.3) / width)), (200, 1)) for width in (0.3, 1, 3, 9)
    ]
    pages = [np.stack([page.astype(np.uint8)] * 3, axis=-1) for page in pages]
    found = [edge_softness(sampled_rows(page)) for page in pages]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.3
    assert found[-1] < 0.1


@pytest.mark.parametrize("shape", [(40, 40), (1, 1), (3, 2), (300, 1)])
def test_a_page_without_edges_is_not_soft(shape):
    page = np.full((*shape, 3), 200, np.uint8)
    assert edge_softness(sampled_rows(page)) == NO_EDGES
    assert not PageSurvey.of(page).is_soft


def test_the_margin_of_a_very_wide_page_does_not_count():
    columns = np.arange(12_000)
    soft = (128 + 120 * np.sin(columns / 4)).astype(np.uint8)
    soft[:3000:40] = 0  # a sharp pattern in the margin
    page = np.broadcast_to(soft[None, :, None], (200, 12_000, 3))
    assert PageSurvey.of(page).is_soft
    assert not PageSurvey.of(page[:, :3000]).is_soft


def test_of_a_large_page_only_some_strips_are_asked_for():
    class Page:
        shape, dtype = (30_000, 20_000, 3), np.dtype(np.uint8)
        rows = 0

        def __getitem__(self, rows: slice) -> np.ndarray:
            self.rows += rows.stop - rows.start
            return np.zeros((rows.stop - rows.start, 20_000, 3), np.uint8)

    page = Page()
    assert edge_softness(sampled_rows(page)) == NO_EDGES
    assert page.rows < 30_000 / 6
