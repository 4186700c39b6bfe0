"""Import pairs into a collection: pages as they are, masks in the form of this project."""

from __future__ import annotations

import filecmp
import re
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from docbin_napari.io.atomic import atomic_path, writing_trouble
from docbin_napari.io.errors import FileError, MaskError, PageError, PairError
from docbin_napari.io.mask import GroundTruth, read_ground_truth, write_ground_truth
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, RESULTS_FOLDER, read_pages
from docbin_napari.io.paths import same_name
from docbin_napari.pairs.collection import image_files
from docbin_napari.pairs.polarity import MaskTrouble, lightness, mask_trouble, why_reversed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from docbin_napari.pairs.matching import Match
    from docbin_napari.pairs.source import Source

_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f]')
Outcome = Literal["imported", "would be imported", "already there", "left out"]


@dataclass(frozen=True)
class ImportConfig:
    """How pairs are imported.

    Parameters
    ----------
    collection : str, optional
        Name of the new or existing collection; that of the source by default.
    reversed_ink : bool
        Turn round the masks whose ink and background look exchanged.
    dry_run : bool
        Read everything and show what would be done, but write nothing.
    """

    collection: str | None = None
    reversed_ink: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Imported:
    """What became of one pair.

    Parameters
    ----------
    match : Match
        The pair in the source.
    outcome : str
        What was done.
    page : Path or None
        Where the page is now, or would be.
    remarks : tuple of str
        A new name, what is wrong with the pair.
    suspect : bool
        Whether ink and background of the mask look exchanged.
    """

    match: Match
    outcome: Outcome
    page: Path | None = None
    remarks: tuple[str, ...] = ()
    suspect: bool = False


@dataclass(frozen=True, eq=False)
class _Content:
    """A pair as it lies in the source, read."""

    file: Path
    truth: GroundTruth
    dpi: tuple[float, float] | None
    remarks: list[str]
    trouble: MaskTrouble | None


def collection_name(source: Path, given: str | None) -> str:
    """Name the collection of a source.

    Parameters
    ----------
    source : Path
        Folder or zip file.
    given : str, optional
        The name that is wanted.

    Returns
    -------
    str
        `given`, or the name of the source as the name of a folder.

    Raises
    ------
    ValueError
        If `given` cannot be the name of a folder of pages.
    """
    if given is None:
        source = source.resolve()
        name = source.name if source.is_dir() else source.stem
        return _NOT_IN_NAMES.sub("_", name).strip(". ") or "imported"
    taken = given in (GROUND_TRUTH_FOLDER, RESULTS_FOLDER)
    if not given.strip() or given.startswith(".") or taken or _NOT_IN_NAMES.search(given):
        raise ValueError(f"{given!r} cannot be the name of a collection")
    return given


def import_pairs(
    source: Source, matches: Iterable[Match], collection: Path, config: ImportConfig
) -> Iterator[Imported]:
    """Copy pairs into a collection, each with both of its files or not at all.

    Pages are copied byte by byte. Masks are read and written again as PNG with black
    ink. Nothing is overwritten: a pair whose name is taken gets a new one, and one that
    is there already, page and mask, is passed over.

    Parameters
    ----------
    source : Source
        From `open_source`.
    matches : iterable of Match
        From `match_pairs`.
    collection : Path
        Folder of the collection; made if it is missing.
    config : ImportConfig
        How to do it.

    Yields
    ------
    Imported
        One a match. What cannot be read or written is left out, with the reason.

    Raises
    ------
    PairError
        If the collection cannot be listed.
    """
    taken = _taken_names(collection)
    for match in matches:
        try:
            with source.file(match.page) as page, source.file(match.mask) as mask:
                content = _read(page, mask, match, config.reversed_ink)
                yield _bring(match, content, collection, taken, config.dry_run)
        except FileError as error:
            yield Imported(match, "left out", None, (error.reason,))


def _taken_names(collection: Path) -> dict[str, Path | None]:
    """Names in use, without suffix and case, and the page of each."""
    taken: dict[str, Path | None] = {}
    for folder in (collection / GROUND_TRUTH_FOLDER, collection):
        for path in image_files(folder) if folder.is_dir() else []:
            taken[same_name(path.stem).casefold()] = path if folder == collection else None
    return taken


def _read(page: Path, mask: Path, match: Match, reversed_ink: bool) -> _Content:
    """Read both files; what differs from the usual becomes a remark."""
    remarks: list[str] = []
    try:
        image = next(read_pages(page))
    except PageError as error:
        raise PageError(page, f"{match.page}: {error.reason}") from error
    if image.count > 1:
        raise PairError(page, f"{match.page}: a file of {image.count} pages; one is needed")
    try:
        truth = _read_mask(mask, remarks)
    except MaskError as error:
        raise MaskError(mask, f"{match.mask}: {error.reason}") from error
    height, width = image.pixels.shape[:2]
    if truth.ink.shape != (height, width):
        rows, columns = truth.ink.shape
        raise PairError(mask, f"the page is {width} × {height}, its mask {columns} × {rows} pixels")
    if not truth.labelled.any():
        remarks.append("no pixel is labelled")
    elif not truth.ink.any():
        remarks.append("there is no ink in the mask")
    gray = lightness(image.pixels)
    remarks += image.remarks
    trouble = mask_trouble(gray, truth)
    turned = GroundTruth(truth.labelled & ~truth.ink, truth.labelled)
    is_reversed = trouble is not None and trouble.kind == "reversed"
    if trouble and is_reversed and reversed_ink and not mask_trouble(gray, turned):
        remarks.append(f"turned round, since {why_reversed(gray, truth)}")
        truth, trouble = turned, None
    return _Content(page, truth, image.dpi, remarks, trouble)


def _read_mask(mask: Path, remarks: list[str]) -> GroundTruth:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        truth = read_ground_truth(mask)
    if caught:
        # The warning names a temporary file.
        remarks.append("the mask has grays, which are thresholded at 128")
    return truth


def _bring(
    match: Match,
    content: _Content,
    collection: Path,
    taken: dict[str, Path | None],
    dry_run: bool,
) -> Imported:
    """Write one pair under a free name, unless it is there already."""
    wanted = _NOT_IN_NAMES.sub("_", same_name(match.name)).lstrip(".") or "page"
    remarks = list(content.remarks)
    suspect = content.trouble is not None and content.trouble.kind == "reversed"
    if content.trouble is not None:
        remarks.append(content.trouble.problem if suspect else str(content.trouble))
    outcome: Outcome
    suffix = match.page.suffix.lower()
    name = wanted
    number = 1
    while name.casefold() in taken:
        if _is_there(taken[name.casefold()], content):
            return Imported(match, "already there", taken[name.casefold()], tuple(remarks), suspect)
        waiting = taken[name.casefold()]
        if waiting is not None and _waits_for_mask(waiting, content):
            remarks.append("the page was there already, without its mask")
            if not dry_run:
                _write_mask(waiting, content)
            outcome = "would be imported" if dry_run else "imported"
            return Imported(match, outcome, waiting, tuple(remarks), suspect)
        number += 1
        name = f"{wanted}-{number}"
    if name != same_name(match.name):
        why = "is taken" if name != wanted else "has characters that file names should not have"
        remarks.append(f"named {name}, since {match.name} {why}")
    page = collection / f"{name}{suffix}"
    if not dry_run:
        _write(page, content)
    taken[name.casefold()] = page
    outcome = "would be imported" if dry_run else "imported"
    return Imported(match, outcome, page, tuple(remarks), suspect)


def _waits_for_mask(page: Path, content: _Content) -> bool:
    """Whether this very page was brought before, by an import that broke off before its mask."""
    masks = page.parent / GROUND_TRUTH_FOLDER
    others = masks.iterdir() if masks.is_dir() else ()
    alone = same_name(page.stem) not in {same_name(path.stem) for path in others}
    return alone and page.is_file() and filecmp.cmp(page, content.file, shallow=False)


def _is_there(page: Path | None, content: _Content) -> bool:
    """Whether a pair of the collection is this one, by the bytes of the page and the mask."""
    if page is None or not page.is_file() or not filecmp.cmp(page, content.file, shallow=False):
        return False
    try:
        truth = read_ground_truth(page.parent / GROUND_TRUTH_FOLDER / f"{page.stem}.png")
    except MaskError:
        return False
    same_ink = np.array_equal(truth.ink, content.truth.ink)
    return same_ink and np.array_equal(truth.labelled, content.truth.labelled)


def _write_mask(page: Path, content: _Content) -> None:
    mask = page.parent / GROUND_TRUTH_FOLDER / f"{page.stem}.png"
    truth = content.truth
    write_ground_truth(mask, truth.ink, truth.labelled, dpi=content.dpi, overwrite=False)


def _write(page: Path, content: _Content) -> None:
    """Write both files; the page is taken back if its mask cannot be written."""
    written = False
    try:
        with atomic_path(page, overwrite=False) as temporary:
            shutil.copyfile(content.file, temporary)
        written = True
        _write_mask(page, content)
    except BaseException as error:
        if written:
            page.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise PairError(page, f"{page.name} came into being just now; try again") from error
        if isinstance(error, OSError):
            raise PairError(page, f"{page}: {writing_trouble(error)}") from error
        raise
