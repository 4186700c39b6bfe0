from xml.etree import ElementTree

import numpy as np
import pytest

from docbin_napari.metrics.curves import ProbabilityCounts
from docbin_napari.report.plots import precision_recall_plot, reliability_plot


@pytest.fixture
def counts():
    rng = np.random.default_rng(5)
    probability = rng.integers(0, 256, (80, 90)).astype(np.uint8)
    counts = ProbabilityCounts()
    counts.add(probability, rng.random(probability.shape) < probability / 255)
    return counts


def circles(svg, kind):
    return [
        each for each in ElementTree.fromstring(svg).iter("circle") if each.get("class") == kind
    ]


def test_a_dot_for_each_bin_on_the_diagonal_where_calibrated(counts):
    svg = reliability_plot(counts.reliability(), 'plot "a" < b')
    assert ElementTree.fromstring(svg).get("aria-label") == 'plot "a" < b'
    dots = circles(svg, "curve-dot")
    assert len(dots) == 15
    across = [float(dot.get("cx")) for dot in dots]
    up = [float(dot.get("cy")) for dot in dots]
    assert across == sorted(across)
    # The square begins at (58, 334) and is 320 wide.
    assert all(abs((x - 58) - (334 - y)) < 25 for x, y in zip(across, up, strict=True))


def test_the_threshold_in_use_is_marked(counts):
    svg = precision_recall_plot(counts.precision_recall(), 0.5, "plot")
    assert len(circles(svg, "used-dot")) == 1
    assert "threshold 0.50" in svg
    without = precision_recall_plot(counts.precision_recall(), None, "plot")
    assert not circles(without, "used-dot")


def test_a_perfect_model_has_a_plot():
    counts = ProbabilityCounts()
    counts.add(np.array([[0, 255]], np.uint8), np.array([[False, True]]))
    for svg in (
        precision_recall_plot(counts.precision_recall(), 0.5, "plot"),
        reliability_plot(counts.reliability(), "plot"),
    ):
        assert "nan" not in svg
        ElementTree.fromstring(svg)
