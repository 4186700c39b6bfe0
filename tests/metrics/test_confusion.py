import numpy as np
import pytest

from docbin_napari.metrics.rates import Counts, compare


def test_counts_of_the_four_outcomes(draw):
    truth = draw("###  ##.  ...")
    prediction = draw("##.  ###  ...")
    assert compare(prediction, truth).counts() == Counts(hits=4, false=1, missed=1, clear=3)


def test_unlabelled_pixels_are_in_no_count(draw):
    truth = draw("###  ##.  ...")
    prediction = draw("##.  ###  ...")
    labelled = draw("##.  ##.  ..#")
    counts = compare(prediction, truth, labelled).counts()
    assert counts == Counts(hits=4, false=0, missed=0, clear=1)
    assert counts.pixels == labelled.sum()


def test_everything_labelled_is_the_same_as_no_labelled_array(one_stroke, no_ink):
    everywhere = np.ones_like(one_stroke)
    assert compare(no_ink, one_stroke, everywhere).counts() == compare(no_ink, one_stroke).counts()


def test_inputs_are_left_as_they_are(one_stroke):
    labelled = np.zeros_like(one_stroke)
    labelled[:8] = True
    before = one_stroke.copy()
    compare(one_stroke, one_stroke, labelled)
    np.testing.assert_array_equal(one_stroke, before)


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.zeros((4, 5), dtype=bool), "prediction has 5 x 4 pixels, the ground truth 6 x 4"),
        (np.zeros((4, 6), dtype=np.uint8), "prediction must be a bool array"),
        (np.zeros((4, 6, 1), dtype=bool), "prediction must be a bool array"),
    ],
)
def test_arrays_that_do_not_fit_are_named(prediction, message):
    with pytest.raises(ValueError, match=message):
        compare(prediction, np.zeros((4, 6), dtype=bool))


def test_nothing_labelled_is_an_error_not_a_perfect_score(one_stroke, no_ink):
    with pytest.raises(ValueError, match="no labelled pixel"):
        compare(one_stroke, one_stroke, no_ink)
    with pytest.raises(ValueError, match="no labelled pixel"):
        compare(np.zeros((0, 4), dtype=bool), np.zeros((0, 4), dtype=bool))
