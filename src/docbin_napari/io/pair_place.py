"""Where a training pair is to be saved, and what speaks against it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docbin_napari.io.errors import FileError
from docbin_napari.io.file_names import name_trouble, same_name
from docbin_napari.io.page import find_pages, natural_key
from docbin_napari.io.pair_folders import image_files
from docbin_napari.io.pairs import GROUND_TRUTH_FOLDER

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
_RESERVED = (GROUND_TRUTH_FOLDER, "auto_bin")


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

        Looks at the names and at the rights of the folders, not at the room on the disk.
        """
        if str(self.datasets) in ("", "."):
            return "Choose the folder of the data sets."
        if trouble := name_trouble(self.collection):
            return f"The name of the collection {trouble}."
        if self.collection in _RESERVED:
            return f"{self.collection} cannot be a collection; the name has another meaning."
        if trouble := name_trouble(self.name):
            return f"The name of the page {trouble}."
        return folder_trouble(self.folder / GROUND_TRUTH_FOLDER)


def collection_names(datasets: Path, split: str) -> list[str]:
    """List the collections of a data set in natural order; none if they cannot be read."""
    try:
        folders = [path for path in (datasets / split).iterdir() if path.is_dir()]
    except OSError:
        return []
    kept = [path for path in folders if path.name not in _RESERVED and path.name[0] != "."]
    return [path.name for path in sorted(kept, key=natural_key)]


def waiting_pages(collection: Path) -> list[str]:
    """List the names of pages that have no mask yet, be it that a save was cut off."""
    if not (collection / GROUND_TRUTH_FOLDER).is_dir():
        return []
    try:
        masks = {same_name(path.stem) for path in find_pages(collection / GROUND_TRUTH_FOLDER)}
        return [path.stem for path in image_files(collection) if same_name(path.stem) not in masks]
    except FileError:
        return []


def folder_trouble(folder: Path) -> str:
    """Say why files cannot be made in a folder; empty if there is no reason.

    A folder that is missing would be made, so that the one above it is asked.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is a file; choose another folder."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} may not be written to; choose another folder or change its permissions."
    return ""
