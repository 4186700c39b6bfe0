import math

import numpy as np
import pytest

from docbin_napari.metrics.rates import f_measure, nrm, precision, psnr, recall


@pytest.fixture
def three_by_three(draw):
    """Four hits, one false and one missed pixel, three clear ones."""
    return draw("##.  ###  ..."), draw("###  ##.  ...")


@pytest.fixture
def official_page():
    """The worked example of the official tool: 1929 false and 6493 missed pixels."""
    hits, false, missed, clear = 61573, 1929, 6493, 251404
    prediction = np.repeat([True, True, False, False], [hits, false, missed, clear])
    truth = np.repeat([True, False, True, False], [hits, false, missed, clear])
    return prediction[np.newaxis], truth[np.newaxis]


def test_three_by_three(three_by_three):
    assert f_measure(*three_by_three) == pytest.approx(80)
    assert precision(*three_by_three) == pytest.approx(80)
    assert recall(*three_by_three) == pytest.approx(80)
    assert psnr(*three_by_three) == pytest.approx(6.532, abs=5e-4)
    assert nrm(*three_by_three) == pytest.approx((1 / 5 + 1 / 4) / 2)


def test_arithmetic_of_the_official_tool(official_page):
    assert f_measure(*official_page) == pytest.approx(93.5987, abs=5e-5)
    assert psnr(*official_page) == pytest.approx(15.8163, abs=5e-5)
    assert recall(*official_page) == pytest.approx(90.4607, abs=5e-5)
    assert precision(*official_page) == pytest.approx(96.9623, abs=5e-5)


def test_blank_page_kept_blank_is_perfect(no_ink):
    assert f_measure(no_ink, no_ink) == 100
    assert precision(no_ink, no_ink) == 100
    assert recall(no_ink, no_ink) == 100
    assert psnr(no_ink, no_ink) == math.inf
    assert nrm(no_ink, no_ink) == 0


def test_ink_on_a_blank_page(no_ink, one_stroke):
    assert f_measure(one_stroke, no_ink) == 0
    assert precision(one_stroke, no_ink) == 0
    assert recall(one_stroke, no_ink) == 0
    assert math.isnan(nrm(one_stroke, no_ink))


def test_stroke_missed_altogether(no_ink, one_stroke):
    assert f_measure(no_ink, one_stroke) == 0
    assert precision(no_ink, one_stroke) == 0
    assert recall(no_ink, one_stroke) == 0
    assert nrm(no_ink, one_stroke) == 0.5


@pytest.mark.parametrize("metric", [f_measure, precision, recall, psnr, nrm])
def test_errors_where_nothing_is_labelled_cost_nothing(metric, one_stroke):
    labelled = np.ones_like(one_stroke)
    labelled[:, :6] = False
    scribbled = one_stroke.copy()
    scribbled[:, :6] ^= True
    assert metric(scribbled, one_stroke, labelled) == metric(one_stroke, one_stroke)
