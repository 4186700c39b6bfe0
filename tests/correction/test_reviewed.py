"""What was looked at, on a grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.correction.reviewed import Reviewed, grid_shape

sides = st.integers(1, 900)


def test_half_a_window_counts_as_looked_at_and_less_does_not() -> None:
    reviewed = Reviewed((512, 512))
    reviewed.mark(slice(0, 256), slice(0, 384))
    assert reviewed.grid.tolist() == [[True, True], [False, False]]
    other = Reviewed((512, 512))
    other.mark(slice(0, 256), slice(0, 383))
    assert other.grid.tolist() == [[True, False], [False, False]]


def test_a_small_region_marks_the_window_that_holds_it() -> None:
    reviewed = Reviewed((512, 512))
    reviewed.mark(slice(300, 310), slice(20, 30))
    assert reviewed.grid.tolist() == [[False, False], [True, False]]


def test_of_a_lasso_only_what_is_inside_counts() -> None:
    reviewed = Reviewed((600, 600))
    inside = np.zeros((600, 500), bool)
    inside[:300, :156], inside[500:, :] = True, True
    around = slice(0, 600), slice(100, 600)
    reviewed.mark(*around, inside=inside)
    assert reviewed.grid.tolist() == [
        [True, False, False],
        [False, False, False],
        [True, True, True],
    ]
    reviewed.mark(slice(None), slice(None))
    reviewed.mark(*around, reviewed=False, inside=inside)
    assert reviewed.grid.tolist() == [[False, True, True], [False] * 3, [False] * 3]


@given(st.integers(0, 10**6))
def test_a_region_that_fills_its_rectangle_counts_as_the_rectangle(seed: int) -> None:
    random = np.random.default_rng(seed)
    (top, bottom), (left, right) = (np.sort(random.integers(0, 700, 2)) for _ in "rc")
    around, window = (slice(int(top), int(bottom)), slice(int(left), int(right))), 100
    one, other = Reviewed((700, 700), window), Reviewed((700, 700), window)
    one.mark(*around)
    other.mark(*around, inside=np.ones((bottom - top, right - left), bool))
    assert np.array_equal(one.grid, other.grid)


def test_a_region_off_the_page_marks_nothing() -> None:
    reviewed = Reviewed((512, 512))
    reviewed.mark(slice(600, 700), slice(0, 512))
    assert not reviewed.grid.any()


def test_the_mark_is_taken_away_from_every_window_that_is_touched() -> None:
    reviewed = Reviewed((512, 512))
    reviewed.mark(slice(None), slice(None))
    reviewed.mark(slice(250, 260), slice(0, 10), reviewed=False)
    assert reviewed.grid.tolist() == [[False, True], [False, True]]


@given(sides, sides, st.integers(1, 300))
def test_all_of_the_page_is_all_of_the_share(height: int, width: int, window: int) -> None:
    reviewed = Reviewed((height, width), window)
    assert reviewed.share == 0
    reviewed.mark(slice(None), slice(None))
    assert reviewed.share == pytest.approx(1)
    assert reviewed.grid.shape == grid_shape((height, width), window)


@given(sides, sides, st.integers(1, 300), st.integers(0, 10**6))
def test_the_share_counts_pixels(height: int, width: int, window: int, seed: int) -> None:
    reviewed = Reviewed((height, width), window)
    reviewed.grid = np.random.default_rng(seed).random(reviewed.grid.shape) < 0.5
    looked = np.zeros((height, width), bool)
    for row, column in zip(*np.nonzero(reviewed.grid), strict=True):
        looked[reviewed.place(row, column)] = True
    assert reviewed.share == pytest.approx(looked.mean())


@given(sides, sides, st.integers(1, 300), st.integers(0, 10**6))
def test_bytes_and_back(height: int, width: int, window: int, seed: int) -> None:
    reviewed = Reviewed((height, width), window)
    reviewed.grid = np.random.default_rng(seed).random(reviewed.grid.shape) < 0.5
    again = Reviewed.from_bytes(reviewed.to_bytes())
    assert (again.shape, again.window) == (reviewed.shape, window)
    assert np.array_equal(again.grid, reviewed.grid)


@pytest.mark.parametrize("stored", [b"", b"\x89PNG", b"reviewed 1 a b c\n", b"reviewed 2 9 9 9\n"])
def test_other_bytes_are_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="not a grid"):
        Reviewed.from_bytes(stored)


def test_cut_bytes_are_refused() -> None:
    stored = Reviewed((3000, 3000)).to_bytes()
    with pytest.raises(ValueError, match="damaged"):
        Reviewed.from_bytes(stored[:-1])


@pytest.mark.parametrize("sizes", [b"1000000 10000000 1", b"9 9 0", b"0 9 9"])
def test_sizes_that_a_stranger_made_up_take_no_memory(sizes: bytes) -> None:
    with pytest.raises(ValueError, match=r"damaged|no windows"):
        Reviewed.from_bytes(b"reviewed 1 " + sizes + b"\n")


def test_an_empty_page_is_refused() -> None:
    with pytest.raises(ValueError, match="no windows"):
        Reviewed((0, 5))
