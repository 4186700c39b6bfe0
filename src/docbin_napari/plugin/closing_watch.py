"""Asks before napari closes on corrections that could not be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from collections.abc import Callable


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
