"""The panel with a folder of pages as a list of work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.types import FileDialogMode
from magicgui.widgets import Container, FileEdit, Label, PushButton
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.QtWidgets import QListWidget

from docbin_napari.plugin import fields, work
from docbin_napari.plugin.borrowed_keys import BorrowedKeys
from docbin_napari.plugin.correct_fields import align, form_of
from docbin_napari.plugin.model_news import MODEL_NEWS
from docbin_napari.plugin.page_session import PageListSession
from docbin_napari.plugin.page_work import PageOrder, Shelf, make_ready
from docbin_napari.plugin.panel_watch import PanelWatch
from docbin_napari.plugin.preferences import read_preferences
from docbin_napari.plugin.remembered import remember, remembered
from docbin_napari.plugin.saving_fields import folder_of, say, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from docbin_napari.plugin.subject import Subject

NEXT_KEY, PREVIOUS_KEY = "PageDown", "PageUp"
_SIGNS = {"to do": "○", "binarized": "◐", "corrected": "✎", "saved": "✓"}
_LIST_HEIGHT = 96


class PageListPanel(Container[Any]):
    """Lists the pages of a folder; the next one is binarized while this one is corrected.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    subject : callable
        Gives the page that is worked on, or None.
    datasets : callable
        Gives the folder of the data sets, or None.
    load : callable
        Makes the engine; another one in tests.

    Attributes
    ----------
    leaving : Signal
        Emitted before the layers of a page are taken away.
    opened : Signal
        Emitted when layers of a page were added.
    """

    leaving = Signal()
    opened = Signal()

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        subject: Callable[[], Subject | None],
        datasets: Callable[[], Path | None] = lambda: None,
        load: Any = work.load_engine,
    ) -> None:
        self._viewer, self._subject, self._datasets = viewer, subject, datasets
        self._engines = Shelf(load)
        self._session = PageListSession(viewer)
        self._keys = BorrowedKeys(viewer)
        self._worker: Any = None
        self._working_on: int | None = None
        self._filling = False
        self._build()
        self._connect()

    # ---- parts

    def _build(self) -> None:
        self._models = fields.known_models()
        self.folder = FileEdit(
            name="folder",
            label="Pages",
            mode=FileDialogMode.EXISTING_DIRECTORY,
            nullable=True,
            tooltip="A folder of pages to correct one after the other. "
            "What each page has come to is kept, so that you can go on another day.",
        )
        self.folder.choose_btn.text = "…"
        self.folder.choose_btn.native.setMaximumWidth(32)
        self.model, self.preset = fields.model_field(self._models), fields.preset_field()
        self.previous = PushButton(
            name="previous", text="Previous", tooltip=f"The page before.\nKey: {PREVIOUS_KEY}"
        )
        self.next = PushButton(
            name="next",
            text="Next",
            tooltip="The next page. Corrections of this one that are not saved stay as a draft.\n"
            f"Key: {NEXT_KEY}",
        )
        self.status = wrapped(Label(name="page_status", value=""))
        self._named = [self.folder, self.model, self.preset]
        form = form_of("source", *self._named)
        row = Container(
            widgets=[self.previous, self.next], layout="horizontal", labels=False, name="turn"
        )
        row.margins = (0, 0, 0, 0)
        super().__init__(widgets=[form, row, self.status], labels=False, name="page_list")
        self.margins = (0, 0, 0, 0)
        self.list = QListWidget()
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.list.setToolTip("   ".join(f"{sign} {state}" for state, sign in _SIGNS.items()))
        self.native.layout().insertWidget(1, self.list)  # below the fields
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=self._close)

    def _connect(self) -> None:
        known = remembered().get("pages", "")
        if known and Path(known).is_dir():
            # It is shown, and opened by Next: nothing is computed that nobody asked for.
            self.folder.value = Path(known)
        self.folder.changed.connect(self._open)
        self.previous.changed.connect(lambda _=None: self.turn(-1))
        self.next.changed.connect(lambda _=None: self.turn(1))
        self.list.itemDoubleClicked.connect(lambda _: self._go_to(self.list.currentRow()))
        self.list.itemActivated.connect(lambda _: self._go_to(self.list.currentRow()))
        MODEL_NEWS.added.connect(self._on_model)

    def _on_shown(self) -> None:
        align(self.native, self._named)
        self.refresh()
        self._keys.take({NEXT_KEY: lambda: self.turn(1), PREVIOUS_KEY: lambda: self.turn(-1)})

    def _on_model(self, name: str, better: bool) -> None:
        if self._watch.gone:
            return
        self._models = fields.known_models()
        fields.offer_models(self.model, self._models)
        if better and name in self._models:
            self.model.value = name

    # ---- from page to page

    def refresh(self) -> None:
        """Bring the list in line with the session."""
        if not self._watch.gone:
            self._fill()

    def turn(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) page."""
        if self._session.pages is None:
            self._open()
        else:
            self._go_to(self._session.current + step)

    def note_edited(self, subject: Subject) -> None:
        """Note that a page holds corrections which are in no pair."""
        self._session.note(subject, "corrected")
        self._fill()

    def note_saved(self, subject: Subject, saved: Any) -> None:
        """Note that a page was saved as a pair."""
        self._session.note(subject, "saved", str(saved.pair.page))
        self._fill()

    def _open(self, _: Any = None) -> None:
        folder = folder_of(self.folder)
        if folder is None:
            self._session.status = "Choose a folder of pages."
            self._fill()
            return
        self.leaving.emit()
        try:
            self._session.open(folder, self._datasets())
        except Exception as error:
            self._session.status = work.readable(error)
            show_error(self._session.status)
        else:
            remember(pages=str(folder))
            self.opened.emit()
        self._work_on()

    def _go_to(self, number: int) -> None:
        if self._session.pages is None or not 0 <= number < self._session.count:
            return
        self.leaving.emit()
        self._session.go_to(number)
        self.opened.emit()
        self._work_on()

    # ---- work beside the window

    def _work_on(self) -> None:
        """Let the worker make ready what is wanted first."""
        wanted = self._session.wanted()
        if self._worker is not None:
            if self._working_on != wanted:
                self._worker.quit()  # `_on_finished` goes on with what is wanted.
        elif wanted is not None and self.model.value is not None and not self._watch.gone:
            self._working_on = wanted
            worker = create_worker(
                make_ready, self._order(wanted), self._engines, _ignore_errors=True
            )
            worker.yielded.connect(self._on_event)
            worker.finished.connect(self._on_finished)
            self._worker = worker
            worker.start()
        self._fill()

    def _order(self, number: int) -> PageOrder:
        assert self._session.pages is not None
        likes = read_preferences()
        return PageOrder(
            number,
            self._session.pages.entries[number],
            self.preset.value,
            self.model.value,
            likes.device,
            self._models[self.model.value].threshold,
            self._datasets(),
            likes.pdf_dpi,
        )

    def _on_event(self, event: Any) -> None:
        if self._watch.gone or event.number != self._working_on:
            return
        before = self._session.image, self._session.labels
        self._session.receive(event)
        if (self._session.image, self._session.labels) != before:
            self.opened.emit()
        self._fill()

    def _on_finished(self) -> None:
        self._worker = self._working_on = None
        if not self._watch.gone:
            self._work_on()

    def _close(self) -> None:
        self._keys.give_back()
        if self._worker is not None:
            self._worker.quit()

    # ---- what is shown

    def _fill(self) -> None:
        if self._watch.gone:
            return
        session = self._session
        entries = [] if session.pages is None else session.pages.entries
        if self.list.count() != len(entries):
            self.list.clear()
            self.list.addItems([""] * len(entries))
        for number, entry in enumerate(entries):
            trouble = session.troubles.get(number, "")
            item = self.list.item(number)
            text = f"{'⚠' if trouble else _SIGNS[entry.state]}  {entry.title}"
            if item is not None and item.text() != text:
                item.setText(text)
                item.setToolTip(trouble or entry.state)
        if entries and self.list.currentRow() != session.current:
            self.list.setCurrentRow(session.current)
        self.list.setVisible(bool(entries))
        self.previous.enabled = bool(entries) and session.current > 0
        self.next.enabled = not entries or session.current + 1 < len(entries)
        self.next.text = "Next" if entries else "Open"
        say(self.status, session.status or self._summary())

    def _summary(self) -> str:
        if self._session.pages is None:
            return ""
        entries = self._session.pages.entries
        done = sum(entry.state == "saved" for entry in entries)
        text = f"Page {self._session.current + 1} of {len(entries)}, {done} saved."
        ahead = self._working_on is not None and self._working_on != self._session.current
        return f"{text} The next page is being binarized." if ahead else text
