"""Panels opened from the menu share one dock, and no button changes the height of the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.window
PANELS = ("Binarize document", "Correct and save training pairs", "Train on my pairs")
HIGHEST = 700


def open_as_from_the_menu(viewer: Any, name: str) -> tuple[Any, Any]:
    return viewer.window.add_plugin_dock_widget("docbin-napari", name)


def live(milliseconds: int = 200) -> None:
    from qtpy.QtTest import QTest

    QTest.qWait(milliseconds)


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720)])
def test_panels_are_tabs_and_the_window_keeps_its_height(the_viewer, one_stroke, size) -> None:
    window = the_viewer.window._qt_window
    window.resize(*size)
    live()
    before = window.height()
    docks, widgets = zip(*(open_as_from_the_menu(the_viewer, name) for name in PANELS), strict=True)
    live()
    for dock in docks:
        assert dock.minimumSizeHint().height() <= HIGHEST, dock.windowTitle()
        assert set(window.tabifiedDockWidgets(dock)) == set(docks) - {dock}
    assert window.height() == before
    the_viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    the_viewer.add_labels(one_stroke.ink.astype(np.uint8), name="ink")
    live()
    for dock, widget in zip(docks, widgets, strict=True):
        dock.raise_()
        live(100)
        for button in buttons_that_ask_nothing(widget):
            button.click()
            live(20)
            assert window.height() == before, button.text()


def test_a_click_leaves_the_keyboard_to_the_canvas(the_viewer) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QAbstractSlider, QComboBox, QListWidget, QPushButton

    kinds = (QAbstractSlider, QComboBox, QListWidget, QPushButton)
    for name in PANELS:
        native = open_as_from_the_menu(the_viewer, name)[1].native
        parts = native.findChildren(kinds)
        assert len(parts) > 5
        for part in parts:
            assert not part.focusPolicy() & Qt.FocusPolicy.ClickFocus, (name, part.objectName())


def places(widget: Any) -> dict[str, tuple[int, int, int]]:
    """Where the fields of a panel lie in it, and how high they are."""
    from qtpy.QtWidgets import QAbstractSlider, QComboBox, QPushButton

    native = widget.native
    found = {}
    for part in native.findChildren((QAbstractSlider, QComboBox, QPushButton)):
        corner = part.mapTo(native, part.rect().topLeft())
        if part.isVisible() and part.parent().objectName() != "qt_spinbox_lineedit":
            found[f"{id(part)} {part.objectName()}"] = (corner.x(), corner.y(), part.height())
    return found


def settled(widget: Any) -> dict[str, tuple[int, int, int]]:
    """Where the fields lie once a panel that was just opened is laid out."""
    before = places(widget)
    for _ in range(20):
        live(400)
        now = places(widget)
        if now == before:
            return now
        before = now
    raise AssertionError("the panel never comes to rest")


@pytest.mark.alone
def test_no_field_moves_whatever_is_said(the_viewer, one_stroke) -> None:
    the_viewer.window._qt_window.resize(1280, 720)
    the_viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    ink = the_viewer.add_labels(one_stroke.ink.astype(np.uint8), name="ink")
    for name in PANELS[:2]:
        _, widget = open_as_from_the_menu(the_viewer, name)
        before = settled(widget)
        assert len(before) > 5
        for words in ("", "Short.", "A long reason, which says what is wrong and what to do. " * 4):
            widget._session.status = words
            widget._update()
            live(60)
            assert places(widget) == before, words
    widget.tools["ink"].native.click()
    ink.data_setitem((np.array([0]), np.array([0])), np.array([1]))
    widget._do(widget._go_to_next)
    live(800)
    assert places(widget) == before
    marked = the_viewer.layers["Doubtful place"]
    assert marked.visible
    assert marked.edge_width[0] * the_viewer.scene.camera.zoom == pytest.approx(2, rel=0.05)
    ink.undo()
    live(100)
    assert widget.status.value.startswith("Undone")
    ink.redo()
    live(100)
    assert not widget.status.value.startswith("Undone")
    the_viewer.layers.clear()
    live(100)
    assert "Open a page" in widget.status.value


def test_after_a_crash_corrections_are_offered_before_there_are_labels(
    the_viewer, one_stroke, tmp_path, monkeypatch
) -> None:
    from docbin_napari.pairs.drafts import Draft, PageKey, content_of, write_draft

    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    corrected = one_stroke.ink.astype(np.uint8)
    corrected[:5] = 2
    key = PageKey(content_of(one_stroke.pixels))
    write_draft(tmp_path / "user", key, Draft(corrected), "crashed")
    _, widget = open_as_from_the_menu(the_viewer, PANELS[1])
    the_viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    row = widget.saving.drafts
    for _ in range(2000):
        live(50)
        if row.found.visible:
            break
    assert "were found" in row.offer.value
    row.restore.native.click()
    live(100)
    assert np.array_equal(the_viewer.layers["Corrected letter"].data, corrected)
    assert not row.found.visible
    assert "Nobody has reviewed" not in widget.saving.status.value
    assert "are back" in widget.saving.status.value


def test_a_draft_is_not_offered_while_the_list_is_about_to_put_it_on_its_page(
    the_viewer, one_stroke, fake_engine, tmp_path, monkeypatch
) -> None:
    import threading

    from PIL import Image

    from docbin_napari.pairs.drafts import Draft, PageKey, content_of, write_draft
    from docbin_napari.plugin.correct.correct_widget import CorrectPages

    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    (tmp_path / "scans").mkdir()
    file = tmp_path / "scans" / "f1.png"
    Image.fromarray(one_stroke.pixels).save(file)
    key = PageKey(content_of(one_stroke.pixels), str(file.resolve()), 1)
    write_draft(tmp_path / "user", key, Draft(one_stroke.ink.astype(np.uint8)), "crashed")
    reached, fails = threading.Event(), threading.Event()

    def fail_late(_: int) -> None:
        reached.set()
        assert fails.wait(120)
        raise ValueError("this page cannot be binarized")

    fake_engine.before = fail_late
    widget = CorrectPages(the_viewer, fake_engine.load)
    the_viewer.window.add_dock_widget(widget, name="Correct")
    widget.page_list.folder.value = file.parent

    def wait(done: Any) -> None:
        for _ in range(6000):
            if done():
                return
            live(50)
        raise AssertionError(widget.status.value)

    wait(lambda: reached.is_set() and "f1.png" in the_viewer.layers)
    assert widget._asked is None, "nothing is searched for"
    fails.set()
    wait(lambda: widget.saving.drafts.found.visible)
    assert widget.page_list._session.troubles


def test_the_page_is_saved_with_the_button(bench, one_stroke, tmp_path) -> None:
    from PIL import Image

    image = bench.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    image.metadata.update(dpi=(300.0, 300.0), source=str(tmp_path / "letter.jpg"), page=1)
    bench.run_to_the_end()
    bench.settle()
    offers = []
    row = bench.widget.export
    row._asks_file = lambda _, offered: offers.append(offered) or offered
    row.page.native.click()
    bench.wait(lambda: "Saved letter-bw.png" in bench.widget.status.value)
    assert offers == [tmp_path / "letter-bw.png"]
    with Image.open(offers[0]) as page:
        assert page.mode == "1"
        assert np.array_equal(~np.asarray(page), one_stroke.ink)
        assert page.info["dpi"] == pytest.approx((300, 300), abs=0.05)
    assert not row.all.enabled


def buttons_that_ask_nothing(widget: Any) -> list[Any]:
    """All buttons but those that open a dialog or run a network."""
    from qtpy.QtWidgets import QAbstractButton

    asking = ("…", "Run", "Train", "Save pair", "Choose")
    return [
        button
        for button in widget.native.findChildren(QAbstractButton)
        if button.isVisible() and button.isEnabled() and button.text()
        if button.text() != "▾" and not any(word in button.text() for word in asking)
    ]


def test_a_scan_and_a_page_that_is_computed_are_not_written_over_or_saved(
    bench, one_stroke, tmp_path
) -> None:
    scan, row = tmp_path / "letter.png", bench.widget.export
    scan.write_bytes(b"the only scan")
    row._asks_file = lambda *_: scan
    known = {"source": str(scan), "page": 1, "dpi": None}
    image = bench.viewer.add_image(one_stroke.pixels, name="letter", metadata=known)
    gate = bench.start_and_hold()
    assert not row.page.enabled
    row._save_page()  # as the panel “Correct” can, whose button is on
    assert row._worker is None
    gate.open.set()
    bench.wait(lambda: row.page.enabled)
    bench.press(row.page)
    assert bench.widget.status.value.startswith("Not saved: ")
    assert "this is a scan" in bench.widget.status.value
    row.said.emit("")
    own = bench.viewer.add_labels(one_stroke.ink.astype(np.uint8), name="Labels")
    row._save_layer(own, image)
    assert "this is a scan" in bench.widget.status.value, "ink that knows no file is of its page"
    assert scan.read_bytes() == b"the only scan"


@pytest.mark.alone
@pytest.mark.parametrize(
    ("name", "taken"),
    [("a.zarr/.zarray", False), ("scan/1.dcm", False), ("b/p.png", True), ("c/d/fg_mask/p", True)],
)
def test_only_a_folder_of_pages_is_taken_from_napari(tmp_path, name, taken) -> None:
    from qtpy.QtCore import QMimeData, QUrl

    from docbin_napari.plugin.dock import dropped_folder

    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).touch()
    folder, mime = tmp_path / name.split("/")[0], QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    assert dropped_folder(mime) == (folder if taken else None)


def test_pages_follow_each_other_with_kept_programs(the_viewer, one_stroke) -> None:
    """Without `keep_programs` software OpenGL of Mesa 22 ends this process within some pages."""
    from napari.layers import Image

    before: tuple[Any, ...] = ()
    for number in range(15):
        image = the_viewer.add_layer(Image(one_stroke.pixels, rgb=True, name=f"page {number}"))
        live(20)
        for layer in before:
            the_viewer.layers.remove(layer)
        live(20)
        labels = the_viewer.add_labels(one_stroke.ink.astype(np.uint8))
        live(20)
        before = image, labels
    assert len(the_viewer.layers) == 2


def test_all_panels_show_the_format_that_was_chosen_last(the_viewer) -> None:
    from docbin_napari.plugin.saving.export import ExportRow

    first, second = (ExportRow(the_viewer, lambda: (None, None)) for _ in range(2))
    first.format.value = "TIFF (G4)"
    assert second.format.value == "TIFF (G4)"
    assert ExportRow(the_viewer, lambda: (None, None)).format.value == "TIFF (G4)"
    second.format.value = "PNG"
    assert first.format.value == "PNG"


def test_a_file_that_cannot_be_opened_is_named_in_the_panel(bench, tmp_path) -> None:
    from docbin_napari.plugin.commands import open_paths

    (tmp_path / "page.png").write_bytes(b"no page")
    open_paths(bench.viewer, [str(tmp_path / "page.png")])
    bench.wait(lambda: "page.png: " in bench.widget.status.value)
    assert any("page.png: " in error for error in bench.errors)


def test_the_menu_brings_a_panel_to_the_front_and_hides_it_only_there(the_viewer, qtbot) -> None:
    from napari._app_model import get_app_model

    from docbin_napari.plugin.dock import BINARIZE, CORRECT, _dock_of, open_panel

    docks = [_dock_of(open_panel(the_viewer, name).native) for name in (BINARIZE, CORRECT)]

    def is_in_front(dock: Any) -> bool:
        return not dock.visibleRegion().isEmpty()

    qtbot.waitUntil(lambda: is_in_front(docks[1]) and not is_in_front(docks[0]))
    for expected in (True, False, True):
        get_app_model().commands.execute_command("docbin-napari.binarize")
        qtbot.waitUntil(lambda: is_in_front(docks[0]) == expected)  # noqa: B023
        qtbot.wait(50)
        assert docks[0].isHidden() != expected
    the_viewer.window.remove_dock_widget(docks[1].widget())
    qtbot.waitUntil(lambda: not the_viewer.window._qt_window.tabifiedDockWidgets(docks[0]))
    assert is_in_front(docks[0])
