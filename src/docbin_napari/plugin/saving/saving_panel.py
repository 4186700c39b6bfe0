"""Panel that saves training pairs and keeps drafts."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, Label, LineEdit, PushButton
from napari.layers import Shapes
from napari.utils.notifications import show_error, show_info
from psygnal import Signal

from docbin_napari.describe import describe
from docbin_napari.io.paths import is_folder
from docbin_napari.pairs.provenance import WHOLE_PAGE
from docbin_napari.pairs.save import SPLITS, PairPlace, collection_names, waiting_pages
from docbin_napari.plugin import widgets
from docbin_napari.plugin.dock import PanelWatch
from docbin_napari.plugin.layers.canvas import reviewed_region, shapes_region
from docbin_napari.plugin.layers.choosing import drawn_shapes, warning
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.page_record import note_pair, own_pair, reviewed_of, take_reviewed
from docbin_napari.plugin.saving import page_saving
from docbin_napari.plugin.saving.drafts_row import DraftRow
from docbin_napari.plugin.settings import DATASETS, remember, remember_folder, remembered
from docbin_napari.plugin.signals import PAIR_NEWS
from docbin_napari.plugin.threads import Failed, begin, errors_shown

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from docbin_napari.pairs.pair import Pair
    from docbin_napari.pairs.save import Saved
    from docbin_napari.plugin.layers.page_record import Subject

NEW_COLLECTION = "New collection…"
WHOLE, REVIEWED = "Whole page", "Reviewed windows"
_UNSEEN = "Nobody has reviewed it: mark what you have seen (W), or a model learns its mistakes."


class SavePairPanel(widgets.PlainContainer):
    """Saves the page as a training pair; until then its corrections are kept in a draft.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    subject : callable
        Gives the page that is worked on, or None.

    Attributes
    ----------
    datasets : FolderField
        Folder of your training pairs. It gets the folders train and test.
    split : ComboBox
        train: models learn from this page. test: they never see it and are judged by it.
    collection : ComboBox
        Pages of one archive, one hand or one scanner.
    new : LineEdit
        Name of the new collection; it becomes a folder.
    page : LineEdit
        Name of the two files. If it is taken, a number is added: nothing is overwritten.
    region : LayerBox
        What of the page counts: all of it, the windows that you have reviewed, or what lies in the
        rectangles, ellipses and polygons of a Shapes layer. The rest is saved as unlabelled, and
        no model learns from it.
    who : LineEdit
        Your name, if you like. It is written into the mask file.
    own : CheckBox
        This page is a saved pair already. Give that pair the new mask; the one before is kept in
        fg_mask/replaced. Otherwise it becomes another pair under a new name.
    save : PushButton
        Write the page and its ink as a training pair.
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
        super().__init__(name="save_pair")
        self._viewer, self._subject = viewer, subject
        self._worker: Any = None
        self._named_for: tuple[Any, ...] = ()
        self._message = ""
        self._own_pair: Pair | None = None  # As the last `_update` found it: it asks the disk.
        self._watch = PanelWatch(self.native, shown=self._on_shown)
        self.drafts = DraftRow(subject, self.datasets_folder, viewer.layers.__contains__)
        # The panel around this one shows both where they are always in sight.
        self.save = widgets.field(SavePairPanel, PushButton, "save", text="Save pair")
        self.status = Label(name="save_status", value="")
        self._make_fields()
        self._named = [self.datasets, self.split, self.collection, self.new]
        self._named += [self.page, self.region, self.who]
        self.extend([widgets.form_of("pair", *self._named), self.own])
        widgets.let_boxes_shrink(self.native)
        self._recall()
        self._connect()

    # ---- parts

    def _make_fields(self) -> None:
        field = functools.partial(widgets.field, SavePairPanel)
        self.datasets = field(widgets.FolderField, "datasets", "Save pairs in", recent=DATASETS)
        self.split = field(ComboBox, "split", "Use for", choices=list(SPLITS))
        names, areas = self._collection_choices, self._region_choices
        self.collection = field(ComboBox, "collection", "Collection", choices=names)
        self.new = field(LineEdit, "new", "Collection name", value="my pages")
        self.page = field(LineEdit, "page", "Page")
        self.region = field(widgets.LayerBox, "region", "Part that is correct", choices=areas)
        self.who = field(LineEdit, "who", "Your name")
        self.own = field(CheckBox, "own", text="Replace the mask of this pair", value=False)

    def _recall(self) -> None:
        known = remembered()
        if known.get("datasets"):
            self.datasets.value = Path(known["datasets"])
        self.who.value = known.get("who", "")
        self.split.value = known.get("split") if known.get("split") == "test" else "train"
        self._list_collections(known.get("collection"))

    def _connect(self) -> None:
        for place in (self.datasets, self.split):
            place.changed.connect(self._on_place)
        for field in (self.collection, self.new, self.page, self.region, self.own):
            field.changed.connect(self._on_field)
        self.save.changed.connect(self._start)
        self.drafts.restored.connect(self._on_restored)

    def datasets_folder(self) -> Path | None:
        """Tell the folder of the data sets; None if none is chosen."""
        return None if self._watch.gone else self.datasets.folder

    def _collection_choices(self, _: Any = None) -> list[Any]:
        datasets = self.datasets_folder()
        names = [] if datasets is None else collection_names(datasets, self.split.value)
        return [*names, NEW_COLLECTION]

    def _region_choices(self, box: ComboBox) -> list[Any]:
        drawn, chosen = drawn_shapes(self._viewer), box.value
        if isinstance(chosen, Shapes) and chosen not in drawn:
            drawn.append(chosen)  # Hidden or removed: another part is for the user to choose.
        shapes = [(f"In the shapes of “{layer.name}”", layer) for layer in drawn]
        return [(WHOLE, WHOLE), (REVIEWED, REVIEWED), *shapes]

    @property
    def _chosen_shapes(self) -> Shapes | None:
        """The layer of shapes in which the page is correct; None for another choice."""
        return self.region.value if isinstance(self.region.value, Shapes) else None

    # ---- what changes

    def _on_shown(self) -> None:
        widgets.align(self.native, self._named)
        self.refresh()

    def refresh(self) -> None:
        """Follow what is worked on; called when layers, page or choice have changed."""
        if self._watch.gone:
            return
        subject = self._subject()
        if subject is not None:
            take_reviewed(subject)
        self.drafts.refresh()
        self.region.reset_choices()
        page = () if subject is None else (subject.image, subject.labels, subject.page)
        if page != self._named_for:
            self._named_for, self._message = page, ""
            widgets.show_value(self.own, subject is not None and own_pair(subject) is not None)
            with self.page.changed.blocked(), self.region.changed.blocked():
                self.page.value = "" if subject is None else page_saving.name_for(subject)
                if subject is not None and self._chosen_shapes is not None:
                    # They were drawn on the page before.
                    self.region.value = WHOLE
                    self._message = "Another page: “Part that is correct” is the whole page again."
        self._update()

    def _on_place(self, _: Any = None) -> None:
        self._message = ""
        datasets = self.datasets_folder()
        if datasets is not None and is_folder(datasets):
            remember_folder(DATASETS, datasets)
        self._list_collections()
        self._update()

    def _list_collections(self, wanted: str | None = None) -> None:
        with self.collection.changed.blocked():
            self.collection.reset_choices()
            if wanted in self.collection.choices:
                self.collection.value = wanted

    def _on_field(self, _: Any = None) -> None:
        self._message = ""
        self._update()

    def _on_restored(self, subject: Subject) -> None:
        self._viewer.layers.selection.active = subject.labels  # Or Ctrl+Z would do nothing.
        self._message = "The corrections are back. Ctrl+Z takes them away again."
        self._update()

    # ---- saving

    def place(self) -> PairPlace:
        """Tell where the pair would go."""
        collection = self.new.value if self._is_new else self.collection.value
        datasets = self.datasets_folder() or Path()
        return PairPlace(datasets, self.split.value, collection, self.page.value)

    @property
    def _is_new(self) -> bool:
        """Whether the pair goes into a new collection."""
        return self.collection.value in (None, NEW_COLLECTION)

    def refusal(self) -> str:
        """Say why Save cannot be pressed; empty if it can."""
        subject = self._subject()
        if subject is None:
            return "Choose a page and the labels of its ink."
        if self.region.value == REVIEWED and not self._is_reviewed(subject):
            return "Nothing is reviewed on this page yet."
        shapes = self._chosen_shapes
        if shapes is not None and shapes not in self._viewer.layers:
            return f"“{shapes.name}” is gone: choose the part that is correct."
        if shapes is not None and not len(shapes.data):
            return f"“{shapes.name}” holds no shape. Draw what you have labelled."
        if self._asks_first or (self.own.value and self._own_pair):
            return ""
        return self.place().trouble()

    @property
    def _asks_first(self) -> bool:
        """Whether nobody has said yet where pairs are kept: then Save asks."""
        return self.datasets_folder() is None

    def _order(self, subject: Subject) -> page_saving.SaveOrder:
        own = own_pair(subject) if self.own.value else None
        shapes, region, words = self._chosen_shapes, None, WHOLE_PAGE
        if shapes is not None:
            region, words = shapes_region(shapes, subject)
        elif self.region.value == REVIEWED:
            region, words = reviewed_region(reviewed_of(subject.labels, subject.page))
        return page_saving.SaveOrder(self.place(), own, region, words, self.who.value)

    def _unfinished(self, subject: Subject | None) -> str:
        """Say why the ink is not all there; what was computed can be saved as a part."""
        result = None if subject is None else result_behind(subject.labels)
        if subject is None or result is None:
            return ""
        trouble, whole = result.unfinished(subject.page), self.region.value == WHOLE
        return f"Not saved: {trouble}." if trouble and (whole or result.computing) else ""

    def _start(self, _: Any = None) -> None:
        self.datasets.commit()
        subject, own = self._subject(), self.own.value
        self._message = trouble = self._unfinished(subject)
        if self._asks_first and not (own or trouble):
            self.datasets.ask()
        nowhere = self._asks_first and not own
        if subject is not None and not (trouble or nowhere or self.refusal()):
            with errors_shown():
                job = page_saving.prepare(subject, self._order(subject))
                self._message = "Saving…"
                done, ended = functools.partial(self._on_saved, subject, job), self._on_finished
                self._worker = begin(page_saving.save, job, returned=done, finished=ended)
        self._update()

    def _on_saved(self, subject: Subject, job: page_saving.SaveJob, saved: Saved | Failed) -> None:
        if isinstance(saved, Failed):
            self._message = f"{saved.message} Your corrections are still there."
            show_error(self._message)
            return
        note_pair(subject, saved.pair, job.checksum)
        whole = job.order.region is None
        self.drafts.autosave.forget(subject, job.checksum, keep_file=not whole)
        self._message = saved.sentence
        if whole and self._is_unseen(subject):
            self._message = f"{saved.sentence} {_UNSEEN}"
        if saved.pair.name != saved.wanted:
            show_info(saved.sentence)
        place = job.order.place
        if job.order.own is None:
            remember(datasets=str(place.datasets), split=place.split, collection=place.collection)
        remember(who=job.order.who)
        self.saved.emit(subject, saved)
        if place.datasets != Path():
            PAIR_NEWS.saved.emit(place.datasets)

    @staticmethod
    def _is_reviewed(subject: Subject) -> bool:
        """Tell whether somebody has reviewed some of the page, as far as is known."""
        return bool(reviewed_of(subject.labels, subject.page).grid.any())

    def _is_unseen(self, subject: Subject) -> bool:
        """Tell whether a model would learn from a page that nobody has reviewed."""
        return self.split.value == "train" and not self._is_reviewed(subject)

    def _on_finished(self) -> None:
        self._worker = None
        if self._watch.gone:
            return
        self._list_collections(self.place().collection)
        subject = self._subject()
        # To save again is to correct the pair, not to make the page count twice.
        widgets.show_value(self.own, subject is not None and own_pair(subject) is not None)
        self._update()

    # ---- what is shown

    def _update(self) -> None:
        if self._watch.gone:
            return
        subject = self._subject()
        own = self._own_pair = None if subject is None else own_pair(subject)
        busy, refusal = self._worker is not None, self.refusal()
        self.own.enabled = own is not None
        if own is None:
            self.own.value = False
        replacing = own is not None and bool(self.own.value)
        for field in (self.split, self.collection, self.page):
            field.enabled = not replacing
        self.new.enabled = self._is_new and not replacing
        self.save.enabled = not busy and not refusal
        self.save.tooltip = f"{describe(SavePairPanel, 'save')}\n{refusal}".strip()
        self.status.value = self._message or refusal or self._outlook(subject)
        self.said.emit(self._message)

    def _outlook(self, subject: Subject | None) -> str:
        """Say what is noteworthy about the page, else about the collection."""
        strange = "" if subject is None else warning(subject.image, subject.labels)
        if strange:
            return strange
        if subject is not None and self._asks_first:
            return "“Save pair” keeps this page for training; it asks for a folder first."
        if self.own.value and self._own_pair is not None:
            return f"“Save pair” gives {self._own_pair.name} a new mask; the one before is kept."
        waiting = waiting_pages(self.place().folder)
        if not waiting:
            if subject is None or self.region.value != WHOLE:
                return ""
            return _UNSEEN if self._is_unseen(subject) else ""
        more = f" and {len(waiting) - 3} more" if waiting[3:] else ""
        return f"Pages without a mask in this collection: {', '.join(waiting[:3])}{more}."
