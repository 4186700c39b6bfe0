"""Views of a window are added until its answer is stable."""

from types import SimpleNamespace

import numpy as np
import pytest

from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.predict import WindowReader
from docbin_napari.model.ink_model import Calibration

INK, PAPER = 6.0, -6.0


class Network:
    """Gives each window the logit that is set for each view, over the whole window."""

    model = SimpleNamespace(calibration=Calibration())

    def __init__(self, *answers):
        self._answers = answers
        self.seen = []

    def is_ink(self, logits):
        return logits >= 0

    def logits(self, windows):
        numbers = windows.max(axis=(1, 2, 3)).tolist()
        view = 1 + sum(numbers[0] in passed for passed in self.seen)
        self.seen.append(numbers)
        answers = [np.full(windows.shape[1:3], self._answers[n][view - 1]) for n in numbers]
        return np.stack(answers).astype(np.float32)


def numbered(count):
    """Windows of 8 × 8 pixels whose value is their number."""
    return np.stack([np.full((8, 8, 3), number, np.uint8) for number in range(count)])


def run(network, count, symmetries, tolerance):
    config = InferenceConfig(symmetries=symmetries, tolerance=tolerance)
    return WindowReader(network, config).read(numbered(count))[:, 0, 0].tolist()


def views_of(network, number):
    return sum(number in numbers for numbers in network.seen)


def test_blank_windows_are_seen_once():
    network = Network([PAPER] * 8, [INK] * 8)
    logits = run(network, 2, 8, 0.01)
    assert logits == [PAPER, INK]
    assert (views_of(network, 0), views_of(network, 1)) == (1, 4)


def test_a_window_that_changes_its_mind_is_seen_as_often_as_is_allowed():
    undecided = [1.0, 1.0, -2.0, -2.0, -9.0, 0.0, 0.0, 0.0]
    network = Network(undecided, [INK] * 8)
    logits = run(network, 2, 8, 0.01)
    assert logits == [pytest.approx(sum(undecided) / 8), INK]
    assert (views_of(network, 0), views_of(network, 1)) == (8, 4)


def test_two_views_are_not_taken_for_an_answer():
    network = Network([1.0, 1.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0])
    logits = run(network, 1, 8, 1.0)
    assert views_of(network, 0) == 4
    assert logits == [3.0]


@pytest.mark.parametrize("symmetries", [1, 2, 4, 8])
def test_without_tolerance_all_windows_have_all_views(symmetries):
    network = Network([PAPER] * 8, [INK] * 8)
    run(network, 2, symmetries, 0.0)
    assert network.seen == [[0, 1]] * symmetries
