"""Show the progress of a batch: bars on a terminal, one line a file elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docbin_napari.batch.jobs import (
    Event,
    FileFailed,
    FileSkipped,
    FileStarted,
    FileWritten,
    PageProgress,
)
from docbin_napari.cli.console import Console
from docbin_napari.io.paths import shown

if TYPE_CHECKING:
    from tqdm import tqdm


_NAMED = 5


class BatchReport:
    """Shows the events of a batch and sums them up at the end.

    Parameters
    ----------
    console : Console
        Where to show them.
    files : int
        Files in the batch.
    passed_over : sequence of Path
        Files of kinds that are not read, to be named at the end.
    """

    def __init__(self, console: Console, files: int, passed_over: Sequence[Path] = ()) -> None:
        self._console = console
        self._passed_over = passed_over
        self._remarks = Counter[str]()
        self._ended = Counter[type[Event]]()
        self._files: tqdm[None] | None = None
        self._windows: tqdm[None] | None = None
        if console.shows_bars:
            self._files = _bar(0, files, "file")

    @property
    def failed(self) -> int:
        """Number of files that could not be finished."""
        return self._ended[FileFailed]

    def __enter__(self) -> BatchReport:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for bar in (self._windows, self._files):
            if bar is not None:
                bar.close()
        if error is not None and not issubclass(error, KeyboardInterrupt):
            return
        kinds = {FileWritten: "written", FileSkipped: "skipped", FileFailed: "failed"}
        counts = [f"{self._ended[kind]} {word}" for kind, word in kinds.items()]
        for remark, number in self._remarks.items():
            if number > 1:
                self._console.complain(f"warning: {number - 1} more files: {remark}")
        self._say_passed_over()
        self._console.say(", ".join(counts))

    def _say_passed_over(self) -> None:
        paths = self._passed_over
        if not paths:
            return
        number = "1 file is of a kind" if len(paths) == 1 else f"{len(paths)} files are of kinds"
        named = ", ".join(shown(path.name) for path in paths[:_NAMED])
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        self._console.complain(
            f"warning: {number} that {'is' if len(paths) == 1 else 'are'} not read: {named}{more}"
        )

    def show(self, event: Event) -> None:
        """Show one event.

        Parameters
        ----------
        event : Event
            From `binarize_files` or `binarize_on_cluster`, in any order.
        """
        if isinstance(event, FileWritten | FileSkipped | FileFailed):
            # Before it is printed: a signal may come in between.
            self._ended[type(event)] += 1
        match event:
            case FileStarted(source):
                self._start_file(source)
                return
            case PageProgress():
                self._show_windows(event)
                return
            case FileWritten():
                self._say_written(event)
            case FileSkipped(source):
                self._say_plainly(f"skipped: {shown(source)} (already done)")
            case FileFailed(source, reason):
                self._console.complain(f"failed: {shown(source)}: {shown(reason)}")
        if self._files is not None:
            self._files.update()

    def _say_written(self, event: FileWritten) -> None:
        """Name the result and the warnings about the page; a warning of many files only once."""
        others = f" and {len(event.outputs) - 1} more" if len(event.outputs) > 1 else ""
        self._say_plainly(f"written: {shown(event.outputs[0])}{others}")
        source = shown(event.source)
        if event.inverted:
            self._console.complain(f"warning: {source}{_inverted(event.inverted)}")
        for remark in event.remarks:
            self._remarks[remark] += 1
            if self._remarks[remark] == 1:
                self._console.complain(f"warning: {source}: {remark}")

    def _say_plainly(self, line: str) -> None:
        if not self._console.is_terminal:
            self._console.say(line)

    def _start_file(self, source: Path) -> None:
        """Name the file that is begun; a cluster works on many, and names none."""
        if self._files is not None:
            self._files.set_description_str(shown(source.name))

    def _show_windows(self, event: PageProgress) -> None:
        if self._files is None:
            return
        if self._windows is None:
            # Only now: the workers of a cluster do not report how far they are with a page.
            self._windows = _bar(1, 0, "window")
        if event.done == 0:
            self._windows.reset(total=event.total)
            page = f"page {event.page} of {event.pages}" if event.pages > 1 else "page"
            self._windows.set_description_str(page)
        self._windows.update(event.done - self._windows.n)


def _inverted(pages: tuple[int, ...]) -> str:
    """Say which pages were taken inverted, and how to have it otherwise."""
    named = ", ".join(map(str, pages[:10])) + (" and more" if len(pages) > 10 else "")
    where = "" if pages == (1,) else f", page{'s' if len(pages) > 1 else ''} {named}"
    return (
        f"{where}: shows light writing on dark ground, so light and dark were exchanged there "
        "before the network read it; add --invert never --overwrite if it does not"
    )


def _bar(position: int, total: int, unit: str) -> tqdm[None]:
    from tqdm import tqdm

    return tqdm(
        total=total,
        unit=unit,
        position=position,
        leave=position == 0,
        dynamic_ncols=True,
        mininterval=0.2,
    )
