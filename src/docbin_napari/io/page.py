"""Read the pages of a file as RGB uint8 with their resolution, one at a time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from docbin_napari.io.decoded import DEFAULT_PIXEL_LIMIT
from docbin_napari.io.errors import PageError
from docbin_napari.io.paths import is_folder, missing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.io.decoded import Decoded

PAGE_SUFFIXES: frozenset[str] = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".jp2", ".j2k", ".j2c", ".jpx", ".jpf"}
    | {".bmp", ".dib", ".heic", ".heif", ".hif", ".avif", ".jxl"}
    | {".tif", ".tiff", ".gif", ".pbm", ".pgm", ".ppm", ".pnm", ".pdf"}
)
"""Suffixes of files that `find_pages` takes for pages, lower case, with the dot."""

# An image whose metadata speak of PDF is still an image.
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8", b"II", b"MM", b"RIFF", b"GIF8", b"\0\0\0\x0cjP", b"BM")
_OTHER_PAGES = frozenset(
    {".psd", ".psb", ".xcf", ".djvu", ".djv", ".eps", ".ps", ".xps", ".pcx", ".tga", ".exr", ".hdr"}
    | {".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"}
    | {".svg", ".ai", ".indd", ".doc", ".docx", ".odt", ".epub", ".jxr", ".wdp", ".jbig2", ".jb2"}
    | {".jls", ".jpm", ".dcm", ".czi", ".svs", ".ndpi", ".heics", ".avifs", ".pct", ".pict"}
)
"""Suffixes of files that may hold pages and are not read; images that the system knows, too."""
RESULTS_FOLDER = "auto_bin"
"""Name of the folder beside the pages that gets their masks."""
GROUND_TRUTH_FOLDER = "fg_mask"
"""Name of the folder beside the pages of a collection that holds their ground truth."""
_NO_PAGES = frozenset({RESULTS_FOLDER, GROUND_TRUTH_FOLDER})


@dataclass(frozen=True)
class Page:
    """One page of a file.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255, upright. With ``in_bands=True`` what gives it row by row.
    dpi : (float, float) or None
        Resolution in dots per inch, x and y; None if the file does not say.
    source : Path
        The file.
    index : int
        Place in the file, from 0.
    count : int
        Number of pages in the file.
    remarks : tuple of str
        What was read in another way than the file says, each in one sentence.
    """

    pixels: NDArray[np.uint8]
    dpi: tuple[float, float] | None
    source: Path
    index: int = 0
    count: int = 1
    remarks: tuple[str, ...] = ()


def read_pages(
    path: str | os.PathLike[str],
    *,
    dpi: float = 300,
    pixel_limit: int = DEFAULT_PIXEL_LIMIT,
    in_bands: bool = False,
    password: str | None = None,
) -> Iterator[Page]:
    """Read a file page by page.

    The kind of file is told by its content, not by its name: PNG, JPEG, WebP,
    JPEG 2000, JPEG XL, AVIF, HEIC (with the extra ``heif``), BMP, GIF, PNM, TIFF (all usual
    compressions, tiled, BigTIFF, many pages of different sizes) and PDF. Thumbnails in TIFF
    files are passed over.
    Gray, palette, CMYK, LAB, alpha (over white), 16-bit and float pages become RGB
    as `docbin_napari.io.rgb.to_rgb` describes. Colour profiles are not applied.

    Parameters
    ----------
    path : path-like
        The file.
    dpi : float
        Resolution at which PDF pages are drawn, dots per inch. Not used for others.
    pixel_limit : int
        Most pixels of one page. The header is checked before anything is decoded.
    in_bands : bool
        Do not decode large pages at once where it can be avoided: `Page.pixels` is
        then no array, but gives one when it is sliced by rows, as `predict` does
        (`docbin_napari.io.row_source.RowSource`). TIFF in strips or tiles is decoded
        as far as its rows are asked for, others are not held twice. Damage in a later
        part shows only there, as a PageError.
    password : str, optional
        Opens encrypted PDF files.

    Yields
    ------
    Page
        In the order of the file; the next page is decoded when it is asked for.

    Raises
    ------
    PageError
        When the first bad page is asked for: the file is missing, a folder, empty,
        not an image, truncated, damaged, encrypted, or a page is over the limit.
    ValueError
        If `dpi` or `pixel_limit` is not positive.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "page.png"
    ...     Image.new("L", (40, 30), 255).save(path, dpi=(300, 300))
    ...     page = next(read_pages(path))
    >>> page.pixels.shape, page.dpi, page.count
    ((30, 40, 3), (300.0, 300.0), 1)
    """
    if not (math.isfinite(dpi) and dpi > 0):
        raise ValueError(f"dpi must be a positive number, not {dpi}")
    if pixel_limit <= 0:
        raise ValueError(f"pixel_limit must be positive, not {pixel_limit}")
    return _read(Path(path), (dpi, password), pixel_limit, in_bands)


def _read(
    path: Path, pdf: tuple[float, str | None], pixel_limit: int, in_bands: bool
) -> Iterator[Page]:
    start = _first_bytes(path)
    decoded: Iterator[tuple[Decoded, int]]
    if is_pdf(start):
        from docbin_napari.io.pdf import decode_pdf

        decoded = decode_pdf(path, pdf[0], pixel_limit, pdf[1])
    elif is_tiff(start):
        from docbin_napari.io.tiff import decode_tiff

        decoded = decode_tiff(path, pixel_limit, in_bands=in_bands)
    else:
        decoded = _decode_single(path, start, pixel_limit, in_bands)
    for index, (page, count) in enumerate(decoded):
        pixels = cast("NDArray[np.uint8]", page.pixels)
        yield Page(pixels, page.dpi, path, index, count, page.remarks)


def is_pdf(start: bytes) -> bool:
    """Tell from the first kilobyte whether a file is a PDF; some have a few bytes before it."""
    return b"%PDF-" in start and not start.startswith(_IMAGE_STARTS)


def is_tiff(start: bytes) -> bool:
    """Tell from the first bytes whether a file is TIFF or BigTIFF, of either byte order."""
    return start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _decode_single(
    path: Path, start: bytes, pixel_limit: int, in_bands: bool
) -> Iterator[tuple[Decoded, int]]:
    from docbin_napari.io.decoded import decoder_trouble
    from docbin_napari.io.jxl import decode_jxl, is_jxl
    from docbin_napari.io.raster import decode_raster

    try:
        if is_jxl(start):
            page = decode_jxl(path, pixel_limit)
        else:
            page = decode_raster(path, pixel_limit, in_bands=in_bands)
    except PageError:
        raise
    except Exception as error:
        raise PageError(path, decoder_trouble(error)) from error
    yield page, 1


def _first_bytes(path: Path) -> bytes:
    """Read the first kilobyte, or say why the file cannot be read."""
    try:
        if path.is_dir():
            raise PageError(path, "this is a folder, not a file")
        if path.exists() and not path.is_file():
            raise PageError(path, "this is a device or a pipe, not a file")
        with path.open("rb") as stream:
            start = stream.read(1024)
    except FileNotFoundError:
        raise PageError(path, "there is no such file") from None
    except OSError as error:
        raise PageError(path, f"the file cannot be opened ({error.strerror})") from error
    if not start:
        raise PageError(path, "the file is empty")
    return start


def find_pages(
    folder: str | os.PathLike[str],
    *,
    recursive: bool = False,
    unreadable: list[PageError] | None = None,
    passed_over: list[Path] | None = None,
) -> list[Path]:
    """List the page files of a folder by their suffix, ``page 2`` before ``page 10``.

    Hidden files and the folders ``auto_bin`` and ``fg_mask``, which hold results,
    are passed over.

    Parameters
    ----------
    folder : path-like
        Where to look.
    recursive : bool
        Whether to look into folders inside `folder` too.
    unreadable : list of PageError, optional
        Takes folders inside that may not be read; without it they are an error.
    passed_over : list of Path, optional
        Takes files that look like pages by their names, of kinds that are not read.

    Returns
    -------
    list of Path
        Files with one of `PAGE_SUFFIXES`, in natural order.

    Raises
    ------
    PageError
        If there is no such folder or it may not be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("page10.png", "page2.tif", "notes.txt"):
    ...         (Path(folder) / name).touch()
    ...     [path.name for path in find_pages(folder)]
    ['page2.tif', 'page10.png']
    """
    folder = Path(folder)
    if not is_folder(folder):
        raise PageError(folder, missing(folder, "folder") or "there is no such folder")
    found: list[Path] = []
    others: list[Path] = []
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            entries = [entry for entry in here.iterdir() if not entry.name.startswith(".")]
        except OSError as error:
            trouble = PageError(here, f"the folder cannot be read ({error.strerror})")
            if here == folder or unreadable is None:
                raise trouble from error
            unreadable.append(trouble)
            continue
        for entry in entries:
            if is_folder(entry):
                if recursive and entry.name not in _NO_PAGES and not entry.is_symlink():
                    folders.append(entry)
            elif entry.suffix.lower() in PAGE_SUFFIXES:
                found.append(entry)
            else:
                others.append(entry)
    if passed_over is not None:
        passed_over += sorted(filter(_may_be_a_page, others), key=natural_key)
    return sorted(found, key=natural_key)


def _may_be_a_page(path: Path) -> bool:
    """Whether somebody who chose the folder may take a file for a page."""
    import mimetypes

    suffix = path.suffix.lower()
    kind = mimetypes.guess_type(f"x{suffix}")[0] or ""
    return suffix in _OTHER_PAGES or kind.startswith("image/")


def natural_key(path: Path) -> tuple[list[list[tuple[int, int, str]]], str]:
    """Sort key that orders numbers in names by value, part by part of the path.

    Examples
    --------
    >>> [str(path) for path in sorted([Path("p10"), Path("p9"), Path("P1")], key=natural_key)]
    ['P1', 'p9', 'p10']
    """
    pieces = [
        [
            (0, int(piece), "") if piece.isdecimal() else (1, 0, piece)
            for piece in re.split(r"(\d+)", part.casefold())
            if piece
        ]
        for part in path.parts
    ]
    return pieces, str(path)
