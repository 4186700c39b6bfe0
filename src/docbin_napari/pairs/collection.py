"""Find collections of training pairs below a folder, and count pages and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbin_napari.io.errors import FileError, PageError, PairError
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, RESULTS_FOLDER, find_pages, natural_key
from docbin_napari.io.paths import same_name
from docbin_napari.pairs.pair import find_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Collection:
    """A folder of pages with its folder of masks.

    Parameters
    ----------
    path : Path
        The folder.
    split : str
        What it is for, such as ``train`` or ``test``: the name of the folder above it
        in a data set; "" where there is only one level.
    """

    path: Path
    split: str = ""

    @property
    def name(self) -> str:
        """Name of the collection, with its split in front."""
        name = self.path.resolve().name
        return f"{self.split}/{name}" if self.split else name


def find_collections(folder: Path) -> list[Collection]:
    """Find the collections of a folder.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set whose folders (``train``,
        ``test``) hold collections.

    Returns
    -------
    list of Collection
        In natural order. Below a folder that is no collection itself, folders of pages
        without masks count too: someone may have forgotten the masks.

    Raises
    ------
    PairError
        If there is no such folder, it cannot be read, or it holds no masks.
    """
    if not folder.is_dir():
        raise PairError(folder, "there is no such folder")
    if (folder / GROUND_TRUTH_FOLDER).is_dir():
        return [Collection(folder)]
    found = [
        collection
        for child in _folders(folder)
        for collection in ([Collection(child)] if _holds_pages(child) else _inside(child))
    ]
    if not any((collection.path / GROUND_TRUTH_FOLDER).is_dir() for collection in found):
        raise PairError(
            folder, f"neither this folder nor one in it has a {GROUND_TRUTH_FOLDER}/ with masks"
        )
    return found


def _inside(split: Path) -> Iterator[Collection]:
    return (Collection(path, split.name) for path in _folders(split) if _holds_pages(path))


def _folders(folder: Path) -> list[Path]:
    try:
        folders = [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise PairError(folder, f"the folder cannot be read ({error.strerror})") from error
    hidden = (GROUND_TRUTH_FOLDER, RESULTS_FOLDER)
    kept = [path for path in folders if not path.name.startswith(".") and path.name not in hidden]
    return sorted(kept, key=natural_key)


def _holds_pages(folder: Path) -> bool:
    return (folder / GROUND_TRUTH_FOLDER).is_dir() or bool(image_files(folder))


def image_files(folder: Path) -> list[Path]:
    """List the images of a folder; PDF files, which cannot be part of a pair, are left out.

    Parameters
    ----------
    folder : Path
        Where to look.

    Returns
    -------
    list of Path
        In natural order.

    Raises
    ------
    PairError
        If the folder cannot be read.
    """
    try:
        return [path for path in find_pages(folder) if path.suffix.lower() != ".pdf"]
    except PageError as error:
        raise PairError(error.path, error.reason) from error


@dataclass(frozen=True)
class Summary:
    """Figures of a collection.

    Parameters
    ----------
    collection : Collection
        Which one.
    pages : int
        Number of pairs.
    without_mask : int
        Number of pages that wait for their mask.
    pixels, labelled, ink : int
        Pixels of the masks, those that are labelled, and those that are ink.
    troubles : tuple of FileError
        What could not be read and is not counted.
    """

    collection: Collection
    pages: int = 0
    without_mask: int = 0
    pixels: int = 0
    labelled: int = 0
    ink: int = 0
    troubles: tuple[FileError, ...] = ()


def summarize_collections(folder: Path) -> Iterator[Summary]:
    """Count what lies in the collections of a folder. Only the masks are read.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with ``train`` and ``test``.

    Yields
    ------
    Summary
        One a collection.

    Raises
    ------
    PairError
        When the first is asked for, if there is no collection.
    """
    for collection in find_collections(folder):
        try:
            yield _summarize(collection)
        except PairError as error:
            yield Summary(collection, troubles=(error,))


def _summarize(collection: Collection) -> Summary:
    pages = {same_name(path.stem) for path in image_files(collection.path)}
    if not (collection.path / GROUND_TRUTH_FOLDER).is_dir():
        return Summary(collection, without_mask=len(pages))
    try:
        pairs = find_pairs(collection.path)
    except PairError as error:
        return Summary(collection, without_mask=len(pages), troubles=(error,))
    pixels = labelled = ink = 0
    troubles: list[FileError] = []
    for pair in pairs:
        try:
            truth = read_ground_truth(pair.ground_truth)
        except FileError as error:
            troubles.append(error)
            continue
        pixels += truth.ink.size
        labelled += int(truth.labelled.sum())
        ink += int(truth.ink.sum())
    return Summary(
        collection,
        pages=len(pairs) - len(troubles),
        without_mask=len(pages - {pair.name for pair in pairs}),
        pixels=pixels,
        labelled=labelled,
        ink=ink,
        troubles=tuple(troubles),
    )
