"""Threshold of the drawn region, applied while its slider moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docbin_napari.correction.region import cut_region
from docbin_napari.plugin.layers.ink_result import level_of, result_behind
from docbin_napari.plugin.layers.undo import Amendment

if TYPE_CHECKING:
    from docbin_napari.correction.region import Region
    from docbin_napari.plugin.correct.correct_session import CorrectSession
    from docbin_napari.plugin.layers.page_record import Subject


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
            Probability from which a pixel is ink, 0 to 1; at 1 no pixel is.
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
        # Above 8 bits at 1, so that what the model is sure of can be taken away, too.
        level = level_of(threshold) if threshold < 1 else 256
        after = cut_region(subject.plane(), probability, session.region, level)
        step.put(after)
        result.set_region_threshold(subject.page, session.region, level)
        session.upkeep.touch(subject.labels)
        session.status = f"The region follows a threshold of {threshold:.2f}."

    def _step_for(self, subject: Subject, region: Region) -> Amendment:
        step = self._step
        same = step is not None and step.labels is subject.labels and step.page == subject.page
        if step is None or not same or self._region is not region:
            step = Amendment(subject.labels, subject.page, region.place)
            self._step, self._region = step, region
        return step
