"""Doubt on a grid, and the next place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.correction.reviewed import Reviewed, doubt_grid, entropy_table, next_place


def test_one_half_is_the_greatest_doubt_and_certainty_none() -> None:
    page = np.zeros((4, 8), np.uint8)
    page[:, 4:] = 128
    assert np.allclose(doubt_grid(page, window=4), [[0, 1]], atol=1e-3)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(0, 10**6))
def test_the_grid_is_the_entropy_of_each_window_over_the_area_of_a_whole_one(
    height: int, width: int, window: int, seed: int
) -> None:
    page = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    grid = doubt_grid(page, window=window)
    table = entropy_table()
    for row, column in np.ndindex(*grid.shape):
        part = page[row * window : (row + 1) * window, column * window : (column + 1) * window]
        whole = min(window, height) * min(window, width)
        assert grid[row, column] == pytest.approx(table[part].sum() / whole)


def test_a_doubtful_sliver_at_the_edge_comes_after_a_place_with_more_to_correct() -> None:
    page = np.zeros((256, 514), np.uint8)
    page[:, 512:] = 128
    page[100:120, 50:150] = 128
    grid = doubt_grid(page)
    assert next_place(grid, Reviewed(page.shape)) == (0, 0)
    assert grid[0, 2] > 0


def test_two_opinions_that_differ_count_more_than_two_that_waver() -> None:
    first, second = np.full((4, 8), 128, np.uint8), np.full((4, 8), 128, np.uint8)
    first[:, 4:], second[:, 4:] = 0, 255
    assert doubt_grid(first, second, window=4).tolist() == [[0, 1]]
    assert doubt_grid(second, first, window=4).tolist() == [[0, 1]]


def test_opinions_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="second opinion"):
        doubt_grid(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8))


def test_the_places_come_in_the_order_of_doubt_and_each_once() -> None:
    doubt = np.array([[0.1, 0.9], [0.5, 0.0]])
    reviewed, order = Reviewed((8, 8), 4), []
    while (place := next_place(doubt, reviewed)) is not None:
        order.append(place)
        reviewed.mark(*reviewed.place(*place))
    assert order == [(0, 1), (1, 0), (0, 0), (1, 1)]


def test_without_doubt_the_places_come_in_reading_order() -> None:
    reviewed = Reviewed((8, 8), 4)
    assert next_place(None, reviewed) == (0, 0)
    reviewed.mark(*reviewed.place(0, 0))
    assert next_place(None, reviewed) == (0, 1)
