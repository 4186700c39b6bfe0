"""Panels as tabs of one dock, however they were opened."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QDockWidget, QMainWindow

_OURS, _PLACED = "docbin_panel", "docbin_placed"


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
    dock.setProperty(_PLACED, True)
    dock.setProperty(_OURS, True)
    if title:
        dock.setWindowTitle(title)
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


def _dock_of(panel: Any) -> Any:
    around = panel.parent()
    while around is not None and not isinstance(around, QDockWidget):
        around = around.parent()
    return around
