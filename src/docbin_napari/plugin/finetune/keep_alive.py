"""Keep a training running without its panel, and ask when a window closes.

Strategy: the session belongs to this object and not to the panel. Closing the panel asks; if the
training goes on, it ends with a notification, and a panel that is opened later shows it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

if TYPE_CHECKING:
    from docbin_napari.plugin.finetune.finetune_session import Ending, TrainingSession

KEEP, STOP, CANCEL = "Keep training", "Stop and keep the best", "Cancel"
_TICK_MILLISECONDS = 200


def ask(parent: Any, question: str) -> str:
    """Ask what becomes of the training.

    Parameters
    ----------
    parent : QWidget or None
        Window that the question belongs to.
    question : str
        What is about to happen.

    Returns
    -------
    str
        `KEEP`, `STOP` or `CANCEL`.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("A model is being trained")
    box.setText(f"A model is still being trained. {question}")
    keep = box.addButton(KEEP, QMessageBox.ButtonRole.AcceptRole)
    stop = box.addButton(STOP, QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(CANCEL, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(cancel)
    box.exec()
    clicked = box.clickedButton()
    return KEEP if clicked is keep else STOP if clicked is stop else CANCEL


class TrainingWatch(QObject):
    """Looks after one training.

    Parameters
    ----------
    session : TrainingSession
        Already started.
    window : QMainWindow or None
        napari's window, whose closing asks first.
    asks : callable
        As `ask`; another one in tests.
    """

    current: TrainingWatch | None = None
    """The one training of this program, if one goes on."""

    def __init__(self, session: TrainingSession, window: Any, asks: Any = ask) -> None:
        super().__init__()
        self.session = session
        self.asks = asks
        self.is_shown = True
        self._window = window
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MILLISECONDS)
        self._timer.timeout.connect(session.tick)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._timer.stop)
        session.ended.connect(self._on_ended)
        if window is not None:
            window.installEventFilter(self)
        TrainingWatch.current = self
        self._timer.start()

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802
        """Ask before napari's window closes."""
        if event.type() != QEvent.Type.Close or not self.session.needs_us:
            return False
        answer = self.asks(watched, "napari is about to close: the training can go on without it.")
        if answer == CANCEL:
            event.ignore()
            return True
        if answer == KEEP:
            self.session.leave_alone()
        else:
            self.session.stop()
        return False

    def panel_closed(self) -> bool:
        """Ask what becomes of the training when its panel was closed.

        Returns
        -------
        bool
            Whether the panel is wanted back.
        """
        if not self.session.needs_us:
            self.is_shown = False
            return False
        answer = self.asks(self._window, "Its panel was closed: the training can go on unseen.")
        if answer == STOP:
            self.session.stop()
        self.is_shown = answer == CANCEL
        return self.is_shown

    def _on_ended(self, ending: Ending) -> None:
        self._let_go()
        if ending.failed:
            show_error(ending.message)
        elif not self.is_shown:
            show_info(ending.message)
        elif ending.model and not ending.better:
            show_warning(ending.message)

    def _let_go(self) -> None:
        """The process needs nobody any more, or nothing is left to look after."""
        self._timer.stop()
        if TrainingWatch.current is self:
            TrainingWatch.current = None
