"""Write the two files of a pair together or not at all."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.atomic import atomic_path, to_disk, writing_trouble
from docbin_napari.io.encode import write_pages
from docbin_napari.io.errors import FileError, PairError
from docbin_napari.io.mask import write_ground_truth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from docbin_napari.io.encode import Dpi


@dataclass(frozen=True, eq=False)
class PairContent:
    """What stands in the two files of a pair.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255.
    ink : ndarray, bool, shape (H, W)
        True where there is ink.
    labelled : ndarray, bool, shape (H, W), optional
        False where nobody looked; everything is labelled if it is left out.
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
        PNG files, neither of which exists. Missing folders are made.
    content : PairContent
        What is written.

    Raises
    ------
    FileExistsError
        If one of the files exists; it is left as it is.
    PairError
        If the files cannot be written; what was made until then is taken away.
    ValueError
        If the arrays are no mask.
    """
    new_folders = [folder for folder in (mask.parent, page.parent) if not folder.exists()]
    appeared = False
    try:
        with atomic_path(mask, overwrite=False) as hidden_mask:
            write_mask_file(hidden_mask, content)
            with atomic_path(page, overwrite=False) as hidden_page:
                write_pages(hidden_page, [_plain(content.pixels)], content.dpi)
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


def write_mask_file(path: Path, content: PairContent) -> None:
    """Write the mask of a pair to a file that may be there already, and wait for the disk.

    Raises
    ------
    MaskError, OSError
        If the file cannot be written.
    ValueError
        If the arrays are no mask.
    """
    write_ground_truth(path, content.ink, content.labelled, dpi=content.dpi, texts=content.texts)
    to_disk(path)


def in_words(path: Path, error: BaseException) -> BaseException:
    """Put what went wrong with a hidden file into words about the file that was meant."""
    if isinstance(error, FileError):
        return PairError(path, error.reason)
    return PairError(path, writing_trouble(error)) if isinstance(error, OSError) else error


def _plain(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A gray page as one channel: the same pixels in a third of the room."""
    first = pixels[..., 0]
    gray = np.array_equal(first, pixels[..., 1]) and np.array_equal(first, pixels[..., 2])
    return np.ascontiguousarray(first) if gray else pixels
