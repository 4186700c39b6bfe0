"""Check that all rows of a TIFF page are in the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.jpeg_stream import frame_size, how_it_ends

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docbin_napari.io.tiff_header import TiffPage

_NONE, _FAX_RLE, _FAX_3, _FAX_4, _LZW, _JPEG, _PACKBITS = 1, 2, 3, 4, 5, 7, 32773
_FAX_WORDS = 32771
_DEFLATE = (8, 32946)
_YCBCR = 6
_WHITE_0, _BLACK_2, _HORIZONTAL = "00110101", "11", "001"
_REPEATS = 400
_WORDS = "the file is truncated: part of the page is missing ({})"


def missing_part(path: Path, page: TiffPage) -> str:
    """Say which part of a page is missing.

    Strategy: strips and tiles are counted and their stored or decoded bytes measured. Fax data
    say nothing about their length: their marks of rows are counted, or some black pixels put
    behind them, which a decoder that has all rows never looks at.

    Parameters
    ----------
    path : Path
        TIFF file.
    page : TiffPage
        One of its pages; its size was checked.

    Returns
    -------
    str
        In words for the user; empty if the page is whole, or of a kind whose decoder says so.
    """
    if not page.extents or page.compression == 6:
        return ""
    parts = "tiles" if page.in_tiles else "strips"
    if len(page.extents) < page.segments:
        return _WORDS.format(f"{len(page.extents)} of {page.segments} {parts} are there")
    with path.open("rb") as stream:
        for number, (offset, length) in enumerate(page.extents[: page.segments]):
            if not length:
                return _WORDS.format(f"{parts[:-1]} {number + 1} is empty")
            stream.seek(offset)
            if _is_short(page, number, stream.read(length)):
                return _WORDS.format(f"{parts[:-1]} {number + 1} is too short")
    return ""


def _is_short(page: TiffPage, number: int, content: bytes) -> bool:
    wide, tall = page.segment
    if not page.in_tiles:
        per_plane = -(-page.height // tall)
        tall = min(tall, page.height - number % per_plane * tall)
    if page.compression == _JPEG:
        size = frame_size(content)
        cut = how_it_ends(content, page.jpeg_tables) == "incomplete"
        return cut or (size != (0, 0) and (size[0] < wide or size[1] < tall))
    if page.fill_order == 2 and page.compression in (_FAX_RLE, _FAX_3, _FAX_4, _FAX_WORDS):
        content = content.translate(_TURNED)
    if page.compression in (_FAX_RLE, _FAX_3, _FAX_4):
        return _fax_is_short(page, content, (tall, wide))
    if page.photometric == _YCBCR:
        return False  # How many bytes its colours take, the decoder knows.
    samples = 1 if page.in_planes else page.samples
    bits = page.bits[0] if len(set(page.bits)) == 1 else sum(page.bits) // len(page.bits)
    needed = -(-wide * samples * bits // 8) * tall
    return _length(page.compression, content, needed) < needed


_TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _length(compression: int, content: bytes, needed: int) -> int:
    """Bytes of a strip when it is decoded, no more than are needed."""
    import imagecodecs

    if compression == _NONE:
        return len(content)
    decoders: dict[int, Callable[..., Any]] = {
        _LZW: imagecodecs.lzw_decode,
        _PACKBITS: imagecodecs.packbits_decode,
    }
    if compression in _DEFLATE:
        import zlib

        unpacked = 0
        packer = zlib.decompressobj()
        try:
            while content and unpacked < needed:
                unpacked += len(packer.decompress(content, min(1 << 20, needed - unpacked)))
                content = packer.unconsumed_tail
        except zlib.error:
            return needed  # Damage: the decoder has its own words for it.
        return unpacked
    if compression not in decoders:
        return needed
    try:
        return len(decoders[compression](content, out=needed))
    except Exception:
        # A run of PackBits that ends too soon; LZW of old programs, which only Pillow knows.
        return 0 if compression == _PACKBITS else needed


def _fax_is_short(page: TiffPage, content: bytes, shape: tuple[int, int]) -> bool:
    import imagecodecs

    height, width = shape
    if page.compression == _FAX_3:
        text = np.unpackbits(np.frombuffer(content, np.uint8)).tobytes()
        marks = len(re.findall(b"\0{11,}\1", text))
        if marks > 1:
            return marks < height
    if page.compression == _FAX_4:
        # Ones end the row that was cut, since each repeats what stands above.
        bits = "1" * 24 + (_HORIZONTAL + _WHITE_0 + _BLACK_2) * _REPEATS
    else:
        bits = (_WHITE_0 + _BLACK_2) * _REPEATS
    padding = int(bits + "0" * (-len(bits) % 8), 2).to_bytes(-(-len(bits) // 8), "big")
    decode: Callable[[bytes], Any] = {
        _FAX_RLE: lambda data: imagecodecs.ccittrle_decode(data, height=height, width=width),
        _FAX_3: lambda data: imagecodecs.ccittfax3_decode(
            data, height=height, width=width, t4options=page.fax_options
        ),
        _FAX_4: lambda data: imagecodecs.ccittfax4_decode(data, height=height, width=width),
    }[page.compression]
    try:
        return not np.array_equal(decode(content), decode(content + padding))
    except Exception:
        return False
