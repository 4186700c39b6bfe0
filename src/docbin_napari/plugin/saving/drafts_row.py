"""Row that shows the draft, and offers drafts left by a crash, also before a page has labels."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import ref

from psygnal import Signal

from docbin_napari.plugin.dock import ClosingWatch, PanelWatch, main_window
from docbin_napari.plugin.layers.choosing import same_page
from docbin_napari.plugin.layers.ink_result import BACKGROUND, bind
from docbin_napari.plugin.layers.page_source import page_source
from docbin_napari.plugin.saving.autosave import Autosave, put_draft, read_fitting
from docbin_napari.plugin.threads import errors_shown
from docbin_napari.plugin.widgets import PlainContainer, described_row, text_line, timer_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.layers import Image, Labels

    from docbin_napari.plugin.correct.correct_session import CorrectSession
    from docbin_napari.plugin.layers.page_record import Subject

_TICK_MILLISECONDS = 500
_NARROWEST = 260  # pixels


class DraftRow(PlainContainer):
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
    restore : PushButton
        Put the corrections that were found onto the page.
    discard : PushButton
        Throw away the corrections that were found.
    restored : Signal
        The page whose labels were brought back (`Subject`).
    edited : Signal
        File and page, from 1, of what holds corrections that are in no pair (Path or None, int).
    said : Signal
        When corrections were kept, or why they could not be (str); the same as `kept`.
    """

    restored = Signal(object)
    edited = Signal(object, int)
    said = Signal(str)

    def __init__(
        self,
        subject: Callable[[], Subject | None],
        datasets: Callable[[], Path | None],
        is_open: Callable[[Labels], bool],
    ) -> None:
        self._subject = subject
        self._early: tuple[Path, Callable[[Path], Any]] | None = None
        self._before: tuple[ref[Image], ref[Labels]] | None = None
        self.autosave = Autosave(datasets, is_open=is_open)
        self.offer, self.kept = text_line("offer"), ""
        (self.restore, self.discard), buttons = described_row(
            DraftRow, "choice", restore="Restore", discard="Discard"
        )
        self.found = PlainContainer([self.offer, buttons], name="found", visible=False)
        super().__init__([self.found], name="drafts")
        self.restore.changed.connect(self._restore)
        self.discard.changed.connect(self._discard)
        self._timer = timer_of(self.native, _TICK_MILLISECONDS, self._on_tick)
        self.closing = ClosingWatch(self._keep)
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=self.autosave.close)

    def _on_shown(self) -> None:
        self._timer.start()
        self.closing.stand_before(main_window(self.native))

    def _keep(self) -> str:
        return "" if self._watch.gone else self.autosave.flush()

    def refresh(self) -> None:
        """Check again which page is worked on."""
        subject = self._subject()
        self._bind_to_the_page_before(subject)
        if subject is not None:
            self._early = None
            if same_page(subject.image, subject.labels) is False:
                # When pages are turned, the labels of the one before stay for a moment: kept
                # under the name of the new one, they would be put on it later.
                subject = None
        self.autosave.watch(subject)
        self._show()

    def _bind_to_the_page_before(self, subject: Subject | None) -> None:
        """Assign labels of unknown origin to the page over which they were painted."""
        image, labels = (None, None) if self._before is None else (one() for one in self._before)
        left = subject is None or subject.image is not image
        if left and image is not None and labels is not None:
            unknown = same_page(image, labels) is None
            if unknown and labels.data.any():
                bind(labels, None, image)
        if subject is not None:
            self._before = ref(subject.image), ref(subject.labels)

    def offer_early(self, path: Path | None, take: Callable[[Path], Any]) -> None:
        """Offer a draft of a page that has no labels yet.

        Parameters
        ----------
        path : Path or None
            The draft; None to offer nothing.
        take : callable
            Gives the page labels and puts the draft on them.
        """
        self._early = None if path is None else (path, take)
        self._show()

    def _on_tick(self) -> None:
        self.autosave.tick()
        while self.autosave.left:
            self.edited.emit(*self.autosave.left.pop())
        if (edited := self.autosave.edited) is not None:
            self.edited.emit(edited.source_file(), edited.page_of_file())
        self._show()

    def _restore(self, _: Any = None) -> None:
        subject = self._subject()
        with errors_shown():
            if subject is None and self._early is not None:
                (path, take), self._early = self._early, None
                take(path)
                if (restored := self._subject()) is not None:
                    self.restored.emit(restored)
            elif subject is not None and self.autosave.offer is not None:
                put_draft(subject.labels, subject.page, self.autosave.restore())
                self.restored.emit(subject)
        self._show()

    def _discard(self, _: Any = None) -> None:
        with errors_shown():
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
            self.offer.value = f"Unsaved corrections of this page were found: {when}."
            # A label that was hidden does not know its width yet; all panels are about as narrow.
            self.offer.native.setMinimumHeight(self.offer.native.heightForWidth(_NARROWEST))
        self.found.visible = offer is not None
        if self.autosave.status != self.kept:
            self.kept = self.autosave.status
            self.said.emit(self.kept)


def _time_of(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).strftime("%d %B, %H:%M")
    except OSError:
        return "an earlier session"


# ---- pages that have no labels yet


def take_draft(session: CorrectSession, image: Image, page: int, path: Path) -> Labels:
    """Give a page new labels with the corrections of a draft.

    Parameters
    ----------
    session : CorrectSession
        Gets the labels.
    image : Image
        The page or the stack.
    page : int
        Place in the stack, from 0.
    path : Path
        The draft.

    Returns
    -------
    Labels
        The new layer; one step of undo takes the corrections away.

    Raises
    ------
    DraftError
        If the draft cannot be read, or is of another size; then nothing is added.
    """
    draft = read_fitting(path, page_source(image).shape[-2:])
    labels = session.new_labels(image, BACKGROUND, draft=path)
    put_draft(labels, page, draft)
    return labels
