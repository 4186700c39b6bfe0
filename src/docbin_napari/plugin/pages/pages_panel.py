"""Panel with a folder of pages as a work list."""

from __future__ import annotations

import functools
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel

from docbin_napari.io.paths import file_hash
from docbin_napari.plugin import widgets
from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.dock import PanelWatch, itself
from docbin_napari.plugin.keys import BorrowedKeys
from docbin_napari.plugin.layers.ink_result import NotInkError, result_behind
from docbin_napari.plugin.pages.pages_session import PageListSession
from docbin_napari.plugin.pages.prepare import PageOrder, make_ready
from docbin_napari.plugin.pages.view import LEGEND, PageListView, thumbnails
from docbin_napari.plugin.settings import SCANS, read_preferences, recent_folders, remember_folder
from docbin_napari.plugin.signals import LISTS, MODEL_NEWS
from docbin_napari.plugin.threads import begin, readable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from napari.layers import Image

    from docbin_napari.plugin.layers.page_record import Subject
    from docbin_napari.plugin.threads import Loader

_STAYS = "This page stays: make room, save the pair, or undo the corrections."
_APART_MILLISECONDS = 20
NEXT_KEY, PREVIOUS_KEY = "PageDown", "PageUp"


class PageListPanel(widgets.PlainContainer):
    """Lists the pages of a folder; the next one is binarized while this one is corrected.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    datasets : callable
        Gives the folder of the data sets, or None.
    keep : callable
        Brings what was painted on this page to the disk; says why it cannot, or "". Then the
        page stays: taking its layers away would lose corrections.
    load : callable
        Makes the engine.

    Attributes
    ----------
    folder : FolderField
        A folder of pages to correct one after the other; it can be dropped on the window, too.
        The state of each page is kept, so that you can go on another day.
    previous : PushButton
        The page before.
    next : PushButton
        The next page. Corrections of this one that are not saved stay as a draft.
    all : PushButton
        Binarize all pages of the folder one after the other, while you go on working. Pressed
        again, it stops; what is done is kept.
    worked : Signal
        Work on a page has ended, successfully or not.
    """

    worked = Signal()

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        datasets: Callable[[], Path | None],
        keep: Callable[[], str],
        load: Loader,
    ) -> None:
        super().__init__(name="page_list")
        self._viewer, self._datasets, self._keep = viewer, datasets, keep
        self._load_engine, self._engines = load, functools.lru_cache(maxsize=1)(load)
        self._session = PageListSession(viewer, self._soon)
        self._keys = BorrowedKeys(viewer)
        self._later: deque[Callable[[], None]] = deque()
        self._worker: Any = None
        self._pictures: Any = None
        self._working_on: tuple[int, Path, str] | None = None
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=self._close)
        self._build()
        self._connect()
        LISTS.add(self)

    # ---- parts

    def _build(self) -> None:
        field = functools.partial(widgets.field, PageListPanel)
        self.folder = field(widgets.FolderField, "folder", "Folder", recent=SCANS)
        self.model = binarize_fields.ModelField()
        self.preset = binarize_fields.preset_field()
        (self.previous, self.next, self.all), row = widgets.described_row(
            PageListPanel, "turn", previous="Previous", next="Next", all="Binarize all"
        )
        for button, key in ((self.previous, PREVIOUS_KEY), (self.next, NEXT_KEY)):
            button.tooltip = f"{button.tooltip}\nKey: {key}"
        self.all.native.setCheckable(True)
        self.status = widgets.message_line("page_status", lines=2)
        self._named = [self.folder, self.model, self.preset]
        self.extend([widgets.form_of("source", *self._named), row, self.status])
        self.list = PageListView()
        self.legend = QLabel(LEGEND)
        self.legend.setWordWrap(True)
        self.native.layout().insertWidget(1, self.list)  # below the fields
        self.native.layout().insertWidget(2, self.legend)

    def _connect(self) -> None:
        if known := recent_folders(SCANS):
            # It is shown, and opened by Next: nothing is computed that nobody asked for.
            self.folder.value = known[0]
        self.folder.changed.connect(self._open)
        self.previous.changed.connect(lambda _=None: self.turn(-1))
        self.next.changed.connect(self._on_next)
        self.all.native.clicked.connect(self._on_all)
        for field in (self.model, self.preset):
            field.changed.connect(self._on_how)
        # Activated by Enter, and by a double click, or a single one where the desktop is set so.
        self.list.itemActivated.connect(self._on_activated)
        MODEL_NEWS.added.connect(self._on_model)

    def _on_shown(self) -> None:
        widgets.align(self.native, self._named)
        self._work_on()
        self._keys.take({NEXT_KEY: lambda: self.turn(1), PREVIOUS_KEY: lambda: self.turn(-1)})

    def _on_model(self, name: str, better: bool) -> None:
        if not self._watch.gone:
            self._engines.cache_clear()  # It may be another network under a known name.
            self.model.list_again(name if better else "")
            self._on_how()

    def _on_how(self, _: Any = None) -> None:
        """Follow another model or preset: what lies ready was made by the one before."""
        if not self._watch.gone and self._session.count and self.model.value is not None:
            stamp = ""
            with suppress(OSError):  # A file that is gone is reported where it is loaded.
                stamp = file_hash(self.model.models[self.model.value].path)
            self._session.choose(self.model.value, self.preset.value, stamp)
            self._work_on()

    def _recall_how(self) -> None:
        """Choose the model and the preset with which the pages of this folder were binarized."""
        known = self._session.pages.choices
        with self.model.changed.blocked(), self.preset.changed.blocked():
            for field, name in ((self.model, "model"), (self.preset, "preset")):
                if known.get(name) in field.choices:
                    field.value = known[name]

    @property
    def files(self) -> list[Path]:
        """Files of the pages."""
        return [entry.file for entry in self._session.pages.entries]

    def shows(self, viewer: napari.viewer.Viewer, image: Image | None) -> bool:
        """Tell whether an image is the page of this list that is worked on, in a viewer."""
        session = self._session
        mine = itself(viewer) is itself(self._viewer) and not self._watch.gone and session.count > 0
        return mine and image is session.image

    @property
    def has_next(self) -> bool:
        """Whether a page follows the one that is worked on."""
        return self._session.current + 1 < self._session.count

    @property
    def binarizes_this(self) -> bool:
        """Whether the ink of the page that is shown is still to come."""
        session = self._session
        comes = session.labels is None and session.current not in session.troubles
        return session.count > 0 and comes

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
        self.model.list_again(model)
        if model not in self.model.models:
            return f"The model “{model}” is gone."
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

        Raises
        ------
        NotInkError
            If the labels that are shown are not computed to their end.
        """
        shown, session = {}, self._session
        labels = sorted(session.labels_of_page(), key=lambda layer: not layer.visible)
        if labels:
            result = result_behind(labels[0])
            if trouble := "" if result is None else result.unfinished(0):
                raise NotInkError(trouble)
            shown[session.current] = np.array(labels[0].data)
        orders = [self._order(number) for number in range(session.count)]
        return orders, shown, functools.lru_cache(maxsize=1)(self._load_engine)

    # ---- from page to page

    def turn(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) page; without a list there is none."""
        self._go_to(self._session.current + step)

    def _on_next(self, _: Any = None) -> None:
        if self.files:
            self.turn(1)
        elif not self.folder.commit():  # Or it is open already.
            self._open()

    def note_edited(self, file: Path | None, page: int) -> None:
        """Note that a page of a file, from 1, holds corrections which are in no pair."""
        self._session.note(file, page, "corrected")
        self.refresh()

    def note_saved(self, subject: Subject, saved: Any) -> None:
        """Note that a page was saved as a pair."""
        file, page = subject.source_file(), subject.page_of_file()
        self._session.note(file, page, "saved", str(saved.pair.page))
        self.refresh()

    def _open(self, _: Any = None) -> None:
        folder = self.folder.folder
        if folder is None:
            self._session.status = "Choose a folder of pages."
            self.refresh()
            return
        if not self._may_leave():
            return
        try:
            self._session.open(folder, self._datasets())
        except Exception as error:
            self._session.status = readable(error)
            show_error(self._session.status)
        else:
            remember_folder(SCANS, folder)
            self._recall_how()
            self._picture_pages()
            self._on_how()
        self._work_on()

    def _on_activated(self, _: Any = None) -> None:
        """Turn to the page of the row; the one that is shown is read again only if it fails."""
        row, session, layers = self.list.currentRow(), self._session, self._viewer.layers
        is_whole = session.image in layers and session.labels in layers
        if row != session.current or row in session.troubles or not is_whole:
            self._go_to(row)

    def _go_to(self, number: int) -> bool:
        if not 0 <= number < self._session.count or not self._may_leave():
            return False
        self._session.go_to(number)
        self._work_on()
        return True

    def _may_leave(self) -> bool:
        """Tell whether the layers of this page can be taken away without a loss."""
        trouble = self._keep()
        if trouble:
            self._session.status = f"{trouble} {_STAYS}"
            show_error(self._session.status)
            self.refresh()
        return not trouble

    def _on_all(self, wanted: bool) -> None:
        self._session.all_wanted = wanted and self._session.count > 0
        if wanted:
            self._session.try_again()
        self._work_on()

    # ---- work in the background

    def _picture_pages(self) -> None:
        """Fill the list with small pictures, page by page."""
        self._stop_pictures()
        pages = self._session.pages

        def show(found: tuple[int, Any]) -> None:
            if not self._watch.gone and self._session.pages is pages:
                self.list.show_picture(*found)

        self._pictures = begin(thumbnails, list(pages.entries), yielded=show)

    def _stop_pictures(self) -> None:
        if self._pictures is not None:
            self._pictures.quit()

    def _work_on(self) -> None:
        """Let the worker make ready what is wanted first."""
        wanted = self._session.wanted()
        order = None if wanted is None or self.model.value is None else self._order(wanted)
        task = None if order is None else order.task
        if self._worker is not None:
            if self._working_on != task:
                self._working_on = None
                self._worker.quit()  # `_on_finished` goes on with what is wanted.
        elif order is not None and self._watch.docked:
            self._working_on = task
            heard = functools.partial(self._on_event, order)
            self._worker = begin(
                make_ready, order, self._engines, yielded=heard, finished=self._on_finished
            )
        self.refresh()

    def _order(self, number: int) -> PageOrder:
        model, device = self.model.models[self.model.value], binarize_fields.wanted_device()
        entry, preset = self._session.pages.entries[number], self.preset.value
        datasets, dpi = self._datasets(), read_preferences().pdf_dpi
        moved = entry.threshold(model.name)
        threshold = model.threshold if moved is None else moved
        stamp = self._session.pages.choices.get("stamp", "")
        how = preset, model.name, device, threshold
        return PageOrder(number, entry, *how, datasets, dpi, stamp)

    def _on_event(self, order: PageOrder, event: Any) -> None:
        if not self._watch.gone and order.task == self._working_on:
            self._session.receive(order.number, event)
            self.refresh()

    def _soon(self, work: Callable[[], None]) -> None:
        """Do something with layers after the window was drawn; one thing at a time."""
        self._later.append(work)
        if len(self._later) == 1:
            QTimer.singleShot(0, self._do_next)

    def _do_next(self) -> None:
        """Do what comes next, and let the window redraw before the thing after that."""
        try:
            if not self._watch.gone:
                self._later[0]()
        finally:
            self._later.popleft()
            if self._later:
                QTimer.singleShot(_APART_MILLISECONDS, self._do_next)
        self.refresh()

    def _on_finished(self) -> None:
        self._worker = self._working_on = None
        if not self._watch.gone:
            self._work_on()
            self.worked.emit()

    def _close(self) -> None:
        self._keys.give_back()
        self._session.close()
        self._stop_pictures()
        if self._worker is not None:
            self._worker.quit()

    # ---- what is shown

    def refresh(self) -> None:
        """Bring the list in line with the session."""
        if self._watch.gone:
            return
        session, entries = self._session, self._session.pages.entries
        self.list.show_pages(entries, session.troubles, session.current)
        self.previous.enabled = bool(entries) and session.current > 0
        self.next.enabled = not entries or session.current + 1 < len(entries)
        self.next.text = "Next" if entries else "Open"
        self.legend.setVisible(bool(entries))
        self.all.enabled = bool(entries)
        self.all.native.setChecked(session.all_wanted and session.left > 0)
        working_on = None if self._working_on is None else self._working_on[0]
        widgets.show_message(self.status, session.message(working_on))
