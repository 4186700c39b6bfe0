"""Decode TIFF files: Pillow where it can, tifffile with imagecodecs where it cannot."""

from __future__ import annotations

import ctypes
from contextlib import closing, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docbin_napari.io.decoded import (
    STRETCHED,
    Decoded,
    check_bytes,
    check_size,
    clean_dpi,
    decoder_trouble,
)
from docbin_napari.io.errors import PageError
from docbin_napari.io.raster import LARGE_PAGE, open_image, rgb_pixels, without_pillow_limit
from docbin_napari.io.rgb import is_stretched
from docbin_napari.io.tiff_header import TiffPage, missing_part, read_tiff_header
from docbin_napari.io.tiff_pixels import TiffRows, can_be_read_in_rows, decode_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_LIBTIFF = ("../pillow.libs/libtiff*.so*", ".dylibs/libtiff*.dylib")
_UNCOMPRESSED = 1
_CCITT = (2, 3, 4, 32771)


def decode_tiff(
    path: Path, pixel_limit: int, *, in_bands: bool = False
) -> Iterator[tuple[Decoded, int]]:
    """Decode a TIFF file page by page.

    Parameters
    ----------
    path : Path
        Classic or Big TIFF.
    pixel_limit : int
        Most pixels of one page.
    in_bands : bool
        Whether large pages in strips or tiles are decoded only as their rows are asked for.

    Yields
    ------
    (Decoded, int)
        The page and the number of pages in the file.

    Raises
    ------
    PageError
        At the first page that is damaged, truncated or too large; it is named when
        the file has several.
    """
    header = read_tiff_header(path)
    count = len(header.pages) + bool(header.damage)
    with closing(_PillowFile(path)) as pillow:
        for index, page in enumerate(header.pages):
            where = f"page {index + 1}: " if count > 1 else ""
            check_size(path, page.width, page.height, pixel_limit, where)
            by_rows = in_bands and page.width * page.height >= LARGE_PAGE
            by_rows = by_rows and can_be_read_in_rows(page)
            check_bytes(path, _bytes_of(page, by_rows=by_rows), pixel_limit, where)
            if _is_cut(page, header.size):
                raise PageError(path, f"{where}the file is truncated: part of the page is missing")
            if missing := missing_part(path, page):
                raise PageError(path, where + missing)
            rows = _rows_of(path, page, where) if by_rows else None
            if rows is None and by_rows:
                check_bytes(path, _bytes_of(page, by_rows=False), pixel_limit, where)
            yield rows or _decode_page(path, pillow, page, where), count
    if header.damage:
        where = f"page {count}: " if count > 1 else ""
        raise PageError(path, where + header.damage)


def _is_cut(page: TiffPage, size: int) -> bool:
    """Whether the data of a page goes on beyond the end of the file.

    Uncompressed data are left to the decoder: some writers state a last strip that
    is longer than the page needs.
    """
    room = 0 if page.compression == _UNCOMPRESSED else 1
    return any(
        min(offset, length) < 0 or offset + room * length > size for offset, length in page.extents
    )


def _rows_of(path: Path, page: TiffPage, where: str) -> Decoded | None:
    """A large page, decoded as its rows are asked for; None if it has to be decoded whole."""
    try:
        rows = TiffRows(path, page, where)
        rows[:1]
    except Exception:
        # What the other library makes of it, and how it names the damage, comes next.
        return None
    return Decoded(rows, clean_dpi(page.dpi), _remarks(rows.value_type, rows.limits))


def _remarks(dtype: Any, limits: tuple[float, float] | None) -> tuple[str, ...]:
    return (STRETCHED,) if limits is not None and is_stretched(dtype, limits) else ()


def _bytes_of(page: TiffPage, *, by_rows: bool) -> float:
    """Bytes that a page, or a row of its parts, takes at most while it is decoded."""
    width, height = page.width, page.height
    if by_rows:
        height = page.segment[1]
    samples = page.samples * page.sample_bytes
    # The library that needs more holds the stored and the decoded part; the result is RGB.
    return float(
        width * height * (2 * samples if len(page.extents) == 1 else samples + 1)
        + 3.0 * width * height
    )


def _decode_page(path: Path, pillow: _PillowFile, page: TiffPage, where: str) -> Decoded:
    """Decode with one library, and with the other if the first cannot."""
    decoders: list[Callable[[TiffPage], tuple[NDArray[np.uint8], tuple[str, ...]]]]
    decoders = [pillow.decode, partial(_decode_samples, path)]
    if page.sample_format != 1 or max(page.bits) > 8:
        decoders.reverse()
    if page.compression in _CCITT:
        # The second library fills what it cannot decode with white.
        decoders = [pillow.decode]
    errors: list[Exception] = []
    for decoder in decoders:
        try:
            pixels, remarks = decoder(page)
        except Exception as error:
            errors.append(error)
        else:
            dpi = page.dpi[::-1] if page.dpi and page.orientation in (5, 6, 7, 8) else page.dpi
            return Decoded(pixels, clean_dpi(dpi), remarks)
    raise PageError(path, where + decoder_trouble(errors[0])) from errors[0]


def _decode_samples(path: Path, page: TiffPage) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    pixels, dtype, limits = decode_samples(path, page)
    return pixels, _remarks(dtype, limits)


class _PillowFile:
    """A TIFF file that Pillow keeps open from page to page, unless the pages are large.

    Strategy: to get to a page Pillow walks over all before it, so opening the file for
    each page would take quadratic time; but while it is open, it keeps the last page
    in memory. Large pages are worth the walk, small ones are worth the memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._image: Image.Image | None = None

    def decode(self, page: TiffPage) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        """Decode a page; Pillow turns it upright, too."""
        keep = False
        try:
            with without_pillow_limit():
                silence_libtiff()
                self._image = self._image or open_image(self._path)
                self._image.seek(page.directory)
                self._image.load()
                pixels = rgb_pixels(self._image)
            keep = page.width * page.height < LARGE_PAGE
        finally:
            if not keep:
                self.close()
        return pixels, ()

    def close(self) -> None:
        """Close the file and forget the last page."""
        if self._image is not None:
            self._image.close()
            self._image = None


@cache
def silence_libtiff() -> bool:
    """Take away the handlers with which the libtiff of Pillow prints errors and warnings.

    Returns
    -------
    bool
        Whether it was found; on some systems it is a part of something else, and goes on.
    """
    import PIL
    import PIL._imaging  # The library that it has loaded is the one that is meant.

    folder = Path(PIL.__file__).parent
    found = False
    for pattern in _LIBTIFF:
        base, name = (folder / pattern).parent.resolve(), Path(pattern).name
        for path in base.glob(name) if base.is_dir() else ():
            with suppress(OSError, AttributeError):
                library = ctypes.CDLL(str(path))
                for handler in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
                    handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                    handler(None)
                found = True
    return found
