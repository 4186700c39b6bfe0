"""Threshold of the drawn region and specks below a size, applied while moving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.correction.component import PieceSizes, measure_pieces
from docbin_napari.correction.local_threshold import cut_region
from docbin_napari.plugin.layers import undo
from docbin_napari.plugin.layers.ink_result import BACKGROUND, INK, level_of, result_behind
from docbin_napari.plugin.layers.undo import Amendment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.correction.region import Region
    from docbin_napari.plugin.correct.overlays import Overlays
    from docbin_napari.plugin.correct.session import CorrectSession
    from docbin_napari.plugin.layers.page import Subject


class ThresholdHere:
    """The slider that moves the ink of the drawn region alone.

    Strategy: however often the slider moves over one region, it is one step of undo: the step
    is taken back and made anew, as long as nothing else was done since.

    Parameters
    ----------
    session : CorrectSession
        With the region.
    """

    def __init__(self, session: CorrectSession) -> None:
        self._session = session
        self._step: Amendment | None = None
        self._region: Region | None = None

    def refusal(self, subject: Subject | None) -> str:
        """Say why the slider cannot be moved; empty if it can."""
        if subject is None:
            return self._session.refusal(self._session.image, self._session.labels)
        if subject.probability() is None:
            return "Threshold here needs the ink probability: run Binarize document on this page."
        if self._session.region is None:
            return "Draw a region first (key T)."
        return ""

    def move(self, threshold: float) -> None:
        """Let the region follow a threshold.

        Parameters
        ----------
        threshold : float
            Probability from which a pixel is ink, 0 to 1.
        """
        session, subject = self._session, self._session.subject()
        refusal = self.refusal(subject)
        if refusal or subject is None or session.region is None:
            session.status = refusal
            return
        step = self._step_for(subject, session.region)
        step.take_back()
        result = result_behind(subject.labels)
        probability = subject.probability()
        assert result is not None
        assert probability is not None
        level = level_of(threshold)
        after = cut_region(subject.plane(), probability, session.region, level)
        step.put(after)
        result.hold(subject.page, session.region.place, session.region.inside, level)
        session.upkeep.touch(subject.labels)
        session.status = f"The region follows a threshold of {threshold:.2f}."

    def _step_for(self, subject: Subject, region: Region) -> Amendment:
        step = self._step
        same = step is not None and step.labels is subject.labels and step.page == subject.page
        if step is None or not same or self._region is not region:
            step = Amendment(subject.labels, subject.page, region.place)
            self._step, self._region = step, region
        return step


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
