"""Write a gray or bilevel PNG band by band.

Pillow holds a byte for each pixel of the whole page, also for bilevel ones, so that pages of
hundreds of megapixels are written here: a header, one zlib stream, an end.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from docbin_napari.io.png_text import PNG_SIGNATURE, text_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

PACKING = 3
"""Level of zlib: in half of the time of the usual 6, files become a tenth larger."""
_METRES_PER_INCH = 0.0254


def write_png_bands(
    stream: BinaryIO,
    shape: tuple[int, int],
    bands: Iterable[NDArray[Any]],
    dpi: tuple[float, float] | None = None,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write a page as PNG.

    Parameters
    ----------
    stream : file
        Open for writing bytes.
    shape : (int, int)
        Height and width of the page.
    bands : iterable of ndarray, bool or uint8, shape (N, W)
        All rows from top to bottom; bool (True is white) becomes 1 bit a pixel.
    dpi : (float, float), optional
        Resolution x and y in dots per inch.
    texts : mapping of str to str, optional
        Keywords and words to be kept in the file.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> stream = io.BytesIO()
    >>> write_png_bands(stream, (2, 2), [np.eye(2, dtype=bool)[:1], np.eye(2, dtype=bool)[1:]])
    >>> np.asarray(Image.open(stream)).astype(int).tolist()
    [[1, 0], [0, 1]]
    """
    height, width = shape
    packer = zlib.compressobj(PACKING)
    started = False
    for band in bands:
        bilevel = band.dtype == np.bool_
        if not started:
            stream.write(PNG_SIGNATURE)
            depth = 1 if bilevel else 8
            # Gray, deflate, the five usual filters, not interlaced.
            _chunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
            if dpi is not None:
                metre = [round(value / _METRES_PER_INCH) for value in dpi]
                _chunk(stream, b"pHYs", struct.pack(">IIB", *metre, 1))
            for kind, content in text_chunks(texts or {}):
                _chunk(stream, kind, content)
            started = True
        packed = np.packbits(band, axis=1) if bilevel else band
        # Before each row stands the number of its filter; 0 is none.
        _chunk(stream, b"IDAT", packer.compress(np.pad(packed, ((0, 0), (1, 0))).tobytes()))
    _chunk(stream, b"IDAT", packer.flush())
    _chunk(stream, b"IEND", b"")


def _chunk(stream: BinaryIO, kind: bytes, content: bytes) -> None:
    if content or kind == b"IEND":
        stream.write(struct.pack(">I", len(content)) + kind + content)
        stream.write(struct.pack(">I", zlib.crc32(kind + content)))
