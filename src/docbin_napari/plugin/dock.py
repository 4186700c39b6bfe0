"""Docks: open panels as tabs of one dock, watch them, take dropped folders, ask before closing."""

from __future__ import annotations

import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QMessageBox, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

# What panels live in: a main window, or a dock that floats.
_HOUSES = (QDockWidget, QMainWindow)
_OURS, _PLACED = "docbin_panel", "docbin_placed"
_LOWEST = 40
_SOON_MILLISECONDS = 50
BINARIZE, CORRECT, TRAIN = (
    "Binarize document",
    "Correct and save training pairs",
    "Train on my pairs",
)
"""The panels, as the menu calls them."""
# Doors may keep state: the panels that are open in this process. Gone with them.
_PANELS: weakref.WeakSet[Any] = weakref.WeakSet()


class PanelWatch(QObject):  # type: ignore[misc, unused-ignore]
    """Tells when a widget is shown, and when its panel or the whole viewer is closed.

    Parameters
    ----------
    watched : QWidget
        The widget.
    shown, closed : callable
        What to do then.

    Attributes
    ----------
    gone : bool
        Whether the widget was deleted; nothing may be asked of it any more.
    """

    def __init__(self, watched: Any, shown: Callable[[], None], closed: Callable[[], None]) -> None:
        super().__init__()
        self.gone = False
        self._own = watched
        self._shown, self._closed = shown, closed
        self._docked = False
        self._in_window = False
        watched.installEventFilter(self)
        watched.destroyed.connect(self._on_destroyed)

    @property
    def docked(self) -> bool:
        """Whether the widget lies in a panel that is open."""
        return not self.gone and self._docked

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Look at what happens, and let it happen."""
        if event.type() == QEvent.Type.Show and watched is self._own:
            self._follow()
            self._shown()
        if event.type() == QEvent.Type.ParentChange:
            docked = self._is_docked()
            if self._docked and not docked:
                self._closed()
            self._docked = docked
        return False

    def _follow(self) -> None:
        """Watch all that the widget lies in: a panel is closed by taking its outermost part."""
        self._in_window = isinstance(self._own.window(), _HOUSES)
        self._docked = self._is_docked()
        around = self._own.parent()
        while around is not None and not isinstance(around, _HOUSES):
            around.installEventFilter(self)
            around = around.parent()

    def _is_docked(self) -> bool:
        if self._own.parent() is None:
            return False
        return not self._in_window or isinstance(self._own.window(), _HOUSES)

    def _on_destroyed(self) -> None:
        self.gone = True
        self._closed()


def ask_to_close(parent: Any, trouble: str) -> bool:
    """Ask whether a window shall close although corrections are lost by that.

    Parameters
    ----------
    parent : QWidget
        The window.
    trouble : str
        Why they could not be kept.

    Returns
    -------
    bool
        Whether it shall close.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Corrections would be lost")
    box.setText(f"{trouble}\n\nIf napari closes now, the corrections of this page are lost.")
    lose = box.addButton("Close and lose them", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton("Stay", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.exec()
    return bool(box.clickedButton() is lose)


class ClosingWatch(QObject):  # type: ignore[misc, unused-ignore]
    """Stands before the closing of a window.

    Parameters
    ----------
    trouble : callable
        Keeps what there is to keep, and says why it cannot, or "".
    asks : callable
        As `ask_to_close`; another one in tests.
    """

    def __init__(
        self, trouble: Callable[[], str], asks: Callable[[Any, str], bool] = ask_to_close
    ) -> None:
        super().__init__()
        self._trouble, self._asks = trouble, asks
        self._window: Any = None

    def stand_before(self, window: Any) -> None:
        """Watch a window; the one before is left alone."""
        if window is self._window:
            return
        if self._window is not None:
            self._window.removeEventFilter(self)
        self._window = window
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Keep what there is; ask where that fails."""
        if event.type() != QEvent.Type.Close:
            return False
        trouble = self._trouble()
        if not trouble or self._asks(watched, trouble):
            return False
        event.ignore()
        return True


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


def note_panel(panel: Any) -> None:
    """Note a panel, so that `open_panel` finds it; it is forgotten with the object."""
    _PANELS.add(panel)


def open_panel(viewer: Any, name: str) -> Any:
    """Find a panel of a viewer, or open it, and bring its tab to the front.

    Parameters
    ----------
    viewer : Viewer
        With a window.
    name : str
        `BINARIZE`, `CORRECT` or `TRAIN`.

    Returns
    -------
    Container
        Docked in that window.
    """
    for panel in _PANELS:
        mine = _itself(panel._viewer) is _itself(viewer)
        if mine and panel.panel_name == name and panel._watch.docked:
            break
    else:
        _, panel = viewer.window.add_plugin_dock_widget("docbin-napari", name)
    dock = _dock_of(panel.native)
    if dock is not None:
        dock.show()
        dock.raise_()
    return panel


def _itself(viewer: Any) -> Any:
    """The viewer behind what napari hands to plugins: a proxy, another one for each widget."""
    return getattr(viewer, "__wrapped__", viewer)


def main_window(native: Any) -> QMainWindow | None:
    """Find the window that a docked widget belongs to.

    napari's own attribute for it is private, and warns plugins that read it.

    Parameters
    ----------
    native : QWidget
        The widget; its panel may float.

    Returns
    -------
    QMainWindow or None
        None while it is not docked.
    """
    while native is not None and not isinstance(native, QMainWindow):
        native = native.parentWidget()
    return native


class FolderDrops(QObject):  # type: ignore[misc, unused-ignore]
    """Takes folders that are dropped on the canvas or a panel while a panel is open.

    Strategy: napari's own reader stacks a folder into the shape of its first page. What is
    dropped is therefore looked at before napari sees it; everything but one folder goes on to it.

    Parameters
    ----------
    panel : QWidget
        A panel; as long as it lives, folders are taken.
    take : callable
        Gets the folder.
    """

    def __init__(self, panel: Any, take: Callable[[Path], None]) -> None:
        super().__init__(panel)
        self._take = take
        self._canvases: list[Any] = []
        self._panel = panel
        panel.setAcceptDrops(True)
        panel.installEventFilter(self)

    def watch_canvas(self) -> None:
        """Take what is dropped on the canvas of the window that the panel lies in."""
        window = main_window(self._panel)
        for part in [] if window is None else window.findChildren(QWidget):
            if type(part).__name__ == "QtViewer" and part not in self._canvases:
                self._canvases.append(part)
                part.installEventFilter(self)

    def leave_canvas(self) -> None:
        """Let napari take what is dropped there again: the panel is closed."""
        for part in self._canvases:
            with suppress(RuntimeError):  # It may be deleted by now.
                part.removeEventFilter(self)
        self._canvases.clear()

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Accept one folder; let all else pass."""
        if event.type() not in (QEvent.Type.DragEnter, QEvent.Type.Drop):
            return False
        folder = dropped_folder(event.mimeData())
        if folder is None:
            return False
        event.acceptProposedAction()
        if event.type() == QEvent.Type.Drop:
            # After the drop: the file manager waits until it is over.
            QTimer.singleShot(0, lambda: self._take(folder))
        return True


def dropped_folder(mime: Any) -> Path | None:
    """Find the one folder that is dropped; None for files, and for several things."""
    urls = mime.urls() if mime.hasUrls() else []
    path = Path(urls[0].toLocalFile()) if len(urls) == 1 and urls[0].isLocalFile() else None
    return path if path is not None and path.is_dir() else None
