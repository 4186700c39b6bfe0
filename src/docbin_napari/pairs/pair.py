"""Find, read and write training pairs, COLLECTION/PAGE.png with COLLECTION/fg_mask/PAGE.png."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.encode import Dpi, write_pages
from docbin_napari.io.errors import FileError, PageError, PairError
from docbin_napari.io.mask import GroundTruth, read_ground_truth, write_ground_truth
from docbin_napari.io.page import (
    GROUND_TRUTH_FOLDER,
    RESERVED_FOLDERS,
    Page,
    find_pages,
    natural_key,
    read_pages,
)
from docbin_napari.io.paths import (
    atomic_path,
    is_folder,
    name_trouble,
    same_name,
    to_disk,
    writing_trouble,
)


@dataclass(frozen=True)
class Pair:
    """A page file and its ground truth file.

    Parameters
    ----------
    page, ground_truth : Path
        The two files.
    collection : str
        Name of the folder of the page.
    name : str
        Name of the page without its suffix, the same for both files.
    """

    page: Path
    ground_truth: Path
    collection: str
    name: str


def find_pairs(folder: str | os.PathLike[str]) -> list[Pair]:
    """Find the pairs of a collection, or of all collections in a folder.

    Page and mask are matched by the name before the last dot. A page without a mask
    is work to do and left out.

    Parameters
    ----------
    folder : path-like
        A collection (it has a folder ``fg_mask``) or a folder of collections.

    Returns
    -------
    list of Pair
        In natural order of collection and name.

    Raises
    ------
    PairError
        If there is no collection, a mask has no page, or a name has two pages or
        two masks.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paper, ink = np.full((4, 4, 3), 240, np.uint8), np.eye(4, dtype=bool)
    ...     _ = write_pair(folder, "letter", paper, ink)
    ...     [pair.name for pair in find_pairs(folder)]
    ['letter']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PairError(folder, "there is no such folder")
    if (folder / GROUND_TRUTH_FOLDER).is_dir():
        return _pairs_of(folder)
    collections = [path for path in folders_in(folder) if (path / GROUND_TRUTH_FOLDER).is_dir()]
    if not collections:
        raise PairError(folder, f"neither this folder nor one in it has a {GROUND_TRUTH_FOLDER}/")
    return [pair for path in collections for pair in _pairs_of(path)]


def _pairs_of(collection: Path) -> list[Pair]:
    masks = _only_ones(collection / GROUND_TRUTH_FOLDER)
    pages = _only_ones(collection, wanted=masks)
    lonely = [mask.name for name, mask in masks.items() if name not in pages]
    if lonely:
        shown = ", ".join(lonely[:5]) + (f" and {len(lonely) - 5} more" if lonely[5:] else "")
        raise PairError(collection, f"masks without a page of the same name: {shown}")
    name = collection.resolve().name
    return [Pair(pages[key], masks[key], name, key) for key in masks]


def _only_ones(folder: Path, wanted: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """Images of a folder by their names, all or those that are wanted, which must be unique."""
    found: dict[str, Path] = {}
    for name, (path, *others) in images_by_name(folder).items():
        if wanted is None or name in wanted:
            if others:
                both = f"{path.name} and {others[0].name}"
                raise PairError(folder, f"{both} have the same name; keep one of them")
            found[name] = path
    return found


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


def images_by_name(folder: Path, *, any_case: bool = False) -> dict[str, list[Path]]:
    """List the images of a folder by the name before the suffix.

    Parameters
    ----------
    folder : Path
        Where to look; one that cannot be seen holds none.
    any_case : bool
        Whether to put names into lower case, as on systems that ignore case.

    Returns
    -------
    dict of str to list of Path
        In natural order.

    Raises
    ------
    PairError
        If the folder cannot be read.
    """
    found: dict[str, list[Path]] = {}
    for path in image_files(folder) if is_folder(folder) else ():
        name = same_name(path.stem)
        found.setdefault(name.casefold() if any_case else name, []).append(path)
    return found


def read_pair(pair: Pair) -> tuple[NDArray[np.uint8], GroundTruth]:
    """Read a page and its ground truth.

    Parameters
    ----------
    pair : Pair
        From `find_pairs`.

    Returns
    -------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255.
    ground_truth : GroundTruth
        Arrays of shape (H, W).

    Raises
    ------
    PairError
        If the two differ in size, or the page file holds several pages.
    PageError, MaskError
        If a file cannot be read.
    """
    page, truth = read_page_of_pair(pair)
    return page.pixels, truth


def read_page_of_pair(pair: Pair) -> tuple[Page, GroundTruth]:
    """Read a page with its resolution, and its ground truth; as `read_pair` does."""
    page = next(read_pages(pair.page))
    if page.count > 1:
        raise PairError(pair.page, f"a page of a pair is one image, not a file of {page.count}")
    truth = read_ground_truth(pair.ground_truth)
    if truth.ink.shape != page.pixels.shape[:2]:
        (height, width), (rows, columns) = page.pixels.shape[:2], truth.ink.shape
        raise PairError(
            pair.ground_truth,
            f"the mask is {columns} × {rows} pixels, but its page {pair.page.name} "
            f"is {width} × {height}",
        )
    return page, truth


def write_pair(
    folder: str | os.PathLike[str],
    name: str,
    pixels: NDArray[np.uint8],
    ink: NDArray[np.bool_],
    labelled: NDArray[np.bool_] | None = None,
) -> Pair:
    """Add a page and its ground truth to a collection; nothing is ever overwritten.

    Parameters
    ----------
    folder : path-like
        The collection; made if it is missing.
    name : str
        Name of the page, without a suffix.
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255.
    ink : ndarray, bool, shape (H, W)
        True where there is ink.
    labelled : ndarray, bool, shape (H, W), optional
        True where a person has decided; everything is labelled if it is left out.

    Returns
    -------
    Pair
        The two new files, ``NAME.png`` and ``fg_mask/NAME.png``.

    Raises
    ------
    PairError
        If the collection has a page or a mask of that name, the name cannot be that
        of a file, or the files cannot be written.
    ValueError
        If the arrays are not of these types and of one size.
    """
    folder = Path(folder)
    if trouble := name_trouble(name):
        raise PairError(folder, f"{name!r} cannot be the name of a page: it {trouble}")
    content = PairContent(pixels, ink, labelled)
    page, mask = folder / f"{name}.png", folder / GROUND_TRUTH_FOLDER / f"{name}.png"
    for place in (folder, mask.parent):
        if same_name(name) in images_by_name(place):
            raise PairError(place, f"there is already a file named {name}; choose another name")
    try:
        write_both_files(page, mask, content)
    except FileExistsError as error:
        raise PairError(page, "there is already such a file") from error
    return Pair(page, mask, folder.resolve().name, name)


@dataclass(frozen=True, eq=False)
class PairContent:
    """The content of the two files of a pair.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255.
    ink : ndarray, bool, shape (H, W)
        True where there is ink.
    labelled : ndarray, bool, shape (H, W), optional
        True where a person has decided; everything is labelled if it is left out.
    dpi : (float, float), optional
        Resolution x and y in dots per inch.
    texts : mapping of str to str
        Words for the mask file, see `docbin_napari.pairs.provenance`.

    Raises
    ------
    ValueError
        If pixels and ink are not of these types and of one size.
    """

    pixels: NDArray[np.uint8]
    ink: NDArray[np.bool_]
    labelled: NDArray[np.bool_] | None = None
    dpi: Dpi = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.shape != (*self.ink.shape, 3):
            raise ValueError(
                f"pixels are {self.pixels.dtype} {self.pixels.shape}, but ink of shape "
                f"{self.ink.shape} needs uint8 {(*self.ink.shape, 3)}"
            )

    def write_page(self, path: Path) -> None:
        """Write the page, a gray one as one channel: the same pixels in a third of the space."""
        first = self.pixels[..., 0]
        is_gray = all(np.array_equal(first, self.pixels[..., channel]) for channel in (1, 2))
        write_pages(path, [np.ascontiguousarray(first) if is_gray else self.pixels], self.dpi)

    def write_mask(self, path: Path) -> None:
        """Write the mask; what is wrong with the arrays or the file is raised as it is."""
        write_ground_truth(path, self.ink, self.labelled, dpi=self.dpi, texts=self.texts)


def write_both_files(page: Path, mask: Path, content: PairContent) -> None:
    """Write page and mask; if one cannot be written the other does not appear either.

    Strategy: both files are written to the end under hidden names and brought to the disk;
    that is where a disk gets full and where a process has time to die. Two renames then
    make them appear, the page first. Should the process die between the two, a page
    without a mask is left, which every reader takes for work to do, and which the next
    save of that page completes; a mask without a page would be an error for all of them.

    Parameters
    ----------
    page, mask : Path
        Files, neither of which exists. Missing folders are made.
    content : PairContent
        What is written.

    Raises
    ------
    FileExistsError
        If one of the files exists; it is left as it is.
    PairError
        If the files cannot be written; what was made until then is taken away.
    ValueError
        If the arrays are not a mask.
    """
    new_folders = [folder for folder in (mask.parent, page.parent) if not folder.exists()]
    appeared = False
    try:
        with atomic_path(mask, overwrite=False) as hidden_mask:
            content.write_mask(hidden_mask)
            to_disk(hidden_mask)
            with atomic_path(page, overwrite=False) as hidden_page:
                content.write_page(hidden_page)
                to_disk(hidden_page)
            appeared = True
    except BaseException as error:
        # A page without its mask would be taken for a page still to be labelled.
        if appeared:
            page.unlink(missing_ok=True)
        for folder in new_folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, FileExistsError | ValueError):
            raise
        raise in_words(page, error) from error
    to_disk(mask.parent)
    to_disk(page.parent)


def write_mask_alone(mask: Path, content: PairContent, *, overwrite: bool) -> None:
    """Write the mask of a page that is there already, whole or not at all.

    Raises
    ------
    FileExistsError
        If it exists and `overwrite` is False.
    PairError
        If it cannot be written.
    ValueError
        If the arrays are not a mask.
    """
    try:
        with atomic_path(mask, overwrite=overwrite) as hidden:
            content.write_mask(hidden)
            to_disk(hidden)
        to_disk(mask.parent)
    except (FileExistsError, ValueError):
        raise
    except Exception as error:
        raise in_words(mask, error) from error


def in_words(path: Path, error: BaseException) -> BaseException:
    """Rephrase an error about a temporary file as one about the file that was meant."""
    if isinstance(error, FileError):
        return PairError(path, error.reason)
    return PairError(path, writing_trouble(error)) if isinstance(error, OSError) else error


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
    found: list[Collection] = []
    for child in folders_in(folder):
        inside = [child] if _holds_pages(child) else filter(_holds_pages, folders_in(child))
        found += [Collection(path, "" if path == child else child.name) for path in inside]
    if not any((collection.path / GROUND_TRUTH_FOLDER).is_dir() for collection in found):
        raise PairError(
            folder, f"neither this folder nor one in it has a {GROUND_TRUTH_FOLDER}/ with masks"
        )
    return found


def folders_in(folder: Path) -> list[Path]:
    """List the folders inside another in natural order; hidden ones and results are left out.

    Raises
    ------
    PairError
        If it cannot be read.
    """
    try:
        folders = [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise PairError(folder, f"the folder cannot be read ({error.strerror})") from error
    kept = [path for path in folders if path.name not in RESERVED_FOLDERS and path.name[0] != "."]
    return sorted(kept, key=natural_key)


def _holds_pages(folder: Path) -> bool:
    return (folder / GROUND_TRUTH_FOLDER).is_dir() or bool(image_files(folder))


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
    pages = images_by_name(collection.path).keys()
    if not (collection.path / GROUND_TRUTH_FOLDER).is_dir():
        return Summary(collection, without_mask=len(pages))
    try:
        pairs = find_pairs(collection.path)
    except PairError as error:
        return Summary(collection, without_mask=len(pages), troubles=(error,))
    figures = Counter(without_mask=len(pages - {pair.name for pair in pairs}))
    troubles: list[FileError] = []
    for pair in pairs:
        try:
            truth = read_ground_truth(pair.ground_truth)
        except FileError as error:
            troubles.append(error)
            continue
        labelled, ink = int(truth.labelled.sum()), int(truth.ink.sum())
        figures.update(pages=1, pixels=truth.ink.size, labelled=labelled, ink=ink)
    return Summary(collection, troubles=tuple(troubles), **figures)
