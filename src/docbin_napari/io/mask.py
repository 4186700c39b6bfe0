"""Read and write masks and ink probability; only this module knows that ink is black in masks."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docbin_napari.io.encode import Dpi, write_pages
from docbin_napari.io.errors import LabelNumbersError, MaskError, PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.rgb import RowSource, luma, one_or_many, row_bands

__all__ = ["GroundTruth", "MaskError", "read_ground_truth", "write_ground_truth", "write_mask"]

_INK, _UNLABELLED, _BACKGROUND = 0, 128, 255
_NEARLY_WHITE, _FEW = 240, 4


@dataclass(frozen=True)
class GroundTruth:
    """The ink of a page as a person has labelled it.

    Parameters
    ----------
    ink : ndarray, bool, shape (H, W)
        True where there is ink; False where nothing is labelled.
    labelled : ndarray, bool, shape (H, W)
        False where nothing is labelled: no loss and no metric there.
    """

    ink: NDArray[np.bool_]
    labelled: NDArray[np.bool_]


def read_ground_truth(path: str | os.PathLike[str]) -> GroundTruth:
    """Read a mask file: black is ink, white is background, gray 128 is unlabelled.

    1-bit, palette, gray and colour files of every format of `read_pages` are read.
    Any other gray is thresholded at 128, with one warning a file.

    Parameters
    ----------
    path : path-like
        The mask file.

    Returns
    -------
    GroundTruth
        Ink and labelled pixels.

    Raises
    ------
    MaskError
        If the file cannot be read, holds several pages, or the numbers of labels
        (LabelNumbersError).

    Warns
    -----
    UserWarning
        If there are grays other than 0, 128 and 255.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_mask(Path(folder) / "page.png", np.eye(3, dtype=bool))
    ...     truth = read_ground_truth(path)
    >>> truth.ink.sum(), truth.labelled.all()
    (np.int64(3), np.True_)
    """
    path = Path(path)
    try:
        page = next(read_pages(path))
    except PageError as error:
        raise MaskError(path, error.reason) from error
    if page.count > 1:
        raise MaskError(path, f"a mask is one page, but this file holds {page.count}")
    height, width = page.pixels.shape[:2]
    ink = np.empty((height, width), np.bool_)
    labelled = np.empty_like(ink)
    counts = np.zeros(256, np.int64)
    for rows in row_bands(height, width):
        gray = luma(page.pixels[rows])
        counts += np.bincount(gray.ravel(), minlength=256)
        ink[rows] = gray < _UNLABELLED
        labelled[rows] = gray != _UNLABELLED
    others = counts.sum() > counts[[_INK, _UNLABELLED, _BACKGROUND]].sum()
    numbers = _label_numbers(counts) if others else ""
    held = f"the numbers {numbers}" if numbers else ""
    if page.scale is not None:
        held = _scaled_numbers(np.flatnonzero(counts), *page.scale)
    elif numbers and any((page.pixels[..., 0] != page.pixels[..., i]).any() for i in (1, 2)):
        held = "colours"
    if held:
        raise LabelNumbersError(
            path,
            f"it holds {held}, not 0 and 255; write ink as 0 (black) and background as 255 (white)",
        )
    if others:
        warnings.warn(
            f"{path}: grays other than 0, 128 and 255 are thresholded at 128", stacklevel=2
        )
    return GroundTruth(ink, labelled)


def _label_numbers(counts: NDArray[np.int64]) -> str:
    """Name the numbers of a picture of labels; empty if it is one of black, white and grays.

    Labels begin at 0 for the background, which is most of a page, and do not reach white.
    """
    values = np.flatnonzero(counts)
    dark = len(values) > 1 and values[-1] < _UNLABELLED
    labels = values[-1] < _NEARLY_WHITE and counts[0] > counts.sum() / 2
    if not (dark or labels):
        return ""
    return _listed(values)


def _scaled_numbers(grays: NDArray[np.int64], low: float, high: float) -> str:
    """Name the numbers that were scaled to some grays, where these say which numbers they were."""
    if 1 <= high - low <= _BACKGROUND or set(grays) <= {_INK, _BACKGROUND}:
        return f"the numbers {_listed(np.rint(low + grays * (high - low) / _BACKGROUND))}"
    return "numbers of a small part of its range, as labels such as 0 and 1 are"


def _listed(values: NDArray[Any]) -> str:
    *others, last = (f"{value:.12g}" for value in values)
    if len(others) >= _FEW:
        return f"{others[0]} to {last}"
    return f"{', '.join(others)} and {last}" if others else last


def write_mask(
    path: str | os.PathLike[str],
    ink: RowSource | Iterable[RowSource],
    *,
    dpi: float | Dpi | Sequence[Dpi] = None,
    texts: Mapping[str, str] | None = None,
) -> Path:
    """Write ink as black on white: 1-bit PNG, or TIFF with CCITT Group 4.

    The file appears whole or not at all, its folder is made if it is missing, and
    an existing file is replaced.

    Parameters
    ----------
    path : path-like
        ``.png``, or ``.tif`` and ``.tiff`` for any number of pages.
    ink : ndarray, bool, shape (H, W), or an iterable of them
        True where there is ink. Pages may differ in size; an iterator is asked for
        one page at a time. Whatever has `shape` and `dtype` and gives an array when
        it is sliced by rows will do for an array.
    dpi : float or (float, float), optional
        Resolution in dots per inch, x and y where they differ, or a sequence of one pair a page.
    texts : mapping of str to str, optional
        Keywords and words to be kept in the file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MaskError
        If the suffix is unknown, PNG is asked to hold several pages, or the file
        cannot be written (folder not writable, disk full).
    ValueError
        If `ink` is not bool and two-dimensional, or `dpi` is not positive.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> ink = np.zeros((20, 30), dtype=bool)
    >>> ink[5:9, 4:26] = True
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_mask(Path(folder) / "page.tif", ink, dpi=300)
    ...     page = next(read_pages(path))
    >>> page.dpi, page.pixels[6, 6]
    ((300.0, 300.0), array([0, 0, 0], dtype=uint8))
    """
    pages = (_checked(page) for page in one_or_many(ink))
    dpi = (dpi, dpi) if isinstance(dpi, int | float | np.number) else dpi
    return write_pages(Path(path), pages, dpi, convert=np.logical_not, texts=texts)


def write_ground_truth(
    path: str | os.PathLike[str],
    ink: NDArray[np.bool_],
    labelled: NDArray[np.bool_] | None = None,
    *,
    dpi: Dpi = None,
    overwrite: bool = True,
    texts: Mapping[str, str] | None = None,
) -> Path:
    """Write ground truth: 8-bit when something is unlabelled, 1-bit otherwise.

    Parameters
    ----------
    path : path-like
        ``.png`` (the convention of training folders), ``.tif`` or ``.tiff``.
    ink : ndarray, bool, shape (H, W)
        True where there is ink.
    labelled : ndarray, bool, shape (H, W), optional
        True where a person has decided; everything is labelled if it is left out.
    dpi : (float, float), optional
        Resolution x and y in dots per inch.
    overwrite : bool
        Whether an existing file may be replaced.
    texts : mapping of str to str, optional
        Words for the file, PNG only; `docbin_napari.pairs.provenance.Provenance.texts`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MaskError
        If the file cannot be written, as for `write_mask`.
    FileExistsError
        If the file exists and `overwrite` is False.
    ValueError
        If the arrays are not bool, two-dimensional and of one shape.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> ink, labelled = np.eye(2, dtype=bool), np.array([[True, True], [True, False]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_ground_truth(Path(folder) / "page.png", ink, labelled)
    ...     next(read_pages(path)).pixels[..., 0]
    array([[  0, 255],
           [255, 128]], dtype=uint8)
    """
    _checked(ink)
    if labelled is not None and _checked(labelled).shape != ink.shape:
        raise ValueError(f"labelled is {labelled.shape}, but ink is {ink.shape}")
    page: NDArray[Any] = ~ink
    if labelled is not None and not labelled.all():
        page = np.where(ink, np.uint8(_INK), np.uint8(_BACKGROUND))
        page[~labelled] = _UNLABELLED
    return write_pages(Path(path), [page], dpi, overwrite=overwrite, texts=texts)


def _checked(page: RowSource, kind: str = "bool") -> RowSource:
    if page.dtype != kind or len(page.shape) != 2 or 0 in page.shape:
        raise ValueError(f"expected {kind} (H, W), not {page.dtype} {tuple(page.shape)}")
    return page


def level_of(threshold: float) -> int:
    """Give the lowest probability in 8 bits that is ink.

    Parameters
    ----------
    threshold : float
        Probability from which a pixel is ink, 0 to 1.

    Returns
    -------
    int
        0 to 255.

    Examples
    --------
    >>> level_of(0.0), level_of(0.5), level_of(1.0)
    (0, 128, 255)
    """
    # Rounding keeps 0.2 * 255 = 51.00000000000001 from becoming 52.
    return math.ceil(round(threshold * 255, 6))


def write_probability(
    path: str | os.PathLike[str],
    probability: RowSource | Iterable[RowSource],
    *,
    dpi: Dpi | Sequence[Dpi] = None,
) -> Path:
    """Write ink probability as 8-bit gray: 255 is certainly ink, 0 certainly not.

    Not a picture of the page: ink is bright here. PNG, or TIFF with deflate.

    Parameters
    ----------
    path : path-like
        ``.png``, or ``.tif`` and ``.tiff`` for any number of pages.
    probability : ndarray, uint8, shape (H, W), or an iterable of them
        Ink probability times 255, one array a page.
    dpi : (float, float), optional
        Resolution x and y in dots per inch, or a sequence of one pair a page.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MaskError
        If the file cannot be written, as for `write_mask`.
    ValueError
        If a page is not uint8 (H, W).

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_probability(Path(folder) / "page.png", np.array([[0, 51]], np.uint8))
    ...     next(read_pages(path)).pixels[0, :, 0]
    array([ 0, 51], dtype=uint8)
    """
    pages = (_checked(page, "uint8") for page in one_or_many(probability))
    return write_pages(Path(path), pages, dpi)
