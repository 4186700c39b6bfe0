"""Numbers of drawn pages, so that no change of the sampling goes unnoticed."""

import numpy as np
import pytest

from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.survey import PageSurvey, edge_softness, width_along_rows

INK = {
    1: [107.2, 99.38, 95.85, 238.05, 226.79, 223.02],
    2: [81.98, 80.38, 59.32, 225.31, 224.93, 192.86],
    3: [73.27, 59.61, 35.01, 137.95, 118.49, 79.72],
}
WIDTH_AND_SOFTNESS = {1: (2.298, 0.231), 2: (1.695, 0.290), 3: (2.531, 0.214)}


@pytest.fixture(scope="module", params=[1, 2, 3])
def drawn(request):
    return request.param, draw_page(request.param, 500, 400).pixels


def test_ink_and_strokes_of_drawn_pages(drawn):
    seed, pixels = drawn
    survey = PageSurvey.of(pixels)
    np.testing.assert_allclose(survey.ink, INK[seed], atol=0.02)
    softness = edge_softness([strip.green for strip in survey.strips])
    found = width_along_rows(survey.strokes), softness
    np.testing.assert_allclose(found, WIDTH_AND_SOFTNESS[seed], atol=1e-3)
    assert not survey.is_soft
    assert not survey.is_light_on_dark


def test_the_survey_of_the_negative_is_that_of_the_inverted_page(drawn):
    _, pixels = drawn
    turned, negative = PageSurvey.of(pixels).inverted(), PageSurvey.of(255 - pixels)
    assert turned.is_light_on_dark == negative.is_light_on_dark
    assert np.array_equal(turned.ink, negative.ink)
    assert all(map(np.array_equal, turned.strokes, negative.strokes))


def test_a_page_is_sampled_once():
    class Rows:
        shape, dtype, asked = (900, 300, 3), np.dtype(np.uint8), 0

        def __getitem__(self, rows):
            self.asked += 1
            return np.full((rows.stop - rows.start, 300, 3), 200, np.uint8)

    rows = Rows()
    survey = PageSurvey.of(rows)
    sampled = rows.asked
    assert survey.ink is None
    assert not survey.is_light_on_dark
    assert not survey.is_soft
    assert survey.strokes
    assert rows.asked == sampled
