import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from docbin_napari.metrics.error_kinds import NEAR, error_kinds, error_maps
from docbin_napari.metrics.rates import f_measure


@pytest.fixture
def two_strokes():
    truth = np.zeros((40, 60), bool)
    truth[10:14, 5:50] = True
    truth[28:32, 5:50] = True
    return truth


def distance_to(ink):
    return ndimage.distance_transform_edt(~ink) if ink.any() else np.full(ink.shape, np.inf)


@given(seed=st.integers(0, 40), share=st.floats(0, 0.05), found=st.floats(0, 0.05))
def test_kinds_follow_from_euclidean_distances(seed, share, found):
    random = np.random.default_rng(seed)
    truth, prediction = random.random((30, 41)) < share, random.random((30, 41)) < found
    maps = error_maps(prediction, truth)
    false, missing = prediction & ~truth, truth & ~prediction
    assert (maps.false_ink == (false & (distance_to(truth) > NEAR))).all()
    assert (maps.missed == (missing & (distance_to(prediction) > NEAR))).all()
    total = maps.border.astype(int) + maps.false_ink + maps.missed
    assert (total == (prediction ^ truth)).all()


def test_a_lost_stroke_is_missed_and_costs_what_giving_it_back_gains(two_strokes):
    found = two_strokes.copy()
    found[28:32] = False
    kinds = error_kinds(found, two_strokes)
    assert kinds.missed == 100 * 180 / 2400
    assert kinds.missed_cost == pytest.approx(100 - f_measure(found, two_strokes))
    assert (kinds.border, kinds.false_ink, kinds.false_ink_cost) == (0, 0, 0)


def test_a_bold_stroke_errs_at_its_border_only(two_strokes):
    bold = ndimage.binary_dilation(two_strokes, iterations=2)
    kinds = error_kinds(bold, two_strokes)
    assert kinds.border > 0
    assert (kinds.false_ink, kinds.missed) == (0, 0)


def test_nothing_counts_where_nothing_is_labelled(two_strokes):
    found = two_strokes.copy()
    found[0, 0] = found[39, 59] = True
    labelled = np.ones_like(found)
    labelled[0, 0] = False
    maps = error_maps(found, two_strokes, labelled)
    assert maps.false_ink.sum() == 1
    assert maps.false_ink[39, 59]
