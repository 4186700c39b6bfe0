import numpy as np
import pytest

from docbin_napari.io.mask import GroundTruth
from docbin_napari.pairs.mask_trouble import lightness, why_reversed


def truth(ink, labelled=None):
    return GroundTruth(ink, np.ones_like(ink) if labelled is None else labelled)


def test_lightness_is_the_mean_of_the_colours(ramp):
    expected = ramp.astype(int).sum(axis=2) // 3
    assert (lightness(ramp) == expected).all()


def test_a_right_mask_gives_no_reason(one_stroke, faint_stroke):
    for page in (one_stroke, faint_stroke):
        assert why_reversed(lightness(page.pixels), truth(page.ink)) == ""


def test_a_reversed_mask_is_known_by_three_signs(one_stroke):
    reason = why_reversed(lightness(one_stroke.pixels), truth(~one_stroke.ink))
    assert "96 % of the labelled pixels are ink" in reason
    assert "100 % of those at the rim are ink" in reason
    assert "215 gray levels brighter" in reason


def test_light_writing_on_a_dark_page_is_right(one_stroke):
    negative = 255 - lightness(one_stroke.pixels)
    assert why_reversed(negative, truth(one_stroke.ink)) == ""
    reason = why_reversed(negative, truth(~one_stroke.ink))
    assert "96 % of the labelled pixels are ink" in reason
    assert "brighter" not in reason


def test_a_poster_that_is_mostly_ink_is_right():
    ink = np.zeros((100, 100), bool)
    ink[5:95, 5:95] = True
    assert why_reversed(np.where(ink, 30, 220).astype(np.uint8), truth(ink)) == ""


def test_a_reversed_mask_of_a_heavy_page_is_known_by_its_rim():
    ink = np.zeros((100, 100), bool)
    ink[10:90, 10:90] = True
    reason = why_reversed(np.where(ink, 30, 220).astype(np.uint8), truth(~ink))
    assert reason.startswith("100 % of those at the rim are ink, and ink is 190 gray levels")


def test_a_dark_surrounding_does_not_decide(one_stroke):
    """The scanner background is darker than the ink: only what lies beside the ink counts."""
    gray = np.full((200, 200), 5, np.uint8)
    gray[60:108, 60:124] = lightness(one_stroke.pixels).clip(60)
    ink = np.zeros((200, 200), bool)
    ink[60:108, 60:124] = one_stroke.ink
    assert gray[ink].mean() > gray[~ink].mean()
    assert why_reversed(gray, truth(ink)) == ""


def test_unlabelled_pixels_do_not_count(one_stroke):
    labelled = np.zeros_like(one_stroke.ink)
    labelled[14:18, 10:42] = True
    reason = why_reversed(lightness(one_stroke.pixels), truth(one_stroke.ink, labelled))
    assert reason == "100 % of the labelled pixels are ink, and 100 % of those at the rim are ink"
    nothing = truth(np.zeros_like(labelled), np.zeros_like(labelled))
    assert why_reversed(lightness(one_stroke.pixels), nothing) == ""


@pytest.mark.parametrize("shape", [(1, 1), (3, 9), (9, 3)])
def test_tiny_pages(shape):
    ink = np.zeros(shape, bool)
    ink[0, 0] = True
    gray = np.where(ink, 0, 255).astype(np.uint8)
    assert ("100 %" in why_reversed(gray, truth(ink))) == (ink.size == 1)
