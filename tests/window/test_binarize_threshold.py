"""The threshold of the binarize widget in a real window: labels follow it, paint and undo stay."""

from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.plugin.layers import choosing
from docbin_napari.plugin.layers.ink_result import result_behind

pytestmark = pytest.mark.window


def test_the_threshold_moves_the_labels_after_the_run(bench, faint_stroke) -> None:
    bench.viewer.add_image(faint_stroke.pixels, name="letter")
    bench.run_to_the_end()
    layer = bench.viewer.layers["Ink of letter"]
    assert not layer.data.any()
    bench.widget.threshold.value = 0.2
    bench.settle()
    assert np.array_equal(layer.data, faint_stroke.ink)
    assert len(bench.engine.calls) == 1


def test_the_threshold_moves_the_labels_during_the_run(bench, faint_stroke) -> None:
    bench.viewer.add_image(faint_stroke.pixels, name="letter")
    gate = bench.start_and_hold(at=8)
    layer = bench.viewer.layers["Ink of letter"]
    bench.widget.threshold.value = 0.2
    bench.wait(lambda: bool(layer.data.any()))
    assert np.array_equal(layer.data[:16], faint_stroke.ink[:16])
    gate.open.set()
    bench.wait(lambda: bench.widget.run.enabled)
    assert np.array_equal(layer.data, faint_stroke.ink)


def test_the_canvas_shows_the_new_threshold(bench, faint_stroke) -> None:
    bench.viewer.add_image(faint_stroke.pixels, name="letter")
    bench.run_to_the_end()
    bench.settle()
    before = bench.viewer.screenshot(flash=False)
    bench.widget.threshold.value = 0.2
    bench.settle()
    after = bench.viewer.screenshot(flash=False)
    reddish = [
        np.count_nonzero((shot[..., 0] > 150) & (shot[..., 1] < 90)) for shot in (before, after)
    ]
    assert reddish[0] == 0
    assert reddish[1] > 100


def test_paint_stays_when_the_threshold_moves_and_can_be_undone(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    bench.run_to_the_end()
    layer = bench.viewer.layers["Ink of letter"]
    layer.mode = "paint"
    layer.paint((40, 40), 1)
    layer.paint((15, 20), 0)
    corrected = layer.data.copy()
    for threshold in (0.95, 0.05, 0.5):
        bench.widget.threshold.value = threshold
        bench.settle()
        assert layer.data[40, 40] == 1
        assert layer.data[15, 20] == 0
    assert np.array_equal(layer.data, corrected)
    layer.undo()
    assert np.array_equal(layer.data[:30], one_stroke.ink[:30])


def test_runs_and_thresholds_leave_no_undo_history(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    bench.run_to_the_end()
    bench.widget.threshold.value = 0.9
    bench.settle()
    layer = bench.viewer.layers["Ink of letter"]
    after = layer.data.copy()
    layer.undo()
    assert np.array_equal(layer.data, after)


def test_the_slider_shows_the_models_own_threshold_until_it_is_moved(bench, one_stroke) -> None:
    widget = bench.widget
    assert widget.threshold.value == 0.5
    widget.model.value = "faint"
    assert widget.threshold.value == 0.2
    widget.threshold.value = 0.35
    widget.model.value = "general-1"
    assert widget.threshold.value == 0.35
    bench.viewer.add_image(one_stroke.pixels)
    bench.run_to_the_end()
    assert widget.threshold.value == 0.35


def test_another_model_on_the_same_page_begins_with_its_own_threshold(bench, one_stroke) -> None:
    widget = bench.widget
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    bench.run_to_the_end()
    widget.threshold.value = 0.35
    bench.settle()
    widget.model.value = "faint"
    bench.run_to_the_end()
    results = choosing.results_of(bench.viewer, widget.image.value)
    assert [result_behind(layer).threshold for layer in results] == [0.2, 0.35]
    assert widget.threshold.value == 0.2
    widget.threshold.value = 0.25
    bench.run_to_the_end()
    assert result_behind(results[0]).threshold == 0.25, "the same model again keeps it"


def test_a_model_that_is_run_again_keeps_its_own_threshold(bench, one_stroke) -> None:
    widget = bench.widget
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    widget.model.value = "faint"
    bench.run_to_the_end()
    widget.threshold.value = 0.35
    widget.model.value = "general-1"
    bench.run_to_the_end()
    widget.model.value = "faint"
    bench.run_to_the_end()
    results = choosing.results_of(bench.viewer, widget.image.value)
    assert [result_behind(layer).threshold for layer in results] == [0.5, 0.35]


def test_another_preset_on_the_same_page_begins_with_the_threshold_of_the_model(
    bench, one_stroke
) -> None:
    widget = bench.widget
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    widget.preset.value = "fast"
    bench.run_to_the_end()
    widget.threshold.value = 0.8
    widget.preset.value = "best"
    bench.run_to_the_end()
    results = choosing.results_of(bench.viewer, widget.image.value)
    assert [result_behind(layer).threshold for layer in results] == [0.5, 0.8]


def test_a_reopened_widget_goes_on_with_the_labels_that_are_there(bench, faint_stroke) -> None:
    from docbin_napari.plugin.binarize.binarize_widget import BinarizeDocument

    bench.viewer.add_image(faint_stroke.pixels, name="letter")
    bench.widget.threshold.value = 0.6
    bench.run_to_the_end()
    bench.viewer.window.remove_dock_widget(bench.widget.native)
    bench.widget = BinarizeDocument(bench.viewer, load=bench.engine.load)
    bench.viewer.window.add_dock_widget(bench.widget, name="again")
    assert bench.widget.threshold.value == 0.6
    bench.widget.threshold.value = 0.2
    bench.settle()
    assert np.array_equal(bench.viewer.layers["Ink of letter"].data, faint_stroke.ink)
