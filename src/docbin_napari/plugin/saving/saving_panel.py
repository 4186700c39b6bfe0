"""Panel that saves training pairs and keeps drafts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, Label
from napari.layers import Shapes
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from psygnal import Signal

from docbin_napari.pairs.save import PairPlace, collection_names, waiting_pages
from docbin_napari.plugin.dock import PanelWatch
from docbin_napari.plugin.layers.canvas import reviewed_region, shapes_region
from docbin_napari.plugin.layers.choosing import drawn_shapes, warning
from docbin_napari.plugin.layers.page_record import note_pair, own_pair, reviewed_of, take_reviewed
from docbin_napari.plugin.saving import page_saving, saving_fields
from docbin_napari.plugin.saving.drafts_row import DraftRow
from docbin_napari.plugin.settings import DATASETS, remember, remember_folder, remembered
from docbin_napari.plugin.signals import PAIR_NEWS
from docbin_napari.plugin.threads import Failed, readable
from docbin_napari.plugin.widgets import align, form_of, let_boxes_shrink

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from docbin_napari.pairs.save import Saved
    from docbin_napari.plugin.layers.page_record import Subject

_SAVES = "Write the page and its ink as a training pair."
_UNSEEN = "Nobody has reviewed it: mark what you have seen (W), or a model learns its mistakes."


class SavePairPanel(Container[Any]):
    """Saves the page as a training pair; until then its corrections are kept in a draft.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    subject : callable
        Gives the page that is worked on, or None.

    Attributes
    ----------
    saved : Signal
        The page and what was saved (`Subject`, `Saved`).
    said : Signal
        What happened, for the message line; empty when it is no longer true (str).
    drafts : DraftRow
        Keeps what is not saved yet, and offers what a crash has left; to be shown where
        nobody overlooks it.
    """

    saved = Signal(object, object)
    said = Signal(str)

    def __init__(self, viewer: napari.viewer.Viewer, subject: Callable[[], Subject | None]) -> None:
        self._viewer = viewer
        self._subject = subject
        self._worker: Any = None
        self._showing = self._built = False
        self._named_for: tuple[Any, ...] = ()
        self._message = ""
        self._build()
        self._recall()
        self._connect()

    # ---- parts

    def _build(self) -> None:
        layers = self._viewer.layers
        self.drafts = DraftRow(self._subject, self.datasets_folder, layers.__contains__)
        self.datasets, self.split, self.collection, self.new = saving_fields.place_fields(
            self._collection_choices
        )
        self.page, self.region, self.who, self.own = saving_fields.pair_fields(self._region_choices)
        # The panel around this one shows both where they are always in sight.
        self.save = saving_fields.save_button()
        self.status = Label(name="save_status", value="")
        parts = [self.datasets, self.split, self.collection, self.new, self.page]
        self._named = [*parts, self.region, self.who]
        form = form_of("pair", *self._named)
        super().__init__(
            widgets=[form, self.own],
            labels=False,
            name="save_pair",
        )
        let_boxes_shrink(self.native)
        self.margins = (0, 0, 0, 0)
        self._watch = PanelWatch(self.native, shown=self._on_shown, closed=lambda: None)
        self._built = True

    def _recall(self) -> None:
        known = remembered()
        if known.get("datasets"):
            self.datasets.value = Path(known["datasets"])
        self.who.value = known.get("who", "")
        self.split.value = known.get("split") if known.get("split") == "test" else "train"
        self._list_collections()
        if known.get("collection") in self.collection.choices:
            self.collection.value = known["collection"]

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.renamed):
            event.connect(self._on_layers)
        place = self.datasets.changed, self.split.changed
        others = self.collection.changed, self.new.changed, self.page.changed
        for changed in place:
            changed.connect(self._on_place)
        for changed in (*others, self.region.changed, self.own.changed):
            changed.connect(self._on_field)
        self.save.changed.connect(self._start)
        self.drafts.restored.connect(self._on_restored)

    def datasets_folder(self) -> Path | None:
        """Tell the folder of the data sets; None if none is chosen."""
        return None if self._watch.gone else self.datasets.folder

    def _collection_choices(self, _: Any = None) -> list[Any]:
        datasets = self.datasets_folder() if self._built else None
        names = [] if datasets is None else collection_names(datasets, self.split.value)
        return [*names, saving_fields.NEW_COLLECTION]

    def _region_choices(self, _: Any = None) -> list[Any]:
        drawn = drawn_shapes(self._viewer)
        shapes = [(f"In the shapes of “{layer.name}”", layer) for layer in drawn]
        whole = [(name, name) for name in (saving_fields.WHOLE, saving_fields.REVIEWED)]
        return [*whole, *shapes]

    # ---- what changes

    def _on_shown(self) -> None:
        align(self.native, self._named)
        self.refresh()

    def refresh(self) -> None:
        """Look again at what is worked on; called when layers, page or choice have changed."""
        if self._watch.gone:
            return
        subject = self._subject()
        if subject is not None:
            take_reviewed(subject)
        self.drafts.refresh()
        page = () if subject is None else (subject.image, subject.labels, subject.page)
        if page != self._named_for:
            self._named_for, self._message = page, ""
            self._showing = True
            self.page.value = "" if subject is None else page_saving.name_for(subject)
            if subject is not None and isinstance(self.region.value, Shapes):
                # They were drawn on the page before.
                self.region.value = saving_fields.WHOLE
                self._message = "Another page: “Part that is correct” is the whole page again."
            self._showing = False
        self._update()

    def _on_layers(self, _: Any = None) -> None:
        if not self._watch.gone:
            self.region.reset_choices()
            self._update()

    def _on_place(self, _: Any = None) -> None:
        self._message = ""
        datasets = self.datasets_folder()
        if datasets is not None and datasets.is_dir():
            remember_folder(DATASETS, datasets)
        self._list_collections()
        self._update()

    def _list_collections(self) -> None:
        self._showing = True
        self.collection.reset_choices()
        self._showing = False

    def _on_field(self, _: Any = None) -> None:
        if not self._showing:
            self._message = ""
            self._update()

    def _on_restored(self, _: Any) -> None:
        self._message = "The corrections are back. Ctrl+Z takes them away again."
        self._update()

    # ---- saving

    def place(self) -> PairPlace:
        """Tell where the pair would go."""
        new = self.collection.value in (None, saving_fields.NEW_COLLECTION)
        collection = self.new.value if new else self.collection.value
        return PairPlace(
            self.datasets_folder() or Path(), self.split.value, collection, self.page.value
        )

    def refusal(self) -> str:
        """Say why Save cannot be pressed; empty if it can."""
        subject = self._subject()
        reason = page_saving.refusal(subject)
        if reason or subject is None:
            return reason
        if self.region.value == saving_fields.REVIEWED:
            if not reviewed_of(subject.labels, subject.page).grid.any():
                return "Nothing is reviewed on this page yet."
        elif isinstance(self.region.value, Shapes) and not len(self.region.value.data):
            return f"“{self.region.value.name}” holds no shape. Draw what you have labelled."
        if self.own.value and own_pair(subject):
            return ""
        return "" if self._asks_first else self.place().trouble()

    @property
    def _asks_first(self) -> bool:
        """Whether nobody has said yet where pairs are kept: then Save asks."""
        return self.datasets_folder() is None

    def _order(self, subject: Subject) -> page_saving.SaveOrder:
        own = own_pair(subject) if self.own.value else None
        chosen, who = self.region.value, self.who.value
        if isinstance(chosen, Shapes):
            region, words = shapes_region(chosen, subject)
        elif chosen == saving_fields.REVIEWED:
            region, words = reviewed_region(reviewed_of(subject.labels, subject.page))
        else:
            return page_saving.SaveOrder(self.place(), own, who=who)
        return page_saving.SaveOrder(self.place(), own, region, words, who)

    def _start(self, _: Any = None) -> None:
        subject = self._subject()
        ready = self._worker is None and subject is not None and not self.refusal()
        if ready and self._asks_first and not self.own.value:
            self.datasets.ask()
            ready = not self._asks_first and not self.refusal()
        if not ready or subject is None:
            self._update()
            return
        try:
            job = page_saving.prepare(subject, self._order(subject))
        except Exception as error:
            show_error(readable(error))
            return
        self._message = "Saving…"
        self._worker = create_worker(page_saving.save, job, _ignore_errors=True)
        self._worker.yielded.connect(lambda event: self._on_event(subject, job, event))
        self._worker.finished.connect(self._on_finished)
        self._worker.start()
        self._update()

    def _on_event(self, subject: Subject, job: page_saving.SaveJob, event: Any) -> None:
        if isinstance(event, Failed):
            self._message = f"{event.message} Your corrections are still there."
            show_error(self._message)
            return
        saved: Saved = event.saved
        note_pair(subject, saved.pair, job.checksum)
        whole = job.order.region is None
        self.drafts.autosave.forget(subject, job.checksum, keep_file=not whole)
        self._message = saved.sentence
        if whole and not self._is_reviewed(subject):
            self._message = f"{saved.sentence} {_UNSEEN}"
        if saved.pair.name != saved.wanted:
            show_info(saved.sentence)
        place = job.order.place
        if job.order.own is None:
            remember(datasets=str(place.datasets), split=place.split, collection=place.collection)
        remember(who=job.order.who)
        self.saved.emit(subject, saved)
        PAIR_NEWS.saved.emit(place.datasets)

    @staticmethod
    def _is_reviewed(subject: Subject) -> bool:
        """Whether somebody has looked at something of the page, as far as is known."""
        return bool(reviewed_of(subject.labels, subject.page).grid.any())

    def _on_finished(self) -> None:
        self._worker = None
        if self._watch.gone:
            return
        wanted = self.place().collection
        self._list_collections()
        self._showing = True
        if wanted in self.collection.choices:
            self.collection.value = wanted
        self.own.value = False
        self._showing = False
        self._update()

    # ---- what is shown

    def _update(self) -> None:
        if self._watch.gone:
            return
        subject = self._subject()
        own = None if subject is None else own_pair(subject)
        busy, refusal = self._worker is not None, self.refusal()
        self.own.enabled = own is not None
        if own is None:
            self.own.value = False
        replacing = own is not None and bool(self.own.value)
        for field in (self.split, self.collection, self.page):
            field.enabled = not replacing
        is_new = self.collection.value in (None, saving_fields.NEW_COLLECTION)
        self.new.enabled = is_new and not replacing
        self.save.enabled = not busy and not refusal
        self.save.tooltip = f"{_SAVES}\n{refusal}".strip()
        self.status.value = self._message or refusal or self._outlook(subject)
        self.said.emit(self._message)

    def _outlook(self, subject: Subject | None) -> str:
        """Say what is noteworthy about the page, else about the collection."""
        strange = "" if subject is None else warning(subject.image, subject.labels)
        if strange:
            return strange
        if subject is not None and self._asks_first:
            return "“Save pair” keeps this page for training; it asks for a folder first."
        waiting = waiting_pages(self.place().folder)
        if not waiting:
            if subject is None or self.region.value != saving_fields.WHOLE:
                return ""
            return "" if self._is_reviewed(subject) else _UNSEEN
        more = f" and {len(waiting) - 3} more" if waiting[3:] else ""
        return f"Pages without a mask in this collection: {', '.join(waiting[:3])}{more}."
