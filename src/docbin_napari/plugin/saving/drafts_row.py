"""Row that shows the draft, and offers drafts left by a crash."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.QtCore import QTimer

from docbin_napari.correction.reviewed import Reviewed
from docbin_napari.plugin.dock import ClosingWatch, PanelWatch, main_window
from docbin_napari.plugin.layers import undo
from docbin_napari.plugin.layers.page_record import restore_reviewed
from docbin_napari.plugin.saving import saving_fields
from docbin_napari.plugin.saving.autosave import Autosave
from docbin_napari.plugin.threads import readable
from docbin_napari.plugin.widgets import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Labels

    from docbin_napari.plugin.layers.page_record import Subject

_TICK_MILLISECONDS = 500


class DraftRow(Container[Any]):
    """Shows nothing until there is something to offer.

    Parameters
    ----------
    subject : callable
        Gives the page that is worked on, or None.
    datasets : callable
        Gives the folder of the data sets, or None.
    is_open : callable
        Whether labels are still in the viewer.

    Attributes
    ----------
    restored : Signal
        The page whose labels were brought back (`Subject`).
    edited : Signal
        The page that holds corrections which are in no pair (`Subject`).
    said : Signal
        When corrections were kept, or why they could not be (str); the same as `kept`.
    """

    restored = Signal(object)
    edited = Signal(object)
    said = Signal(str)

    def __init__(
        self,
        subject: Callable[[], Subject | None],
        datasets: Callable[[], Path | None],
        is_open: Callable[[Labels], bool],
    ) -> None:
        self._subject = subject
        self._early: tuple[Path, Callable[[Path], None]] | None = None
        self.autosave = Autosave(datasets, is_open=is_open)
        self.offer, self.restore, self.discard, self.found = saving_fields.offer_row()
        self.kept = ""
        super().__init__(widgets=[self.found], labels=False, name="drafts")
        self.margins = (0, 0, 0, 0)
        self.restore.changed.connect(self._restore)
        self.discard.changed.connect(self._discard)
        self._timer = QTimer(self.native)
        self._timer.setInterval(_TICK_MILLISECONDS)
        self._timer.timeout.connect(self._on_tick)
        self.closing = ClosingWatch(self._keep)
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=self.autosave.close)

    def _on_shown(self) -> None:
        self._timer.start()
        self.closing.stand_before(main_window(self.native))

    def _keep(self) -> str:
        return "" if self._watch.gone else self.autosave.flush()

    def refresh(self) -> None:
        """Look again at which page is worked on."""
        if not self._watch.gone:
            subject = self._subject()
            if subject is not None:
                self._early = None
            self.autosave.watch(subject)
            self._show()

    def offer_early(self, path: Path | None, take: Callable[[Path], None]) -> None:
        """Offer a draft of a page that has no labels yet.

        Parameters
        ----------
        path : Path or None
            The draft; None to offer nothing.
        take : callable
            Gives the page labels and puts the draft on them.
        """
        if not self._watch.gone:
            self._early = None if path is None else (path, take)
            self._show()

    def _on_tick(self) -> None:
        if self._watch.gone:
            return
        self.autosave.tick()
        if (edited := self.autosave.edited) is not None:
            self.edited.emit(edited)
        self._show()

    def _restore(self, _: Any = None) -> None:
        subject = self._subject()
        if subject is None and self._early is not None:
            (path, take), self._early = self._early, None
            try:
                take(path)
            except Exception as error:
                show_error(readable(error))
            self._show()
            return
        if subject is None or self.autosave.offer is None:
            return
        try:
            draft = self.autosave.restore()
            height, width = draft.labels.shape
            undo.write(subject.labels, subject.page, np.s_[0:height, 0:width], draft.labels)
            if draft.reviewed:
                looked = Reviewed.from_bytes(draft.reviewed)
                restore_reviewed(subject.labels, subject.page, looked)
        except Exception as error:
            show_error(readable(error))
        subject.labels.refresh()
        self.restored.emit(subject)
        self._show()

    def _discard(self, _: Any = None) -> None:
        if self._early is not None:
            self._early[0].unlink(missing_ok=True)
            self._early = None
        else:
            self.autosave.discard()
        self._show()

    def _show(self) -> None:
        early = None if self._early is None else self._early[0]
        offer = self.autosave.offer or early
        if offer is not None:
            when = _time_of(offer)
            say(self.offer, f"Unsaved corrections of this page were found: {when}.")
        self.found.visible = offer is not None
        if self.autosave.status != self.kept:
            self.kept = self.autosave.status
            self.said.emit(self.kept)


def _time_of(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).strftime("%d %B, %H:%M")
    except OSError:
        return "an earlier session"
