"""Save unsaved corrections as drafts, a few seconds after they are made.

Strategy: no event reports reliably that labels have changed: painting, undo, sliders, scripts and
tools of other plugins write to them in their own ways. So one background thread computes a
checksum of the page every two seconds (some milliseconds for a usual page) and writes a draft
whenever it has changed since. The page is not copied: what is painted while its draft is being
written is in this draft or in the next one, which then follows for certain.
"""

from __future__ import annotations

import itertools
import time
import weakref
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.errors import DraftError
from docbin_napari.io.paths import is_folder, is_plain_file
from docbin_napari.pairs import drafts
from docbin_napari.pairs.drafts import Draft, PageKey
from docbin_napari.plugin.layers import page_record, page_source, undo
from docbin_napari.plugin.layers.ink_result import INK, result_behind
from docbin_napari.plugin.layers.page_record import AS_SAVED, DRAFT, PAIR
from docbin_napari.plugin.settings import draft_places
from docbin_napari.plugin.threads import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from concurrent.futures import Future

    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from docbin_napari.plugin.layers.page_record import Subject

    Where = tuple[weakref.ref[Image], weakref.ref[Labels], int]

KEPT = "Unsaved corrections kept"
_PAUSE_SECONDS = 2.0
_MOST_OF_THE_TIME = 4
# State of the process: two panels over the same labels are one writer. Gone with the layer.
_WRITERS: weakref.WeakKeyDictionary[Labels, str] = weakref.WeakKeyDictionary()
_NUMBERS = itertools.count()


class Autosave:
    """Keeps the corrections of the page that is worked on.

    Parameters
    ----------
    datasets : callable
        Gives the folder of the data sets, or None.
    clock : callable
        A monotonic clock, seconds.
    is_open : callable
        Whether labels are still in the viewer: what is kept of others is offered.

    Attributes
    ----------
    left : list of (Path or None, int)
        File and page, from 1, of what was left with corrections; the reader removes entries.
    """

    def __init__(
        self,
        datasets: Callable[[], Path | None],
        clock: Callable[[], float] = time.monotonic,
        is_open: Callable[[Labels], bool] = lambda _: True,
    ) -> None:
        self._datasets, self._clock, self._is_open = datasets, clock, is_open
        self._pages: dict[Where, Watched] = {}
        self._now = self._nothing = Watched()
        self.left: list[tuple[Path | None, int]] = []
        self._thread = ThreadPoolExecutor(1, "docbin-autosave")
        self._work: Future[None] | None = None
        self._due = 0.0

    # ---- what is watched

    def watch(self, subject: Subject | None) -> None:
        """Note which page is worked on; the one before is checked a last time.

        Parameters
        ----------
        subject : Subject or None
            The page; None if there is none.
        """
        page = self._nothing
        if subject is not None:
            known = self._pages.items()
            self._pages = {where: page for where, page in known if where[1]() is not None}
            page = self._pages.setdefault(_where(subject), Watched())
            page.subject = subject
        if page is not self._now:
            left, self._now = self._now, page
            self._check(left)
            self._due = self._clock()

    def tick(self) -> None:
        """Check the page if it is time; call about once a second."""
        busy = self._work is not None and not self._work.done()
        if not busy and self._clock() >= self._due:
            self._check(self._now)

    def flush(self, seconds: float = 20.0) -> str:
        """Keep what was painted until now, and wait until it is on the disk.

        Parameters
        ----------
        seconds : float
            How long to wait at most.

        Returns
        -------
        str
            Why it is not on the disk, for the user; empty if it is, or if there is nothing. Pages
            that were left and could not be kept then are tried again.
        """
        for page in (self._now, *self._troubled):
            self._check(page)
        try:
            if self._work is not None:
                self._work.result(seconds)
        except TimeoutError:
            return f"Your corrections are not kept: the disk did not answer in {seconds:.0f} s."
        return next((page.trouble for page in (self._now, *self._troubled) if page.trouble), "")

    @property
    def _troubled(self) -> list[Watched]:
        """Pages that were left and are not kept."""
        return [page for page in self._pages.values() if page.trouble and page is not self._now]

    def close(self) -> None:
        """Keep what was painted until now, without waiting; Python's end waits for it."""
        self._check(self._now)
        self._now = self._nothing

    # ---- what was found

    @property
    def offer(self) -> Path | None:
        """The newest draft of this page that another session has left, if there is one."""
        return next(iter(self._now.found), None)

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
        assert page.subject is not None
        path = page.found.pop(0)
        draft = read_fitting(path, page.subject.plane().shape)
        page.taken.append(path)
        self._due = self._clock()
        return draft

    def discard(self) -> None:
        """Throw away the draft that is offered."""
        if self._now.found:
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
        page = self._pages.get(_where(subject))
        if page is not None:
            page.edited = False  # Until drafts are compared: the list changes at once.
            self._work = self._thread.submit(_let_go, page, checksum, keep_file)

    # ---- messages

    @property
    def status(self) -> str:
        """What was kept when, or what is wrong, for the user; empty if there is nothing."""
        page = self._now
        return page.trouble or (f"{KEPT} at {page.time}." if page.time else "")

    @property
    def edited(self) -> Subject | None:
        """The page that is worked on, if it holds corrections that are in no pair."""
        return self._now.subject if self._now.edited else None

    # ---- the thread: one thing after the other

    def _check(self, page: Watched) -> None:
        if page.subject is not None:
            datasets, at_work = self._datasets(), writers_at_work(self._is_open)
            self._work = self._thread.submit(self._keep, page, datasets, at_work)

    def _keep(self, page: Watched, datasets: Path | None, at_work: frozenset[str]) -> None:
        start = self._clock()
        try:
            # A disk that does not answer holds this thread, and not the window.
            write_draft_if_changed(page, draft_places(datasets), at_work)
        except Exception as error:
            page.trouble = f"Your corrections are not kept: {readable(error)}"
        if page is not self._now and not page.trouble:
            if page.subject is not None and page.edited:
                self.left.append((page.subject.source_file(), page.subject.page_of_file()))
            page.subject = None
        end = self._clock()
        self._due = end + max(_PAUSE_SECONDS, _MOST_OF_THE_TIME * (end - start))


def writers_at_work(is_open: Callable[[Labels], bool]) -> frozenset[str]:
    """List the writers whose layers are open; only the window's thread may ask.

    Parameters
    ----------
    is_open : callable
        Whether a layer is still in the viewer.

    Returns
    -------
    frozenset of str
        Their names.
    """
    return frozenset(name for labels, name in list(_WRITERS.items()) if is_open(labels))


# ---- one page


@dataclass(eq=False)
class Watched:
    """What is known of a page; only the thread of the autosave changes it.

    Layers of a page that was left are let go as soon as its last draft is written: large
    pages would fill the memory.
    """

    subject: Subject | None = None
    key: PageKey | None = None
    found: list[Path] = field(default_factory=list)
    kept: int | None = None
    file: Path | None = None
    taken: list[Path] = field(default_factory=list)
    time: str = ""
    trouble: str = ""
    edited: bool = False


def _where(subject: Subject) -> Where:
    """Identify a page without keeping its layers."""
    return weakref.ref(subject.image), weakref.ref(subject.labels), subject.page


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
    return zlib.crc32(np.ascontiguousarray(plane).data, zlib.crc32(reviewed))


def reviewed_bytes(subject: Subject) -> bytes:
    """Pack what was reviewed on a page; nothing if nobody has reviewed it."""
    reviewed = page_record.reviewed_of(subject.labels, subject.page)
    return reviewed.to_bytes() if reviewed.grid.any() else b""


def page_key(image: Image, page: int, pair: str | None = None) -> PageKey:
    """Make the key by which drafts of a page are found; reads all pixels: not for the GUI thread.

    Parameters
    ----------
    image : Image
        A layer that `page_source.refusal` accepts.
    page : int
        Place in the stack, from 0.
    pair : str, optional
        The page file of its pair: pairs are often opened as one stack, which is not a file.

    Returns
    -------
    PageKey
        Pixels, file and page of the file.
    """
    known = page_record.provenance(image)
    content = drafts.content_of(page_source.page_source(image).stored.read(page))
    source = Path(known["source"]).resolve() if known["source"] else None
    if pair is not None and (source is None or is_folder(source)):
        return PageKey(content, str(Path(pair).resolve()), 1)
    return PageKey(content, "" if source is None else str(source), int(known["page"] or page + 1))


def write_draft_if_changed(
    page: Watched, folders: list[Path], at_work: Container[str] = ()
) -> None:
    """Write a draft if the page has changed since the last check.

    Parameters
    ----------
    page : Watched
        The page.
    folders : list of Path
        Where drafts may lie; the first that takes it gets it.
    at_work : container of str
        From `writers_at_work`: what they keep is offered to nobody.

    Raises
    ------
    DraftError
        If none of them takes it.
    """
    subject = page.subject
    if subject is None:
        return
    if page.key is None:
        _look_for_drafts(page, subject, folders, at_work)
    looked = reviewed_bytes(subject)
    state = checksum_of(subject.plane(), looked)
    gone = page.file is not None and not is_plain_file(page.file)  # It was thrown away elsewhere.
    wanted = page.file or looked or _is_edited(subject, page.kept)
    if (state == page.kept and not gone) or not wanted:
        page.trouble = ""
        return
    draft = Draft(subject.plane(), looked or None, subject.labels.metadata.get("model"))
    writer = _WRITERS.setdefault(subject.labels, f"{drafts.SESSION}{next(_NUMBERS):x}")
    page.file = _write(page, folders, draft, writer)
    page.kept, page.edited, page.trouble = state, True, ""
    page.time = time.strftime("%H:%M:%S")
    while page.taken:
        page.taken.pop().unlink(missing_ok=True)


def _look_for_drafts(
    page: Watched, subject: Subject, folders: list[Path], at_work: Container[str]
) -> None:
    """Learn what was left of a page, and which state of it needs no draft."""
    key = page_key(subject.image, subject.page, subject.noted(PAIR))
    found = drafts.find_drafts(folders, key, at_work)
    read_from = subject.labels.metadata.get(DRAFT)
    page.taken = [path for path in found if str(path) == read_from]
    page.found = [path for path in found if str(path) != read_from]
    page.kept = subject.noted(AS_SAVED)
    plane = subject.plane()
    if page.kept is None and plane.min() == plane.max() != INK:  # They were only started.
        page.kept = checksum_of(plane)
    page.key = key


def _is_edited(subject: Subject, kept: int | None) -> bool:
    """Tell whether there is more than a run, or the pair of the page, would give again."""
    result = result_behind(subject.labels)
    saved = kept is not None and subject.noted(PAIR) is not None  # That is what is opened again.
    return saved or result is None or result.was_edited(subject.page)


def _write(page: Watched, folders: list[Path], draft: Draft, writer: str) -> Path:
    """Write to the first folder that takes it; an older draft elsewhere is let go."""
    assert page.key is not None
    troubles = []
    for folder in folders:
        try:
            path = drafts.write_draft(folder, page.key, draft, writer)
        except DraftError as error:
            troubles.append(error)
            continue
        if page.file is not None and page.file != path:
            with suppress(OSError):  # Its disk may be gone.
                page.file.unlink()
        return path
    first, *others = troubles
    raise DraftError(first.path, "; ".join([first.reason, *map(str, others)]))


def _let_go(page: Watched, checksum: int, keep_file: bool) -> None:
    """Note that a state of a page is in a pair; what was painted since is kept all the same."""
    now, subject = page.kept, page.subject
    if subject is not None:
        now = checksum_of(subject.plane(), reviewed_bytes(subject))
    page.edited = now != checksum
    if page.edited:
        return  # Its draft is of the later state, or the next look makes it so.
    files = [*page.taken, *([page.file] if page.file else [])]
    if keep_file:
        for path in filter(Path.exists, files):
            path.touch()  # What is newer than the pair is what the work goes on with.
        if page.file is None:
            page.kept = None  # The next look keeps what the pair does not hold.
        return
    page.kept = checksum
    for path in files:
        path.unlink(missing_ok=True)
    page.taken.clear()
    page.file, page.time = None, ""


# ---- drafts that are taken


def read_fitting(path: Path, shape: tuple[int, ...]) -> Draft:
    """Read the draft of a page of a size.

    Raises
    ------
    DraftError
        If the draft cannot be read, or is of another size.
    """
    draft = drafts.read_draft(path)
    if draft.labels.shape != shape:
        raise DraftError(path, "these corrections belong to a page of another size")
    return draft


def put_draft(labels: Labels, page: int, draft: Draft) -> None:
    """Put corrections on a page; one step of undo takes them away.

    Parameters
    ----------
    labels : Labels
        The layer.
    page : int
        Place in the stack, from 0.
    draft : Draft
        Of the size of the page.
    """
    height, width = draft.labels.shape
    undo.write(labels, page, np.s_[0:height, 0:width], draft.labels)
    if draft.reviewed:
        page_record.restore_reviewed(labels, page, draft.reviewed)
    if labels.data.ndim == 2:  # The metadata of a stack are those of all its pages.
        labels.metadata = page_record.with_model(labels.metadata, draft.model)
    labels.refresh()
