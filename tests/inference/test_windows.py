import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbin_napari.inference.windows import plan_axis, plan_page, work

lengths = st.integers(1, 5000)
windows = st.sampled_from([64, 96, 256, 512, 1024])
overlaps = st.floats(0, 0.6)
strides = st.sampled_from([2, 16, 32])


@given(lengths, windows, overlaps, strides)
def test_weights_add_up_to_one_at_every_pixel(length, window, overlap, stride):
    plan = plan_axis(length, window, overlap, stride)
    total = np.zeros(plan.starts[-1] + plan.size)
    for start, weights in zip(plan.starts, plan.weights, strict=True):
        total[start : start + plan.size] += weights
    assert len(total) >= length
    np.testing.assert_allclose(total, 1, atol=1e-5)
    assert plan.weights.min() >= 0


@given(lengths, windows, overlaps, strides)
def test_windows_fit_the_network_and_the_settings(length, window, overlap, stride):
    plan = plan_axis(length, window, overlap, stride)
    assert plan.size % stride == 0
    assert plan.size <= window
    assert all(start % stride == 0 for start in plan.starts)
    assert plan.starts[-1] + plan.size - length < stride
    shared = [a + plan.size - b for a, b in zip(plan.starts, plan.starts[1:], strict=False)]
    asked = min(overlap * window, plan.size - stride)
    assert all(pixels >= asked for pixels in shared)


@given(lengths, windows, overlaps, strides)
def test_every_pixel_becomes_final_once(length, window, overlap, stride):
    plan = plan_axis(length, window, overlap, stride)
    regions = [plan.final(index) for index in range(len(plan.starts))]
    assert regions[0].start == 0
    assert regions[-1].stop == length
    assert all(a.stop == b.start for a, b in itertools.pairwise(regions))


def test_a_page_slightly_larger_than_a_window_is_cut_in_halves():
    assert plan_axis(1040, 1024, 0.1, 16).size == 576


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="too small"):
        plan_axis(100, 64, 0.1, 64)


@given(lengths, lengths, st.sampled_from([256, 512, 1216]), overlaps, strides)
def test_windows_of_a_page_cost_no_more_than_square_ones(height, width, window, overlap, stride):
    plans = plan_page((height, width), window, overlap, stride)
    square = [plan_axis(length, window, overlap, stride) for length in (height, width)]
    rows, columns = plans
    assert rows.size * columns.size <= window**2
    assert max(rows.size, columns.size) <= 2 * window
    assert rows.size <= window or len(rows.starts) == 1
    assert work(plans) <= work(square)
    assert work(plans) >= computed(plans)
    for plan, length in zip(plans, (height, width), strict=True):
        assert plan.size % stride == 0
        assert all(start % stride == 0 for start in plan.starts)
        assert 0 <= plan.starts[-1] + plan.size - length < stride
        shared = [a + plan.size - b for a, b in itertools.pairwise(plan.starts)]
        assert all(pixels >= min(overlap * window, plan.size - stride) for pixels in shared)


def computed(plans) -> int:
    return math.prod(len(plan.starts) * plan.size for plan in plans)
