"""The correction widget in a real window, with a mouse and a keyboard."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from docbin_napari.correction.region import Region
from docbin_napari.plugin.correct.tools import ACTIONS
from docbin_napari.plugin.layers.ink_result import InkResult, bind

pytestmark = pytest.mark.window


class Desk:
    """A viewer with the correction widget, and a hand at mouse and keyboard."""

    def __init__(self, viewer: Any) -> None:
        from docbin_napari.plugin.correct.correct_widget import CorrectPages

        self.viewer = viewer
        self.widget = CorrectPages(viewer)
        viewer.window.add_dock_widget(self.widget, name="Correct and save training pairs")
        self.look()

    @property
    def canvas(self) -> Any:
        return self.viewer.window._qt_viewer.canvas

    def look(self, rounds: int = 5) -> None:
        """Let the window live."""
        from qtpy.QtTest import QTest

        for _ in range(rounds):
            QTest.qWait(20)

    def on_canvas(self, layer: Any, row: float, column: float) -> tuple[int, int]:
        """Where a pixel of a layer lies on the canvas, (x, y)."""
        world = np.asarray(layer.data_to_world((*[0] * (layer.ndim - 2), row, column)))[-2:]
        mapped = self.canvas.view.scene.transform.map([world[1], world[0]])
        return round(mapped[0] / mapped[3]), round(mapped[1] / mapped[3])

    def drag(self, layer: Any, *points: tuple[float, float], modifiers: tuple = ()) -> None:
        """Press at the first point, move over the others, release."""
        from vispy import keys

        held = [getattr(keys, name.upper()) for name in modifiers]
        places = [self.on_canvas(layer, *point) for point in points]
        canvas = self.canvas._scene_canvas
        press = canvas.events.mouse_press(
            pos=places[0], button=1, buttons=[1], modifiers=held, type="mouse_press"
        )
        for place in places[1:]:
            canvas.events.mouse_move(
                pos=place, button=1, buttons=[1], modifiers=held, press_event=press
            )
            self.look(1)
        canvas.events.mouse_release(
            pos=places[-1], button=1, buttons=[], modifiers=held, press_event=press
        )
        self.look(2)

    def key(self, name: str) -> None:
        """Press and release a key over the canvas."""
        from napari.utils.key_bindings import coerce_keybinding

        handler = self.viewer.window._qt_viewer.canvas._key_map_handler
        handler.press_key(coerce_keybinding(name))
        handler.release_key(coerce_keybinding(name))
        self.look(2)


@pytest.fixture
def desk(the_viewer: Any) -> Desk:
    """The widget over an empty viewer."""
    the_viewer.window.resize(1300, 900)
    return Desk(the_viewer)


def add_page(desk: Desk, page: Any) -> Any:
    """A page with labels of a run that found only part of the ink."""
    image = desk.viewer.add_image(page.pixels, name="letter", rgb=True)
    result = InkResult(page.ink.shape, 0.5)
    result.probability[page.ink] = 100
    result.write(0, slice(0, page.ink.shape[0]), slice(0, page.ink.shape[1]))
    layer = desk.viewer.add_labels(result.labels, name="ink")
    bind(layer, result, image)
    desk.look()
    return layer


def test_a_stroke_with_the_mouse_labels_ink_and_ctrl_z_takes_it_back(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    desk.key("I")
    assert desk.widget.tools["ink"].native.isChecked()
    layer.brush_size = 10
    before = desk.canvas.view.camera.rect
    desk.drag(layer, (16, 14), (16, 20), (15, 30), (16, 38))
    assert layer.data[14:18, 14:38].all()
    assert not (layer.data.astype(bool) & ~one_stroke.ink).any()
    assert desk.canvas.view.camera.rect == before, "the page moved with the stroke"
    desk.key("Control-Z")
    assert not layer.data.any()
    desk.key("I")
    assert not desk.widget.tools["ink"].native.isChecked()


def test_a_region_and_its_threshold(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    desk.key("T")
    desk.drag(layer, (8, 5), (12, 9), (26, 20))
    assert desk.widget.area.value == "Region"
    assert desk.widget.here.enabled
    for threshold in (0.3, 0.6, 0.2):
        desk.widget.here.value = threshold
        desk.look(1)
    assert layer.data[14:18, 10:21].all()
    assert not layer.data[:, 22:].any()
    desk.drag(layer, (8, 30), (12, 40), (26, 50))
    assert desk.widget.here.value == 0.5, "0.2 was that of the region before"
    desk.widget.here.value = 0.2
    assert layer.data[14:18, 30:39].all(), "the same threshold, for another region"
    desk.key("Control-Z")
    assert desk.widget.here.value == 0.5, "the region has no threshold of its own any more"
    desk.widget.here.value = 0.2
    assert layer.data[14:18, 30:39].all(), "it can have the same one again"
    desk.key("Control-Z")
    desk.key("Control-Z")
    assert not layer.data.any()


def test_a_click_with_the_mouse_removes_a_piece(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    layer.data[:] = one_stroke.ink
    layer.data[35:38, 50:54] = 1
    layer.refresh()
    desk.key("K")
    desk.drag(layer, (36, 52))
    assert np.array_equal(layer.data, one_stroke.ink)


def test_marks_and_places_by_key(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    desk.key("N")
    assert "Most doubtful place left" in desk.widget.status.value
    desk.key("N")
    assert "All of this page is reviewed" in desk.widget.status.value
    desk.look(10)
    assert "100%" in desk.widget.share.value
    desk.key("U")
    assert (layer.data == 2).all()


def test_the_buttons_say_why_they_do_nothing(desk, one_stroke) -> None:
    widget = desk.widget
    assert "Open a page" in widget.status.value
    assert not any(tool.enabled for tool in widget.tools.values())
    desk.viewer.add_image(one_stroke.pixels, name="letter", rgb=True)
    desk.look()
    assert "new ones" in widget.status.value
    widget.new_unlabelled.native.click()
    desk.look()
    assert widget.ink.value.name == "Corrected letter"
    assert (widget.ink.value.data == 2).all()
    assert all(tool.enabled for tool in widget.tools.values())
    assert not widget.here.enabled


def test_specks_are_highlighted_and_removed(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    layer.data[:] = one_stroke.ink
    layer.data[40, 50] = layer.data[5, 5] = 1
    layer.refresh()
    desk.widget.area.value = "Whole page"
    desk.widget.specks.value = 9
    desk.look()
    assert desk.widget.status.value.startswith("2 specks")
    desk.widget.remove_specks.native.click()
    assert np.array_equal(layer.data, one_stroke.ink)
    assert not desk.widget.remove_specks.enabled


def test_undo_works_with_the_page_selected(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    layer.data[:] = one_stroke.ink
    layer.data[36:38, 50:52] = 1
    before = layer.data.copy()

    def region_follows() -> None:
        desk.widget._session.region = Region(*np.s_[8:30, 5:50], np.ones((22, 45), bool))
        desk.widget.here.value = 1.0

    def specks_go() -> None:
        desk.widget.specks.value = 20
        desk.widget.remove_specks.native.click()

    for edit in (lambda: desk.key("U"), specks_go, region_follows):
        desk.viewer.layers.selection.active = desk.viewer.layers["letter"]
        edit()
        assert not np.array_equal(layer.data, before)
        desk.key("Control-Z")
        assert np.array_equal(layer.data, before)


def test_a_step_of_the_brush_is_undone_with_the_page_selected(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    layer.data_setitem((np.array([30]), np.array([40])), 1)
    desk.viewer.layers.selection.active = desk.viewer.layers["letter"]
    desk.look()
    desk.key("Control-Z")
    assert not layer.data[30, 40]
    desk.key("Control-Shift-Z")
    assert layer.data[30, 40]
    desk.viewer.add_shapes(name="shapes")  # active now: the labels are not what is worked on
    desk.look()
    desk.key("Control-Z")
    assert layer.data[30, 40]


def test_the_reminder_to_review_goes_once_the_page_is_reviewed(desk, one_stroke, tmp_path) -> None:
    add_page(desk, one_stroke)
    desk.widget.saving.datasets.value = tmp_path
    desk.look()
    assert desk.widget.saving.status.value.startswith("Nobody has reviewed it")
    desk.widget.area.value = "Whole page"
    desk.key("W")
    assert not desk.widget.saving.status.value.startswith("Nobody")


def test_what_n_leaves_as_reviewed_can_be_saved(desk, one_stroke, tmp_path) -> None:
    add_page(desk, one_stroke)
    desk.widget.saving.datasets.value = tmp_path
    desk.widget.saving.region.value = "Reviewed windows"
    assert not desk.widget.saving.save.enabled
    desk.key("N")
    desk.key("N")
    assert desk.widget.saving.save.enabled


def test_closing_the_panel_gives_the_keys_back(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    desk.key("I")
    desk.viewer.window.remove_dock_widget(desk.widget.native)
    desk.look()
    assert layer.mouse_pan
    assert not desk.viewer.keymap
    assert not layer.keymap


def test_two_panels_are_two_hands_with_one_tool(desk, one_stroke) -> None:
    layer = add_page(desk, one_stroke)
    first, second = desk, Desk(desk.viewer)
    assert {str(key) for key in desk.viewer.keymap} >= {action.key for action in ACTIONS}
    first.widget.tools["ink"].native.click()
    second.widget.tools["paper"].native.click()
    assert not first.widget.tools["ink"].native.isChecked()
    layer.data[:] = 1
    layer.brush_size = 10
    second.drag(layer, (16, 14), (16, 38))
    assert (layer.data == 0).any(), "the brush of the first panel is at work"
    desk.viewer.window.remove_dock_widget(first.widget.native)
    second.look()
    assert second.widget.tools["paper"].native.isChecked()
    second.key("I")
    assert second.widget.tools["ink"].native.isChecked()
    desk.viewer.window.remove_dock_widget(second.widget.native)
    second.look()
    assert not desk.viewer.keymap


def test_what_cannot_be_corrected_is_told_from_the_start(the_viewer, one_stroke) -> None:
    the_viewer.add_points(np.zeros((1, 2)), name="dots")
    desk = Desk(the_viewer)
    assert "Open a page" in desk.widget.status.value
    for part in (*desk.widget.tools.values(), desk.widget.next, desk.widget.new_unlabelled):
        assert not part.enabled
    for action in ACTIONS:
        desk.key(action.key)
    the_viewer.add_labels(np.ones((9, 9), np.uint8), name="small")
    assert "Open a page" in desk.widget.status.value
    the_viewer.add_image(np.stack([one_stroke.pixels] * 3), rgb=True, name="book")
    assert (
        "“small” has 9 × 9 pixels, but “book” has 3 pages of 64 × 48 pixels"
        in desk.widget.status.value
    )
    for action in ACTIONS:
        desk.key(action.key)
    assert the_viewer.layers["small"].data.all()
    desk.widget.new_background.native.click()
    desk.look()
    made = desk.widget.ink.value
    assert made.data.shape == (3, 48, 64)
    desk.widget.image.value.name = "volume"
    made.name = "mine"
    boxes = desk.widget.image, desk.widget.ink
    assert [box.native.currentText() for box in boxes] == ["volume", "mine"]
    the_viewer.layers.clear()
    desk.look()
    assert "Open a page" in desk.widget.status.value


def test_a_click_on_a_page_or_its_labels_chooses_both(desk, one_stroke, tmp_path) -> None:
    viewer, widget = desk.viewer, desk.widget
    widget.saving.datasets.value, widget.saving.new.value = tmp_path, "letters"
    pages, inks = [], []
    for name in ("a", "b"):
        pages.append(viewer.add_image(one_stroke.pixels, rgb=True, name=name))
        viewer.layers.selection.active = pages[-1]
        widget.new_background.changed.emit(True)
        inks.append(widget.ink.value)
    assert inks[0].name == "Corrected a"
    for clicked, number in ((inks[0], 0), (pages[1], 1), (pages[0], 0), (inks[1], 1)):
        viewer.layers.selection.active = clicked
        assert (widget.image.value, widget.ink.value) == (pages[number], inks[number])
    widget.image.value = pages[0]
    assert "another page" in widget.status.value
    assert "another page" in widget.saving.status.value


def test_nothing_is_cut_off_in_a_narrow_panel(desk, one_stroke) -> None:
    from qtpy.QtWidgets import QComboBox, QLabel, QPushButton

    add_page(desk, one_stroke)
    native = desk.widget.native
    native.parent().resize(300, native.parent().height())
    desk.look()
    wrapped = (desk.widget.status.native, desk.widget.share.native)
    for part in native.findChildren((QPushButton, QComboBox, QLabel)):
        if part.isVisible() and part not in wrapped:
            assert part.width() >= part.minimumSizeHint().width(), part
            assert part.mapTo(native, part.rect().topRight()).x() < native.width()
