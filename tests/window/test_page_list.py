"""The list of pages in a window: names, pictures, and what a click on a row does."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.pairs.work_list import Entry
from docbin_napari.plugin.settings import Preferences

pytestmark = pytest.mark.window


@pytest.fixture
def panel(the_viewer, fake_engine, tmp_path, monkeypatch) -> Any:
    """A list of pages in a dock."""
    from docbin_napari.plugin.binarize import binarize_fields
    from docbin_napari.plugin.pages import pages_panel

    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "drafts"))
    monkeypatch.setattr(binarize_fields, "may_have_gpu", lambda: False)
    for module in (binarize_fields, pages_panel):
        monkeypatch.setattr(module, "read_preferences", lambda: Preferences(device="cuda"))
    panel = pages_panel.PageListPanel(the_viewer, lambda: None, lambda: "", fake_engine.load)
    the_viewer.window.add_dock_widget(panel, name="pages")
    return panel


@pytest.fixture
def scans(tmp_path, one_stroke) -> Any:
    """A folder of two scans."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("1", "2"):
        Image.fromarray(one_stroke.pixels).save(folder / f"{name}.png")
    return folder


def test_a_click_on_the_row_of_the_shown_page_keeps_its_layers(
    the_viewer, panel, scans, qtbot
) -> None:
    panel.folder.value = scans
    wait = partial(qtbot.waitUntil, timeout=120_000)
    wait(lambda: "Ink of 1.png" in the_viewer.layers and panel._worker is None)
    layers = list(the_viewer.layers)
    panel.list.itemActivated.emit(panel.list.currentItem())
    assert panel.shows(the_viewer, layers[0])
    assert panel._worker is None, "nothing is read again"
    assert list(the_viewer.layers) == layers
    the_viewer.layers.remove("Ink of 1.png")
    panel.list.itemActivated.emit(panel.list.currentItem())
    wait(lambda: "Ink of 1.png" in the_viewer.layers)
    orders, *_ = panel.export_orders()
    assert {order.device for order in orders} == {"auto"}, "this machine lacks the preferred one"


def test_pictures_and_reasons_are_those_of_the_pages_that_are_listed(qapp, tmp_path) -> None:
    from docbin_napari.plugin.pages.view import PageListView

    view = PageListView()
    entries = [Entry(tmp_path / "a.png"), Entry(tmp_path / "b.png")]
    for trouble in ("damaged", "gone"):
        view.show_pages(entries, {1: trouble}, 0)
        assert view.item(1).toolTip() == trouble
    view.show_picture(0, np.zeros((4, 4, 3), np.uint8))
    entries[1] = Entry(tmp_path / "b.png", state="saved")
    view.show_pages(entries, {}, 1)
    assert not view.item(0).icon().isNull(), "it is the same list"
    for folder in ("c.png", "a.png"):
        view.show_pages([Entry(tmp_path / folder), entries[1]], {}, 1)
        assert view.item(0).text().endswith(folder)
        assert view.item(0).icon().isNull(), "the picture was that of another file"
        view.show_picture(0, np.zeros((4, 4, 3), np.uint8))


def test_a_long_message_is_broken_and_ends_with_dots(qapp) -> None:
    from docbin_napari.plugin import widgets

    line = widgets.message_line(lines=2)
    native = line.native
    native.setFixedWidth(300)
    native.setFixedHeight(2 * native.fontMetrics().lineSpacing() + 4)
    widgets.show_message(line, "short")
    assert widgets.elided(native) == "short"
    path = f"/{'without_a_place_to_break_' * 4}/1.png"
    widgets.show_message(line, path)
    assert native.fontMetrics().boundingRect(path).width() > 300
    assert widgets.elided(native)[:-1] in path
    words = f"{path}: {'the file is damaged ' * 20}: scan it again"
    widgets.show_message(line, words)
    shown = widgets.elided(native)
    assert words.startswith(shown[:-1])
    assert shown.endswith("…")
    lines = native.toolTip().splitlines()
    assert max(map(len, lines)) <= 100
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    drawn = native.grab().toImage()
    widgets.show_message(line, "short")
    assert drawn != native.grab().toImage()
