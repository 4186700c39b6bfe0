"""Find specks below a size, show them, and remove them on a press.

A small area is searched at once, a large one in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error

from docbin_napari.correction.component import PieceSizes, measure_pieces
from docbin_napari.plugin.layers import undo
from docbin_napari.plugin.layers.ink_result import BACKGROUND, INK
from docbin_napari.plugin.threads import readable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from docbin_napari.correction.region import Region
    from docbin_napari.plugin.correct.correct_session import CorrectSession
    from docbin_napari.plugin.correct.overlays import Overlays
    from docbin_napari.plugin.layers.page_record import Subject

_INLINE_PIXELS = 4_000_000


@dataclass(frozen=True, eq=False)
class SpeckQuestion:
    """A part of a page, taken out of the viewer: safe to measure in a thread.

    Parameters
    ----------
    subject : Subject
        The page.
    area : Region
        Where to look.
    ink : ndarray
        bool, a copy, the rectangle round the area.
    """

    subject: Subject
    area: Region
    ink: NDArray[np.bool_]

    def measure(self) -> tuple[SpeckQuestion, PieceSizes]:
        """Find the pieces; takes about a second for 60 megapixels."""
        plane = self.subject.plane()
        return self, measure_pieces(self.ink, self.area, (plane.shape[0], plane.shape[1]))


class Specks:
    """The slider for specks: shown first, removed on a press.

    Parameters
    ----------
    session : CorrectSession
        With the area.
    overlays : Overlays
        Show what would go.

    Attributes
    ----------
    size : int
        Pieces of fewer pixels are specks.
    """

    def __init__(self, session: CorrectSession, overlays: Overlays) -> None:
        self._session = session
        self._overlays = overlays
        self._answer: tuple[SpeckQuestion, PieceSizes] | None = None
        self.size = 1

    @property
    def shown(self) -> bool:
        """Whether specks are highlighted and can be removed."""
        return self._answer is not None

    def ask(self) -> SpeckQuestion | None:
        """Take out the ink of the area; None if that cannot be done, `status` says why."""
        found = self._session._area_or_reason()
        if found is None:
            return None
        subject, area = found
        return SpeckQuestion(subject, area, subject.plane()[area.place] == INK)

    def take(self, answer: tuple[SpeckQuestion, PieceSizes]) -> None:
        """Show the specks that were measured."""
        self._answer = answer
        self.show()

    def show(self) -> None:
        """Highlight what is below the size now."""
        if self._answer is None:
            return
        question, pieces = self._answer
        if not self._stands(question):
            self.forget()
            return
        corner = question.area.rows.start, question.area.columns.start
        below = pieces.below(self.size)
        self._overlays.show_specks(question.subject.labels, question.subject.page, corner, below)
        self._session.status = (
            f"{pieces.count_below(self.size):,} specks of fewer than {self.size} pixels."
        )

    def remove(self) -> None:
        """Remove the specks that are shown, in one step."""
        if self._answer is None:
            return
        question, pieces = self._answer
        stands = self._stands(question)
        self.forget()
        if not stands:
            self._session.status = "The page changed; move the slider again."
            return
        subject, place = question.subject, question.area.place
        before = subject.plane()[place]
        gone = pieces.below(self.size) & (before == INK)
        after = np.where(gone, before.dtype.type(BACKGROUND), before)
        count = undo.write(subject.labels, subject.page, place, after)
        number = pieces.count_below(self.size)
        self._session.status = f"{number:,} specks removed, {count:,} pixels."

    def forget(self) -> None:
        """Hide the specks and remove nothing."""
        if self._answer is not None:
            self._answer = None
            self._overlays.hide_specks()

    def _stands(self, question: SpeckQuestion) -> bool:
        """Whether page, area and ink are still those that were measured."""
        now, asked = self._session.subject(), question.subject
        if now is None or (now.labels, now.page) != (asked.labels, asked.page):
            return False
        area = self._session.area_of(now)
        return (
            area is not None
            and area.place == question.area.place
            and np.array_equal(area.inside, question.area.inside)
            and np.array_equal(now.plane()[area.place] == INK, question.ink)
        )


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
