"""Find specks: at once in a small area, else in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error

from docbin_napari.plugin.engine import readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from docbin_napari.plugin.correct.region_threshold import Specks
    from docbin_napari.plugin.correct.session import CorrectSession

_INLINE_PIXELS = 4_000_000


class SpeckSearch:
    """One search at a time.

    Parameters
    ----------
    session : CorrectSession
        Gets the status.
    specks : Specks
        What is asked, and what gets the answer.
    do : callable
        Does something in the widget and tells its errors.
    """

    def __init__(
        self,
        session: CorrectSession,
        specks: Specks,
        do: Callable[[Callable[[], None]], None],
    ) -> None:
        self._session = session
        self._specks = specks
        self._do = do
        self._worker: Any = None
        self._asked_again = False

    def start(self) -> None:
        """Take out the ink of the area and measure its pieces; one after the other."""
        self._asked_again = self._worker is not None
        if self._asked_again:
            return
        question = self._specks.ask()
        if question is None:
            return
        if question.ink.size <= _INLINE_PIXELS:
            self._specks.take(question.measure())
            return
        self._session.status = "Looking for specks…"
        self._worker = create_worker(question.measure, _ignore_errors=True)
        self._worker.returned.connect(self._on_answer)
        self._worker.errored.connect(self._on_error)
        self._worker.finished.connect(self._on_end)
        self._worker.start()

    def _on_answer(self, answer: Any) -> None:
        self._do(lambda: self._specks.take(answer))

    def _on_error(self, error: Exception) -> None:
        self._session.status = readable(error)
        show_error(self._session.status)

    def _on_end(self) -> None:
        self._worker = None
        if self._asked_again and not self._specks.shown:
            self._do(self.start)  # The answer was for a page that was left meanwhile.
