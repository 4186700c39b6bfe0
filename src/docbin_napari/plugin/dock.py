"""Watch a docked panel, and ask before napari closes on unsaved corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget, QMainWindow, QMessageBox

if TYPE_CHECKING:
    from collections.abc import Callable

# What panels live in: a main window, or a dock that floats.
_HOUSES = (QDockWidget, QMainWindow)


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
