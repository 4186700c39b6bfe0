"""Unsaved corrections are kept on the disk, a few seconds after they were made.

Strategy: nobody tells reliably that labels have changed: painting, undo, sliders, scripts and
tools of other plugins write to them in their own ways. So one thread beside the window computes
a checksum of the page every two seconds (some milliseconds for a usual page) and writes a draft
whenever it has changed since. The page is not copied: what is painted while its draft is being
written is in this draft or in the next one, which then follows for certain.
"""

from __future__ import annotations

import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.drafts import (
    Draft,
    PageKey,
    content_of,
    draft_folder,
    find_drafts,
    read_draft,
    write_draft,
)
from docbin_napari.io.errors import DraftError
from docbin_napari.io.rgb import row_bands
from docbin_napari.plugin import layers
from docbin_napari.plugin.ink import result_behind
from docbin_napari.plugin.looked import reviewed_of
from docbin_napari.plugin.own_pair import DRAFT, pair_file, saved_state
from docbin_napari.plugin.work import readable

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from docbin_napari.plugin.subject import Subject

_PAUSE_SECONDS = 2.0
_MOST_OF_THE_TIME = 4


@dataclass(eq=False)
class _Watched:
    """One page, and what is known of it on the disk; only the thread changes it."""

    subject: Subject
    key: PageKey | None = None
    found: list[Path] = field(default_factory=list)
    kept: int | None = None
    file: Path | None = None
    taken: list[Path] = field(default_factory=list)
    time: str = ""
    trouble: str = ""
    edited: bool = False


class Autosave:
    """Keeps the corrections of the page that is worked on.

    Parameters
    ----------
    datasets : callable
        Gives the folder of the data sets, or None.
    clock : callable
        Seconds that only rise.
    """

    def __init__(
        self, datasets: Callable[[], Path | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._datasets = datasets
        self._clock = clock
        self._pages: list[_Watched] = []
        self._now: _Watched | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._work: Future[None] | None = None
        self._due = 0.0

    # ---- what is watched

    def watch(self, subject: Subject | None) -> None:
        """Note which page is worked on; the one before is looked at a last time.

        Parameters
        ----------
        subject : Subject or None
            The page; None if there is none.
        """
        if _same(subject, None if self._now is None else self._now.subject):
            return
        self._look()
        self._now = None
        if subject is not None:
            known = [page for page in self._pages if _same(subject, page.subject)]
            self._now = known[0] if known else _Watched(subject)
            # Layers that are gone are forgotten as soon as their last draft is written.
            self._pages = [*self._pages[-3:], self._now] if not known else self._pages
        self._due = self._clock()

    def tick(self) -> None:
        """Look at the page if it is time; call about once a second."""
        busy = self._work is not None and not self._work.done()
        if self._now is not None and not busy and self._clock() >= self._due:
            self._look()

    def flush(self, seconds: float = 20.0) -> None:
        """Keep what was painted until now, and wait until it is on the disk."""
        self._look()
        if self._work is not None:
            with suppress(TimeoutError):
                self._work.result(seconds)

    def close(self) -> None:
        """Keep what was painted until now, without waiting; Python's end waits for it."""
        self._look()
        self._now = None
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    # ---- what was found

    @property
    def offer(self) -> Path | None:
        """The newest draft of this page that another session has left, if there is one."""
        found = [] if self._now is None else self._now.found
        return found[0] if found else None

    def restore(self) -> Draft:
        """Read the draft that is offered; it stays on the disk until the next one is written.

        Returns
        -------
        Draft
            Of the size of the page.

        Raises
        ------
        DraftError
            If it cannot be read, or is not of this size; then it is not offered again.
        """
        page = self._now
        if page is None or not page.found:
            raise ValueError("there is no draft to restore")
        path = page.found.pop(0)
        draft = read_draft(path)
        if draft.labels.shape != page.subject.plane().shape:
            raise DraftError(path, "these corrections belong to a page of another size")
        page.taken.append(path)
        self._due = self._clock()
        return draft

    def discard(self) -> None:
        """Throw away the draft that is offered."""
        if self._now is not None and self._now.found:
            self._now.found.pop(0).unlink(missing_ok=True)

    def forget(self, subject: Subject, checksum: int, keep_file: bool = False) -> None:
        """Let go of the draft of a page that was saved as a pair.

        Parameters
        ----------
        subject : Subject
            The page.
        checksum : int
            `checksum_of` what was saved: later corrections are kept all the same.
        keep_file : bool
            Whether only a region was saved, so that the draft holds more than the pair.
        """
        for page in self._pages:
            if _same(subject, page.subject):
                self._work = self._submit(_let_go, page, checksum, keep_file)

    # ---- what is told

    @property
    def status(self) -> str:
        """What was kept when, or what is wrong, for the user; empty if there is nothing."""
        page = self._now
        if page is None:
            return ""
        return page.trouble or (f"Unsaved corrections kept at {page.time}." if page.time else "")

    @property
    def edited(self) -> Subject | None:
        """The page that is worked on, if it holds corrections that are in no pair."""
        return self._now.subject if self._now is not None and self._now.edited else None

    # ---- the thread

    def _look(self) -> None:
        if self._now is None:
            return
        folders = [draft_folder(self._datasets()), draft_folder(None)]
        self._work = self._submit(self._look_at, self._now, folders)

    def _submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Do something beside the window, after all that was asked for before."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "docbin-autosave")
        return self._thread.submit(work, *arguments)

    def _look_at(self, page: _Watched, folders: list[Path]) -> None:
        start = self._clock()
        try:
            _look_at(page, folders)
        except Exception as error:
            page.trouble = f"Your corrections are not kept: {readable(error)}"
        end = self._clock()
        self._due = end + max(_PAUSE_SECONDS, _MOST_OF_THE_TIME * (end - start))


def checksum_of(plane: NDArray[np.uint8], reviewed: bytes = b"") -> int:
    """Compute the checksum of the labels of a page, and of what was reviewed there.

    Parameters
    ----------
    plane : ndarray
        Labels (H, W).
    reviewed : bytes
        `Reviewed.to_bytes`.

    Returns
    -------
    int
        CRC-32.
    """
    value = zlib.crc32(reviewed)
    for rows in row_bands(*plane.shape):
        value = zlib.crc32(np.ascontiguousarray(plane[rows]).data, value)
    return value


def looked_at(subject: Subject) -> bytes:
    """Pack what was reviewed on a page; nothing if nobody has looked at it."""
    reviewed = reviewed_of(subject.labels, subject.page)
    return reviewed.to_bytes() if reviewed.grid.any() else b""


def _same(one: Subject | None, other: Subject | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.image, one.labels, one.page) == (other.image, other.labels, other.page)


def _look_at(page: _Watched, folders: list[Path]) -> None:
    subject = page.subject
    if page.key is None:
        pixels = layers.page_source(subject.image).read(subject.page)
        page.key = PageKey(content_of(pixels), *_origin(subject))
        page.found = find_drafts(folders, page.key)
        read_from = subject.labels.metadata.get(DRAFT)
        page.taken = [path for path in page.found if str(path) == read_from]
        page.found = [path for path in page.found if str(path) != read_from]
        page.kept = _first_state(subject)
    plane = subject.plane()
    looked = looked_at(subject)
    state = checksum_of(plane, looked)
    if state == page.kept or not (page.file or looked or _is_edited(subject)):
        return
    draft = Draft(plane, looked or None, subject.labels.metadata.get("model"))
    page.file = _write(page, folders, draft)
    page.kept, page.edited, page.trouble = state, True, ""
    page.time = time.strftime("%H:%M:%S")
    while page.taken:
        page.taken.pop().unlink(missing_ok=True)


def _origin(subject: Subject) -> tuple[str, int]:
    """File and page by which a page is known; pairs are often opened as one stack."""
    pair = pair_file(subject)
    if pair is not None:
        return str(Path(pair).resolve()), 1
    source = subject.source_file()
    return "" if source is None else str(source.resolve()), subject.page_of_file()


def _first_state(subject: Subject) -> int | None:
    """The state of a page that needs no draft; None if there is none."""
    saved = saved_state(subject)
    if saved is not None:
        return saved
    plane = subject.plane()
    return None if plane.any() else checksum_of(plane)


def _is_edited(subject: Subject) -> bool:
    """Whether there is more than what a run has found and could find again."""
    result = result_behind(subject.labels)
    return result is None or result.was_edited(subject.page)


def _write(page: _Watched, folders: list[Path], draft: Draft) -> Path:
    """Write to the first folder that takes it; an older draft elsewhere is let go."""
    assert page.key is not None
    first: DraftError | None = None
    for folder in dict.fromkeys(folders):
        try:
            path = write_draft(folder, page.key, draft)
        except DraftError as error:
            first = first or error
            continue
        if page.file is not None and page.file != path:
            page.file.unlink(missing_ok=True)
        return path
    assert first is not None
    raise first


def _let_go(page: _Watched, checksum: int, keep_file: bool) -> None:
    page.kept, page.edited = checksum, False
    if keep_file:
        return
    for path in [*page.taken, *([page.file] if page.file else [])]:
        path.unlink(missing_ok=True)
    page.taken.clear()
    page.file, page.time = None, ""
