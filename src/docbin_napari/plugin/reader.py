"""Read documents as napari layers, with their resolution.

The manifest claims what napari has no reader for: PDF, HEIC, AVIF, JPEG XL and two rare
suffixes. napari looks at the patterns of the readers only: a second reader for ``*.tif`` brings
up "Choose reader" at every TIFF (until a choice is remembered), and makes
``viewer.open("page.tif")`` in scripts fail, even where that reader then refuses the file.
napari opens TIFF with CCITT and LZW compression once imagecodecs is there, which comes with this
package. What is left, pages of mixed size, the resolution, training folders, opens through the
commands in *File > IO Utilities*, which use the functions below.
"""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.errors import PageError, PairError
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, PAGE_SUFFIXES, Page, read_pages
from docbin_napari.pairs.pair import find_pairs, read_page_of_pair
from docbin_napari.pairs.provenance import read_provenance
from docbin_napari.plugin.layers.ink_result import BACKGROUND, INK, UNLABELLED
from docbin_napari.plugin.layers.page_record import AS_SAVED, LOOKED, PAIR
from docbin_napari.plugin.layers.page_source import label_style
from docbin_napari.plugin.saving.autosave import checksum_of
from docbin_napari.plugin.settings import read_preferences
from docbin_napari.plugin.writer import take_over_saving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from docbin_napari.io.mask import GroundTruth
    from docbin_napari.pairs.pair import Pair

LayerData = tuple[Any, dict[str, Any], str]

DOCUMENT_PIXEL_LIMIT = 4_000_000_000
"""Most pixels of all pages of one document together; 12 GB as RGB."""

_GAP = 0.03
# napari takes the colours of a page that is less than 30 pixels high for a third dimension.
_RGB = {"rgb": True}


def get_reader(path: str | Sequence[str]) -> Callable[..., list[LayerData]] | None:
    """Offer to read a document or a training folder.

    Parameters
    ----------
    path : str or sequence of str
        One or several files or folders.

    Returns
    -------
    callable or None
        Takes the same argument and returns layers; None for anything that is neither
        a page nor a training folder.
    """
    paths = _as_paths(path)
    return read_layers if paths and all(map(_is_ours, paths)) else None


def read_layers(path: str | Sequence[str], **_: Any) -> list[LayerData]:
    """Read documents and training folders.

    Parameters
    ----------
    path : str or sequence of str
        One or several files or folders.

    Returns
    -------
    list of tuple
        napari layer data.

    Raises
    ------
    PageError, MaskError, PairError
        If something cannot be read; the text names the file and what is wrong.
    """
    layers: list[LayerData] = []
    for one in _as_paths(path):
        layers += read_training_folder(one) if one.is_dir() else read_document(one)
    return layers


def read_document(path: Path) -> list[LayerData]:
    """Read all pages of a file.

    Parameters
    ----------
    path : Path
        Anything that `docbin_napari.io.page.read_pages` reads.

    Returns
    -------
    list of tuple
        One image layer: a page (H, W, 3) or, when all pages have one size, a stack
        (pages, H, W, 3). Otherwise one layer a page, laid out side by side. The metadata
        hold ``dpi`` (x, y), None, or a list of one for each page of a stack where they
        differ; ``source``, the file; and ``page``, from 1, None for a stack.

    Raises
    ------
    PageError
        If the file cannot be read, or its pages are too many to be held in memory.

    Warns
    -----
    UserWarning
        For each remark on the pages, once; napari shows warnings as notifications.
    """
    pages = list(_checked(read_pages(path, dpi=read_preferences().pdf_dpi)))
    _warn({remark: path for page in pages for remark in page.remarks})
    if len(pages) > 1 and len({page.pixels.shape for page in pages}) == 1:
        return [_stack_layer(path, pages)]
    places = side_by_side([page.pixels.shape[:2] for page in pages])
    return [_page_layer(page, place) for page, place in zip(pages, places, strict=True)]


def read_training_folder(folder: Path) -> list[LayerData]:
    """Read a training folder: pages and their ground truth.

    Parameters
    ----------
    folder : Path
        A collection (it has a folder ``fg_mask``), or a folder of collections.

    Returns
    -------
    list of tuple
        An image and a labels layer for each pair (0 background, 1 ink, 2 unlabelled),
        one stack of each when all pages have one size.

    Raises
    ------
    PageError, MaskError, PairError
        If there is no pair, pages and masks do not belong together, or a file cannot be read.

    Warns
    -----
    UserWarning
        For each remark on the pages, once, with the first of them.
    """
    pairs, read, pixels = find_pairs(folder), [], 0
    if not pairs:
        raise PairError(folder, f"there is no pair yet: put masks into {GROUND_TRUTH_FOLDER}/")
    remarks: dict[str, Path] = {}
    for pair in pairs:
        page, truth = read_page_of_pair(pair)
        pixels += truth.ink.size
        if pixels > DOCUMENT_PIXEL_LIMIT:
            raise PageError(folder, f"its {len(pairs)} pairs are too many to be opened at once")
        labels, own = labels_of_pair(pair, truth)
        read.append((page.pixels, labels, {**own, "dpi": page.dpi}))
        remarks = dict.fromkeys(page.remarks, pair.page) | remarks
    _warn(remarks)
    shapes = [labels.shape for _, labels, _ in read]
    if len(read) > 1 and len(set(shapes)) == 1:
        images, inks, own = zip(*read, strict=True)
        both = np.stack(images), np.stack(inks)
        return _pair_layers(folder.resolve().name, both, folder, own)
    layers: list[LayerData] = []
    for pair, (image, ink, said), place in zip(pairs, read, side_by_side(shapes), strict=True):
        layers += _pair_layers(pair.name, (image, ink), pair.page, (said,), translate=place)
    return layers


def labels_of_pair(pair: Pair, truth: GroundTruth) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Turn the ground truth of a pair into labels.

    Parameters
    ----------
    pair : Pair
        The two files.
    truth : GroundTruth
        What was read from the mask file.

    Returns
    -------
    labels : ndarray
        uint8 (H, W): 0 background, 1 ink, 2 unlabelled.
    own : dict
        What the metadata of their layer say of the page, to be put into lists of all pages.
    """
    labels = np.where(truth.ink, np.uint8(INK), np.uint8(BACKGROUND))
    labels[~truth.labelled] = UNLABELLED
    origin = read_provenance(pair.ground_truth)
    looked = b"" if origin is None else origin.reviewed_windows or b""
    return labels, {PAIR: str(pair.page), LOOKED: looked, AS_SAVED: checksum_of(labels, looked)}


def side_by_side(shapes: Sequence[tuple[int, ...]]) -> list[tuple[float, float]]:
    """Lay pages of mixed size out so that none covers another.

    Parameters
    ----------
    shapes : sequence of (int, int)
        Heights and widths, pixels.

    Returns
    -------
    list of (float, float)
        Row and column of each page's first pixel, in rows of about as many pages
        as there are rows.

    Examples
    --------
    >>> side_by_side([(100, 50), (100, 60)])
    [(0.0, 0.0), (0.0, 53.0)]
    """
    gap = round(_GAP * max((max(shape) for shape in shapes), default=0))
    per_row = math.ceil(math.sqrt(len(shapes)))
    places, top, left, lowest = [], 0.0, 0.0, 0.0
    for number, (height, width) in enumerate(shapes):
        if number and number % per_row == 0:
            top, left = lowest + gap, 0.0
        places.append((top, left))
        left += width + gap
        lowest = max(lowest, top + height)
    return places


def _warn(remarks: dict[str, Path]) -> None:
    for remark, path in remarks.items():
        warnings.warn(f"{path}: {remark}", stacklevel=3)


def _as_paths(path: str | Sequence[str]) -> list[Path]:
    return [Path(path)] if isinstance(path, (str, os.PathLike)) else [Path(one) for one in path]


def is_training_folder(folder: Path) -> bool:
    """Tell whether a folder is a collection of pairs, or holds collections."""
    return any(folder.glob(GROUND_TRUTH_FOLDER)) or any(folder.glob(f"*/{GROUND_TRUTH_FOLDER}"))


def _is_ours(path: Path) -> bool:
    return is_training_folder(path) if path.is_dir() else path.suffix.lower() in PAGE_SUFFIXES


def _checked(pages: Iterator[Page]) -> Iterator[Page]:
    """Stop before a long document fills the memory."""
    pixels = 0
    for page in pages:
        pixels += math.prod(page.pixels.shape[:2])
        if pixels > DOCUMENT_PIXEL_LIMIT:
            raise PageError(
                page.source,
                f"its {page.count} pages are too many to be opened at once (memory is full after "
                f"page {page.index}); binarize the file with the docbin command, or draw PDF "
                "pages at a lower resolution (Preferences, docbin-napari)",
            )
        yield page


def _origin(resolutions: list[Any], source: Path, page: int | None) -> dict[str, Any]:
    """Name the file of a layer in its metadata; one resolution if all pages have the same."""
    dpi = resolutions[0] if len(set(resolutions)) == 1 else resolutions
    return {"dpi": dpi, "source": str(source.absolute()), "page": page}


def _page_layer(page: Page, place: tuple[float, float]) -> LayerData:
    name = page.source.stem if page.count == 1 else f"{page.source.stem}, page {page.index + 1}"
    metadata = _origin([page.dpi], page.source, page.index + 1)
    return page.pixels, {"name": name, "metadata": metadata, "translate": place, **_RGB}, "image"


def _stack_layer(path: Path, pages: list[Page]) -> LayerData:
    metadata = _origin([page.dpi for page in pages], path, None)
    stack = np.empty((len(pages), *pages[0].pixels.shape), np.uint8)
    while pages:  # Each page is let go as it is copied, so that memory holds them once.
        page = pages.pop()
        stack[page.index] = page.pixels
    return stack, {"name": path.stem, "metadata": metadata, **_RGB}, "image"


def _pair_layers(
    name: str,
    both: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    source: Path,
    own: Sequence[dict[str, Any]],
    **placed: Any,
) -> list[LayerData]:
    """An image and its labels; `own` is what the labels say of each page."""
    take_over_saving()
    pixels, labels = both
    of_pages = {key: [page[key] for page in own] for key in own[0]}
    metadata = _origin(of_pages.pop("dpi"), source, 1 if placed else None)
    ink = {"name": f"Ink of {name}", "metadata": metadata | of_pages, **placed, **label_style()}
    image = {"name": name, "metadata": metadata, **placed, **_RGB}
    return [(pixels, image, "image"), (labels, ink, "labels")]


def degraded_page() -> list[LayerData]:
    """Draw a sample page with the damage of centuries, and its exact ground truth.

    Returns
    -------
    list of tuple
        An image layer, RGB, and a labels layer, hidden at first: 0 background, 1 ink.
    """
    from docbin_napari.drawing.generator import SAMPLE_SEED, draw_page

    page = draw_page(SAMPLE_SEED)
    truth = {"name": "Ground truth", "visible": False, **label_style()}
    return [
        (page.pixels, {"name": "Degraded page", "rgb": True}, "image"),
        (page.ink.astype(np.uint8), truth, "labels"),
    ]
