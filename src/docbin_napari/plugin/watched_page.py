"""One page whose corrections are kept: what is known of it on the disk. Runs in one thread."""

from __future__ import annotations

import time
import weakref
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.drafts import Draft, PageKey, content_of, find_drafts, write_draft
from docbin_napari.io.errors import DraftError
from docbin_napari.io.rgb import row_bands
from docbin_napari.plugin import layers
from docbin_napari.plugin.ink import result_behind
from docbin_napari.plugin.looked import reviewed_of
from docbin_napari.plugin.own_pair import DRAFT, pair_file, saved_state

if TYPE_CHECKING:
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from docbin_napari.plugin.subject import Subject


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


def looked_at(subject: Subject) -> bytes:
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


def look_at(page: Watched, folders: list[Path]) -> None:
    """Write a draft if the page has changed since it was looked at last.

    Parameters
    ----------
    page : Watched
        The page.
    folders : list of Path
        Where drafts may lie; the first that takes it gets it.

    Raises
    ------
    DraftError
        If none of them takes it.
    """
    subject = page.subject
    if subject is None:
        return
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
    pair, source = pair_file(subject), subject.source_file()
    if pair is not None and (source is None or source.is_dir()):
        return str(Path(pair).resolve()), 1
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


def _write(page: Watched, folders: list[Path], draft: Draft) -> Path:
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


def let_go(page: Watched, checksum: int, keep_file: bool) -> None:
    """Note that the labels of this checksum are in a pair; their draft goes, or stays."""
    page.kept, page.edited = checksum, False
    if keep_file:
        return
    for path in [*page.taken, *([page.file] if page.file else [])]:
        path.unlink(missing_ok=True)
    page.taken.clear()
    page.file, page.time = None, ""
