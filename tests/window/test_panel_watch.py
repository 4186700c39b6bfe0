"""Panels inside of a docked widget learn that it is closed."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.window


def test_a_part_of_a_docked_widget_is_closed_with_it_and_not_when_it_floats(the_viewer: Any):
    from qtpy.QtTest import QTest
    from qtpy.QtWidgets import QScrollArea, QVBoxLayout, QWidget

    from docbin_napari.plugin.dock import PanelWatch

    outer, inner, part, scroll = QWidget(), QWidget(), QWidget(), QScrollArea()
    QVBoxLayout(inner).addWidget(part)
    scroll.setWidget(inner)
    QVBoxLayout(outer).addWidget(scroll)
    seen: list[str] = []
    watch = PanelWatch(part, lambda: seen.append("shown"), lambda: seen.append("closed"))
    dock = the_viewer.window.add_dock_widget(outer, name="panel")
    QTest.qWait(50)
    assert "shown" in seen
    dock.setFloating(True)
    QTest.qWait(50)
    assert "closed" not in seen
    dock.setFloating(False)
    QTest.qWait(50)
    the_viewer.window.remove_dock_widget(outer)
    QTest.qWait(50)
    assert seen[-1] == "closed"
    assert not watch.gone
