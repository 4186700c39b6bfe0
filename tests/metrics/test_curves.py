import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.metrics.calibration_curves import ProbabilityCounts
from docbin_napari.metrics.rates import f_measure, precision, recall


def counts_of(probability, ink, labelled=None):
    counts = ProbabilityCounts()
    counts.add(probability, ink, labelled)
    return counts


@pytest.fixture
def page():
    """Probabilities of a page, and ink drawn with just these probabilities."""
    rng = np.random.default_rng(3)
    probability = rng.integers(0, 256, (300, 400)).astype(np.uint8)
    return probability, rng.random(probability.shape) < probability / 255


def test_a_calibration_error_worked_out_by_hand():
    """Two pixels at 1, one of them ink; two at 0, none of them."""
    probability = np.array([[255, 255, 0, 0]], np.uint8)
    counts = counts_of(probability, np.array([[True, False, False, False]]))
    assert counts.expected_calibration_error() == pytest.approx(0.25)
    low, high = counts.reliability()
    assert (low.pixels, low.probability, low.ink) == (2, 0, 0)
    assert (high.pixels, high.probability, high.ink) == (2, 1, 0.5)
    assert (low.low, high.high) == (0, 1)


def test_probabilities_that_come_true_are_calibrated(page):
    assert counts_of(*page).expected_calibration_error() < 0.01


def test_a_network_that_is_too_sure_is_not(page):
    probability, ink = page
    sure = np.where(probability > 127, 255, 0).astype(np.uint8)
    assert counts_of(sure, ink).expected_calibration_error() == pytest.approx(0.25, abs=0.01)


def test_the_mean_probability_of_floats_is_exact():
    probability = np.full((4, 4), 0.00125, np.float32)
    counts = counts_of(probability, np.zeros((4, 4), bool))
    assert counts.expected_calibration_error() == pytest.approx(0.00125)


def test_unlabelled_pixels_count_nowhere(page):
    probability, ink = page
    labelled = np.zeros(ink.shape, bool)
    labelled[:50] = True
    found = counts_of(probability, ink, labelled)
    alone = counts_of(probability[:50], ink[:50])
    assert found.pixels == alone.pixels == 50 * 400
    assert (found.ink == alone.ink).all()
    assert (found.paper == alone.paper).all()


def test_pages_add_up(page):
    probability, ink = page
    parts = counts_of(probability[:100], ink[:100])
    parts.merge(counts_of(probability[100:], ink[100:]))
    whole = counts_of(probability, ink)
    assert (parts.ink == whole.ink).all()
    assert (parts.paper == whole.paper).all()
    assert parts.total == pytest.approx(whole.total)


@given(level=st.integers(0, 255), seed=st.integers(0, 100))
def test_the_curve_is_what_a_threshold_gives(level, seed):
    rng = np.random.default_rng(seed)
    probability = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    ink = rng.random(probability.shape) < 0.3
    ink[0, 0] = True
    curve = counts_of(probability, ink).precision_recall()
    taken = probability >= level
    assert curve.threshold[level] == level / 255
    assert 100 * curve.recall[level] == pytest.approx(recall(taken, ink))
    if taken.any():
        assert 100 * curve.precision[level] == pytest.approx(precision(taken, ink))
        assert curve.f_measure[level] == pytest.approx(f_measure(taken, ink))


def test_the_best_threshold_parts_ink_from_paper():
    probability = np.array([[10, 20, 200, 240]], np.uint8)
    curve = counts_of(probability, np.array([[False, False, True, True]])).precision_recall()
    assert 20 / 255 < curve.best_threshold <= 200 / 255
    assert curve.f_measure.max() == 100


def test_the_threshold_one_takes_nothing_where_nothing_is_certain():
    curve = counts_of(np.array([[3, 9]], np.uint8), np.array([[False, True]])).precision_recall()
    assert (curve.precision[-1], curve.recall[-1], curve.f_measure[-1]) == (1, 0, 0)


def test_what_cannot_be_counted_is_refused():
    ink = np.zeros((2, 2), bool)
    with pytest.raises(ValueError, match="no pixels"):
        ProbabilityCounts().expected_calibration_error()
    with pytest.raises(ValueError, match="no ink"):
        counts_of(np.zeros((2, 2), np.uint8), ink).precision_recall()
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        counts_of(np.zeros((1, 2), np.uint8), ink)
    with pytest.raises(ValueError, match="float or uint8"):
        counts_of(np.zeros((2, 2), int), ink)
    with pytest.raises(ValueError, match="between 0 and 1"):
        counts_of(np.full((2, 2), np.nan, np.float32), ink)
