"""Decode TIFF files: Pillow where it can, tifffile with imagecodecs where it cannot."""

from __future__ import annotations

import ctypes
import logging
import math
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import LARGE_PAGE, Decoded, check_size, clean_dpi, decoder_trouble
from docbin_napari.io.raster import image_rows, open_image, without_pillow_limit
from docbin_napari.io.rgb import (
    ON_ITS_SIDE,
    RgbRows,
    RowSource,
    StoredBands,
    convert_band,
    needs_limits,
    opaque_alpha,
    row_bands,
    to_rgb,
    upright,
)
from docbin_napari.io.tiff_header import TiffPage, missing_part, read_tiff_header
from docbin_napari.io.value_range import value_limits

_CCITT = (2, 3, 4, 32771)
_DAMAGED_FAX = "broken data stream of fax codes: copy the file, or scan the page, again"
_JPEG = 7
_IN_ROWS = frozenset({1, 5, _JPEG, 8, 32773, 32946})
"""Compressions that are decoded in parts: none, LZW, JPEG, deflate (two numbers) and PackBits."""
_LARGEST_ROW_OF_SEGMENTS = 1 << 27


def decode_tiff(
    path: Path, pixel_limit: int, *, in_bands: bool = False, first: int = 0
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
    first : int
        The page to begin with, from 0.

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
        for index, page in enumerate(header.pages[first:], first):
            where = f"page {index + 1}: " if count > 1 else ""
            size = page.width, page.height
            by_rows = in_bands and page.width * page.height >= LARGE_PAGE and _lies_in_parts(page)
            check_size(path, size, _bytes_of(page, by_rows=by_rows), pixel_limit, where)
            if missing := missing_part(path, page):
                raise PageError(path, where + missing)
            rows = _rows_of(path, page, where) if by_rows else None
            if by_rows and rows is None:
                check_size(path, size, _bytes_of(page, by_rows=False), pixel_limit, where)
            yield rows or _decode_page(path, pillow, page, where), count
    if header.damage:
        where = f"page {count}: " if count > 1 else ""
        raise PageError(path, where + header.damage)


def _lies_in_parts(page: TiffPage) -> bool:
    """Whether a page lies in the file in parts that are small beside it.

    Not so pages that lie on their side, in one piece or in compressions of fax machines, which
    are decoded whole by the library that knows them all.
    """
    return len(page.extents) > 1 and page.orientation <= 1 and page.compression in _IN_ROWS


def _bytes_of(page: TiffPage, *, by_rows: bool) -> float:
    """Bytes that a page, or a row of its parts, takes at most while it is decoded."""
    # A tile may be larger than its page.
    width, height = max(page.width, page.segment[0]), max(page.height, page.segment[1])
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
    decoders: list[Callable[[TiffPage], tuple[NDArray[np.uint8], RgbRows]]]
    decoders = [pillow.decode, partial(_decode_samples, path)]
    # Pillow takes the colours of a palette for those of 16 bits, which some programs do not write.
    dark = page.photometric == _PALETTE and page.brightest <= _EIGHT_BITS
    if page.sample_format != 1 or max(page.bits) > 8 or dark:
        decoders.reverse()
    if page.compression in _CCITT:
        # The second library fills what it cannot decode with white.
        decoders = [pillow.decode]
    errors: list[Exception] = []
    for decoder in decoders:
        try:
            pixels, rows = decoder(page)
        except Exception as error:
            errors.append(error)
        else:
            dpi = page.dpi[::-1] if page.dpi and page.orientation in ON_ITS_SIDE else page.dpi
            return Decoded(pixels, clean_dpi(dpi), rows.remarks, 1, rows.scale)
    raise PageError(path, where + decoder_trouble(errors[0])) from errors[0]


class _PillowFile:
    """A TIFF file that Pillow keeps open from page to page, unless the pages are large.

    Strategy: to get to a page Pillow walks over all before it, so opening the file for
    each page would take quadratic time; but while it is open, it keeps the last page
    in memory. Large pages are worth the walk, small ones are worth the memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._image: Image.Image | None = None

    def decode(self, page: TiffPage) -> tuple[NDArray[np.uint8], RgbRows]:
        """Decode a page, and say how; Pillow turns it upright, too."""
        keep = False
        try:
            with without_pillow_limit():
                _listen_to_libtiff()
                self._image = self._image or open_image(self._path)
                self._image.seek(page.directory)
                if page.orientation in ON_ITS_SIDE:
                    # Or Pillow would map the file itself, with width and height exchanged.
                    cast("ImageFile.ImageFile", self._image).filename = ""
                _HEARD.error = False
                self._image.load()
                if _HEARD.error and page.compression in _CCITT:
                    raise OSError(_DAMAGED_FAX)
                rows = image_rows(self._image)
                pixels = upright(rows)
            keep = page.width * page.height < LARGE_PAGE
        finally:
            if not keep:
                self.close()
        return pixels, rows

    def close(self) -> None:
        """Close the file and forget the last page."""
        if self._image is not None:
            self._image.close()
            self._image = None


_HEARD = threading.local()


@cache
def _listen_to_libtiff() -> Any:
    """Note the errors that the libtiff of Pillow would print, and let it print no warnings.

    On some systems it is a part of something else, and goes on printing.

    Returns
    -------
    Any
        The function that libtiff calls, which must not be forgotten.
    """
    import PIL
    import PIL._imaging  # The library that it has loaded is the one that is meant.

    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
    note = kind(lambda *_: setattr(_HEARD, "error", True))
    folder = Path(PIL.__file__).parent
    on_linux = (folder.parent / "pillow.libs").glob("libtiff*.so*")
    for path in chain(on_linux, (folder / ".dylibs").glob("libtiff*.dylib")):
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(str(path))
            library.TIFFSetErrorHandler(note)
            library.TIFFSetWarningHandler(None)
    return note


def _decode_samples(path: Path, page: TiffPage) -> tuple[NDArray[np.uint8], RgbRows]:
    """Decode a page with tifffile and imagecodecs, interpret its samples here, and say how.

    Raises
    ------
    ValueError
        If the page has colours that are not known here, or is a volume.
    Exception
        Whatever tifffile raises for a damaged file.
    """
    with _open_tifffile(path) as file:
        directory = file.pages[page.directory]
        kind = SampleKind(directory, page)
        planes = directory.asarray(squeeze=False)
    if planes.shape[1] != 1:
        raise ValueError("a page that is a volume")
    # From (planes, depth, H, W, samples), where one of the two is 1.
    samples = planes[0, 0] if len(planes) == 1 else np.moveaxis(planes[:, 0, :, :, 0], 0, -1)
    rows = kind.rows(samples)
    return upright(rows, page.orientation), rows


def _open_tifffile(path: Path) -> Any:
    import tifffile

    # What its log would print to the terminal is raised here anyway.
    logging.getLogger("tifffile").addHandler(_SILENT)
    return tifffile.TiffFile(path)


_SILENT = logging.NullHandler()
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_EIGHT_BITS = 255
_COLOURS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4}
_PREMULTIPLIED, _STRAIGHT = 1, 2


class SampleKind:
    """What the samples of a pixel mean.

    Parameters
    ----------
    directory : tifffile.TiffPage
        The page as tifffile sees it.
    page : TiffPage
        The same page.

    Raises
    ------
    ValueError
        If its colours are not known here.
    """

    def __init__(self, directory: Any, page: TiffPage) -> None:
        self._bits, self._palette = max(page.bits), directory.colormap
        self._photometric = int(directory.photometric)
        if self._photometric == _YCBCR and page.compression == _JPEG:
            self._photometric = _RGB  # The decoder gives it.
        colours = _COLOURS.get(self._photometric)
        if colours is None:
            raise ValueError(f"colours of kind {page.photometric} with {max(page.bits)} bits")
        # 0 none, 1 colours are multiplied with it, 2 they are not.
        extra = [int(kind) for kind in directory.extrasamples] or [0]
        if self._photometric == _BLACK_IS_ZERO and page.samples in (3, 4) and not extra[0]:
            # So some programs write RGB, as every viewer shows it.
            colours, extra = 3, extra[2:] or [0]
        self._colours = colours
        self._alpha = extra[0] if extra[0] in (_PREMULTIPLIED, _STRAIGHT) else 0
        left_out = colours == 1 and page.samples > colours + bool(self._alpha)
        remark = f"it has {page.samples} channels, of which only the first is read"
        self._remarks = (remark,) * left_out

    def rows(self, samples: RowSource) -> RgbRows:
        """Interpret the samples of a page, as they are stored: (H, W, samples)."""
        limits = None
        if self._photometric not in (_PALETTE, _CMYK) and needs_limits(samples.dtype):
            bands = row_bands(*samples.shape[:2])
            limits = value_limits(samples[rows][..., : self._colours] for rows in bands)
        opaque = opaque_alpha(samples, limits, self._colours) if self._alpha else None
        if self._alpha == _PREMULTIPLIED and opaque:
            limits = 0.0, opaque
        convert = partial(self._convert, opaque=opaque)
        return RgbRows(samples, limits, convert, self._remarks)

    def _convert(
        self, samples: NDArray[Any], limits: tuple[float, float] | None, opaque: float | None
    ) -> NDArray[np.uint8]:
        """Make RGB of some rows."""
        if samples.dtype == np.uint8 and 1 < self._bits < 8 and self._photometric != _PALETTE:
            # They come as they are stored, 0 to 15 for 4 bits.
            samples = (samples * np.uint16(255) // (2**self._bits - 1)).astype(np.uint8)
        colour = samples[..., : self._colours]
        if self._photometric == _PALETTE and self._palette is not None:
            top = 65535.0 if self._palette.max(initial=0) > _EIGHT_BITS else 255.0
            # Those of one bit come as bool, which would choose instead of count.
            numbers = samples[..., 0].astype(np.intp)
            return to_rgb(self._palette[:, numbers].transpose(1, 2, 0), (0.0, top))
        if self._photometric == _CMYK:
            return _cmyk_to_rgb(colour)
        if self._photometric == _WHITE_IS_ZERO:
            if limits is not None and colour.dtype.kind == "f":
                # NaN becomes white, so it is the numbers that are exchanged.
                return to_rgb(-colour, (-limits[1], -limits[0]))
            return 255 - to_rgb(colour, limits)
        if not self._alpha:
            return to_rgb(colour, limits)
        band = samples[..., : self._colours + 1]
        if self._alpha == _PREMULTIPLIED:
            band = _straight(band, opaque)
        return convert_band(band, limits, opaque)


def _straight(band: NDArray[Any], opaque: float | None) -> NDArray[Any]:
    """Divide colours by the alpha with which they are stored multiplied."""
    top = opaque or (float(np.iinfo(band.dtype).max) if band.dtype.kind in "iu" else 1.0)
    alpha = band[..., -1:].astype(np.float64) / top
    straight = band.copy()
    colour = band[..., :-1] / np.where(alpha > 0, alpha, 1.0)
    straight[..., :-1] = np.rint(colour.clip(0, top)) if top > 1 else colour
    return straight


def _cmyk_to_rgb(inks: NDArray[Any]) -> NDArray[np.uint8]:
    """Multiply the light that each ink leaves over, as Pillow does for 8 bits."""
    # Inks use the whole range of their type, whatever part a page has of them.
    top = (0.0, float(np.iinfo(inks.dtype).max)) if inks.dtype.kind in "iu" else (0.0, 1.0)
    colour = (255 - to_rgb(inks[..., :3], top)).astype(np.uint16)
    black = (255 - to_rgb(inks[..., 3:], top)).astype(np.uint16)
    return ((colour * black + 127) // 255).astype(np.uint8)


def _rows_of(path: Path, page: TiffPage, where: str) -> Decoded | None:
    """A large page, decoded as its rows are asked for; None if it has to be decoded whole."""
    with suppress(Exception), ExitStack() as open_files:
        file = open_files.enter_context(_open_tifffile(path))
        directory = file.pages[page.directory].aspage()
        samples = _stored_samples(file, directory, path, where)
        rows = SampleKind(directory, page).rows(samples)
        rows[:1]
        weakref.finalize(samples, open_files.pop_all().close)
        return Decoded(rows, clean_dpi(page.dpi), rows.remarks, 1, rows.scale)
    # What the other library makes of it, and how it names the damage, comes next.
    return None


def _stored_samples(file: Any, directory: Any, path: Path, where: str) -> StoredBands:
    """The strips, or rows of tiles, of a page; one that is damaged is a PageError."""
    if directory.planarconfig != 1 or directory.imagedepth != 1:
        raise ValueError("samples that lie in separate planes")
    rows = int(directory.tilelength if directory.is_tiled else directory.rowsperstrip)
    across = -(-directory.imagewidth // directory.tilewidth) if directory.is_tiled else 1
    shape = (directory.imagelength, directory.imagewidth, directory.samplesperpixel)
    if rows * math.prod(shape[1:]) * directory.dtype.itemsize > _LARGEST_ROW_OF_SEGMENTS:
        raise ValueError("strips that are too large to be parts")

    def decode(number: int) -> NDArray[Any]:
        band = np.zeros((min(rows, shape[0] - number * rows), *shape[1:]), directory.dtype)
        try:
            for index in range(number * across, (number + 1) * across):
                _decode_segment(file, directory, index, band)
        except Exception as error:
            raise PageError(path, where + decoder_trouble(error)) from error
        return band

    return StoredBands(shape, directory.dtype, rows, decode)


def _decode_segment(file: Any, directory: Any, index: int, band: NDArray[Any]) -> None:
    """Write a strip or tile into the rows of the page to which it belongs."""
    file.filehandle.seek(directory.dataoffsets[index])
    content = file.filehandle.read(directory.databytecounts[index])
    tables = {} if directory.jpegtables is None else {"jpegtables": directory.jpegtables}
    segment, (_, _, _, left, _), shape = directory.decode(content, index, **tables)
    # A tile that was never written stays as it is: the standard says zeros.
    if segment is not None:
        right = min(left + shape[2], band.shape[1])
        band[:, left:right] = segment[0, : len(band), : right - left]
