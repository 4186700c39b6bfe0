"""Pieces of ink: the one that was clicked, and the small ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from docbin_napari.correction.region import (
    component_at,
    lasso,
    measure_pieces,
    nearest_ink,
    rectangle,
    whole,
)


def random_ink(seed: int, shape: tuple[int, int] = (60, 70), share: float = 0.4) -> np.ndarray:
    """Ink at random."""
    return np.random.default_rng(seed).random(shape) < share


@given(st.integers(0, 10**6), st.floats(0.05, 0.6))
def test_the_piece_is_that_of_a_labelling_of_the_whole_page(seed: int, share: float) -> None:
    ink = random_ink(seed, share=share)
    row, column = np.argwhere(ink)[seed % ink.sum()]
    labelled, _ = ndimage.label(ink, np.ones((3, 3)))
    piece = component_at(ink, int(row), int(column))
    page = np.zeros(ink.shape, bool)
    page[piece.place] = piece.inside
    assert np.array_equal(page, labelled == labelled[row, column])


def test_a_long_line_is_followed_over_many_windows() -> None:
    ink = np.zeros((40, 3000), bool)
    ink[20] = True
    ink[10, 100] = True
    piece = component_at(ink, 20, 1500)
    assert (piece.rows, piece.columns, piece.size) == (slice(20, 21), slice(0, 3000), 3000)


def test_no_ink_is_no_piece() -> None:
    with pytest.raises(ValueError, match="no ink"):
        component_at(np.zeros((5, 5), bool), 2, 2)


def test_a_click_beside_a_speck_means_the_speck() -> None:
    ink = np.zeros((30, 30), bool)
    ink[10, 10] = ink[20, 20] = True
    assert nearest_ink(ink, 12, 11, 4) == (10, 10)
    assert nearest_ink(ink, 15, 15, 3) is None
    assert nearest_ink(ink, 29, 0, 3) is None


@given(st.integers(0, 10**6), st.integers(0, 40))
def test_specks_are_the_pieces_below_a_size(seed: int, size: int) -> None:
    ink = random_ink(seed, share=0.2)
    pieces = measure_pieces(ink, whole(ink.shape), ink.shape)
    labelled, count = ndimage.label(ink, np.ones((3, 3)))
    expected = np.zeros(ink.shape, bool)
    for number in range(1, count + 1):
        if (labelled == number).sum() < size:
            expected |= labelled == number
    assert np.array_equal(pieces.below(size), expected)
    assert pieces.count_below(size) == ndimage.label(expected, np.ones((3, 3)))[1]


def test_a_piece_that_runs_on_over_the_edge_of_the_region_is_no_speck() -> None:
    ink = np.zeros((20, 20), bool)
    ink[5, 8:12] = True
    ink[5, 2] = True
    region = rectangle((0, 0), (19, 9), ink.shape)
    pieces = measure_pieces(ink[region.place], region, ink.shape)
    assert np.argwhere(pieces.below(100)).tolist() == [[5, 2]]


def test_a_piece_at_the_edge_of_the_page_can_be_a_speck() -> None:
    ink = np.zeros((20, 20), bool)
    ink[0, 0] = True
    assert measure_pieces(ink, whole(ink.shape), ink.shape).count_below(2) == 1


def test_a_piece_that_is_partly_outside_of_a_lasso_is_no_speck() -> None:
    ink = np.zeros((20, 20), bool)
    ink[2, 2] = ink[10, 2:6] = True
    region = lasso([(0, 0), (0, 10), (12, 0)], ink.shape)
    pieces = measure_pieces(ink[region.place], region, ink.shape)
    assert np.argwhere(pieces.below(100)).tolist() == [[2, 2]]
