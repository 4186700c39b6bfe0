"""Read the pages of a file as RGB uint8 with their resolution, one at a time."""

from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from docbin_napari.io.errors import PageError
from docbin_napari.io.paths import is_folder, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.io.rgb import RowSource

PAGE_SUFFIXES: frozenset[str] = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".jp2", ".j2k", ".j2c", ".jpx", ".jpf"}
    | {".apng", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo", ".jps", ".jpc", ".jp2k"}
    | {".bmp", ".dib", ".heic", ".heif", ".hif", ".avif", ".jxl"}
    | {".tif", ".tiff", ".gif", ".pbm", ".pgm", ".ppm", ".pnm", ".pdf"}
)
"""Suffixes of files that `find_pages` takes for pages, lower case, with the dot."""

# An image whose metadata speak of PDF is still an image.
_IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8", b"II", b"MM", b"RIFF", b"GIF8", b"\0\0\0\x0cjP", b"BM")
_JPEG_XL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
"""Starts of a JPEG XL stream, alone or in its container."""
_OTHER_PAGES = frozenset(
    {".psd", ".psb", ".xcf", ".djvu", ".djv", ".eps", ".ps", ".xps", ".pcx", ".tga", ".exr", ".hdr"}
    | {".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw", ".raw"}
    | {".svg", ".ai", ".indd", ".doc", ".docx", ".odt", ".epub", ".jxr", ".wdp", ".jbig2", ".jb2"}
    | {".jls", ".jpm", ".dcm", ".czi", ".svs", ".ndpi", ".heics", ".avifs", ".pct", ".pict"}
    | {".ico", ".cur", ".dcx", ".g3", ".g4", ".fax", ".cal", ".ras", ".rgb", ".sgi", ".pic", ".ief"}
    | {".xbm", ".xpm", ".xwd", ".emf", ".wmf", ".wbmp", ".crw", ".erf", ".jpt", ".fits"}
)
"""Suffixes of files that may hold pages and are not read."""
_PAGE_START = re.compile(
    rb"\x89PNG|\x8aMNG|\xff\xd8\xff|II(\*\0|\+\0|\xbc\x01)|MM\0[*+]|GIF8|BM.{4}\0{4}|RIFF.{4}WEBP"
    rb"|\0\0\0\x0c(jP  |JXL )|\xff(\x4f\xff\x51|\x0a)|.{4}ftyp(he[iv]|mif1|msf1|avi[fs]|crx)|%PDF-"
    rb"|P[1-6]\s+[\d#]|P7\nW|P[Ff]\s|8BPS|AT&TFORM|gimp xcf|v/1\x01|qoif|icns|\x97JB2",
    re.DOTALL,
)
"""How files begin that are likely pages, whatever their names."""
RESULTS_FOLDER = "auto_bin"
"""Name of the folder beside the pages that gets their masks."""
GROUND_TRUTH_FOLDER = "fg_mask"
"""Name of the folder beside the pages of a collection that holds their ground truth."""
RESERVED_FOLDERS = frozenset({RESULTS_FOLDER, GROUND_TRUTH_FOLDER})
"""Names of folders that hold no pages."""
LARGE_PAGE = 16_000_000
"""Pixels from which on it pays not to keep a page in memory twice."""
DEFAULT_PIXEL_LIMIT: int = 1_000_000_000
"""Most pixels of one page that are read unless the caller says otherwise."""
_BYTES_A_PIXEL = 16
_ALWAYS_ALLOWED = 64_000_000
_BYTES_OF_SMALL_FILES = 700_000_000.0
_LARGEST_RATIO = 1000
_MOST_DPI = 1e6
"""More is no resolution: formats could not even keep it."""


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
    scale : (float, float), optional
        Numbers of the file that became black and white, if these are neither 0 and 255 nor 0 and
        the largest whole number of its kind.
    """

    pixels: NDArray[np.uint8]
    dpi: tuple[float, float] | None
    source: Path
    index: int = 0
    count: int = 1
    remarks: tuple[str, ...] = ()
    scale: tuple[float, float] | None = None


def read_pages(
    path: str | os.PathLike[str],
    *,
    dpi: float = 300,
    pixel_limit: int = DEFAULT_PIXEL_LIMIT,
    in_bands: bool = False,
    password: str | None = None,
    first: int = 0,
) -> Iterator[Page]:
    """Read a file page by page.

    The kind of file is recognised by its content, not by its name: PNG, JPEG, WebP,
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
        (`docbin_napari.io.rgb.RowSource`). TIFF in strips or tiles is decoded
        as far as its rows are asked for, others are not held twice. Damage in a later
        part shows only there, as a PageError.
    password : str, optional
        Opens encrypted PDF files.
    first : int
        The page to begin with, from 0. Those before it are not decoded.

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
    return _read(Path(path), (dpi, password), pixel_limit, in_bands, first)


def _read(
    path: Path, pdf: tuple[float, str | None], pixel_limit: int, in_bands: bool, first: int
) -> Iterator[Page]:
    start = _first_bytes(path)
    decoded: Iterator[tuple[Decoded, int]]
    if is_pdf(start):
        from docbin_napari.io.pdf import decode_pdf

        decoded = decode_pdf(path, pdf[0], pixel_limit, pdf[1], first)
    elif is_tiff(start):
        from docbin_napari.io.tiff import decode_tiff

        decoded = decode_tiff(path, pixel_limit, in_bands=in_bands, first=first)
    else:
        only = [(_decode_single(path, start, pixel_limit, in_bands), 1)]
        decoded = iter(only[first:])
    for index, (page, count) in enumerate(decoded, first):
        pixels = cast("NDArray[np.uint8]", page.pixels)
        yield Page(pixels, page.dpi, path, index, count, page.remarks, page.scale)


def is_pdf(start: bytes) -> bool:
    """Tell from the first kilobyte whether a file is a PDF; some have a few bytes before it."""
    return b"%PDF-" in start and not start.startswith(_IMAGE_STARTS)


def is_tiff(start: bytes) -> bool:
    """Tell from the first bytes whether a file is TIFF or BigTIFF, of either byte order."""
    return start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _decode_single(path: Path, start: bytes, pixel_limit: int, in_bands: bool) -> Decoded:
    from docbin_napari.io.raster import decode_jxl, decode_raster
    from docbin_napari.io.rgb import TURNED, upright

    decode = decode_jxl if start.startswith(_JPEG_XL) else decode_raster
    try:
        page = decode(path, pixel_limit)
        large = math.prod(page.pixels.shape[:2]) >= LARGE_PAGE
        if in_bands and large and page.orientation not in TURNED:
            return page
        return page._replace(pixels=upright(page.pixels, page.orientation))
    except PageError:
        raise
    except Exception as error:
        raise PageError(path, decoder_trouble(error)) from error


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
        Gets the folders inside that may not be read; without it they are an error.
    passed_over : list of Path, optional
        Takes files that look like pages by their names or their first bytes, but have none of
        these suffixes, and links to folders, which are not entered.

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

    def note(error: OSError) -> None:
        trouble = PageError(error.filename, f"the folder cannot be read ({error.strerror})")
        if trouble.path == folder or unreadable is None:
            raise trouble from error
        unreadable.append(trouble)

    files: list[Path] = []
    links: list[Path] = []
    for here, folders, names in os.walk(folder, onerror=note):
        folders[:] = [
            name
            for name in folders
            if recursive and name not in RESERVED_FOLDERS and not name.startswith(".")
        ]
        links += [path for name in folders if (path := Path(here, name)).is_symlink()]
        files += [Path(here, name) for name in names if not name.startswith(".")]
    found = {path for path in files if path.suffix.lower() in PAGE_SUFFIXES}
    if passed_over is not None:
        others = [path for path in files if path not in found and _may_be_a_page(path)]
        passed_over += sorted(others + links, key=natural_key)
    return sorted(found, key=natural_key)


def _may_be_a_page(path: Path) -> bool:
    """Whether somebody who chose the folder may take a file for a page."""
    if path.suffix.lower() in _OTHER_PAGES:
        return True
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as stream:
                return _PAGE_START.match(stream.read(16)) is not None
    return False


def natural_key(path: Path) -> tuple[list[list[int | str]], str]:
    """Make a sort key that orders numbers in names by value, part by part of the path.

    Examples
    --------
    >>> [str(path) for path in sorted([Path("p10"), Path("p9"), Path("P1")], key=natural_key)]
    ['P1', 'p9', 'p10']
    """
    parts = [re.split(r"(\d+)", part.casefold()) for part in path.parts]
    # Every second piece is a number.
    keys = [[int(piece) if at % 2 else piece for at, piece in enumerate(part)] for part in parts]
    return keys, str(path)


class Decoded(NamedTuple):
    """What a decoder gives: rows uint8 (H, W, 3), and the resolution upright, dots per inch (x, y).

    The remarks say what was read in another way than the file says, each in one sentence. The
    orientation, as in EXIF, is how the rows lie in the file; the scale is that of a `Page`.
    """

    pixels: RowSource
    dpi: tuple[float, float] | None
    remarks: tuple[str, ...] = ()
    orientation: int = 1
    scale: tuple[float, float] | None = None


def check_size(
    path: Path, size: tuple[int, int], needed: float, pixel_limit: int, where: str = ""
) -> None:
    """Refuse a page by its header, before anything is decoded.

    Strategy: pixels alone do not say what a page takes: they may have hundreds of samples, and a
    file of a few kilobytes may stand for gigabytes. The limit on pixels bounds the bytes, too, and
    a file that would grow a thousandfold may take no more than a page of some hundred megapixels
    does.

    Parameters
    ----------
    path : Path
        The file.
    size : (int, int)
        Width and height in pixels.
    needed : float
        Bytes of the decoder and of the result together, at their peak, by the header.
    pixel_limit : int
        Most pixels of a page.
    where : str
        Begins the reason of an error, to name the page.

    Raises
    ------
    PageError
        If the page has no pixels, more than `pixel_limit`, or would take too much memory.
    """
    width, height = size
    pixels = width * height
    if width <= 0 or height <= 0:
        raise PageError(path, f"{where}the image has no pixels ({width} × {height})")
    grown = max(_BYTES_OF_SMALL_FILES, _LARGEST_RATIO * path.stat().st_size)
    enough = float(pixels)
    if needed > _ALWAYS_ALLOWED:
        enough = max(enough, needed / _BYTES_A_PIXEL)
    if needed > grown:
        enough = max(enough, DEFAULT_PIXEL_LIMIT * needed / grown)
    if enough > pixel_limit:
        reason, limit = f"it would take {needed / 1e9:.1f} GB of memory", math.ceil(enough)
        if pixels > pixel_limit:
            reason = f"{width} × {height} pixels are more than the limit of {pixel_limit:,} pixels"
        raise PageError(
            path,
            f"{where}{reason}: docbin binarize reads it with --pixel-limit {limit}, Python with "
            f"pixel_limit={limit}; elsewhere make it smaller",
        )


def clean_dpi(dpi: Any, *, per_metre: bool = False) -> tuple[float, float] | None:
    """Check a resolution and undo the rounding of the file format.

    Parameters
    ----------
    dpi : (float, float) or None
        Dots per inch as read, x and y.
    per_metre : bool
        Whether the file stores whole pixels per metre, so that 300 dpi reads 299.9994.

    Returns
    -------
    (float, float) or None
        None if a value is missing, not finite or not positive.

    Examples
    --------
    >>> clean_dpi((299.9994, 72.009), per_metre=True)
    (300.0, 72.0)
    >>> clean_dpi((0, 300)) is None
    True
    """
    try:
        x, y = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 0 < value <= _MOST_DPI for value in (x, y)):
        return None
    clean = _clean(x, per_metre), _clean(y, per_metre)
    return clean if min(clean) > 0 else None


def _clean(value: float, per_metre: bool) -> float:
    whole = float(round(value))
    if per_metre and round(whole / 0.0254) == round(value / 0.0254):
        return whole
    return round(value, 2)


def decoder_trouble(error: Exception) -> str:
    """Say in words for the user what an exception of a decoding library means.

    Parameters
    ----------
    error : Exception
        Anything that Pillow or tifffile raised.

    Returns
    -------
    str
        A reason for a `PageError`.

    Examples
    --------
    >>> decoder_trouble(OSError("image file is truncated (3 bytes not processed)"))
    'the file is truncated: part of the page is missing'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if type(error).__name__ == "UnidentifiedImageError":
        return (
            "this is not an image or PDF of a known kind, or its header is damaged: copy the file "
            "again, or save it as PNG or TIFF with the program that opens it"
        )
    if re.search(r"[Tt]runcat|unexpected end|failed to read \d+ bytes|EOF", text):
        return "the file is truncated: part of the page is missing"
    if re.search(r"broken data stream|decoder object|broken PNG", text):
        return f"the file is truncated or damaged ({text})"
    return f"the image is damaged or of an unknown kind ({text})"
