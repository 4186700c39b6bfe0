"""Decode gray and RGB PNG files of 8 bits at once, twice as fast as in pieces.

Most scans are such files. All others, damaged ones too, are left to Pillow, which knows every
kind and says what is wrong with a file.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from docbin_napari.io.png_text import PNG_SIGNATURE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_IHDR = slice(12, 16)
_DEPTH, _COLOURS, _INTERLACED = 24, 25, 28
_GRAY, _RGB, _GRAY_ALPHA, _RGB_ALPHA = 0, 2, 4, 6
_SAMPLES = {_GRAY: 1, _RGB: 3, 3: 1, _GRAY_ALPHA: 2, _RGB_ALPHA: 4}
# Left, top and steps of the seven passes of an interlaced picture.
_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
_PASSES += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
_PIECE = 1 << 20
# Transparency, and turned pictures, whose words may stand behind the pixels.
_NOT_PLAIN = (b"tRNS", b"eXIf", b"Raw profile type")


def decode_plain_png(path: Path) -> NDArray[np.uint8] | None:
    """Decode a file if it is a plain PNG.

    Parameters
    ----------
    path : Path
        A file that can be read; its size was checked.

    Returns
    -------
    ndarray or None
        uint8 (H, W, 3), RGB, or uint16 (H, W, 1 to 4) as stored for colours or alpha of 16 bits;
        None where another decoder has to look at the file.
    """
    content = path.read_bytes()
    if not _is_plain(content):
        return None
    import imagecodecs

    try:
        pixels = imagecodecs.png_decode(content)
    except (RuntimeError, ValueError):
        return None
    if pixels.dtype != np.uint8:
        return pixels if content[_DEPTH] == 16 else None
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _is_plain(content: bytes) -> bool:
    return (
        content.startswith(PNG_SIGNATURE)
        and content[_IHDR] == b"IHDR"
        and len(content) > _INTERLACED
        and (
            (content[_DEPTH] == 8 and content[_COLOURS] in (_GRAY, _RGB))
            or (content[_DEPTH] == 16 and content[_COLOURS] in (_RGB, _GRAY_ALPHA, _RGB_ALPHA))
        )
        and content[_INTERLACED] == 0
        and not any(word in content for word in _NOT_PLAIN)
    )


def is_deep_png(path: Path) -> bool:
    """Tell from the header whether a PNG has colours or alpha of 16 bits."""
    with path.open("rb") as stream:
        start = stream.read(_INTERLACED + 1)
    return len(start) > _INTERLACED and start[_DEPTH] == 16 and start[_COLOURS] != _GRAY


def holds_all_rows(path: Path) -> bool:
    """Tell whether the pixels of a PNG file are all there; Pillow leaves a gap without a word.

    Parameters
    ----------
    path : Path
        A file with a whole header.

    Returns
    -------
    bool
        True also for a stream that is damaged: that is for the decoder to name.
    """
    with path.open("rb") as stream:
        start = stream.read(_INTERLACED + 1)
        wanted = _raw_bytes(start)
        stream.seek(len(PNG_SIGNATURE))
        packer, found = zlib.decompressobj(), 0
        while found < wanted and len(head := stream.read(8)) == 8:
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            if kind == b"IEND":
                break
            if kind != b"IDAT":
                stream.seek(length + 4, 1)
                continue
            try:
                found += _inflated(stream, length, packer, wanted - found)
            except zlib.error:
                return True
            stream.seek(4, 1)
        # What ends within its data is named by the decoder, too.
        return found >= wanted or not packer.eof


def _inflated(stream: BinaryIO, length: int, packer: Any, wanted: int) -> int:
    """Unpack the data of a chunk; returns how many bytes they are, without keeping them."""
    found = 0
    while length:
        content = stream.read(min(length, _PIECE))
        if not content:
            break
        length -= len(content)
        while content and found < wanted:
            found += len(packer.decompress(content, _PIECE))
            content = packer.unconsumed_tail
    return found


def _raw_bytes(header: bytes) -> int:
    """Bytes of all rows with their filters, by a header."""
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (16, 20))
    bits = header[_DEPTH] * _SAMPLES.get(header[_COLOURS], 1)
    passes = _PASSES if header[_INTERLACED] else [(0, 0, 1, 1)]
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
