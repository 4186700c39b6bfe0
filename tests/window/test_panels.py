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


def buttons_that_ask_nothing(widget: Any) -> list[Any]:
    """All buttons but those that open a dialog or run a network."""
    from qtpy.QtWidgets import QAbstractButton

    asking = ("…", "Run", "Train", "Save pair", "Choose")
    return [
        button
        for button in widget.native.findChildren(QAbstractButton)
        if button.isVisible() and button.isEnabled() and button.text()
        if not any(word in button.text() for word in asking)
    ]
