"""What must hold for every page: perfection, symmetry, nothing from unlabelled pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from docbin_napari.metrics.rates import drd, f_measure, nrm, precision, psnr, recall
from docbin_napari.metrics.scores import score_page

SIDES = st.integers(1, 20)
pages = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=20))
counting_metrics = [f_measure, precision, recall, psnr, nrm]


@st.composite
def page_arrays(draw, number, sides=SIDES):
    """Several bool arrays of one random shape."""
    shape = draw(st.tuples(sides, sides))
    return [draw(arrays(bool, shape)) for _ in range(number)]


def eight_symmetries(array):
    for turned in (array, array.T):
        for quarter_turns in range(4):
            yield np.rot90(turned, quarter_turns)


@given(pages)
def test_a_page_against_itself_is_perfect(page):
    scores = score_page(page, page)
    assert scores.f_measure == scores.skeleton_pseudo_f_measure == 100
    assert scores.weighted_pseudo_f_measure == pytest.approx(100)
    assert scores.precision == scores.recall == 100
    assert scores.psnr == math.inf
    assert scores.drd == scores.nrm == 0


@pytest.mark.parametrize("metric", counting_metrics)
@given(page_arrays(3))
def test_unchanged_under_the_eight_symmetries(metric, arrays):
    prediction, truth, labelled = arrays
    labelled[0, 0] = True
    upright = metric(prediction, truth, labelled)
    for turned in zip(*map(eight_symmetries, (prediction, truth, labelled)), strict=True):
        assert metric(*turned) == pytest.approx(upright, nan_ok=True)


@given(page_arrays(3, sides=st.sampled_from([8, 16, 24])))
def test_distortion_of_whole_blocks_is_unchanged_under_the_eight_symmetries(arrays):
    prediction, truth, labelled = arrays
    labelled[0, 0] = True
    upright = drd(prediction, truth, labelled)
    for turned in zip(*map(eight_symmetries, (prediction, truth, labelled)), strict=True):
        assert drd(*turned) == pytest.approx(upright)


@given(page_arrays(4))
def test_unlabelled_pixels_never_matter(arrays):
    """Whatever stands there, in the prediction or the ground truth, the scores are the same."""
    prediction, truth, labelled, noise = arrays
    labelled[0, 0] = True
    scores = score_page(prediction, truth, labelled)
    noise &= ~labelled
    assert repr(score_page(prediction ^ noise, truth ^ noise, labelled)) == repr(scores)
    assert repr(score_page(prediction, truth ^ noise, labelled)) == repr(scores)


@given(page_arrays(2))
def test_ranges(arrays):
    scores = score_page(*arrays)
    for percent in ("f_measure", "skeleton_pseudo_f_measure", "precision", "recall"):
        assert 0 <= getattr(scores, percent) <= 100
    assert 0 <= scores.weighted_pseudo_f_measure <= 100 + 1e-9
    assert scores.psnr >= 0
    assert scores.drd >= 0
    assert math.isnan(scores.nrm) or 0 <= scores.nrm <= 1
