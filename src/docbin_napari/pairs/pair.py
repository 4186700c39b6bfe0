"""Find and read training pairs: ``COLLECTION/PAGE.png``, ``COLLECTION/fg_mask/PAGE.png``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docbin_napari.io.errors import PageError, PairError
from docbin_napari.io.mask import GroundTruth, read_ground_truth
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, find_pages, natural_key, read_pages
from docbin_napari.io.paths import name_trouble, same_name
from docbin_napari.pairs.two_files import PairContent, write_both_files

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import NDArray


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
    try:
        collections = [e for e in folder.iterdir() if (e / GROUND_TRUTH_FOLDER).is_dir()]
    except OSError as error:
        raise PairError(folder, f"the folder cannot be read ({error.strerror})") from error
    if not collections:
        raise PairError(folder, f"neither this folder nor one in it has a {GROUND_TRUTH_FOLDER}/")
    return [pair for path in sorted(collections, key=natural_key) for pair in _pairs_of(path)]


def _pairs_of(collection: Path) -> list[Pair]:
    masks = _by_name(collection / GROUND_TRUTH_FOLDER)
    pages = _by_name(collection, wanted=frozenset(masks))
    lonely = [mask.name for name, mask in masks.items() if name not in pages]
    if lonely:
        shown = ", ".join(lonely[:5]) + (f" and {len(lonely) - 5} more" if lonely[5:] else "")
        raise PairError(collection, f"masks without a page of the same name: {shown}")
    name = collection.resolve().name
    return [Pair(pages[key], masks[key], name, key) for key in masks]


def _by_name(folder: Path, wanted: frozenset[str] | None = None) -> dict[str, Path]:
    """Image files of a folder by the name before the suffix, which must be unique."""
    found: dict[str, Path] = {}
    try:
        paths = find_pages(folder)
    except PageError as error:
        raise PairError(error.path, error.reason) from error
    for path in paths:
        name = same_name(path.stem)
        if path.suffix.lower() == ".pdf" or (wanted is not None and name not in wanted):
            continue
        if name in found:
            both = f"{found[name].name} and {path.name}"
            raise PairError(folder, f"{both} have the same name; keep one of them")
        found[name] = path
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
    return page.pixels, truth


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
        False where nobody looked; everything is labelled if it is left out.

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
        if place.is_dir() and _by_name(place, frozenset({same_name(name)})):
            raise PairError(place, f"there is already a file named {name}; choose another name")
    try:
        write_both_files(page, mask, content)
    except FileExistsError as error:
        raise PairError(page, "there is already such a file") from error
    return Pair(page, mask, folder.resolve().name, name)
