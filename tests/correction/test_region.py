"""Rectangles and lassos."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.correction.region import lasso, rectangle, whole

points = st.tuples(st.floats(-30, 60), st.floats(-30, 60))


@given(points, points)
def test_a_rectangle_is_the_same_from_every_corner(first, second) -> None:
    region, other = rectangle(first, second, (20, 30)), rectangle(second, first, (20, 30))
    assert (region is None) == (other is None)
    if region is not None:
        assert region.place == other.place
        assert region.inside.shape == np.zeros((20, 30))[region.place].shape


@given(st.lists(points, min_size=1, max_size=8))
def test_a_lasso_lies_on_the_page(corners) -> None:
    region = lasso(corners, (20, 30))
    if region is not None:
        assert region.inside.shape == np.zeros((20, 30))[region.place].shape
        assert region.size > 0


def test_a_lasso_round_a_square_takes_the_square() -> None:
    region = lasso([(1.5, 1.5), (1.5, 4.5), (4.5, 4.5), (4.5, 1.5)], (20, 30))
    page = np.zeros((20, 30), bool)
    page[region.place] = region.inside
    expected = np.zeros((20, 30), bool)
    expected[2:5, 2:5] = True
    assert np.array_equal(page, expected)


def test_regions_off_the_page_are_none() -> None:
    assert rectangle((30, 30), (40, 40), (20, 30)) is None
    assert lasso([(30, 40), (40, 40), (40, 50)], (20, 30)) is None
    assert lasso([(3, 4), (5, 6)], (20, 30)) is None


def test_a_whole_page_takes_no_memory() -> None:
    region = whole((10_000, 10_000))
    assert region.inside.strides == (0, 0)
    assert region.inside.shape == (10_000, 10_000)
