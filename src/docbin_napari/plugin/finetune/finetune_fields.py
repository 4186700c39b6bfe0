"""Fields of the training panel, their tooltips, and the folder of pairs they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, FloatSpinBox, LineEdit
from napari.qt.threading import create_worker
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QSizePolicy

from docbin_napari.describe import describe
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.plugin.binarize import binarize_fields
from docbin_napari.plugin.settings import DATASETS
from docbin_napari.plugin.widgets import FolderField

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from docbin_napari.model.model_file import ModelInfo
    from docbin_napari.pairs.collection import Summary

_ROWS = 5
_TEST = "test"


def folder_field() -> FolderField:
    """Make the choice of the folder with the pairs."""
    return FolderField(
        "folder",
        "Pairs",
        "The folder of your training pairs: a collection, a folder of collections, or one with the "
        "folders train and test. Collections in test are never learnt from; they show what becomes "
        "of other pages.",
        recent=DATASETS,
    )


def name_field() -> LineEdit:
    """Make the name of the new model."""
    return LineEdit(name="name", label="New model", tooltip=describe(FinetuneConfig, "output"))


def start_field(models: dict[str, ModelInfo]) -> ComboBox:
    """Make the choice of the model to start from."""
    field = binarize_fields.model_field(models)
    field.name, field.label = "start", "Start from"
    offer_starts(field, models)
    return field


def offer_starts(field: ComboBox, models: dict[str, ModelInfo]) -> None:
    """Offer other models to start from."""
    binarize_fields.offer_models(field, models)
    start = describe(FinetuneConfig, "start")
    field.tooltip = f"{start}\n\n{binarize_fields.models_in_words(models)}"


def minutes_field() -> FloatSpinBox:
    """Make the time budget."""
    return FloatSpinBox(
        name="minutes",
        label="Minutes",
        min=0.1,
        max=600.0,
        step=1.0,
        value=FinetuneConfig.minutes,
        tooltip="Time for learning; some seconds for preparation and for measuring come on top. "
        "Five minutes are a good beginning, one is enough to see whether it helps. A training that "
        "is stopped early may be worse than a short one that ran to its end: the learning rate "
        "falls to zero at its end.",
    )


class CollectionList(QListWidget):
    """Collections with boxes to tick, and what they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self.fontMetrics().height() * (_ROWS + 1) + _ROWS * 4)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Collections to learn from")
        self.setToolTip(describe(FinetuneConfig, "collections"))

    def show_summaries(self, summaries: Iterable[Summary], keep: bool = False) -> None:
        """List collections that can be learnt from, those with labels ticked.

        Parameters
        ----------
        summaries : iterable of Summary
            What there is.
        keep : bool
            Whether collections that were listed without a tick stay so.
        """
        ticked = [summary.collection.path for summary in self.ticked()]
        others = {path for path in self._paths() if path not in ticked} if keep else set()
        self.clear()
        for summary in summaries:
            if summary.collection.split == _TEST:
                continue
            item = QListWidgetItem(in_words(summary))
            item.setData(Qt.ItemDataRole.UserRole, summary)
            usable = summary.labelled > 0
            flags = Qt.ItemFlag.ItemIsUserCheckable
            item.setFlags(flags | Qt.ItemFlag.ItemIsEnabled if usable else flags)
            wanted = usable and summary.collection.path not in others
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
            item.setToolTip("\n".join([str(summary.collection.path), *map(str, summary.troubles)]))
            self.addItem(item)

    def ticked(self) -> list[Summary]:
        """The collections to learn from."""
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in self._items()
            if item.checkState() == Qt.CheckState.Checked
        ]

    def _items(self) -> list[QListWidgetItem]:
        items = (self.item(row) for row in range(self.count()))
        return [item for item in items if item is not None]

    def _paths(self) -> list[Path]:
        """The collections that could be ticked."""
        known = [item.data(Qt.ItemDataRole.UserRole) for item in self._items()]
        return [summary.collection.path for summary in known if summary.labelled > 0]


def in_words(summary: Summary) -> str:
    """Name a collection and what it holds.

    Parameters
    ----------
    summary : Summary
        Of the collection.

    Returns
    -------
    str
        One line.
    """
    pairs = "1 pair" if summary.pages == 1 else f"{summary.pages} pairs"
    words = f"{summary.collection.path.name} · {pairs} · {summary.labelled / 1e6:.1f} Mpix labelled"
    return f"{words} · {len(summary.troubles)} unreadable" if summary.troubles else words


def read_summaries(folder: Any) -> Any:
    """Count what lies in a folder, collection after collection; errors are yielded.

    Parameters
    ----------
    folder : Path
        As in `summarize_collections`.

    Yields
    ------
    Summary or str
        A string says what is wrong, for the user.
    """
    from docbin_napari.pairs.collection import summarize_collections
    from docbin_napari.plugin.threads import readable

    if folder.name == _TEST:
        yield (
            f"Pairs in “{_TEST}” are never learnt from: they show what becomes of other pages. "
            "Choose the folder above it."
        )
        return
    # napari's generator workers swallow RuntimeErrors.
    try:
        yield from summarize_collections(folder)
    except Exception as error:
        yield readable(error)


class PairReading:
    """Counts one folder at a time; what an earlier one still says is not heard.

    Attributes
    ----------
    done : Signal
        Emitted when all of the folder was counted.
    summaries : list of Summary
        Of its collections.
    trouble : str
        Why it could not be counted, for the user; empty if it could.
    """

    done = Signal()

    def __init__(self) -> None:
        self.summaries: list[Summary] = []
        self.trouble = ""
        self._found: list[Summary] = []
        self._said = ""
        self._worker: Any = None

    @property
    def busy(self) -> bool:
        """Whether a folder is being counted."""
        return self._worker is not None

    def read(self, folder: Path | None, again: bool = False) -> None:
        """Begin to count a folder.

        Parameters
        ----------
        folder : Path or None
            None: there is nothing to count, and no news.
        again : bool
            Whether it was counted before: then what is known of it holds until the end.
        """
        if not again:
            self.summaries, self.trouble = [], ""
        self._found, self._said, self._worker = [], "", None
        if folder is None:
            return
        worker = create_worker(read_summaries, folder, _ignore_errors=True)
        worker.yielded.connect(lambda found: self._on_summary(worker, found))
        worker.finished.connect(lambda: self._on_read(worker))
        self._worker = worker
        worker.start()

    def _on_summary(self, worker: Any, found: Summary | str) -> None:
        if worker is not self._worker:
            return
        if isinstance(found, str):
            self._said = found
        else:
            self._found.append(found)

    def _on_read(self, worker: Any) -> None:
        if worker is self._worker:
            self._worker = None
            self.summaries, self.trouble = self._found, self._said
            self.done.emit()
