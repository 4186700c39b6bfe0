import math
from dataclasses import fields

import numpy as np
import pytest

from docbin_napari import metrics
from docbin_napari.metrics import PageScores, mean_scores, score_page

PERFECT = PageScores(100, 100, 100, math.inf, 0, 0, 100, 100)
POOR = PageScores(50, 70, 60, 10, 8, 0.4, 40, 70)


def test_each_field_is_the_metric_of_that_name(one_stroke):
    prediction = np.roll(one_stroke, 1, axis=0)
    labelled = np.ones_like(one_stroke)
    labelled[:, :5] = False
    scores = score_page(prediction, one_stroke, labelled)
    for field in fields(PageScores):
        metric = getattr(metrics, field.name)
        assert getattr(scores, field.name) == metric(prediction, one_stroke, labelled)
        assert type(getattr(scores, field.name)) is float


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
    infinite = PageScores(0, 0, 0, 24.08, math.inf, math.nan, 0, 0)
    means = mean_scores([infinite, POOR])
    assert means.drd == math.inf
    assert math.isnan(means.nrm)


def test_no_pages():
    with pytest.raises(ValueError, match="no pages"):
        mean_scores([])
