"""Notices what happens to a docked panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable


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
        self._shown, self._closed = shown, closed
        self._docked = False
        watched.installEventFilter(self)
        watched.destroyed.connect(self._on_destroyed)

    @property
    def docked(self) -> bool:
        """Whether the widget lies in a panel."""
        return self._docked

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Look at what happens, and let it happen."""
        if event.type() == QEvent.Type.Show:
            self._shown()
        if event.type() == QEvent.Type.ParentChange:
            docked = watched.parent() is not None
            if self._docked and not docked:
                self._closed()
            self._docked = docked
        return False

    def _on_destroyed(self) -> None:
        self.gone = True
        self._closed()
