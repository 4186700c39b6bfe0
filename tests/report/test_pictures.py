import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.metrics.error_kinds import error_maps
from docbin_napari.report.pictures import (
    BORDER,
    FALSE,
    MISSED,
    paint,
    picture_errors,
    worst_region,
)


def wrong_at(shape, *places):
    wrong = np.zeros(shape, bool)
    for rows, columns in places:
        wrong[rows, columns] = True
    return wrong


def test_thick_errors_are_worse_than_borders():
    thin, thick = (slice(8, 9), slice(0, 100)), (slice(152, 160), slice(152, 160))
    rows, columns = worst_region(wrong_at((200, 200), thin, thick), (40, 100))
    assert rows.start <= 152
    assert rows.stop >= 160
    assert columns.start <= 152
    assert columns.stop >= 160


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    wanted=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 9),
)
def test_the_region_lies_in_the_page(height, width, wanted, seed):
    wrong = np.random.default_rng(seed).random((height, width)) < 0.1
    rows, columns = worst_region(wrong, wanted)
    assert wrong[rows, columns].shape == (min(wanted[0], height), min(wanted[1], width))
    assert rows.start >= 0
    assert columns.start >= 0


def test_errors_have_their_colours():
    luma = np.tile(np.arange(0, 250, 10, dtype=np.uint8), (25, 1))
    kinds = [wrong_at((25, 25), place) for place in ((6, 7), (2, 3), (4, 5))]
    painted = paint(luma, kinds)
    assert tuple(painted[6, 7]) == BORDER
    assert tuple(painted[2, 3]) == MISSED
    assert tuple(painted[4, 5]) == FALSE
    others = painted[~np.logical_or.reduce(kinds)]
    assert (others == others[:, :1]).all()
    assert others.min() > 100


def test_a_page_of_one_gray_can_be_painted():
    no_error = np.zeros((9, 9), bool)
    assert paint(np.full((9, 9), 7, np.uint8), 3 * [no_error]).shape == (9, 9, 3)


@pytest.mark.parametrize("size", [(1, 1), (30, 700), (1300, 900)])
@pytest.mark.parametrize("with_page", [True, False])
def test_pictures_of_pages_of_every_size(size, with_page):
    truth, found = np.zeros((2, *size), bool)
    truth[0, 0] = True
    page = np.full((*size, 3), 200, np.uint8) if with_page else None
    pictures = picture_errors(error_maps(found, truth), truth, page)
    assert (pictures.border, pictures.missed, pictures.false) == (0, 1, 0)
    assert pictures.place == (0, 0)
    for picture in (pictures.whole, pictures.region, pictures.errors):
        assert picture.startswith("data:image/jpeg;base64,")
