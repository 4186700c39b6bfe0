"""Arrange panels as tabs of one dock."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow

_OURS, _PLACED = "docbin_panel", "docbin_placed"
_LOWEST = 40
_SOON_MILLISECONDS = 50


def start_low(panel: Any) -> None:
    """Let a new panel ask for next to no height until it lies on its tab.

    The moment in which it lies under another one would make the window grow for good.

    Parameters
    ----------
    panel : QWidget
        Not shown yet.
    """
    panel.setMinimumHeight(_LOWEST)


def join_tabs(panel: Any, title: str = "") -> None:
    """Put a panel that was opened just now on the tabs of the others.

    Strategy: napari stacks the docks of panels that are opened from its menu, and the minimum
    heights of all add up until the window is higher than the screen. A panel that the user has
    put elsewhere since stays there: each dock is placed once.

    Parameters
    ----------
    panel : QWidget
        Inside a dock of a main window; anything else is left alone.
    title : str
        What the tab shows.
    """
    window, dock = panel.window(), _dock_of(panel)
    if not isinstance(window, QMainWindow) or dock is None or dock.property(_PLACED):
        return
    QTimer.singleShot(_SOON_MILLISECONDS, lambda: _as_high_as_needed(window, dock, panel))
    dock.setProperty(_PLACED, True)
    dock.setProperty(_OURS, True)
    if title:
        _name(dock, title)
    area: Any = window.dockWidgetArea(dock)
    others: list[Any] = [
        other
        for other in window.findChildren(QDockWidget)
        if other is not dock and other.property(_OURS) and not other.isFloating()
    ]
    beside = [other for other in others if window.dockWidgetArea(other) == area]
    if beside and beside[-1] not in window.tabifiedDockWidgets(dock):
        window.tabifyDockWidget(beside[-1], dock)
        dock.show()
        dock.raise_()


def _name(dock: Any, title: str) -> None:
    """Give tab and title bar a name that is not cut off."""
    bar, before = dock.titleBarWidget(), dock.windowTitle() or getattr(dock, "name", "")
    dock.setWindowTitle(title)
    for label in [] if bar is None else bar.findChildren(QLabel):
        if label.text() in (before, getattr(dock, "name", "")):
            label.setText(title)


def _as_high_as_needed(window: Any, dock: Any, panel: Any) -> None:
    with suppress(RuntimeError):  # It may be deleted by now.
        panel.setMinimumHeight(0)
        window.resizeDocks([dock], [window.height()], Qt.Orientation.Vertical)


def _dock_of(panel: Any) -> Any:
    around = panel.parent()
    while around is not None and not isinstance(around, QDockWidget):
        around = around.parent()
    return around
