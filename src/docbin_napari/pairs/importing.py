"""Import pairs into a collection: pages as they are, masks in the form of this project."""

from __future__ import annotations

import filecmp
import shutil
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from docbin_napari.io.errors import FileError, MaskError, PairError
from docbin_napari.io.mask import GroundTruth, read_ground_truth
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, RESERVED_FOLDERS, read_pages
from docbin_napari.io.paths import clean_name, name_trouble, same_name
from docbin_napari.pairs.mask_trouble import MaskTrouble, lightness, mask_trouble, why_reversed
from docbin_napari.pairs.pair import PairContent, images_by_name, write_both_files, write_mask_alone
from docbin_napari.pairs.source import Match, Source

Outcome = Literal["imported", "would be imported", "already there", "left out"]


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


@dataclass(frozen=True, eq=False, kw_only=True)
class _Content(PairContent):
    """A pair as it lies in the source, read; its page is copied byte by byte."""

    file: Path
    remarks: list[str]
    trouble: MaskTrouble | None

    def write_page(self, path: Path) -> None:
        shutil.copyfile(self.file, path)


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
        return clean_name(name, "imported")
    trouble = name_trouble(given)
    if given in RESERVED_FOLDERS:
        trouble = "is a folder of results or masks"
    if trouble:
        raise ValueError(f"{given!r} cannot be the name of a collection: it {trouble}")
    return given


def import_pairs(
    source: Source,
    matches: Iterable[Match],
    collection: Path,
    *,
    reversed_ink: bool = False,
    dry_run: bool = False,
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
    reversed_ink : bool
        Invert the masks whose ink and background seem exchanged.
    dry_run : bool
        Read everything and show what would be done, but write nothing.

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
                content = _read(page, mask, match, reversed_ink)
                yield _bring(match, content, collection, taken, dry_run)
        except FileError as error:
            yield Imported(match, "left out", None, (error.reason,))


def _taken_names(collection: Path) -> dict[str, Path | None]:
    """Names in use, without suffix and case, and the page of each."""
    pages = images_by_name(collection, any_case=True)
    taken = dict.fromkeys(images_by_name(collection / GROUND_TRUTH_FOLDER, any_case=True))
    return taken | {name: paths[-1] for name, paths in pages.items()}


def _read(page: Path, mask: Path, match: Match, reversed_ink: bool) -> _Content:
    """Read both files; what differs from the usual becomes a remark."""
    remarks: list[str] = []
    try:
        image = next(read_pages(page))
        if image.count > 1:
            raise PairError(page, f"a file of {image.count} pages; one is needed")
        truth = _read_mask(mask, remarks)
    except FileError as error:
        name = match.page if error.path == page else match.mask
        raise PairError(error.path, f"{name}: {error.reason}") from error
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
    if is_reversed and reversed_ink and not mask_trouble(gray, turned):
        remarks.append(f"inverted, since {why_reversed(gray, truth)}")
        truth, trouble = turned, None
    read = image.pixels, truth.ink, truth.labelled, image.dpi
    return _Content(*read, file=page, remarks=remarks, trouble=trouble)


def _read_mask(mask: Path, remarks: list[str]) -> GroundTruth:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        truth = read_ground_truth(mask)
    if caught:
        # The warning names a temporary file.
        remarks.append("the mask has grays, which are thresholded at 128")
    return truth


def _bring(
    match: Match, content: _Content, collection: Path, taken: dict[str, Path | None], dry_run: bool
) -> Imported:
    """Write one pair under a free name, unless it is there already."""
    wanted = clean_name(same_name(match.name))
    remarks = list(content.remarks)
    suspect = content.trouble is not None and content.trouble.kind == "reversed"
    if content.trouble is not None:
        remarks.append(content.trouble.problem if suspect else str(content.trouble))
    outcome: Outcome = "would be imported" if dry_run else "imported"
    name, number = wanted, 1
    while name.casefold() in taken:
        there = taken[name.casefold()]
        if there is not None and _is_same_page(there, content):
            if _has_same_mask(there, content):
                return Imported(match, "already there", there, tuple(remarks), suspect)
            # It was brought by an import that broke off before the mask.
            if name.casefold() not in images_by_name(_mask_of(there).parent, any_case=True):
                remarks.append("the page was there already, without its mask")
                if not dry_run:
                    write_mask_alone(_mask_of(there), content, overwrite=False)
                return Imported(match, outcome, there, tuple(remarks), suspect)
        number += 1
        name = f"{wanted}-{number}"
    if name != same_name(match.name):
        why = "is taken" if name != wanted else "has characters that file names should not have"
        remarks.append(f"named {name}, since {match.name} {why}")
    page = collection / f"{name}{match.page.suffix.lower()}"
    if not dry_run:
        _write(page, content)
    taken[name.casefold()] = page
    return Imported(match, outcome, page, tuple(remarks), suspect)


def _mask_of(page: Path) -> Path:
    return page.parent / GROUND_TRUTH_FOLDER / f"{page.stem}.png"


def _is_same_page(page: Path, content: _Content) -> bool:
    return page.is_file() and filecmp.cmp(page, content.file, shallow=False)


def _has_same_mask(page: Path, content: _Content) -> bool:
    try:
        truth = read_ground_truth(_mask_of(page))
    except MaskError:
        return False
    # What was read from a mask always says what is labelled.
    same_labelled = np.array_equal(truth.labelled, content.labelled)  # type: ignore[arg-type]
    return same_labelled and np.array_equal(truth.ink, content.ink)


def _write(page: Path, content: _Content) -> None:
    try:
        write_both_files(page, _mask_of(page), content)
    except FileExistsError as error:
        raise PairError(page, f"{page.name} was just created; try again") from error
    except PairError as error:
        raise PairError(page, f"{page}: {error.reason}") from error
