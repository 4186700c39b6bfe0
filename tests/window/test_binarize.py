"""The binarize widget in a real window, used as a person uses it."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.window


class OutOfMemoryError(Exception):
    """Stands in for an error of the inference room."""

    __module__ = "docbin_napari.inference.predict"


def test_renaming_layers_during_the_run_does_not_stop_it(bench, one_stroke) -> None:
    # That the image may be removed as well is shown in tests/plugin/test_session.py: napari 0.9.2
    # with software OpenGL can crash, without any plugin, when an image goes before labels over it.
    image = bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold()
    image.name = "renamed"
    bench.viewer.layers["Ink of letter"].name = "my ink"
    gate.open.set()
    bench.wait(lambda: not bench.widget._session.running)
    assert np.array_equal(bench.viewer.layers["my ink"].data, one_stroke.ink)
    assert bench.errors == []


def test_run_is_disabled_with_the_reason_until_there_is_a_page(bench, one_stroke) -> None:
    widget = bench.widget
    assert not widget.run.enabled
    assert "Open a page" in widget.status.value
    bench.viewer.add_image(np.zeros((2, 2, 8, 8)), rgb=False, name="cells")
    assert not widget.run.enabled
    assert "4 dimensions" in widget.status.value
    bench.picture("reason")
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    assert widget.run.enabled
    assert widget.status.value.startswith("64 × 48 pixels. Press Run")


def test_a_page_from_open_to_ink(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    assert not bench.widget.cancel.enabled
    bench.run_to_the_end()
    assert np.array_equal(bench.viewer.layers["Ink of letter"].data, one_stroke.ink)
    assert bench.widget.status.value.startswith("Done in")
    assert not bench.widget.progress.visible
    assert not bench.widget.cancel.enabled
    assert bench.errors == []


def test_the_page_fills_in_while_the_run_goes_on(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold(at=6)
    data = bench.viewer.layers["Ink of letter"].data
    assert np.array_equal(data[:16], one_stroke.ink[:16])
    assert not data[16:, 16:].any()
    widget = bench.widget
    assert widget.progress.visible
    assert widget.progress.value == round(1000 * 5 / 12)
    assert not widget.run.enabled
    assert not any(field.enabled for field in (widget.image, widget.preset, widget.model))
    assert widget.threshold.enabled
    bench.picture("running")
    gate.open.set()
    bench.wait(lambda: widget.run.enabled)
    assert widget.image.enabled


def test_cancel_stops_within_one_batch_and_keeps_what_is_done(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold(at=6)
    passed: list[int] = []
    bench.press(bench.widget.cancel)
    assert not bench.widget.cancel.enabled
    bench.engine.before = passed.append
    gate.open.set()
    bench.wait(lambda: bench.widget.run.enabled)
    assert len(passed) <= 1
    assert bench.widget.status.value.startswith("Stopped: ")
    assert np.array_equal(bench.viewer.layers["Ink of letter"].data[:16], one_stroke.ink[:16])
    assert bench.errors == []


def test_a_run_after_a_cancelled_one_is_whole(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold()
    bench.press(bench.widget.cancel)
    gate.open.set()
    bench.wait(lambda: bench.widget.run.enabled)
    bench.run_to_the_end()
    assert len(bench.viewer.layers) == 2
    assert np.array_equal(bench.viewer.layers["Ink of letter"].data, one_stroke.ink)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OutOfMemoryError("the memory of the cuda device is too small"), "the memory of the cuda"),
        (RuntimeError("CUDA error: unknown"), "RuntimeError: CUDA error: unknown"),
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_every_error_is_told_and_the_widget_is_idle(bench, one_stroke, error, words) -> None:
    def fail(number: int) -> None:
        if number == 4:
            raise error

    bench.engine.before = fail
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    bench.run_to_the_end()
    assert len(bench.errors) == 1
    assert words in bench.errors[0]
    assert words in bench.widget.status.value
    assert not bench.widget.progress.visible
    bench.engine.before = lambda number: None
    bench.run_to_the_end()
    assert np.array_equal(bench.viewer.layers["Ink of letter"].data, one_stroke.ink)


def test_a_network_that_cannot_be_loaded_is_told(bench, one_stroke) -> None:
    def load(model: str, device: str) -> Any:
        raise ImportError("libtorch.so: cannot open shared object file")

    bench.widget._load_engine = load
    bench.viewer.add_image(one_stroke.pixels)
    bench.run_to_the_end()
    assert "libtorch.so" in bench.errors[0]


def test_labels_that_do_not_fit_into_memory_are_told(bench, one_stroke, monkeypatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    bench.viewer.add_image(one_stroke.pixels)
    monkeypatch.setattr(bench.widget._session, "start", fail)
    bench.press(bench.widget.run)
    assert "not enough memory" in bench.errors[0]
    assert bench.widget.run.enabled


def test_strokes_are_as_bold_as_was_chosen(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    bench.run_to_the_end()
    bench.widget.strokes.native.setCurrentText("thin")
    bench.viewer.add_image(one_stroke.pixels, name="second")
    bench.run_to_the_end()
    assert [config.edge_level for _, config in bench.engine.calls] == [None, 0.65]


def test_pages_are_asked_for_stacks_only(bench, one_stroke, no_ink) -> None:
    widget = bench.widget
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    assert not widget.pages.enabled
    bench.viewer.add_image(np.stack([one_stroke.pixels, no_ink.pixels] * 2), name="book")
    assert widget.pages.enabled
    assert widget.image.value.name == "book"
    bench.viewer.dims.set_point(0, 2)
    bench.run_to_the_end()
    layer = bench.viewer.layers["Ink of book"]
    assert [bool(page.any()) for page in layer.data] == [False, False, True, False]
    widget.pages.value = "All pages"
    bench.run_to_the_end()
    assert np.array_equal(layer.data, np.stack([one_stroke.ink, no_ink.ink] * 2))
    bench.picture("stack")


def test_what_was_said_of_a_page_goes_when_it_is_turned(bench, one_stroke) -> None:
    bench.viewer.add_image(np.stack([one_stroke.pixels] * 3), rgb=True)
    bench.viewer.dims.set_point(0, 0)
    bench.run_to_the_end()
    assert bench.widget.status.value.startswith("Done in")
    bench.viewer.dims.set_point(0, 1)
    assert not bench.widget.status.value.startswith("Done in")


def test_a_model_that_was_trained_is_run_on_one_page(bench, one_stroke) -> None:
    bench.viewer.add_image(np.stack([one_stroke.pixels] * 3), rgb=True)
    bench.widget.pages.value = "All pages"
    assert bench.widget.run_model("faint") == ""
    bench.wait(lambda: bench.widget.run.enabled)
    assert len(bench.engine.calls) == 1


def test_the_box_follows_the_layers(bench, one_stroke) -> None:
    widget, viewer = bench.widget, bench.viewer
    first = viewer.add_image(one_stroke.pixels, name="first")
    second = viewer.add_image(one_stroke.pixels, name="second")
    viewer.add_labels(one_stroke.ink.astype(int), name="labels")
    bench.look()

    def names() -> list[str]:
        box = widget.image.native
        return [box.itemText(index) for index in range(box.count()) if box.itemText(index)]

    assert "labels" not in names()
    assert {"first", "second"} <= set(names())
    viewer.layers.selection.active = first
    assert widget.image.value is first
    first.name = "renamed"
    assert "renamed" in names()
    assert "first" not in names()
    assert widget.image.value is first
    viewer.layers.remove(first)
    assert "renamed" not in names()
    assert widget.image.value is second


def test_a_chosen_image_stays_chosen_when_other_layers_come_and_go(bench, one_stroke) -> None:
    first = bench.viewer.add_image(one_stroke.pixels, name="first")
    bench.viewer.add_image(one_stroke.pixels, name="second")
    bench.look()
    bench.widget.image.value = first
    bench.viewer.layers.remove("second")
    assert bench.widget.image.value is first


def test_a_click_on_what_is_no_page_does_not_change_the_page(bench, one_stroke) -> None:
    first, second = (bench.viewer.add_image(one_stroke.pixels, name=name) for name in "ab")
    bench.viewer.layers.selection.active = first
    assert bench.widget.image.value is first
    bench.viewer.add_shapes()
    assert bench.widget.image.value is first
    bench.viewer.layers.selection.clear()
    assert bench.widget.image.value is first
    bench.viewer.layers.selection.active = second
    assert bench.widget.image.value is second


def test_removing_the_labels_during_the_run_stops_it(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold()
    bench.viewer.layers.remove("Ink of letter")
    gate.open.set()
    bench.wait(lambda: bench.widget.run.enabled)
    assert bench.errors == []
    bench.run_to_the_end()
    assert np.array_equal(bench.viewer.layers["Ink of letter"].data, one_stroke.ink)


def test_closing_the_panel_stops_the_run(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold()
    bench.viewer.window.remove_dock_widget(bench.widget.native)
    gate.open.set()
    bench.wait(lambda: not bench.widget._session.running)
    assert not bench.viewer.layers["Ink of letter"].data[32:].any()
    assert bench.errors == []


def test_nothing_is_cut_off_in_a_narrow_panel(bench, one_stroke) -> None:
    from qtpy.QtWidgets import QComboBox, QLabel, QPushButton

    bench.viewer.add_image(one_stroke.pixels, name="letter")
    native = bench.widget.native
    assert native.minimumWidth() >= 300
    native.parent().resize(300, native.parent().height())
    bench.settle()
    for part in native.findChildren((QPushButton, QComboBox, QLabel)):
        if part.isVisible() and part is not bench.widget.status.native:
            assert part.width() >= part.minimumSizeHint().width()
            assert part.height() >= part.minimumSizeHint().height()


def test_closing_the_viewer_during_the_run_harms_nothing(bench, one_stroke) -> None:
    bench.viewer.add_image(one_stroke.pixels, name="letter")
    gate = bench.start_and_hold()
    passed: list[int] = []
    bench.viewer.close()
    bench.engine.before = passed.append
    gate.open.set()
    bench.wait(lambda: not bench.widget._session.running)
    gc.collect()
    assert len(passed) <= 1
    assert bench.errors == []
