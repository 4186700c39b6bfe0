"""Edge level, calibration and threshold of a new model."""

from types import SimpleNamespace

import numpy as np
import pytest

from docbin_napari.model.ink_model import Calibration, load_model
from docbin_napari.pairs.pair import write_pair
from docbin_napari.train import finish
from docbin_napari.train.dataset import load_pairs


class Model:
    def __init__(self, level=None):
        self.level = level

    def with_edge_level(self, level):
        return Model(level)


def page(best, gain=1.0):
    """A page that is read best at one edge level, and worse by a gain for each tenth beside it."""
    return SimpleNamespace(best=best, gain=gain, truth=np.ones((2, 2, 2), np.uint8))


@pytest.fixture
def read(monkeypatch):
    def f_measure(model, pair):
        level = 0.1 if model.level is None else model.level
        return 90 - 10 * pair.gain * abs(level - pair.best)

    monkeypatch.setattr(finish, "page_f_measure", f_measure)


@pytest.mark.parametrize("best", [0.35, 0.5, 0.7])
def test_the_edge_level_is_that_of_the_pages(read, best):
    assert finish.choose_edge_level(Model(), [page(best)] * 3) == best


def test_one_page_does_not_choose_the_edge_level(read):
    assert finish.choose_edge_level(Model(), [page(0.5)] * 10 + [page(0.35, gain=50)]) == 0.5


def test_no_edge_level_where_pages_are_read_best_without(read):
    assert finish.choose_edge_level(Model(), [page(0.1)] * 3) is None


def test_without_ink_nothing_is_calibrated(tmp_path, dark_model):
    paper = np.full((64, 64, 3), 220, np.uint8)
    write_pair(tmp_path / "blank", "page", paper, np.zeros((64, 64), bool))
    model = load_model(dark_model, "cpu")
    assert finish.calibrate(model, load_pairs([tmp_path]), "fast") == (Calibration(), 0.5)


def test_no_edge_level_without_ink(read):
    blank = page(0.5)
    blank.truth[...] = 0
    assert finish.choose_edge_level(Model(), [blank]) is None
