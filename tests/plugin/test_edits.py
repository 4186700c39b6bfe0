"""Steps that napari's own undo takes back exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docbin_napari.correction.region import Region
from docbin_napari.plugin.layers import undo as edits
from docbin_napari.plugin.layers.page_source import plane_of
from docbin_napari.plugin.layers.undo import Amendment, write

pytestmark = pytest.mark.viewer
PLACE = np.s_[2:10, 3:15]
REGION = Region(*PLACE, np.ones((8, 12), bool))


def labels_of(shape: tuple[int, ...], seed: int = 0):
    """Labels at random."""
    napari_layers = pytest.importorskip("napari.layers")
    values = np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8)
    return napari_layers.Labels(values)


@pytest.mark.parametrize("most", [0, 10**6])
@pytest.mark.parametrize("shape", [(20, 30), (3, 20, 30)])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undo_and_redo_are_exact(monkeypatch, most, shape, seed: int) -> None:
    monkeypatch.setattr(edits, "_MOST_SINGLE_PIXELS", most)
    layer = labels_of(shape, seed)
    before = layer.data.copy()
    page = len(shape) - 2
    values = np.random.default_rng(seed + 1).integers(0, 3, (8, 12)).astype(np.uint8)
    count = write(layer, page, PLACE, values)
    after = layer.data.copy()
    assert np.array_equal(plane_of(layer.data, page)[PLACE], values)
    assert count == np.count_nonzero(before != after)
    layer.undo()
    assert np.array_equal(layer.data, before)
    layer.redo()
    assert np.array_equal(layer.data, after)


def test_nothing_new_is_no_step() -> None:
    layer = labels_of((20, 30))
    assert write(layer, 0, PLACE, layer.data[PLACE].copy()) == 0
    assert not layer._undo_history


def test_undo_leaves_alone_what_the_step_did_not_change() -> None:
    layer = labels_of((20, 30))
    layer.data[:] = 0
    values = np.zeros((8, 12), np.uint8)
    values[0, 0] = 1
    write(layer, 0, PLACE, values)
    layer.data[9, 14] = 1  # as a threshold that moves does, without history
    layer.undo()
    assert np.argwhere(layer.data).tolist() == [[9, 14]]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
@settings(max_examples=8)
def test_a_step_that_is_made_again_and_again_is_one_step(seeds: list[int]) -> None:
    layer = labels_of((20, 30))
    before, step = layer.data.copy(), Amendment(layer, 0, REGION)
    for seed in seeds:
        step.take_back()
        values = np.random.default_rng(seed).integers(0, 3, (8, 12)).astype(np.uint8)
        step.put(values)
        assert np.array_equal(layer.data[PLACE], values)
    assert len(layer._undo_history) == 1
    layer.undo()
    assert np.array_equal(layer.data, before)


def test_a_step_that_is_no_longer_the_last_one_is_left_alone() -> None:
    layer = labels_of((20, 30))
    layer.data[:] = 0
    step = Amendment(layer, 0, REGION)
    step.put(np.ones((8, 12), np.uint8))
    write(layer, 0, PLACE, np.full((8, 12), 2, np.uint8))
    step.take_back()
    assert (layer.data[PLACE] == 2).all()
    assert len(layer._undo_history) == 2


class Foreign:
    """Labels of a napari that keeps its steps where nobody finds them."""

    def __init__(self, layer) -> None:
        self._layer = layer

    def __getattr__(self, name: str):
        if name in ("_undo_history", "_save_history"):
            raise AttributeError(name)
        return getattr(self._layer, name)


@pytest.mark.parametrize("most", [0, 10**6])
def test_a_napari_without_a_list_of_steps_still_edits(monkeypatch, most) -> None:
    monkeypatch.setattr(edits, "_MOST_SINGLE_PIXELS", most)
    layer = labels_of((20, 30))
    values = (layer.data[PLACE] + 1) % 3
    assert write(Foreign(layer), 0, PLACE, values) == values.size
    assert np.array_equal(layer.data[PLACE], values)


def test_a_step_is_made_again_without_a_list_of_steps() -> None:
    layer = labels_of((20, 30))
    before, step = layer.data.copy(), Amendment(Foreign(layer), 0, REGION)
    for value in (1, 2):
        step.take_back()
        step.put(np.full((8, 12), value, np.uint8))
        assert (layer.data[PLACE] == value).all()
    layer.undo()
    layer.undo()
    assert np.array_equal(layer.data, before)
