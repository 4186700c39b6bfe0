"""Save corrected pages as training pairs, or replace the mask of an opened pair."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.errors import PairError
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, RESERVED_FOLDERS, read_pages
from docbin_napari.io.paths import (
    atomic_path,
    is_folder,
    is_plain_file,
    missing,
    name_trouble,
    remove_leftovers,
    same_name,
    to_disk,
)
from docbin_napari.pairs.pair import (
    Pair,
    PairContent,
    folders_in,
    images_by_name,
    in_words,
    write_both_files,
    write_mask_alone,
)
from docbin_napari.pairs.provenance import now

REPLACED_FOLDER = "replaced"
"""Folder inside ``fg_mask`` that holds the masks which a later save replaced."""


@dataclass(frozen=True)
class Saved:
    """What a save has done.

    Parameters
    ----------
    pair : Pair
        The two files.
    outcome : str
        ``saved``: two new files; ``completed``: the page was there and waited for its
        mask; ``replaced``: a new mask of the pair that was opened.
    wanted : str
        The name that was asked for.
    kept : Path or None
        The mask that was replaced.
    """

    pair: Pair
    outcome: Literal["saved", "completed", "replaced"]
    wanted: str
    kept: Path | None = None

    @property
    def sentence(self) -> str:
        """What was done, for the user."""
        place = f"{self.pair.page.parent.parent.name}/{self.pair.collection}"
        if self.kept is not None:
            return (
                f"Replaced the mask of {self.pair.name} in {place}. The one before is kept in "
                f"{GROUND_TRUTH_FOLDER}/{REPLACED_FOLDER}."
            )
        if self.outcome == "completed":
            return f"Saved the mask of {self.pair.name}; the page was in {place} already."
        if self.pair.name != self.wanted:
            return f"Saved as {self.pair.name} in {place}, since {self.wanted} is taken."
        return f"Saved as {self.pair.name} in {place}."


def save_pair(place: PairPlace, content: PairContent) -> Saved:
    """Save a new pair; nothing is ever overwritten.

    Parameters
    ----------
    place : PairPlace
        Where to. If the name is taken, a number is added to it. If a page of that name
        and with the same pixels waits there for its mask, only the mask is written.
    content : PairContent
        Page and ground truth.

    Returns
    -------
    Saved
        The pair and its name.

    Raises
    ------
    PairError
        If there is something wrong with place or content, or the files cannot be written;
        then nothing of them is there.
    """
    if trouble := place.trouble() or content_trouble(content):
        raise PairError(place.folder, trouble)
    number = 1
    while True:
        name = place.name if number == 1 else f"{place.name}-{number}"
        number += 1
        pages, masks = _taken(place.folder, name), _taken(_masks(place.folder), name)
        mask = _masks(place.folder) / f"{name}.png"
        try:
            if not pages and not masks:
                page = place.folder / f"{name}.png"
                write_both_files(page, mask, content)
                return Saved(Pair(page, mask, place.collection, name), "saved", place.name)
            if len(pages) == 1 and not masks and same_pixels(pages[0], content.pixels):
                remove_leftovers(pages[0])
                pair = Pair(pages[0], mask.with_stem(pages[0].stem), place.collection, name)
                write_mask_alone(pair.ground_truth, content, overwrite=False)
                return Saved(pair, "completed", place.name)
        except FileExistsError:
            continue  # It was created just now.


def replace_mask(pair: Pair, content: PairContent) -> Saved:
    """Give a pair a new mask and keep the one it had.

    The old mask gets a second name in ``fg_mask/replaced`` before the new one takes its
    place in one step: at no moment is the pair without a mask.

    Parameters
    ----------
    pair : Pair
        From `pair_of`.
    content : PairContent
        The same page, and its new ground truth.

    Returns
    -------
    Saved
        With the file of the old mask.

    Raises
    ------
    PairError
        If the page of the pair is another one now, or the files cannot be written; then
        the old mask is where it was.
    """
    if trouble := content_trouble(content):
        raise PairError(pair.page, trouble)
    if not same_pixels(pair.page, content.pixels):
        raise PairError(
            pair.page, "this file is not the page that was corrected; save under a new name"
        )
    new = pair.ground_truth.with_suffix(".png")
    try:
        kept = _keep(pair.ground_truth)
        if new != pair.ground_truth and new.exists():
            _keep(new)
        write_mask_alone(new, content, overwrite=True)
        if new != pair.ground_truth:
            pair.ground_truth.unlink()
            to_disk(new.parent)
    except Exception as error:
        raise in_words(new, error) from error
    return Saved(Pair(pair.page, new, pair.collection, pair.name), "replaced", pair.name, kept)


def content_trouble(content: PairContent) -> str:
    """Say why a page is no training pair; empty if there is no reason."""
    if content.labelled is not None and content.labelled.shape != content.ink.shape:
        height, width = content.ink.shape
        rows, columns = content.labelled.shape
        return f"The region is {columns} × {rows} pixels, but the page {width} × {height}."
    if content.labelled is not None and not content.labelled.any():
        return "No pixel is labelled; there is nothing to learn from this page."
    return ""


def pair_of(page: str | os.PathLike[str] | None) -> Pair | None:
    """Find the pair that a page file belongs to.

    Parameters
    ----------
    page : path-like or None
        A file.

    Returns
    -------
    Pair or None
        None if there is no such file, or no mask can be seen beside it.
    """
    if page is None or not is_plain_file(Path(page)):
        return None
    path = Path(page)
    try:
        masks = _taken(_masks(path.parent), path.stem)
    except PairError:
        return None
    masks.sort(key=lambda mask: same_name(mask.stem) != same_name(path.stem))
    return Pair(path, masks[0], path.resolve().parent.name, path.stem) if masks else None


def _masks(collection: Path) -> Path:
    return collection / GROUND_TRUTH_FOLDER


def _taken(folder: Path, name: str) -> list[Path]:
    """Images of that name, whatever their suffix; some systems know no upper case."""
    return images_by_name(folder, any_case=True).get(same_name(name).casefold(), [])


def same_pixels(page: Path, pixels: NDArray[np.uint8]) -> bool:
    """Tell whether a file holds one page with these pixels, RGB; False if it cannot be read."""
    try:
        pages = list(read_pages(page))
    except Exception:
        return False
    return len(pages) == 1 and np.array_equal(pages[0].pixels, pixels)


def _keep(mask: Path) -> Path:
    """Give a mask a second name, with the time in it."""
    stamp = now().replace(":", "-")
    number = 1
    while True:
        more = "" if number == 1 else f" {number}"
        kept = mask.parent / REPLACED_FOLDER / f"{mask.stem} {stamp}{more}{mask.suffix}"
        number += 1
        try:
            with atomic_path(kept, overwrite=False, own_folder=True) as hidden:
                shutil.copy2(mask, hidden)
                to_disk(hidden)
        except FileExistsError:
            continue
        return kept


Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True)
class PairPlace:
    """Where a pair is to be saved: ``<datasets>/<train|test>/<collection>/NAME.png``.

    Parameters
    ----------
    datasets : Path
        The data sets.
    split : str
        ``train`` or ``test``.
    collection : str
        Name of a new or existing collection.
    name : str
        Name of the page, without a suffix.
    """

    datasets: Path
    split: Split
    collection: str
    name: str

    @property
    def folder(self) -> Path:
        """The folder of the collection."""
        return self.datasets / self.split / self.collection

    def trouble(self) -> str:
        """Say why nothing can be saved there; empty if there is no reason.

        Checks the names and the permissions of the folders, not the space on the disk.
        """
        if str(self.datasets) in ("", "."):
            return "Choose the folder of the data sets."
        if trouble := name_trouble(self.collection):
            return f"The name of the collection {trouble}."
        if self.collection in RESERVED_FOLDERS:
            return f"{self.collection} is a reserved name: choose another one for the collection."
        if trouble := name_trouble(self.name):
            return f"The name of the page {trouble}."
        return folder_trouble(self.folder / GROUND_TRUTH_FOLDER)


def collection_names(datasets: Path, split: str) -> list[str]:
    """List the collections of a data set in natural order; none if they cannot be read."""
    try:
        return [path.name for path in folders_in(datasets / split)]
    except PairError:
        return []


def waiting_pages(collection: Path) -> list[str]:
    """List the names of pages that have no mask yet, for instance after an interrupted save."""
    try:
        pages, masks = images_by_name(collection), images_by_name(_masks(collection))
    except PairError:
        return []
    waiting = [page.stem for name, found in pages.items() if name not in masks for page in found]
    return waiting if is_folder(_masks(collection)) else []


def folder_trouble(folder: Path) -> str:
    """Say why files cannot be made in a folder; empty if there is no reason.

    A folder that is missing would be made, so the one above it is checked.
    """
    while (trouble := missing(folder)).startswith("there is no ") and folder != folder.parent:
        folder = folder.parent
    if trouble:
        return f"{folder}: {trouble}; choose another folder."
    if not folder.is_dir():
        return f"{folder} is a file; choose another folder."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} may not be written to; choose another folder or change its permissions."
    return ""
