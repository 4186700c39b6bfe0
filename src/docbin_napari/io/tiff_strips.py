"""Write a page as TIFF in strips, band by band."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, TiffImagePlugin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _COUNTS = 273, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
DESCRIPTION = 270
"""Tag for words about the picture."""
_FIRST_DIRECTORY = 8
_GROUP_4, _DEFLATE, _WHITE_IS_ZERO, _BLACK_IS_ZERO, _INCH = 4, 8, 0, 1, 2


def tiff_of_bands(
    shape: tuple[int, int],
    bands: Iterable[NDArray[Any]],
    dpi: tuple[float, float] | None = None,
    description: str = "",
) -> bytes:
    """Encode one page, each band as a strip.

    Strategy: Pillow encodes each bilevel band as a TIFF of its own. Asked for WhiteIsZero, as
    archive software expects it, it inverts the picture pixel by pixel in Python, 25 seconds for a
    large page; so it is given the inverted picture, and the one number that says what the bits
    mean is stated here. The strips stand behind a directory that Pillow packs.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page.
    bands : iterable of ndarray, bool or uint8, shape (N, W)
        All rows from top to bottom, all bands but the last of one height. bool (True is white)
        becomes CCITT Group 4, uint8 gray with deflate.
    dpi : (float, float), optional
        Resolution x and y in dots per inch.
    description : str
        Words to be kept in the file, ASCII.

    Returns
    -------
    bytes
        A TIFF file with one page.

    Examples
    --------
    >>> white = np.eye(3, dtype=bool)
    >>> page = Image.open(io.BytesIO(tiff_of_bands((3, 3), [white[:2], white[2:]])))
    >>> page.info["compression"], (np.asarray(page) == white).all()
    ('group4', np.True_)
    """
    strips = bytearray()
    offsets: list[int] = []
    rows, bilevel = 0, True
    for band in bands:
        if not offsets:
            rows, bilevel = len(band), band.dtype == np.bool_
        offsets.append(len(strips))
        strips += _group4(~band) if bilevel else zlib.compress(band.tobytes())
    counts = [end - start for start, end in zip(offsets, [*offsets[1:], len(strips)], strict=True)]
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[_HEIGHT], tags[_WIDTH] = shape
    tags[_BITS], tags[_COMPRESSION] = (1, _GROUP_4) if bilevel else (8, _DEFLATE)
    tags[_PHOTOMETRIC] = _WHITE_IS_ZERO if bilevel else _BLACK_IS_ZERO
    tags[_SAMPLES], tags[_ROWS_PER_STRIP] = 1, rows
    tags[_OFFSETS], tags[_COUNTS] = tuple(offsets), tuple(counts)
    if description:
        tags[DESCRIPTION] = description
    if dpi is not None:
        tags[_X_RESOLUTION], tags[_Y_RESOLUTION], tags[_UNIT] = *dpi, _INCH
    start = struct.pack("<2sHI", b"II", 42, _FIRST_DIRECTORY)
    # Pillow adds to the offsets where the directory ends.
    return start + bytes(tags.tobytes(_FIRST_DIRECTORY)) + bytes(strips)


def _group4(set_bits: NDArray[np.bool_]) -> bytes:
    """The strip into which Pillow encodes some rows."""
    stream = io.BytesIO()
    one_strip = {_ROWS_PER_STRIP: len(set_bits)}
    image_of(set_bits).save(stream, "TIFF", compression="group4", tiffinfo=one_strip)
    with Image.open(stream) as written:
        tags = written.tag_v2  # type: ignore[attr-defined]
        start, count = tags[_OFFSETS][0], tags[_COUNTS][0]
    return stream.getvalue()[start : start + count]


def image_of(pixels: NDArray[Any]) -> Image.Image:
    """Hand an array of bool or uint8 to Pillow."""
    if pixels.dtype != np.bool_:
        return Image.fromarray(np.ascontiguousarray(pixels))
    packed = np.packbits(pixels, axis=1)
    return Image.frombytes("1", (pixels.shape[1], pixels.shape[0]), packed.tobytes())
