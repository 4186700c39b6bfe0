"""The first hour of a person who has never seen napari: mouse and keys, two sizes of screen.

Each of what stopped people once has a test here, or in `test_panels` (one dock, the height of the
window, nothing moves, messages that are over), `test_save_keys` (Ctrl+S), `test_finetune` (Stop
while preparing) or `test_binarize`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

# A person alone at the machine: dialogs of a test before must not answer those of this one.
pytestmark = [pytest.mark.window, pytest.mark.alone]
SIZES = [(1440, 900), (1280, 720)]


class Person:
    """Somebody at the window, with a mouse and a keyboard."""

    def __init__(self, viewer: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from napari.utils.notifications import notification_manager

        from docbin_napari.plugin.binarize.binarize_widget import BinarizeDocument
        from docbin_napari.plugin.correct.correct_widget import CorrectPages

        self.viewer, self.told = viewer, []
        for panel in (BinarizeDocument, CorrectPages):
            monkeypatch.setattr(panel.__init__, "__defaults__", (engine.load,))
        notification_manager.notification_ready.connect(
            lambda told: self.told.append(str(told.message))
        )

    @property
    def window(self) -> Any:
        return self.viewer.window._qt_window

    def wait(self, done: Any, seconds: float = 600) -> None:
        """Let the window live until something is so."""
        import time

        from qtpy.QtTest import QTest

        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, ("waited in vain", self.told)
            QTest.qWait(20)
        QTest.qWait(50)

    def choose_menu(self, *words: str) -> None:
        """Go through the menus of the window by their texts."""
        menu = self.window.menuBar()
        for word in words:
            if hasattr(menu, "aboutToShow"):
                menu.aboutToShow.emit()
            action = next(one for one in menu.actions() if word in one.text().replace("&", ""))
            menu = action.menu()
        action.trigger()
        self.wait(lambda: True)

    def click(self, button: Any) -> None:
        """Press a button with the mouse; it has to be in sight."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        native = getattr(button, "native", button)
        assert self.is_in_sight(native), f"{native.text()} is not in sight"
        assert native.isEnabled(), native.text()
        QTest.mouseClick(native, Qt.MouseButton.LeftButton)
        self.wait(lambda: True)

    def is_in_sight(self, native: Any) -> bool:
        """Whether all of a part can be seen without scrolling."""
        return native.isVisible() and native.visibleRegion().boundingRect() == native.rect()

    def answer(self, path: Path) -> None:
        """Type a name into the dialog that is about to open, and press Enter."""
        from qtpy.QtCore import Qt, QTimer
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication, QFileDialog, QLineEdit

        def type_it() -> None:
            dialog = QApplication.activeModalWidget()
            if not isinstance(dialog, QFileDialog):
                QTimer.singleShot(100, type_it)
                return
            field = dialog.findChild(QLineEdit, "fileNameEdit")
            # Not letter by letter: Qt's dialog follows each folder on the way, and loses some.
            field.setText(str(path))
            QTest.keyClick(field, Qt.Key.Key_Return)

        QTimer.singleShot(100, type_it)

    def drag(self, layer: Any, *points: tuple[float, float]) -> None:
        """Press the mouse over a pixel of the page, move over others, release."""
        canvas = self.viewer.window._qt_viewer.canvas
        mapped = [canvas.view.scene.transform.map([x, y]) for y, x in points]
        places = [(round(one[0] / one[3]), round(one[1] / one[3])) for one in mapped]
        events, held = canvas._scene_canvas.events, {"button": 1, "modifiers": []}
        press = events.mouse_press(pos=places[0], buttons=[1], type="mouse_press", **held)
        for place in places[1:]:
            events.mouse_move(pos=place, buttons=[1], press_event=press, **held)
            self.wait(lambda: True)
        events.mouse_release(pos=places[-1], buttons=[], press_event=press, **held)
        self.wait(lambda: True)

    def key(self, name: str) -> None:
        """Press and release a key over the canvas."""
        from napari.utils.key_bindings import coerce_keybinding

        handler = self.viewer.window._qt_viewer.canvas._key_map_handler
        handler.press_key(coerce_keybinding(name))
        handler.release_key(coerce_keybinding(name))
        self.wait(lambda: True)

    def panel(self, name: str) -> Any:
        """The panel that the menu opened."""
        from docbin_napari.plugin.dock import open_panel

        return open_panel(self.viewer, name)

    def drop(self, target: Any, path: Path) -> None:
        """Drop a file or a folder from a file manager."""
        from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
        from qtpy.QtGui import QDragEnterEvent, QDropEvent
        from qtpy.QtWidgets import QApplication

        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        place, buttons = QPointF(20, 20), Qt.MouseButton.LeftButton
        how = Qt.DropAction.CopyAction, mime, buttons, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(place.toPoint(), *how)
        QApplication.sendEvent(target, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(target, QDropEvent(place, *how))
        self.wait(lambda: True)


@pytest.fixture
def person(the_viewer: Any, fake_engine: Any, tmp_path: Path, monkeypatch: Any) -> Person:
    """Somebody before an empty viewer."""
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "drafts"))
    return Person(the_viewer, fake_engine, monkeypatch)


@pytest.fixture
def scans(tmp_path: Path, one_stroke: Any) -> Path:
    """A folder of two scans, and the black-and-white page of one of them."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name, pixels in (("leaf-1", one_stroke.pixels), ("leaf-2", one_stroke.pixels[::-1])):
        Image.fromarray(pixels).save(folder / f"{name}.png", dpi=(300, 300))
    Image.fromarray(~one_stroke.ink).save(folder / "leaf-2-bw.png")
    return folder


@pytest.mark.parametrize("size", SIZES)
def test_from_an_empty_window_to_a_page_on_the_disk(person, scans, one_stroke, size) -> None:
    person.window.resize(*size)
    height = person.window.height()
    ink = open_and_binarize(person, scans, one_stroke)
    corrector = rub_out(person, ink, one_stroke)
    save_page(person, corrector, scans.parent / "out" / "page.png", one_stroke)
    save_pair(person, corrector, scans.parent / "pairs")
    open_training(person)
    assert person.window.height() == height
    assert person.told == []


def open_and_binarize(person: Any, scans: Path, one_stroke: Any) -> Any:
    """Open a page by the button of the empty panel, and run."""
    person.choose_menu("Plugins", "docbin-napari", "Binarize document")
    binarizer = person.panel("Binarize document")
    assert "Open a page" in binarizer.status.value
    person.answer(scans / "leaf-1.png")
    person.click(binarizer.open_page)
    person.wait(lambda: binarizer.run.enabled)
    assert "Press Run" in binarizer.status.value
    person.click(binarizer.run)
    person.wait(lambda: binarizer.status.value.startswith("Done in"))
    ink = person.viewer.layers["Ink of leaf-1"]
    assert np.array_equal(ink.data, one_stroke.ink)
    return ink


def rub_out(person: Any, ink: Any, one_stroke: Any) -> Any:
    """Rub out a stroke that is no ink."""
    person.choose_menu("Plugins", "docbin-napari", "Correct and save")
    corrector = person.panel("Correct and save training pairs")
    assert person.is_in_sight(corrector.saving.save.native), "Save is in sight without scrolling"
    ink.brush_size = 12
    person.click(corrector.tools["paper"])
    ink.data[30:34, 10:40] = 1
    ink.refresh()
    person.drag(ink, (32, 9), (32, 25), (32, 41))
    assert np.array_equal(ink.data, one_stroke.ink), "what is no ink is rubbed out"
    person.key("Escape")
    return corrector


def save_page(person: Any, corrector: Any, saved: Path, one_stroke: Any) -> None:
    """Save the black-and-white page, with its resolution."""
    saved.parent.mkdir()
    person.answer(saved)
    person.click(corrector.export.page)
    person.wait(saved.exists)
    person.wait(lambda: "Saved page.png" in corrector.status.value)
    with Image.open(saved) as page:
        assert page.mode == "1"
        assert page.info["dpi"] == pytest.approx((300, 300), abs=0.05)
        assert np.array_equal(~np.asarray(page), one_stroke.ink)


def save_pair(person: Any, corrector: Any, pairs: Path) -> None:
    """Save the page as a pair of a new folder."""
    pairs.mkdir()
    person.answer(pairs)
    person.click(corrector.saving.save)
    person.wait(lambda: "Saved as leaf-1" in corrector.status.value)
    assert (pairs / "train" / "my pages" / "leaf-1.png").is_file()
    line = corrector.status.native
    assert line.heightForWidth(line.width()) <= line.height(), line.text()


def open_training(person: Any) -> None:
    """Find the pair in the panel that trains."""
    person.choose_menu("Plugins", "docbin-napari", "Train on my pairs")
    trainer = person.panel("Train on my pairs")
    person.wait(lambda: trainer.collections.count() == 1)
    assert trainer.train.enabled, trainer.status.value
    assert person.is_in_sight(trainer.train.native)
    assert not trainer.run_next.native.isVisible()


def test_a_folder_is_dropped_and_worked_through_by_keys(person, scans, one_stroke) -> None:
    person.choose_menu("Plugins", "docbin-napari", "Binarize document")
    person.panel("Binarize document")
    other = person.viewer.add_image(np.zeros((90, 90, 3), np.uint8), rgb=True, name="before")
    person.drop(person.viewer.window._qt_viewer, scans)
    corrector = person.panel("Correct and save training pairs")
    pages = corrector.page_list
    person.wait(lambda: "Ink of leaf-1.png" in person.viewer.layers)
    person.wait(lambda: pages._worker is None)
    assert not other.visible, "what was open before does not shine through"
    assert [pages.list.item(row).text()[3:] for row in range(pages.list.count())] == [
        "leaf-1.png",
        "leaf-2.png",
    ], "results that lie beside their scans are no pages"
    person.key("PageDown")
    person.wait(lambda: "Ink of leaf-2.png" in person.viewer.layers)
    assert np.array_equal(person.viewer.layers["Ink of leaf-2.png"].data, one_stroke.ink[::-1])
    assert not pages.has_next
    person.key("PageUp")
    person.wait(lambda: "Ink of leaf-1.png" in person.viewer.layers)
    pages.folder.recent.aboutToShow.emit()
    assert [action.text() for action in pages.folder.recent.actions()] == [str(scans)]
    person.viewer.layers.clear()
    person.drop(corrector.native, scans)
    person.wait(lambda: "Ink of leaf-1.png" in person.viewer.layers)


def test_a_folder_that_is_typed_is_opened_when_it_is_complete(person, scans) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    Image.fromarray(np.full((20, 20, 3), 200, np.uint8)).save(scans.parent / "stranger.png")
    person.choose_menu("Plugins", "docbin-napari", "Correct and save")
    corrector = person.panel("Correct and save training pairs")
    corrector.sections["folder"].fold(False)
    person.wait(lambda: True)
    field = corrector.page_list.folder.line_edit.native
    QTest.keyClicks(field, str(scans))
    person.wait(lambda: True)
    assert len(person.viewer.layers) == 0, "not what a beginning of the name stands for"
    assert not (scans.parent / ".docbin-pages.json").exists()
    QTest.keyClick(field, Qt.Key.Key_Return)
    person.wait(lambda: "Ink of leaf-1.png" in person.viewer.layers)
    assert person.told == []


def test_a_page_that_was_saved_before_its_folder_was_opened_counts(person, scans) -> None:
    pairs = scans.parent / "pairs"
    pairs.mkdir()
    person.choose_menu("Plugins", "docbin-napari", "Binarize document")
    binarizer = person.panel("Binarize document")
    person.answer(scans / "leaf-2.png")
    person.click(binarizer.open_page)
    person.wait(lambda: binarizer.run.enabled)
    person.click(binarizer.run)
    person.wait(lambda: binarizer.status.value.startswith("Done in"))
    corrector = person.panel("Correct and save training pairs")
    person.wait(lambda: person.is_in_sight(corrector.saving.save.native))
    person.answer(pairs)
    person.click(corrector.saving.save)
    person.wait(lambda: "Saved as leaf-2" in corrector.status.value)
    person.drop(corrector.native, scans)
    pages = corrector.page_list
    person.wait(lambda: pages.list.count() == 2)
    assert [pages.list.item(row).text()[0] for row in range(2)][1] == "✓"


def test_strokes_and_models_say_what_they_do(bench, one_stroke) -> None:
    widget = bench.widget
    bench.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    bench.run_to_the_end()
    widget.strokes.native.setCurrentText("bold")
    assert "press Run again" in widget.status.value
    widget.model.native.setCurrentText("faint")
    bench.run_to_the_end()
    assert {"Ink of letter", "Ink of letter (faint, balanced)"} <= {
        layer.name for layer in bench.viewer.layers
    }, "the first result stays"
    bench.press(widget.compare)
    assert "Difference of two results" in bench.viewer.layers
    assert "Blue: ink only in “Ink of letter”" in widget.status.value


def test_all_pages_begin_at_the_one_that_is_shown_and_small_ones_appear_at_once(
    bench, one_stroke
) -> None:
    bench.viewer.add_image(np.stack([one_stroke.pixels] * 3), rgb=True, name="book")
    bench.viewer.dims.set_point(0, 1)
    bench.engine.seen_at_once = one_stroke.ink[::-1].astype(np.uint8) * 255
    bench.widget.pages.native.setCurrentText("All pages")
    gate = bench.start_and_hold(at=2)
    data = bench.viewer.layers["Ink of book"].data
    assert np.array_equal(data[1, 16:], one_stroke.ink[::-1][16:]), "a first look"
    assert not data[0].any()
    assert not data[2].any()
    gate.open.set()
    bench.wait(lambda: bench.widget.run.enabled)
    assert np.array_equal(data, np.stack([one_stroke.ink] * 3))


def test_only_devices_that_are_there_are_offered_and_sliders_are_long(person, monkeypatch) -> None:
    from qtpy.QtWidgets import QAbstractSlider, QLabel

    from docbin_napari.plugin.binarize import binarize_fields

    monkeypatch.setattr(binarize_fields, "may_have_gpu", lambda: False)
    for name in ("Binarize document", "Correct and save", "Train on my pairs"):
        person.choose_menu("Plugins", "docbin-napari", name)
    binarizer = person.panel("Binarize document")
    corrector = person.panel("Correct and save training pairs")
    trainer = person.panel("Train on my pairs")
    assert "cuda" not in (*binarizer.device.choices, *trainer.device.choices)
    for widget in (binarizer, corrector, trainer):
        person.panel(widget.panel_name)
        person.wait(lambda: True)
        for slider in widget.native.findChildren(QAbstractSlider):
            if slider.isVisible() and "ScrollBar" not in type(slider).__name__:
                assert slider.width() >= 100, slider
        bar = widget.native.parent().titleBarWidget()
        titles = [label for label in bar.findChildren(QLabel) if label.text() == widget.tab_title]
        assert titles, "the title is short enough to be seen"
        assert titles[0].width() >= titles[0].sizeHint().width()


def test_nothing_moves_under_a_pressed_mouse(person, one_stroke) -> None:
    from qtpy.QtCore import QPoint, Qt
    from qtpy.QtTest import QTest

    person.window.resize(1280, 720)
    person.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    ink = person.viewer.add_labels(one_stroke.ink.astype(np.uint8), name="ink")
    person.choose_menu("Plugins", "docbin-napari", "Correct and save")
    corrector = person.panel("Correct and save training pairs")
    person.wait(lambda: True)
    slider = (
        corrector.brush.native.findChild(type(corrector.brush.native._slider))
        if hasattr(corrector.brush.native, "_slider")
        else corrector.brush.native
    )
    before = slider.mapToGlobal(QPoint(0, 0))
    QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(20, slider.height() // 2))
    ink.data_setitem((np.array([0]), np.array([0])), np.array([1]))
    corrector._say("A long reason that says what is wrong and what is to be done about it. " * 3)
    person.wait(lambda: bool(corrector.saving.drafts.kept))
    assert slider.mapToGlobal(QPoint(0, 0)) == before
    QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(40, slider.height() // 2))
    assert corrector.brush.value != 0


def test_the_frame_of_a_region_is_as_thin_as_before_when_zoomed_in(person, one_stroke) -> None:
    person.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    ink = person.viewer.add_labels(one_stroke.ink.astype(np.uint8), name="ink")
    person.choose_menu("Plugins", "docbin-napari", "Correct and save")
    person.wait(lambda: True)
    person.key("T")
    person.drag(ink, (8, 5), (12, 9), (26, 20))
    frame = person.viewer.layers["Region (correction)"]
    for zoom in (4.0, 30.0):
        person.viewer.scene.camera.zoom = zoom
        person.wait(lambda: True)
        assert frame.edge_width[0] * zoom == pytest.approx(2, rel=0.05)
