"""List of the collections of pairs, and the reading of the folder that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QSizePolicy

from docbin_napari.describe import describe
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.pairs.pair import summarize_collections
from docbin_napari.plugin.threads import begin, readable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from docbin_napari.pairs.pair import Summary

_ROWS = 5
_TEST = "test"


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

    def show_summaries(self, summaries: Iterable[Summary]) -> None:
        """List collections that can be learnt from, those with labels ticked.

        Parameters
        ----------
        summaries : iterable of Summary
            What there is; collections that are listed without a tick stay so.
        """
        no_tick = Qt.CheckState.Unchecked
        listed = self._listed()
        others = {one.collection.path for one, tick in listed if one.labelled and tick == no_tick}
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
            item.setCheckState(Qt.CheckState.Checked if wanted else no_tick)
            item.setToolTip("\n".join([str(summary.collection.path), *map(str, summary.troubles)]))
            self.addItem(item)

    def ticked(self) -> list[Summary]:
        """List the collections to learn from."""
        return [summary for summary, state in self._listed() if state == Qt.CheckState.Checked]

    def _listed(self) -> list[tuple[Summary, Qt.CheckState]]:
        items = self.findItems("", Qt.MatchFlag.MatchContains)
        return [(item.data(Qt.ItemDataRole.UserRole), item.checkState()) for item in items]


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


def read_summaries(folder: Path) -> tuple[list[Summary], str]:
    """Count what lies in a folder, collection after collection; nothing is raised.

    Parameters
    ----------
    folder : Path
        As in `summarize_collections`.

    Returns
    -------
    summaries : list of Summary
        What could be counted.
    trouble : str
        What is wrong, for the user; empty if nothing is.
    """
    if folder.name == _TEST:
        return [], (
            f"Pairs in “{_TEST}” are never learnt from: they show the effect on other pages. "
            "Choose the folder above it."
        )
    found: list[Summary] = []
    try:
        found.extend(summarize_collections(folder))
    except Exception as error:
        return found, readable(error)
    return found, ""


class PairReading:
    """Counts one folder at a time; late results of an earlier one are ignored.

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
            None: there is nothing to count, and no signal.
        again : bool
            Whether it was counted before: then the old counts stay until the new ones are there.
        """
        if not again:
            self.summaries, self.trouble = [], ""
        self._worker = None
        if folder is not None:
            worker: Any = begin(
                read_summaries, folder, returned=lambda found: self._on_read(worker, *found)
            )
            self._worker = worker

    def _on_read(self, worker: Any, summaries: list[Summary], trouble: str) -> None:
        if worker is self._worker:
            self._worker = None
            self.summaries, self.trouble = summaries, trouble
            self.done.emit()
