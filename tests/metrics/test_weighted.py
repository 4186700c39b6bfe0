import tracemalloc

import numpy as np
import pytest

from docbin_napari.metrics.pseudo_f_measure import weight_maps, weighted_pseudo_f_measure
from docbin_napari.metrics.rates import precision, recall


def test_weights_of_a_bar(one_stroke):
    """The middle line carries the weight; beside the bar false ink costs more and more."""
    ink_weights, background_weights = weight_maps(one_stroke)
    assert ink_weights[7, 10] == 0.5
    assert not ink_weights[[6, 8]].any()
    assert background_weights[:, 10].tolist()[9:13] == [0.25, 0.5, 0.75, 1]
    assert not background_weights[one_stroke].any()
    assert not background_weights[0].any()


def test_stroke_drawn_too_thin_costs_nothing(one_stroke):
    middle_line = np.zeros_like(one_stroke)
    middle_line[7] = one_stroke[7]
    assert recall(middle_line, one_stroke) == pytest.approx(100 / 3)
    assert weighted_pseudo_f_measure(middle_line, one_stroke) == pytest.approx(100)


def test_false_ink_costs_more_away_from_the_stroke(one_stroke):
    """54 pixels of ink and one false pixel, which costs 1.25 beside the bar and 1.5 farther out."""
    for row, cost in ((9, 1.25), (10, 1.5)):
        prediction = one_stroke.copy()
        prediction[row, 10] = True
        expected = 54 / (54 + cost)
        figure = weighted_pseudo_f_measure(prediction, one_stroke)
        assert figure == pytest.approx(200 * expected / (1 + expected))


def test_speck_far_from_the_ink_costs_one_pixel(one_stroke):
    speck = one_stroke.copy()
    speck[1, 1] = True
    plain = precision(speck, one_stroke)
    assert weighted_pseudo_f_measure(speck, one_stroke) == pytest.approx(
        200 * plain / (100 + plain)
    )


def test_bridge_between_strokes_costs_more_than_growth_outside():
    apart = np.zeros((24, 24), dtype=bool)
    apart[5:8, 3:21] = apart[11:14, 3:21] = True
    bridge, growth = apart.copy(), apart.copy()
    bridge[8:11, 10] = True
    growth[2:5, 10] = True
    assert weighted_pseudo_f_measure(bridge, apart) < weighted_pseudo_f_measure(growth, apart)


def test_blank_pages(no_ink, one_stroke):
    assert weighted_pseudo_f_measure(no_ink, no_ink) == 100
    assert weighted_pseudo_f_measure(one_stroke, no_ink) == 0
    assert weighted_pseudo_f_measure(no_ink, one_stroke) == 0


def test_contour_alone_scores_zero(one_stroke):
    contour = one_stroke.copy()
    contour[7] = False
    assert weighted_pseudo_f_measure(contour, one_stroke) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 3), (16, 24)])
def test_one_pixel(shape):
    dot = np.zeros(shape, dtype=bool)
    dot[shape[0] // 2, shape[1] // 2] = True
    assert weight_maps(dot)[0][dot] == (0.5 if shape == (1, 1) else 1)
    assert weighted_pseudo_f_measure(dot, dot) == 100


def test_page_of_ink_only():
    ink = np.ones((9, 12), dtype=bool)
    assert weighted_pseudo_f_measure(ink, ink) == pytest.approx(100)
    assert not weight_maps(ink)[1].any()


def test_unlabelled_pixels_are_background_and_cost_nothing(one_stroke):
    labelled = np.ones_like(one_stroke)
    labelled[:, 12:] = False
    half = one_stroke & labelled
    assert weighted_pseudo_f_measure(half, one_stroke) < 100
    assert weighted_pseudo_f_measure(half, one_stroke, labelled) == pytest.approx(100)
    noisy = half.copy()
    noisy[:, 12:] = True
    assert weighted_pseudo_f_measure(noisy, one_stroke, labelled) == pytest.approx(100)


def test_more_missed_weight_is_never_better(one_stroke):
    """From one side to the other, the bar is eaten up column by column."""
    figures = []
    for column in range(3, 21):
        eaten = one_stroke.copy()
        eaten[:, 3:column] = False
        figures.append(weighted_pseudo_f_measure(eaten, one_stroke))
    assert figures == sorted(figures, reverse=True)
    assert figures[0] == pytest.approx(100) != figures[-1]


def test_memory_grows_with_the_page_only():
    """Not with the distance to the next ink, the number of boxes or the thickness of strokes."""
    random = np.random.default_rng(0)
    specks = random.random((300, 300)) < 0.02
    thick = np.zeros((300, 300), dtype=bool)
    thick[60:240, 40:260] = True
    for ink in (specks, thick):
        tracemalloc.start()
        weight_maps(ink)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 130 * ink.size
