import math
from dataclasses import asdict, fields

import numpy as np
import pytest

from docbin_napari.metrics import scores as all_metrics
from docbin_napari.metrics.scores import PageScores, mean_scores, score_page

NO_ERROR = (0, 0, 0, 0, 0)
PERFECT = PageScores(100, 100, 100, math.inf, 0, 0, 100, 100, 10, *NO_ERROR)
POOR = PageScores(50, 70, 60, 10, 8, 0.4, 40, 70, 10, 2, 4, 1, 20, 5)
SPECKLED = PageScores(0, 0, 0, 20, math.inf, math.nan, 0, 0, 0, 1, 7, 0, 100, 0)
OWN_METRICS = [field.name for field in fields(PageScores)][:8]


def test_each_field_is_the_metric_of_that_name(one_stroke):
    prediction = np.roll(one_stroke, 1, axis=0)
    labelled = np.ones_like(one_stroke)
    labelled[:, :5] = False
    scores = score_page(prediction, one_stroke, labelled)
    for name in OWN_METRICS:
        metric = getattr(all_metrics, name)
        assert getattr(scores, name) == metric(prediction, one_stroke, labelled)
    kinds = all_metrics.error_kinds(prediction, one_stroke, labelled)
    for name, value in asdict(kinds).items():
        assert getattr(scores, name) == value
    assert scores.ink == 100 * one_stroke[:, 5:].mean()
    assert all(type(getattr(scores, field.name)) is float for field in fields(PageScores))


def test_means_clip_perfect_pages_and_count_them():
    means = mean_scores([PERFECT, POOR])
    assert means.psnr == 55
    assert means.perfect_pages == 1
    assert means.pages == 2
    assert means.f_measure == 75
    assert means.weighted_pseudo_f_measure == 85
    assert means.skeleton_pseudo_f_measure == 80
    assert means.drd == 4
    assert means.nrm == pytest.approx(0.2)
    assert means.precision == 70
    assert means.recall == 85


def test_infinite_distortion_is_not_hidden_in_the_mean():
    infinite = PageScores(0, 0, 0, 24.08, math.inf, math.nan, 0, 0, 10, *NO_ERROR)
    means = mean_scores([infinite, POOR])
    assert means.drd == math.inf
    assert math.isnan(means.nrm)


def test_pages_without_ink_count_with_their_false_ink_only():
    means = mean_scores([PERFECT, POOR, SPECKLED])
    assert (means.pages, means.blank_pages, means.perfect_pages) == (3, 1, 1)
    assert means.f_measure == 75
    assert means.drd == 4
    assert means.false_ink_cost == 10
    assert means.false_ink == pytest.approx(11 / 3)
    assert means.worst_false_ink == 7
    alone = mean_scores([SPECKLED])
    assert math.isnan(alone.f_measure)
    assert alone.false_ink == 7


def test_no_pages():
    with pytest.raises(ValueError, match="no pages"):
        mean_scores([])
