"""Save unsaved corrections as drafts, a few seconds after they are made.

Strategy: no event reports reliably that labels have changed: painting, undo, sliders, scripts and
tools of other plugins write to them in their own ways. So one thread beside the window computes a
checksum of the page every two seconds (some milliseconds for a usual page) and writes a draft
whenever it has changed since. The page is not copied: what is painted while its draft is being
written is in this draft or in the next one, which then follows for certain.
"""

from __future__ import annotations

import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.drafts import Draft, read_draft
from docbin_napari.plugin.saving.page_draft import (
    Watched,
    is_of,
    let_go,
    write_draft_if_changed,
    writers_at_work,
)
from docbin_napari.plugin.settings import draft_places
from docbin_napari.plugin.threads import readable

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from napari.layers import Labels

    from docbin_napari.plugin.layers.page_record import Subject

KEPT = "Unsaved corrections kept"
_PAUSE_SECONDS = 2.0
_MOST_OF_THE_TIME = 4


class Autosave:
    """Keeps the corrections of the page that is worked on.

    Parameters
    ----------
    datasets : callable
        Gives the folder of the data sets, or None.
    clock : callable
        Seconds that only rise.
    is_open : callable
        Whether labels are still in the viewer: what is kept of others is offered.
    """

    def __init__(
        self,
        datasets: Callable[[], Path | None],
        clock: Callable[[], float] = time.monotonic,
        is_open: Callable[[Labels], bool] = lambda _: True,
    ) -> None:
        self._datasets = datasets
        self._clock = clock
        self._is_open = is_open
        self._pages: list[Watched] = []
        self._now: Watched | None = None
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
        if subject is None and self._now is None:
            return
        if subject is not None and self._now is not None and is_of(self._now, subject):
            return
        self._look()
        left, self._now = self._now, None if subject is None else self._known(subject)
        if left is not None:
            self._work = self._submit(self._leave, left)
        self._due = self._clock()

    def _known(self, subject: Subject) -> Watched:
        """What is known of a page, or a new note of it."""
        self._pages = [page for page in self._pages if page.labels() is not None]
        for page in self._pages:
            if is_of(page, subject):
                page.subject = subject
                return page
        new = Watched(
            subject, weakref.ref(subject.labels), weakref.ref(subject.image), subject.page
        )
        self._pages.append(new)
        return new

    def _leave(self, page: Watched) -> None:
        if page is not self._now:
            page.subject = None

    def tick(self) -> None:
        """Look at the page if it is time; call about once a second."""
        busy = self._work is not None and not self._work.done()
        if self._now is not None and not busy and self._clock() >= self._due:
            self._look()

    def flush(self, seconds: float = 20.0) -> str:
        """Keep what was painted until now, and wait until it is on the disk.

        Parameters
        ----------
        seconds : float
            How long to wait at most.

        Returns
        -------
        str
            Why it is not on the disk, for the user; empty if it is, or if there is nothing.
        """
        self._look()
        try:
            if self._work is not None:
                self._work.result(seconds)
        except TimeoutError:
            return f"Your corrections are not kept: the disk did not answer in {seconds:.0f} s."
        return "" if self._now is None else self._now.trouble

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
        if page is None or page.subject is None or not page.found:
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
            if is_of(page, subject):
                page.edited = False  # Until drafts are compared: the list changes at once.
                self._work = self._submit(let_go, page, checksum, keep_file)

    # ---- messages

    @property
    def status(self) -> str:
        """What was kept when, or what is wrong, for the user; empty if there is nothing."""
        page = self._now
        if page is None:
            return ""
        return page.trouble or (f"{KEPT} at {page.time}." if page.time else "")

    @property
    def edited(self) -> Subject | None:
        """The page that is worked on, if it holds corrections that are in no pair."""
        return self._now.subject if self._now is not None and self._now.edited else None

    # ---- the thread

    def _look(self) -> None:
        if self._now is None:
            return
        folders = draft_places(self._datasets())
        at_work = writers_at_work(self._is_open)
        self._work = self._submit(self._look_at, self._now, folders, at_work)

    def _submit(self, work: Callable[..., None], *arguments: Any) -> Future[None]:
        """Do something beside the window, after all that was asked for before."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "docbin-autosave")
        return self._thread.submit(work, *arguments)

    def _look_at(self, page: Watched, folders: list[Path], at_work: frozenset[str]) -> None:
        start = self._clock()
        try:
            write_draft_if_changed(page, folders, at_work)
        except Exception as error:
            page.trouble = f"Your corrections are not kept: {readable(error)}"
        end = self._clock()
        self._due = end + max(_PAUSE_SECONDS, _MOST_OF_THE_TIME * (end - start))
