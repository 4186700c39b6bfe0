"""Which pages a model knows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from docbin_napari.model.page_look import SPREAD, FamiliarPages, page_look
from docbin_napari.train.synthesis import draw_page


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


def test_a_page_looks_like_itself_and_its_quarters(page):
    known = FamiliarPages.of([page])
    assert known.distance(page) < 1e-3
    assert known.include(page[:200])
    assert known.include(page[200:])


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
    assert not FamiliarPages.of([page]).include(change(page))


def test_each_of_several_pages_is_known(page):
    known = FamiliarPages.of([page, 255 - page])
    assert known.include(page)
    assert known.include(255 - page)


def test_the_radius_decides(page):
    other = np.clip(page.astype(int) - 30, 0, 255).astype(np.uint8)
    known = FamiliarPages.of([page])
    distance = known.distance(other)
    assert FamiliarPages(known.looks, distance + 0.01).include(other)
    assert not FamiliarPages(known.looks, distance - 0.01).include(other)


def test_nothing_known_is_nothing_included(page):
    assert not FamiliarPages(()).include(page)


def test_a_large_page_is_not_read_whole():
    rows = Rows(np.full((6000, 40, 3), 220, np.uint8))
    page_look(rows)
    assert rows.asked < 1500


@given(st.integers(1, 40), st.integers(1, 40))
def test_pages_of_any_size_have_a_look(height, width):
    look = page_look(np.full((height, width, 3), 128, np.uint8))
    assert look.shape == (len(SPREAD),)
    assert np.isfinite(look).all()


def test_it_survives_the_header(page):
    known = FamiliarPages.of([page])
    again = FamiliarPages.from_header(known.to_header())
    assert_allclose(again.looks, known.looks)
    assert again == known


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"looks": 3, "radius": 1},
        {"looks": [[1, 2]], "radius": 1},
        {"looks": [["x"] * 10], "radius": 1},
    ],
)
def test_a_damaged_header_is_refused(stored):
    with pytest.raises(ValueError, match=r"a page it knows|pages it knows"):
        FamiliarPages.from_header(stored)
