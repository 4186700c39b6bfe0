"""Draft of one page and its state on disk; runs in one thread."""

from __future__ import annotations

import itertools
import time
import weakref
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels

from docbin_napari.io.errors import DraftError
from docbin_napari.io.rgb import row_bands
from docbin_napari.pairs.drafts import (
    SESSION,
    Draft,
    PageKey,
    content_of,
    find_drafts,
    write_draft,
)
from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.page_record import AS_SAVED, DRAFT, PAIR, reviewed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from napari.layers import Image
    from numpy.typing import NDArray

    from docbin_napari.plugin.layers.page_record import Subject

# Doors may keep state: two panels over the same labels are one writer. Gone with the layer.
_WRITERS: weakref.WeakKeyDictionary[Labels, str] = weakref.WeakKeyDictionary()
_NUMBERS = itertools.count()


def writer_of(labels: Labels) -> str:
    """Tell the name under which drafts of a labels layer are written.

    Parameters
    ----------
    labels : Labels
        Any layer.

    Returns
    -------
    str
        Letters and digits that no other layer of any session has.
    """
    return _WRITERS.setdefault(labels, f"{SESSION}{next(_NUMBERS):x}")


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


@dataclass(eq=False)
class Watched:
    """What is known of a page; only the thread of the autosave changes it.

    Layers of a page that was left are let go as soon as its last draft is written: large
    pages would fill the memory.
    """

    subject: Subject | None
    labels: weakref.ref[Labels]
    image: weakref.ref[Image]
    place: int
    key: PageKey | None = None
    found: list[Path] = field(default_factory=list)
    kept: int | None = None
    file: Path | None = None
    taken: list[Path] = field(default_factory=list)
    time: str = ""
    trouble: str = ""
    edited: bool = False


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


def reviewed_bytes(subject: Subject) -> bytes:
    """Pack what was reviewed on a page; nothing if nobody has looked at it."""
    reviewed = reviewed_of(subject.labels, subject.page)
    return reviewed.to_bytes() if reviewed.grid.any() else b""


def is_of(page: Watched, subject: Subject) -> bool:
    """Tell whether this is what is known of a page."""
    return (page.image(), page.labels(), page.place) == (
        subject.image,
        subject.labels,
        subject.page,
    )


def write_draft_if_changed(
    page: Watched, folders: list[Path], at_work: Container[str] = ()
) -> None:
    """Write a draft if the page has changed since it was looked at last.

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
    state, looked = _state(subject)
    if state == page.kept or not (page.file or looked or _is_edited(subject)):
        page.trouble = ""
        return
    draft = Draft(subject.plane(), looked or None, subject.labels.metadata.get("model"))
    page.file = _write(page, folders, draft, writer_of(subject.labels))
    page.kept, page.edited, page.trouble = state, True, ""
    page.time = time.strftime("%H:%M:%S")
    while page.taken:
        page.taken.pop().unlink(missing_ok=True)


def _look_for_drafts(
    page: Watched, subject: Subject, folders: list[Path], at_work: Container[str]
) -> None:
    """Learn what was left of a page, and which state of it needs no draft."""
    pixels = page_source.stored_pages(subject.image).read(subject.page)
    key = PageKey(content_of(pixels), *_origin(subject))
    found = find_drafts(folders, key, at_work)
    read_from = subject.labels.metadata.get(DRAFT)
    page.taken = [path for path in found if str(path) == read_from]
    page.found = [path for path in found if str(path) != read_from]
    page.kept = _first_state(subject)
    page.key = key


def _state(subject: Subject) -> tuple[int, bytes]:
    """The checksum of a page, and what was reviewed there."""
    looked = reviewed_bytes(subject)
    return checksum_of(subject.plane(), looked), looked


def _origin(subject: Subject) -> tuple[str, int]:
    """File and page by which a page is known; pairs are often opened as one stack."""
    pair, source = subject.noted(PAIR), subject.source_file()
    if pair is not None and (source is None or source.is_dir()):
        return str(Path(pair).resolve()), 1
    return "" if source is None else str(source.resolve()), subject.page_of_file()


def _first_state(subject: Subject) -> int | None:
    """The state of a page that needs no draft; None if there is none."""
    saved: int | None = subject.noted(AS_SAVED)
    if saved is not None:
        return saved
    plane = subject.plane()
    return None if plane.any() else checksum_of(plane)


def _is_edited(subject: Subject) -> bool:
    """Whether there is more than what a run has found and could find again."""
    result = result_behind(subject.labels)
    return result is None or result.was_edited(subject.page)


def _write(page: Watched, folders: list[Path], draft: Draft, writer: str) -> Path:
    """Write to the first folder that takes it; an older draft elsewhere is let go."""
    assert page.key is not None
    first: DraftError | None = None
    for folder in dict.fromkeys(folders):
        try:
            path = write_draft(folder, page.key, draft, writer)
        except DraftError as error:
            first = first or error
            continue
        if page.file is not None and page.file != path:
            page.file.unlink(missing_ok=True)
        return path
    assert first is not None
    raise first


def let_go(page: Watched, checksum: int, keep_file: bool) -> None:
    """Note that a state of a page is in a pair; what was painted since is kept all the same.

    Parameters
    ----------
    page : Watched
        The page.
    checksum : int
        Of the state that was saved.
    keep_file : bool
        Whether only a region was saved, so that a draft holds more than the pair.
    """
    now = page.kept if page.subject is None else _state(page.subject)[0]
    page.edited = now != checksum
    if page.edited:
        return  # Its draft is of the later state, or the next look makes it so.
    files = [*page.taken, *([page.file] if page.file else [])]
    if keep_file:
        for path in files:
            path.touch()  # What is newer than the pair is what the work goes on with.
        if page.file is None:
            page.kept = None  # The next look keeps what the pair does not hold.
        return
    page.kept = checksum
    for path in files:
        path.unlink(missing_ok=True)
    page.taken.clear()
    page.file, page.time = None, ""
