import re
from xml.etree import ElementTree

import numpy as np
import pytest

from docbin_napari.metrics.calibration_curves import ProbabilityCounts
from docbin_napari.report.plots import precision_recall_plot, reliability_plot


@pytest.fixture
def counts():
    rng = np.random.default_rng(5)
    probability = rng.integers(0, 256, (80, 90)).astype(np.uint8)
    counts = ProbabilityCounts()
    counts.add(probability, rng.random(probability.shape) < probability / 255)
    return counts


def marks(svg, name):
    """Where the dots of a curve lie, from the left and from the bottom."""
    (group,) = ElementTree.fromstring(svg).findall(f".//{{*}}g[@id='{name}']")
    return [(float(use.get("x")), -float(use.get("y"))) for use in group.findall(".//{*}use")]


def test_a_dot_for_each_bin_on_the_diagonal_where_calibrated(counts):
    svg = reliability_plot(counts.reliability(), 'plot "a" < b')
    assert ElementTree.fromstring(svg).get("aria-label") == 'plot "a" < b'
    dots = marks(svg, "bins")
    assert len(dots) == 15
    across, up = np.array(dots).T
    assert list(across) == sorted(across)
    slope, offset = np.polyfit(across, up - up[0] + across[0], 1)
    assert slope == pytest.approx(1, abs=0.1)
    assert abs(up - up[0] + across[0] - (slope * across + offset)).max() < 20


def test_the_threshold_in_use_is_marked(counts):
    svg = precision_recall_plot(counts.precision_recall(), 0.5, "plot")
    assert len(marks(svg, "used")) == 1
    assert 'id="used"' not in precision_recall_plot(counts.precision_recall(), None, "plot")


def test_plots_follow_light_and_dark_and_need_nothing_else(counts):
    svg = reliability_plot(counts.reliability(), "plot")
    for colour in ("currentColor", "var(--line)", "var(--curve)"):
        assert colour in svg
    assert not re.findall(r"#[0-9a-f]{6}\b", svg)
    assert all(place.startswith("#") for place in re.findall(r"href=\"(.*?)\"", svg))


def test_a_perfect_model_has_a_plot():
    counts = ProbabilityCounts()
    counts.add(np.array([[0, 255]], np.uint8), np.array([[False, True]]))
    for svg in (
        precision_recall_plot(counts.precision_recall(), 0.5, "plot"),
        reliability_plot(counts.reliability(), "plot"),
    ):
        assert "nan" not in svg
        ElementTree.fromstring(svg)
