"""Panel with a folder of pages as a work list."""

from __future__ import annotations

import functools
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel

from docbin_napari.plugin import threads
from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.dock import PanelWatch
from docbin_napari.plugin.keys import BorrowedKeys
from docbin_napari.plugin.pages import view
from docbin_napari.plugin.pages.pages_session import PageListSession
from docbin_napari.plugin.pages.prepare import EngineCache, PageOrder, how_in_words, make_ready
from docbin_napari.plugin.pages.thumbnails import thumbnails
from docbin_napari.plugin.pages.view import LEGEND, PageListView
from docbin_napari.plugin.settings import SCANS, read_preferences, recent_folders, remember_folder
from docbin_napari.plugin.signals import MODEL_NEWS, note_list
from docbin_napari.plugin.widgets import align, form_of, message_line, show_message

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image

    from docbin_napari.plugin.layers.page_record import Subject

_STAYS = "This page stays: make room, save the pair, or undo the corrections."
_APART_MILLISECONDS = 20
NEXT_KEY, PREVIOUS_KEY = "PageDown", "PageUp"


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
    keep : callable
        Brings what was painted on this page to the disk; says why it cannot, or "". Then the
        page stays: taking its layers away would lose corrections.
    load : callable
        Makes the engine; another one in tests.

    Attributes
    ----------
    opened : Signal
        Emitted when layers of a page were added.
    """

    opened = Signal()

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        subject: Callable[[], Subject | None],
        datasets: Callable[[], Path | None] = lambda: None,
        keep: Callable[[], str] = str,
        load: Any = threads.load_page_engine,
    ) -> None:
        self._viewer, self._subject, self._datasets = viewer, subject, datasets
        self._keep = keep
        self._load_engine, self._engines = load, EngineCache(load)
        self._session = PageListSession(viewer, self._soon)
        self._keys = BorrowedKeys(viewer)
        self._later: deque[Callable[[], None]] = deque()
        self._worker: Any = None
        self._pictures: Any = None
        self._working_on: tuple[int, Path, str] | None = None
        self._build()
        self._connect()
        note_list(self)

    # ---- parts

    def _build(self) -> None:
        self._models = binarize_fields.known_models()
        self.folder = view.folder_field()
        self.model = binarize_fields.model_field(self._models)
        self.preset = binarize_fields.preset_field()
        (self.previous, self.next, self.all), row = view.turn_row(PREVIOUS_KEY, NEXT_KEY)
        self.status = message_line("page_status", lines=2)
        self._named = [self.folder, self.model, self.preset]
        form = form_of("source", *self._named)
        super().__init__(widgets=[form, row, self.status], labels=False, name="page_list")
        self.margins = (0, 0, 0, 0)
        self.list = PageListView()
        self.native.layout().insertWidget(1, self.list)  # below the fields
        self.legend = QLabel(LEGEND)
        self.legend.setWordWrap(True)
        self.native.layout().insertWidget(2, self.legend)
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=self._close)

    def _connect(self) -> None:
        if known := recent_folders(SCANS):
            # It is shown, and opened by Next: nothing is computed that nobody asked for.
            self.folder.value = known[0]
        self.folder.changed.connect(self._open)
        self.previous.changed.connect(lambda _=None: self.turn(-1))
        self.next.changed.connect(lambda _=None: self.turn(1))
        self.all.native.clicked.connect(self._on_all)
        for field in (self.model, self.preset):
            field.changed.connect(self._on_how)
        # Activated by Enter, and by a double click, or a single one where the desktop is set so.
        self.list.itemActivated.connect(lambda _: self._go_to(self.list.currentRow()))
        MODEL_NEWS.added.connect(self._on_model)

    def _on_shown(self) -> None:
        align(self.native, self._named)
        self.refresh()
        self._keys.take({NEXT_KEY: lambda: self.turn(1), PREVIOUS_KEY: lambda: self.turn(-1)})

    def _on_model(self, name: str, better: bool) -> None:
        if self._watch.gone:
            return
        self._list_models()
        if better and name in self._models:
            self.model.value = name

    def _list_models(self) -> None:
        self._models = binarize_fields.known_models()
        binarize_fields.offer_models(self.model, self._models)

    def _on_how(self, _: Any = None) -> None:
        """Another model or preset was chosen: what lies ready is of the one before."""
        pages = self._session.pages
        if self._watch.gone or pages is None or self.model.value is None:
            return
        self._session.choose(self.model.value, self.preset.value)
        self._work_on()

    def _recall_how(self) -> None:
        """Choose the model and the preset with which the pages of this folder were binarized."""
        assert self._session.pages is not None
        known = dict(self._session.pages.choices)  # They change with the first field.
        for field, name in ((self.model, "model"), (self.preset, "preset")):
            if known.get(name) in field.choices:
                field.value = known[name]

    def shows(self, image: Image) -> bool:
        """Whether an image is the page of this list that is worked on."""
        return not self._watch.gone and image is self._session.image

    @property
    def has_next(self) -> bool:
        """Whether a page follows the one that is worked on."""
        return self._session.current + 1 < self._session.count

    @property
    def binarizes_this(self) -> bool:
        """Whether the page that is shown is being read or binarized."""
        return self._working_on is not None and self._working_on[0] == self._session.current

    def run_next(self, model: str) -> str:
        """Turn to the next page, which a model binarizes.

        Parameters
        ----------
        model : str
            Its name; it is chosen for all pages that follow.

        Returns
        -------
        str
            Why that cannot be done, for the user; else empty.
        """
        if not self.has_next:
            return "This is the last page of the list."
        if model not in self._models:
            self._list_models()
        if model not in self._models:
            return f"The model “{model}” is gone."
        self.model.value = model
        return "" if self._go_to(self._session.current + 1) else self._session.status

    def export_orders(self) -> tuple[list[PageOrder], dict[int, Any], Any]:
        """Give what an export of all pages needs.

        Returns
        -------
        orders : list of PageOrder
            All pages.
        shown : dict of int to ndarray
            A copy of the labels that are shown now, by their place in the list.
        load : callable
            Makes the engine.
        """
        shown, session = {}, self._session
        if session.labels is not None and session.labels in self._viewer.layers:
            shown[session.current] = np.array(session.labels.data)
        return (
            [self._order(number) for number in range(session.count)],
            shown,
            EngineCache(self._load_engine),
        )

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
        folder = self.folder.folder
        if folder is None:
            self._session.status = "Choose a folder of pages."
            self._fill()
            return
        if not self._may_leave():
            return
        try:
            self._session.open(folder, self._datasets())
        except Exception as error:
            self._session.status = threads.readable(error)
            show_error(self._session.status)
        else:
            remember_folder(SCANS, folder)
            self._recall_how()
            self.opened.emit()
            self._fill()
            self._picture_pages()
        self._work_on()

    def _go_to(self, number: int) -> bool:
        if not 0 <= number < self._session.count or not self._may_leave():
            return False
        self._session.go_to(number)
        self.opened.emit()
        self._work_on()
        return True

    def _may_leave(self) -> bool:
        """Whether the layers of this page can be taken away without a loss."""
        trouble = self._keep()
        if trouble:
            self._session.status = f"{trouble} {_STAYS}"
            show_error(self._session.status)
            self._fill()
        return not trouble

    def _on_all(self, wanted: bool) -> None:
        self._session.all_wanted = wanted and self._session.pages is not None
        self._work_on()

    # ---- work beside the window

    def _picture_pages(self) -> None:
        """Fill the list with small pictures, page by page."""
        self._stop_pictures()
        if self._session.pages is None:
            return
        entries = list(self._session.pages.entries)
        folder = self._session.pages.folder
        worker = create_worker(thumbnails, entries, _ignore_errors=True)
        worker.yielded.connect(lambda found: self._on_picture(folder, *found))
        self._pictures = worker
        worker.start()

    def _on_picture(self, folder: Path, number: int, picture: Any) -> None:
        pages = self._session.pages
        if not self._watch.gone and pages is not None and pages.folder == folder:
            self.list.show_picture(number, picture)

    def _stop_pictures(self) -> None:
        if self._pictures is not None:
            self._pictures.quit()
            self._pictures = None

    def _work_on(self) -> None:
        """Let the worker make ready what is wanted first."""
        wanted = self._session.wanted()
        order = None if wanted is None or self.model.value is None else self._order(wanted)
        task = None if order is None else order.task
        if self._worker is not None:
            if self._working_on != task:
                self._worker.quit()  # `_on_finished` goes on with what is wanted.
        elif order is not None and not self._watch.gone:
            self._working_on = task
            worker = create_worker(make_ready, order, self._engines, _ignore_errors=True)
            worker.yielded.connect(functools.partial(self._on_event, order))
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

    def _on_event(self, order: PageOrder, event: Any) -> None:
        if self._watch.gone or order.task != self._working_on:
            return
        if not self._session.lists(order) or order.how != self._how():
            return  # Another folder or another model was chosen meanwhile.
        self._session.receive(event)
        self._fill()

    def _soon(self, work: Callable[[], None]) -> None:
        """Do something with layers after the window was drawn; one thing at a time."""
        self._later.append(work)
        if len(self._later) == 1:
            QTimer.singleShot(0, self._do_next)

    def _do_next(self) -> None:
        """Do what comes next, and let the window live before the thing after that."""
        work = self._later[0]
        try:
            self._do_now(work)
        finally:
            self._later.popleft()
            if self._later:
                QTimer.singleShot(_APART_MILLISECONDS, self._do_next)

    def _do_now(self, work: Callable[[], None]) -> None:
        if self._watch.gone:
            return
        before = self._session.image, self._session.labels
        work()
        if (self._session.image, self._session.labels) != before:
            self.opened.emit()
            self._fill()

    def _how(self) -> str:
        return how_in_words(self.model.value, self.preset.value)

    def _on_finished(self) -> None:
        self._worker = self._working_on = None
        if not self._watch.gone:
            self._work_on()

    def _close(self) -> None:
        self._keys.give_back()
        self._session.close()
        self._stop_pictures()
        if self._worker is not None:
            self._worker.quit()

    # ---- what is shown

    def _fill(self) -> None:
        if self._watch.gone:
            return
        session = self._session
        entries = [] if session.pages is None else session.pages.entries
        self.list.show_pages(entries, session.troubles, session.current)
        self.previous.enabled = bool(entries) and session.current > 0
        self.next.enabled = not entries or session.current + 1 < len(entries)
        self.next.text = "Next" if entries else "Open"
        self.legend.setVisible(bool(entries))
        self.all.enabled = bool(entries)
        self.all.native.setChecked(session.all_wanted)
        show_message(self.status, session.status or session.summary(self._working_on))
