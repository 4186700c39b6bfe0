from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.drawing.strokes import FAR, coverage, joined, rasterize, spline, stroke

SHAPE = (40, 60)


def test_level_stroke_covers_its_width_and_round_ends():
    distance, _ = rasterize(stroke([(10, 20), (40, 20)], 2.0), SHAPE)
    ink = distance >= 0
    assert ink[:, 25].nonzero()[0].tolist() == [18, 19, 20, 21, 22]
    assert ink[20].nonzero()[0].tolist() == list(range(8, 43))


def test_dot_is_a_disc_of_the_right_area():
    distance, _ = rasterize(stroke([(30, 20)], 7.0), SHAPE)
    assert coverage(distance).sum() == pytest.approx(np.pi * 49, rel=0.01)


@given(st.floats(0, np.pi), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_distance_is_exact_at_any_angle(angle, dx, dy):
    way = np.array([np.cos(angle), np.sin(angle)])
    centre = np.array([30 + dx, 20 + dy])
    distance, _ = rasterize(stroke([centre - 12 * way, centre + 12 * way], 2.5), SHAPE)
    rows, columns = np.indices(SHAPE)
    offset = np.stack([columns, rows], -1) - centre
    along = np.clip(offset @ way, -12, 12)
    expected = 2.5 - np.hypot(*(offset - along[..., None] * way).transpose(2, 0, 1))
    near = expected > -1.5
    np.testing.assert_allclose(distance[near], expected[near], atol=1e-4)


def test_width_changes_linearly_between_points():
    distance, _ = rasterize(stroke([(5, 20), (55, 20)], [1.0, 6.0]), SHAPE)
    assert distance[20, 5] == pytest.approx(1.0, abs=0.1)
    assert distance[20, 30] == pytest.approx(3.5, abs=0.1)


def test_crossing_strokes_have_no_seam_and_keep_their_density():
    cross = joined([stroke([(10, 20), (50, 20)], 3.0, 0.4), stroke([(30, 5), (30, 35)], 3.0, 0.9)])
    distance, density = rasterize(cross, SHAPE)
    assert (distance[18:23, 12:48] > 0).all()
    assert density[20, 15] == pytest.approx(0.4)
    assert density[8, 30] == pytest.approx(0.9)


def test_strokes_are_not_connected_to_each_other():
    apart = joined([stroke([(5, 5), (15, 5)], 1.0), stroke([(45, 35), (55, 35)], 1.0)])
    distance, _ = rasterize(apart, SHAPE)
    assert distance[20, 30] == FAR


def test_strokes_beyond_the_page_are_cut_off():
    distance, _ = rasterize(stroke([(-500, 20), (500, 20)], 1.0), SHAPE)
    assert (distance[20] >= 0).all()
    outside, _ = rasterize(stroke([(-50, -50), (-20, -20)], 1.0), SHAPE)
    assert (outside == FAR).all()


def test_nothing_drawn_is_an_empty_page():
    distance, density = rasterize(joined([]), SHAPE)
    assert (distance == FAR).all()
    assert not density.any()


def test_spline_meets_its_points_and_doubled_points_make_corners():
    points = np.array([[0.0, 0], [10, 0], [10, 0], [10, 10]])
    curve = spline(points, 5)
    assert len(curve) == 16
    np.testing.assert_allclose(curve[::5], points)
    straight = curve[:6]
    assert np.ptp(straight[:, 0]) == pytest.approx(10)
    assert np.abs(straight[:, 1]).max() < 1.0
