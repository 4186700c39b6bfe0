"""Which pages a model knows."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.page_look import SPREAD, FamiliarPages, looks_of, page_look, read_looks
from docbin_napari.features.survey import PageSurvey


class Rows:
    """A page that can only be sliced by rows, and counts those that are asked for."""

    dtype = np.dtype(np.uint8)

    def __init__(self, pixels):
        self._pixels = pixels
        self.shape = pixels.shape
        self.asked = 0

    def __getitem__(self, rows):
        part = self._pixels[rows]
        self.asked += len(part)
        return part


@pytest.fixture(scope="module")
def page():
    return draw_page(3, 400, 300).pixels


def test_a_page_looks_like_itself_and_its_halves(page):
    known = FamiliarPages.of([page])
    assert FamiliarPages(known.looks, radius=1e-3).include(PageSurvey.of(page))
    assert known.include(PageSurvey.of(page[:200]))
    assert known.include(PageSurvey.of(page[200:]))


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: 255 - pixels,
        lambda pixels: pixels // 4,
        lambda pixels: (pixels * np.array([1, 0.6, 0.3])).astype(np.uint8),
    ],
    ids=["inverted", "dark", "brown"],
)
def test_another_kind_of_page_is_not_known(change, page):
    assert not FamiliarPages.of([page]).include(PageSurvey.of(change(page)))


def test_each_of_several_pages_is_known(page):
    known = FamiliarPages.of([page, 255 - page])
    assert known.include(PageSurvey.of(page))
    assert known.include(PageSurvey.of(255 - page))


def darker(page, by):
    return np.clip(page.astype(int) - by, 0, 255).astype(np.uint8)


def test_a_page_between_two_archives_goes_to_the_nearer_one(page):
    own, others = looks_of([page]), looks_of([darker(page, 60)])
    known = FamiliarPages(own, others, ratio=1.0)
    assert known.include(PageSurvey.of(darker(page, 10)))
    assert not known.include(PageSurvey.of(darker(page, 50)))


def test_the_ratio_gives_own_pages_more_room(page):
    own, others = looks_of([page]), looks_of([darker(page, 60)])
    beyond_the_middle = darker(page, 36)
    assert not FamiliarPages(own, others, ratio=1.0).include(PageSurvey.of(beyond_the_middle))
    assert FamiliarPages(own, others, ratio=4.0).include(PageSurvey.of(beyond_the_middle))


def test_a_page_unlike_everything_is_left_to_the_start(page):
    own, others = looks_of([page]), looks_of([255 - page])
    assert FamiliarPages(own, others, ratio=50.0).include(PageSurvey.of(darker(page, 10)))
    assert not FamiliarPages(own, others, ratio=50.0, radius=0.5).include(
        PageSurvey.of(darker(page, 60))
    )


def test_one_page_of_the_start_that_is_alike_by_chance_does_not_decide(page):
    own, far = looks_of([page]), looks_of([255 - page])
    alike = looks_of([darker(page, 20)])
    survey = PageSurvey.of(darker(page, 16))
    for rank, familiar in ((1, False), (2, True), (9, True)):
        known = FamiliarPages(own, alike + far, ratio=1.0, radius=9.0, rank=rank)
        assert known.include(survey) == familiar


def test_without_other_pages_the_radius_decides(page):
    own = looks_of([page])
    assert FamiliarPages(own, radius=10.0).include(PageSurvey.of(darker(page, 30)))
    assert not FamiliarPages(own, radius=0.01).include(PageSurvey.of(darker(page, 30)))


def test_nothing_known_is_nothing_included(page):
    assert not FamiliarPages(()).include(PageSurvey.of(page))


def test_a_large_page_is_not_read_whole():
    rows = Rows(np.full((6000, 40, 3), 220, np.uint8))
    page_look(PageSurvey.of(rows))
    assert rows.asked < 2000


@given(st.integers(1, 40), st.integers(1, 40))
def test_pages_of_any_size_have_a_look(height, width):
    look = page_look(PageSurvey.of(np.full((height, width, 3), 128, np.uint8)))
    assert look.shape == (len(SPREAD),)
    assert np.isfinite(look).all()


def test_it_survives_the_header(page):
    known = FamiliarPages(looks_of([page]), looks_of([255 - page]), 1.5, 3.0, 2, ("~/scans",))
    assert FamiliarPages.from_header(json.loads(json.dumps(known.to_header()))) == known


def test_a_model_of_an_earlier_version_compares_with_the_nearest_page_of_the_start(page):
    stored = FamiliarPages.of([page]).to_header()
    del stored["rank"], stored["folders"]
    assert FamiliarPages.from_header(stored).rank == 1


@pytest.mark.parametrize(
    "change",
    [{"looks": 3}, {"looks": [[1, 2]]}, {"others": [["x"] * 10]}, {"ratio": None}, {"folders": 1}],
)
def test_a_damaged_header_is_refused(change, page):
    stored = {**FamiliarPages.of([page]).to_header(), **change}
    with pytest.raises(ValueError, match="pages it knows"):
        FamiliarPages.from_header(stored)


def test_a_model_that_says_nothing_of_its_pages_has_seen_none():
    assert read_looks({}) == ()
