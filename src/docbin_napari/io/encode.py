"""Encode pages: as PNG or TIFF files with words in them, and as JPEG in memory."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, chain, islice, repeat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo, putchunk

from docbin_napari.io.errors import MaskError
from docbin_napari.io.page import clean_dpi
from docbin_napari.io.paths import atomic_path, writing_trouble
from docbin_napari.io.raster import PNG_SIGNATURE, png_words, without_pillow_limit
from docbin_napari.io.rgb import RowSource
from docbin_napari.io.tiff_header import TiffDamage, read_tiff_header, read_tiff_text

Conversion = Callable[[NDArray[Any]], NDArray[Any]]
Dpi = tuple[float, float] | None

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_USUAL_PIXELS, _BAND_PIXELS = 1 << 26, 1 << 22
"""A usual page is one band; larger pages are encoded in bands of so many pixels."""
_PACKING = 3
"""Level of zlib: in half of the time of the usual 6, files become a tenth larger."""
_METRES_PER_INCH = 0.0254
_PNG_END, _WORDS_WITHIN = b"\0\0\0\0IEND\xaeB`\x82", 1 << 20
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _COUNTS = 273, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_DESCRIPTION = 270
"""Tag for words about the picture."""
_FIRST_DIRECTORY = 8
_GROUP_4, _DEFLATE, _WHITE_IS_ZERO, _BLACK_IS_ZERO, _INCH = 4, 8, 0, 1, 2


def write_pages(
    path: Path,
    pages: Iterable[RowSource],
    dpi: Dpi | Sequence[Dpi] = None,
    *,
    overwrite: bool = True,
    convert: Conversion | None = None,
    texts: Mapping[str, str] | None = None,
) -> Path:
    """Write pages to a file, whole or not at all.

    Parameters
    ----------
    path : Path
        ``.png`` holds one page, ``.tif`` and ``.tiff`` any number.
    pages : iterable of RowSource, bool or uint8, shape (H, W) or (H, W, 3)
        Arrays, or what gives arrays when it is sliced by rows. bool (True is white):
        1-bit PNG or CCITT G4. uint8: 8-bit PNG or deflate.
    dpi : (float, float), optional
        Resolution x and y, or one such pair (or None) for each page.
    overwrite : bool
        Whether an existing file may be replaced.
    convert : callable, optional
        Applied to the rows of a page before they are encoded.
    texts : mapping of str to str, optional
        Keywords and words to be kept; in a bilevel TIFF file as the description of its first page.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    MaskError
        If the suffix is unknown, the format cannot hold the pages, or the file
        cannot be written.
    FileExistsError
        If the file exists and `overwrite` is False.
    """
    suffix = path.suffix.lower()
    if suffix != ".png" and suffix not in TIFF_SUFFIXES:
        raise MaskError(path, f"the suffix {path.suffix!r} is unknown; use .png, .tif or .tiff")
    encoded = _with_dpi(pages, dpi, convert)
    try:
        with atomic_path(path, overwrite=overwrite) as temporary:
            if suffix == ".png":
                _save_png(path, temporary, encoded, texts or {})
            else:
                _save_tiff(path, temporary, encoded, texts or {})
    except FileExistsError:
        raise
    except OSError as error:
        raise MaskError(path, writing_trouble(error)) from error
    return path


class _Encoded(NamedTuple):
    """One page on its way into a file: its rows from top to bottom; a usual page is one band."""

    shape: tuple[int, int]
    dpi: Dpi
    bands: Iterator[NDArray[Any]]


def _with_dpi(
    pages: Iterable[RowSource], dpi: Dpi | Sequence[Dpi], convert: Conversion | None
) -> Iterator[_Encoded]:
    """Pair each page with its resolution."""
    is_one = dpi is None or all(isinstance(value, int | float | np.number) for value in dpi)
    resolutions: Iterator[Any] = repeat(dpi) if dpi is None or is_one else iter(dpi)
    for page in pages:
        stated = next(resolutions, ())
        clean = clean_dpi(stated)
        if stated is not None and clean is None:
            raise ValueError(f"dpi must be two positive numbers for each page, not {stated}")
        yield _Encoded((page.shape[0], page.shape[1]), clean, _bands(page, convert))


def _bands(page: RowSource, convert: Conversion | None) -> Iterator[NDArray[Any]]:
    height, width = page.shape[:2]
    # Pages of colour are whole in memory already, and Pillow writes them.
    whole = len(page.shape) == 3 or height * width <= _USUAL_PIXELS
    step = height if whole else max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        rows = page[top : top + step]
        yield rows if convert is None else convert(rows)


def _save_png(
    path: Path, temporary: Path, pages: Iterator[_Encoded], texts: Mapping[str, str]
) -> None:
    only = list(islice(pages, 2))
    if len(only) != 1:
        number = "several pages" if only else "no page"
        raise MaskError(path, f"a PNG file holds one page, not {number}; use the suffix .tif")
    (page,) = only
    first, words = next(page.bands), _png_info(texts)
    with temporary.open("wb") as stream:
        if len(first) == page.shape[0]:
            image = _image_of(first)
            image.save(stream, "PNG", pnginfo=words, compress_level=_PACKING, dpi=page.dpi)
        else:
            _write_png_bands(stream, page, first, words)


def _save_tiff(
    path: Path, temporary: Path, pages: Iterator[_Encoded], texts: Mapping[str, str]
) -> None:
    """Append page after page, so that only one of them is in memory, and that packed."""
    count = 0
    with temporary.open("w+b") as stream, TiffImagePlugin.AppendingTiffWriter(stream) as writer:
        for page in pages:
            first = next(page.bands)
            if first.dtype != np.bool_ and len(first) == page.shape[0]:
                packing = "tiff_adobe_deflate"
                _image_of(first).save(writer, "TIFF", compression=packing, dpi=page.dpi)
            else:
                words = json.dumps(dict(texts)) if texts and not count else ""
                writer.write(_tiff_of_bands(page, first, words))
            writer.newFrame()
            count += 1
    if not count:
        raise MaskError(path, "there is no page to write")


def _write_png_bands(stream: BinaryIO, page: _Encoded, first: NDArray[Any], words: PngInfo) -> None:
    """Write a page of several bands, bool (1 bit a pixel) or uint8 gray, the first of them apart.

    Strategy: Pillow would hold a byte for each pixel of the whole page, also for bilevel ones, so
    it is written here: a header, one zlib stream, an end.
    """
    height, width = page.shape
    bilevel = first.dtype == np.bool_
    stream.write(PNG_SIGNATURE)
    # Gray, deflate, the five usual filters, not interlaced.
    head = struct.pack(">IIBBBBB", width, height, 1 if bilevel else 8, 0, 0, 0, 0)
    putchunk(stream, b"IHDR", head)
    if page.dpi is not None:
        metre = [round(value / _METRES_PER_INCH) for value in page.dpi]
        putchunk(stream, b"pHYs", struct.pack(">IIB", *metre, 1))
    for kind, content, *_ in words.chunks:
        putchunk(stream, kind, content)
    packer = zlib.compressobj(_PACKING)
    for band in chain([first], page.bands):
        rows = np.packbits(band, axis=1) if bilevel else band
        # Before each row stands the number of its filter; 0 is none.
        if packed := packer.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes()):
            putchunk(stream, b"IDAT", packed)
    putchunk(stream, b"IDAT", packer.flush())
    putchunk(stream, b"IEND")


def _tiff_of_bands(page: _Encoded, first: NDArray[Any], description: str) -> bytes:
    """Encode one page as a TIFF file, each band as a strip, the first of them apart.

    bool (True is white) becomes CCITT Group 4, uint8 gray with deflate.

    Strategy: Pillow encodes each bilevel band as a TIFF of its own. Asked for WhiteIsZero, as
    archive software expects it, it inverts the picture pixel by pixel in Python, 25 seconds for a
    large page; so it is given the inverted picture, and the one number that says what the bits
    mean is stated here. The strips stand behind a directory that Pillow packs.
    """
    bilevel = first.dtype == np.bool_
    strips = [
        _group4(~band) if bilevel else zlib.compress(band.tobytes())
        for band in chain([first], page.bands)
    ]
    counts = [len(strip) for strip in strips]
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[_HEIGHT], tags[_WIDTH] = page.shape
    tags[_BITS], tags[_COMPRESSION] = (1, _GROUP_4) if bilevel else (8, _DEFLATE)
    tags[_PHOTOMETRIC] = _WHITE_IS_ZERO if bilevel else _BLACK_IS_ZERO
    tags[_SAMPLES], tags[_ROWS_PER_STRIP] = 1, len(first)
    tags[_OFFSETS], tags[_COUNTS] = tuple(accumulate([0, *counts[:-1]])), tuple(counts)
    if description:
        tags[_DESCRIPTION] = description
    if page.dpi is not None:
        tags[_X_RESOLUTION], tags[_Y_RESOLUTION], tags[_UNIT] = *page.dpi, _INCH
    start = struct.pack("<2sHI", b"II", 42, _FIRST_DIRECTORY)
    # Pillow adds to the offsets where the directory ends.
    return b"".join([start, tags.tobytes(_FIRST_DIRECTORY), *strips])


def _group4(set_bits: NDArray[np.bool_]) -> bytes:
    """The strip into which Pillow encodes some rows."""
    stream = io.BytesIO()
    one_strip = {_ROWS_PER_STRIP: len(set_bits)}
    _image_of(set_bits).save(stream, "TIFF", compression="group4", tiffinfo=one_strip)
    with Image.open(stream) as written:
        tags = written.tag_v2  # type: ignore[attr-defined]
        start, count = tags[_OFFSETS][0], tags[_COUNTS][0]
    return stream.getvalue()[start : start + count]


def _image_of(pixels: NDArray[Any]) -> Image.Image:
    """Hand an array of bool or uint8 to Pillow."""
    if pixels.dtype != np.bool_:
        return Image.fromarray(np.ascontiguousarray(pixels))
    packed = np.packbits(pixels, axis=1)
    return Image.frombytes("1", (pixels.shape[1], pixels.shape[0]), packed.tobytes())


def _png_info(texts: Mapping[str, str]) -> PngInfo:
    r"""Put words into the chunks of a PNG file.

    Parameters
    ----------
    texts : mapping of str to str
        Keyword (1 to 79 Latin letters) to text of any script.

    Returns
    -------
    PngInfo
        ``tEXt`` where Latin-1 has all the letters, else ``iTXt``, which is UTF-8.

    Raises
    ------
    ValueError
        If a keyword is not one that PNG allows.

    Examples
    --------
    >>> _png_info({"Author": "Ines"}).chunks[0][:2]
    (b'tEXt', b'Author\x00Ines')
    """
    words = PngInfo()
    for keyword, text in texts.items():
        if not (0 < len(keyword) < 80 and keyword.isascii() and keyword.isprintable()):
            raise ValueError(f"{keyword!r} is not a keyword that PNG allows")
        # File names may contain bytes that are not text, and neither chunk may contain a zero.
        clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
        words.add_text(keyword, clean)
    return words


def read_png_texts(path: Path) -> dict[str, str]:
    """Read the words at the begin of a PNG file, where programs put them, without its pixels.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    dict of str to str
        Keyword to text; empty for a file that is no PNG. Chunks that cannot be read
        are passed over, and reading ends where the file is cut off.

    Raises
    ------
    MaskError
        If the file cannot be opened.
    """
    texts: dict[str, str] = {}
    try:
        with path.open("rb") as stream:
            content = stream.read(_WORDS_WITHIN)
    except FileNotFoundError:
        raise MaskError(path, "there is no such file") from None
    except OSError as error:
        raise MaskError(path, f"the file cannot be read ({error.strerror})") from error
    for kind, keyword, words in png_words(content):
        if kind != b"iCCP" and words is not None:
            with suppress(UnicodeDecodeError):
                texts[keyword.decode("latin-1")] = words.decode(
                    "utf-8" if kind == b"iTXt" else "latin-1"
                )
    return texts


def is_cut_off(path: Path) -> bool:
    """Tell whether a file that should be as `write_pages` writes them is empty or has no end.

    Parameters
    ----------
    path : Path
        PNG or TIFF file by its name. No pixel of it is decoded.

    Returns
    -------
    bool
        True also for a file that is of neither kind.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if path.suffix.lower() in TIFF_SUFFIXES:
        header, size = read_tiff_header(path), path.stat().st_size
        ends = (place + length for page in header.pages for place, length in page.extents)
        return bool(header.damage) or max(ends, default=0) > size
    with path.open("rb") as stream:
        is_png = stream.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE
        stream.seek(-min(path.stat().st_size, len(_PNG_END)), os.SEEK_END)
        return not is_png or stream.read() != _PNG_END


def read_texts(path: Path) -> dict[str, str]:
    """Read the words that `write_pages` has put into a file.

    Parameters
    ----------
    path : Path
        PNG or TIFF file.

    Returns
    -------
    dict of str to str
        Keyword to text; empty where there are none.

    Raises
    ------
    MaskError
        If the file cannot be opened.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return read_png_texts(path)
    try:
        words = json.loads(read_tiff_text(path, _DESCRIPTION))
    except OSError as error:
        raise MaskError(path, f"the file cannot be read ({error})") from error
    except (ValueError, TiffDamage, RecursionError):
        return {}
    texts = words if isinstance(words, dict) else {}
    return {key: text for key, text in texts.items() if isinstance(text, str)}


def encode_jpeg(pixels: NDArray[np.uint8], quality: int, **options: Any) -> bytes:
    """Compress a page as JPEG.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255; at most 65,500 pixels a side.
    quality : int
        JPEG quality, 1 (worst) to 100.
    **options
        Of Pillow's encoder.

    Returns
    -------
    bytes
        The content of a JPEG file.

    Examples
    --------
    >>> encode_jpeg(np.full((16, 16, 3), 200, np.uint8), 75)[6:10]
    b'JFIF'
    """
    buffer = io.BytesIO()
    _image_of(pixels).save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def jpeg_round_trip(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress a page as JPEG in memory and decode it again.

    Parameters
    ----------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255; at most 65,500 pixels a side.
    quality : int
        JPEG quality, 1 (worst) to 100.

    Returns
    -------
    ndarray, uint8, shape (H, W, 3)
        The page with the losses of the compression, a new array.

    Examples
    --------
    >>> paper = np.full((16, 16, 3), 200, np.uint8)
    >>> bool((jpeg_round_trip(paper, 75) == paper).all())
    True
    """
    buffer = io.BytesIO(encode_jpeg(pixels, quality))
    with without_pillow_limit(), Image.open(buffer, formats=("JPEG",)) as image:
        return np.array(image)


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Encode a picture as the address of an image that carries its own data.

    JPEG of full colour resolution: marks that are one pixel wide keep their colour.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        RGB, at most 65,500 pixels a side.

    Returns
    -------
    str
        For the attribute ``src`` of an ``img`` element; it needs no escaping.

    Examples
    --------
    >>> data_uri(np.full((8, 8, 3), 200, np.uint8))[:23]
    'data:image/jpeg;base64,'
    """
    content = encode_jpeg(pixels, 88, subsampling=0, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")
