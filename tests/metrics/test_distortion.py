import math

import numpy as np
import pytest

from docbin_napari.metrics.rates import drd

SIDE, DIAGONAL, KNIGHT = 0.0723571, 0.0511642, 0.0323591

EIGHT_BY_EIGHT = """
.....#..
........
#.......
.#......
..###...
........
......#.
.#.....#
"""


def test_eight_by_eight_example(draw):
    truth = draw(EIGHT_BY_EIGHT)
    prediction = truth.copy()
    prediction[4, 3] = False
    assert drd(prediction, truth) == pytest.approx(0.177073, abs=1e-6)
    assert drd(prediction, truth) == pytest.approx(2 * SIDE + KNIGHT, abs=1e-6)


def test_missed_dot_costs_nothing(no_ink):
    dot = no_ink.copy()
    dot[8, 8] = True
    assert drd(no_ink, dot) == 0


def test_cells_outside_the_page_count_nothing(one_stroke):
    """In the corner only 8 of the 24 neighbours exist."""
    prediction = one_stroke.copy()
    prediction[0, 0] = True
    two_away = 0.0361786
    corner = 0.0255821
    around = 2 * SIDE + DIAGONAL + 2 * two_away + 2 * KNIGHT + corner
    mixed_blocks = 6
    assert drd(prediction, one_stroke) == pytest.approx(around / mixed_blocks, abs=1e-6)


def test_partial_blocks_are_dropped(one_stroke):
    """Six blocks hold both values; without the last column of pixels two of them are partial."""
    prediction = one_stroke.copy()
    prediction[7, 6] = False
    whole = drd(prediction, one_stroke)
    cut = drd(prediction[:, :-1], one_stroke[:, :-1])
    assert cut == pytest.approx(whole * 6 / 4)


def test_infinite_where_no_block_is_mixed(no_ink, one_stroke):
    assert drd(one_stroke, no_ink) == math.inf
    assert drd(no_ink, no_ink) == 0


def test_smaller_than_a_block():
    page = np.array([[True, False]])
    assert drd(page, page) == 0
    assert drd(~page, page) == math.inf


def test_unlabelled_pixels_cost_nothing_as_neighbours(one_stroke):
    prediction = one_stroke.copy()
    prediction[7, 10] = False
    labelled = np.ones_like(one_stroke)
    assert drd(prediction, one_stroke, labelled) == drd(prediction, one_stroke)
    labelled[7, 9] = False
    fewer = drd(prediction, one_stroke) - drd(prediction, one_stroke, labelled)
    assert fewer == pytest.approx(SIDE / 6, abs=1e-6)


def test_a_block_is_mixed_by_its_labelled_pixels_only(one_stroke):
    prediction = one_stroke.copy()
    prediction[7, 10] = False
    labelled = np.ones_like(one_stroke)
    labelled[:, 16:] = one_stroke[:, 16:]
    dropped_two_of_six = drd(prediction, one_stroke, labelled)
    assert dropped_two_of_six == pytest.approx(drd(prediction, one_stroke) * 6 / 4)
