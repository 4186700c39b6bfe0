import numpy as np
import pytest

from docbin_napari.metrics.pseudo_f_measure import skeleton_pseudo_f_measure
from docbin_napari.metrics.rates import recall


def test_stroke_drawn_too_thin_costs_nothing(one_stroke):
    middle_line = np.zeros_like(one_stroke)
    middle_line[7] = one_stroke[7]
    assert recall(middle_line, one_stroke) == pytest.approx(100 / 3)
    assert skeleton_pseudo_f_measure(middle_line, one_stroke) == 100


def test_broken_stroke_costs_its_part_of_the_skeleton(one_stroke):
    """The skeleton of the bar is 16 pixels long; 4 of them are broken out."""
    broken = one_stroke.copy()
    broken[:, 10:14] = False
    assert skeleton_pseudo_f_measure(broken, one_stroke) == pytest.approx(200 * 0.75 / 1.75)


def test_false_ink_lowers_the_precision(one_stroke):
    grown = one_stroke.copy()
    grown[9] = grown[8]
    assert skeleton_pseudo_f_measure(grown, one_stroke) == pytest.approx(200 * 0.75 / 1.75)


def test_blank_pages(no_ink, one_stroke):
    assert skeleton_pseudo_f_measure(no_ink, no_ink) == 100
    assert skeleton_pseudo_f_measure(one_stroke, no_ink) == 0
    assert skeleton_pseudo_f_measure(no_ink, one_stroke) == 0


def test_all_ink_beside_the_skeleton_scores_zero(one_stroke):
    rim = one_stroke.copy()
    rim[7] = False
    assert skeleton_pseudo_f_measure(rim, one_stroke) == 0


@pytest.mark.parametrize("place", [(slice(0, 3), slice(0, 18)), (slice(13, 16), slice(6, 24))])
def test_stroke_at_the_page_border(no_ink, place):
    """Cutting to the bounding box before thinning must not change the skeleton."""
    from skimage.morphology import thin

    stroke = no_ink.copy()
    stroke[place] = True
    assert skeleton_pseudo_f_measure(thin(stroke), stroke) == 100


def test_unlabelled_part_of_the_stroke_is_left_out(one_stroke, no_ink):
    labelled = np.ones_like(one_stroke)
    labelled[:, 12:] = False
    half = one_stroke.copy()
    half[:, 12:] = False
    assert skeleton_pseudo_f_measure(half, one_stroke) < 100
    assert skeleton_pseudo_f_measure(half, one_stroke, labelled) == 100
