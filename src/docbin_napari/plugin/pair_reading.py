"""What the folder of the training widget holds, counted beside the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from psygnal import Signal

from docbin_napari.plugin.finetune_fields import read_summaries

if TYPE_CHECKING:
    from pathlib import Path

    from docbin_napari.io.pair_summary import Summary


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
