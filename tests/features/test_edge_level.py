"""How far out a ground truth draws strokes, on strokes whose edges are seen by eye."""

import numpy as np
import pytest

from docbin_napari.features.edge_level import edge_level

EVERYWHERE = np.ones((60, 120), bool)


@pytest.fixture
def soft_stroke():
    """Paper of 220; a stroke whose core is 20 and whose edges are 120, 170 and 195."""
    pixels = np.full((60, 120, 3), 220, np.uint8)
    for grow, level in ((3, 195), (2, 170), (1, 120), (0, 20)):
        pixels[28 - grow : 32 + grow, 20 - grow : 100 + grow] = level
    return pixels


@pytest.mark.parametrize(("darkest_paper", "expected"), [(21, 1.0), (121, 0.5), (171, 0.25)])
def test_the_level_is_that_of_the_outermost_ink(soft_stroke, darkest_paper, expected):
    ink = soft_stroke[..., 0] < darkest_paper
    assert edge_level(soft_stroke, ink, EVERYWHERE) == pytest.approx(expected, abs=0.03)


def test_light_and_tint_of_a_page_make_no_difference(soft_stroke):
    ink = soft_stroke[..., 0] < 121
    shaded = (soft_stroke * np.linspace(0.6, 1, 120)[:, None] * (1, 0.9, 0.7)).astype(np.uint8)
    expected = edge_level(soft_stroke, ink, EVERYWHERE)
    assert edge_level(shaded, ink, EVERYWHERE) == pytest.approx(expected, abs=0.05)


def test_the_border_of_what_is_labelled_is_no_edge(soft_stroke):
    ink = soft_stroke[..., 0] < 121
    labelled = EVERYWHERE.copy()
    labelled[30:] = labelled[:, :30] = False
    expected = edge_level(soft_stroke, ink, EVERYWHERE)
    assert edge_level(soft_stroke, ink, labelled) == pytest.approx(expected, abs=0.02)


def test_nothing_is_said_without_ink_or_where_ink_is_no_darker(soft_stroke):
    assert edge_level(soft_stroke, ~EVERYWHERE, EVERYWHERE) is None
    flat = np.full_like(soft_stroke, 128)
    assert edge_level(flat, soft_stroke[..., 0] < 121, EVERYWHERE) is None
