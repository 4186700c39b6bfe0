"""Work list of a folder of pages: the state of each page, kept beside the pages."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

from docbin_napari.io.errors import FileError, PageError
from docbin_napari.io.page import Page, find_pages, is_pdf, is_tiff, read_pages
from docbin_napari.io.paths import atomic_path, modified, to_disk, writing_trouble
from docbin_napari.io.tiff_header import read_tiff_header

State = Literal["to do", "binarized", "corrected", "saved"]
STATES: tuple[State, ...] = ("to do", "binarized", "corrected", "saved")
STATE_FILE = ".docbin-pages.json"
"""File in the folder of the pages that keeps the state of each page."""
RESULT_ENDING = "-bw"
"""End of the names that are offered for black-and-white pages."""
_RESULT = re.compile(rf"(?P<scan>.+?)(-p\d+)?{RESULT_ENDING}([-_]\d+)?")
_VERSION = 1


class PageListError(FileError):
    """A list of pages that cannot be made or kept."""


@dataclass(frozen=True)
class Entry:
    """One page of the list.

    Parameters
    ----------
    file : Path
        The file.
    page : int
        Page of the file, from 1.
    count : int
        Pages of the file.
    state : str
        ``to do``, ``binarized``, ``corrected`` or ``saved``.
    pair : str, optional
        The page file of the pair it was saved as.
    thresholds : dict of str to float
        By the name of a model and the time of the file: probability from which its ink counts,
        where the user moved it.
    """

    file: Path
    page: int = 1
    count: int = 1
    state: State = "to do"
    pair: str | None = None
    thresholds: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the page is called in the file of states."""
        return self.file.name if self.count == 1 else f"{self.file.name}#{self.page}"

    def threshold(self, model: str) -> float | None:
        """Give the threshold of a model's ink; None where it was not moved on this very file."""
        return self.thresholds.get(self.threshold_key(model))

    def threshold_key(self, model: str) -> str:
        """Give the name of a threshold: another scan under the same name has none."""
        return f"{model}@{modified(self.file)}"

    @property
    def title(self) -> str:
        """What the page is called on screen."""
        return self.file.name if self.count == 1 else f"{self.file.name}, page {self.page}"


@dataclass
class PageList:
    """The pages of a folder in natural order; made by `open_list`.

    Parameters
    ----------
    folder : Path
        The folder.
    kept_in : Path
        Where the states are kept.
    entries : list of Entry
        The pages.
    position : int
        The page that was worked on last, from 0.
    note : str
        What the user should know, for instance that the states could not be read.
    choices : dict of str to str
        How the pages are binarized, as the user has chosen it; kept for another day.
    states : dict of str to dict
        The states of the pages, as they are kept; also of those whose files are not there now.
    """

    folder: Path
    kept_in: Path
    entries: list[Entry] = field(default_factory=list)
    position: int = 0
    note: str = ""
    choices: dict[str, str] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)

    def set_state(
        self, number: int, state: State, pair: str | None = None, *, keep: bool = True
    ) -> None:
        """Set the state of a page and write it.

        Parameters
        ----------
        number : int
            Place in the list, from 0.
        state : str
            The new state.
        pair : str, optional
            The page file of the pair, if it was saved.
        keep : bool
            Whether it is written at once; False where more changes follow, and then `keep`.

        Raises
        ------
        PageListError
            If the states cannot be written; the list itself has changed.
        """
        before = self.entries[number]
        if self._change(number, state=state, pair=pair or before.pair) and keep:
            self.keep()

    def set_threshold(self, number: int, model: str, threshold: float) -> None:
        """Note the threshold of the ink that a model has found, as `set_state` notes a state."""
        entry = self.entries[number]
        moved = {entry.threshold_key(model): threshold}
        if self._change(number, thresholds=entry.thresholds | moved):
            self.keep()

    def _change(self, number: int, **changes: Any) -> bool:
        before = self.entries[number]
        after = self.entries[number] = replace(before, **changes)
        if after == before:
            return False
        known = {"state": after.state, "pair": after.pair, "thresholds": after.thresholds}
        self.states[after.key] = {name: value for name, value in known.items() if value}
        return True

    def find(self, file: Path | None, page: int) -> int | None:
        """Find a page by its file and its place there, from 1; None if it is not in the list."""
        if file is None:
            return None
        number = self._numbers.get((file, page))
        return self._numbers.get((file.resolve(), page)) if number is None else number

    @cached_property
    def _numbers(self) -> dict[tuple[Path, int], int]:
        """Place of each page by its resolved file: a disk is asked once, and not at each look."""
        numbered = reversed(list(enumerate(self.entries)))
        return {(entry.file.resolve(), entry.page): number for number, entry in numbered}

    def keep(self) -> None:
        """Write the states, whole or not at all.

        Raises
        ------
        PageListError
            If they cannot be written.
        """
        stored: dict[str, Any] = {
            "version": _VERSION,
            "folder": str(self.folder),
            "at": self.entries[self.position].key if self.entries else None,
            "choices": self.choices,
            "pages": self.states,
        }
        try:
            with atomic_path(self.kept_in) as hidden:
                # In ASCII, since the bytes of a name need not be UTF-8.
                hidden.write_text(json.dumps(stored, indent=1), "ascii")
                to_disk(hidden)
        except OSError as error:
            raise PageListError(self.kept_in, writing_trouble(error)) from error


def open_list(folder: Path, elsewhere: Path) -> PageList:
    """List the pages of a folder with their states.

    Parameters
    ----------
    folder : Path
        The pages.
    elsewhere : Path
        Folder for the states where the folder of the pages cannot be written to.

    Returns
    -------
    PageList
        At the page that was worked on last. A file of states that cannot be read is put
        aside, and the list begins anew; its `note` says so.

    Raises
    ------
    PageListError
        If there is no such folder, it cannot be read, or it holds no page.
    """
    try:
        files = _without_results(find_pages(folder))
    except PageError as error:
        raise PageListError(error.path, error.reason) from error
    if not files:
        raise PageListError(folder, "there is no page in this folder")
    beside = folder / STATE_FILE
    name = hashlib.blake2b(str(folder.resolve()).encode("utf-8", "replace"), digest_size=8)
    other = elsewhere / f"pages-{name.hexdigest()}.json"
    known = PageList(folder, beside)
    # Both are there where a folder that could be written to cannot any more.
    newest = sorted((beside, other), key=modified, reverse=True)
    stored = next(filter(None, (_stored(path, known) for path in newest)), {})
    known.states = stored.get("pages", {})
    for file, count in zip(files, map(_count, files), strict=True):
        entries = (Entry(file, page, count) for page in range(1, count + 1))
        known.entries += [_with_state(entry, known.states) for entry in entries]
    keys = [entry.key for entry in known.entries]
    choices = stored.get("choices")
    if isinstance(choices, dict):
        known.choices = {str(name): str(value) for name, value in choices.items()}
    known.position = keys.index(stored["at"]) if stored.get("at") in keys else 0
    try:
        known.keep()
    except PageListError:
        known.kept_in = other
    else:
        with suppress(OSError):
            other.unlink(missing_ok=True)
    return known


def read_listed(entry: Entry, dpi: float = 300) -> Page:
    """Read a page of the list.

    Parameters
    ----------
    entry : Entry
        From a `PageList`.
    dpi : float
        Resolution at which PDF pages are drawn, dots per inch.

    Returns
    -------
    Page
        Its pixels, RGB.

    Raises
    ------
    PageError
        If it cannot be read.
    """
    page = next(read_pages(entry.file, dpi=dpi, first=entry.page - 1), None)
    if page is None:
        raise PageError(entry.file, f"there is no page {entry.page} in this file any more")
    return page


def _without_results(files: list[Path]) -> list[Path]:
    """Leave out black-and-white pages that were saved beside their scans."""
    scans = {file.stem for file in files}
    saved = ((file, _RESULT.fullmatch(file.stem)) for file in files)
    return [file for file, match in saved if match is None or match["scan"] not in scans]


def _count(file: Path) -> int:
    """Pages of a file; 1 for one that cannot be read, which opening it reports."""
    with suppress(OSError, PageError):
        with file.open("rb") as stream:
            start = stream.read(1024)
        if is_tiff(start):
            return max(1, len(read_tiff_header(file).pages))
        if is_pdf(start):
            from docbin_napari.io.pdf import page_count

            return max(1, page_count(file))
    return 1


def _stored(path: Path, known: PageList) -> dict[str, Any]:
    """Read the states; what is damaged is put aside, not thrown away."""
    try:
        stored = json.loads(path.read_text("utf-8"))
        if not isinstance(stored, dict) or not isinstance(stored.get("pages"), dict):
            raise ValueError("no list of pages")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        aside = path.with_suffix(".damaged.json")
        known.note = "The states of the pages could not be read; the list begins anew."
        with suppress(OSError):
            path.replace(aside)
            known.note += f" {aside}"
        return {}
    return stored


def _with_state(entry: Entry, states: Mapping[str, Any]) -> Entry:
    found = states.get(entry.key)
    if not isinstance(found, dict) or found.get("state") not in STATES:
        return entry
    state, pair = cast("State", found["state"]), found.get("pair")
    pair = pair if isinstance(pair, str) else None
    if state == "saved" and pair is not None and is_newer(entry.file, Path(pair)):
        state = "to do"
    cut = found.get("thresholds")
    known = cut.items() if isinstance(cut, dict) else ()
    thresholds = {name: at for name, at in known if isinstance(at, float) and 0 <= at <= 1}
    return replace(entry, state=state, pair=pair, thresholds=thresholds)


def is_newer(scan: Path, pair: Path) -> bool:
    """Tell whether a scan was written after a pair: then it may be another page by that name."""
    return 0 < modified(pair) < modified(scan)
