"""Read the directories of a TIFF file without a library, and check that its rows are there.

Strategy: a page is judged by a dozen numbers of its directory: size, bits, compression,
where its data lies. Reading just these takes a fraction of a millisecond, works for
classic TIFF and BigTIFF, and tells a truncated file from a whole one before a decoder,
some of which accept half pages, sees it.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from docbin_napari.io.complete import how_it_ends

_CODES = dict(zip((*range(1, 11), 13, 16, 18), "BBHIIbBhiiIQQ", strict=True))
"""Numbers of the kinds of values, and what `struct` calls them; fractions (5, 10) are two each."""
_NUMBERS = {
    254: ("subfile", 0),
    256: ("width", 0),
    257: ("height", 0),
    259: ("compression", 1),
    262: ("photometric", 0),
    266: ("fill_order", 1),
    274: ("orientation", 1),
    277: ("samples", 1),
    284: ("planar", 1),
    292: ("fax_options", 0),
    339: ("sample_format", 1),
    530: ("chroma_step", 2),
}
"""Tags of one number, their names here, and the values of pages that do not have them."""
_BITS, _ROWS, _TILE_WIDTH, _TILE_LENGTH = 258, 278, 322, 323
_X_RESOLUTION, _Y_RESOLUTION, _UNIT = _DENSITY = 282, 283, 296
_COLOUR_MAP, _JPEG_TABLES = 320, 347
_OLD_SUBFILE, _BELOW = 255, 330
_STRIPS, _TILES = (273, 279), (324, 325)
_REDUCED, _TRANSPARENCY, _OLD_REDUCED, _PLANES = 1, 4, 2, 2
_WANTED = {*_NUMBERS, _BITS, _ROWS, _TILE_WIDTH, _TILE_LENGTH, *_STRIPS, *_TILES}
# The colours are read to see that they are there: a page cannot be decoded without them.
_WANTED |= {_X_RESOLUTION, _Y_RESOLUTION, _UNIT, _COLOUR_MAP, _JPEG_TABLES, _OLD_SUBFILE, _BELOW}
_MOST_DIRECTORIES = 100_000
_PREVIEW = (
    "the file holds only a preview of its picture, which lies below it, as in the raw files of "
    "cameras: save the picture as TIFF or PNG with the program of the camera"
)


class TiffDamage(Exception):  # noqa: N818
    """A directory that cannot be read; the text says why."""


@dataclass(frozen=True)
class TiffPage:
    """One directory of a TIFF file.

    Parameters
    ----------
    directory : int
        Place among all directories of the file, from 0, thumbnails included.
    width, height : int
        Size in pixels, as stored.
    bits : tuple of int
        Bits of each sample.
    compression, photometric, sample_format, orientation, planar, fill_order, fax_options : int
        Values of the tags of these names; fax options are those of Group 3.
    chroma_step : int
        Pixels side by side that share a colour, if the colours are YCbCr.
    subfile : int
        Bits of NewSubfileType: 1 reduced version, 4 transparency mask.
    samples : int
        Samples of a pixel.
    dpi : (float, float) or None
        Resolution, x and y, as stored; None if the file does not say or names no unit.
    extents : tuple of (int, int)
        Offset and number of bytes of each strip or tile.
    segment : (int, int)
        Width and height of a strip or tile, pixels; the last strip may be lower.
    in_tiles : bool
        Whether the parts are tiles.
    jpeg_tables : bytes
        Tables that all JPEG strips share.
    brightest : int
        Largest number of the colour map; 0 without one.
    """

    directory: int
    width: int
    height: int
    bits: tuple[int, ...]
    compression: int
    photometric: int
    sample_format: int
    orientation: int
    planar: int
    fill_order: int
    fax_options: int
    chroma_step: int
    subfile: int
    samples: int
    dpi: tuple[float, float] | None
    extents: tuple[tuple[int, int], ...] = field(repr=False)
    segment: tuple[int, int]
    in_tiles: bool
    jpeg_tables: bytes = field(repr=False)
    brightest: int

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample while the page is decoded."""
        return max(1, -(-max(self.bits) // 8))

    @property
    def segments(self) -> int:
        """Strips or tiles that the whole page needs."""
        wide, tall = self.segment
        planes = self.samples if self.planar == _PLANES else 1
        return -(-self.width // max(1, wide)) * -(-self.height // max(1, tall)) * planes


class TiffHeader(NamedTuple):
    """All pages of a TIFF file that can be reached.

    Parameters
    ----------
    pages : tuple of TiffPage
        Pages in order, without thumbnails and transparency masks.
    damage : str
        Why there is no further page; empty if the file is whole.
    """

    pages: tuple[TiffPage, ...]
    damage: str


def read_tiff_header(path: Path) -> TiffHeader:
    """Read the directories of a TIFF or BigTIFF file.

    Parameters
    ----------
    path : Path
        A file that begins as a TIFF does.

    Returns
    -------
    TiffHeader
        The pages up to the first damaged directory, and what is wrong with that.
    """
    pages: list[TiffPage] = []
    seen: set[int] = set()
    below = False
    with path.open("rb") as stream:
        try:
            reader = _Reader(stream)
            offset = reader.first
            while offset:
                if offset in seen or len(seen) > _MOST_DIRECTORIES:
                    raise TiffDamage("the directories of the file run in a circle")
                seen.add(offset)
                tags, offset = reader.directory(offset)
                pages.append(_page(len(pages), tags))
                below = below or bool(tags.get(_BELOW))
            damage = "" if pages else "the file holds no page"
        except TiffDamage as error:
            damage = str(error)
    wanted = [page for page in pages if not page.subfile & (_REDUCED | _TRANSPARENCY)]
    if below and not wanted:
        return TiffHeader((), damage or _PREVIEW)
    # Where all are called thumbnails, they are pages of some fax programs.
    reduced = [page for page in pages if not page.subfile & _TRANSPARENCY]
    return TiffHeader(tuple(wanted or reduced or pages[:1]), damage)


def read_tiff_text(path: Path, tag: int) -> str:
    """Read the text of a tag from the first directory of a TIFF file; empty without one.

    Raises
    ------
    OSError, TiffDamage, ValueError
        If the file cannot be read, is no TIFF file, or the tag holds no text.
    """
    with path.open("rb") as stream:
        reader = _Reader(stream)
        tags, _ = reader.directory(reader.first, {tag})
    return bytes(map(int, tags.get(tag, ()))).rstrip(b"\0").decode("latin-1")


class _Reader:
    """Reads directories of one byte order and one width of offsets."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._size, self._values_read = stream, stream.seek(0, 2), 0
        stream.seek(0)
        start = stream.read(16)
        big = start[2:4] in (b"+\0", b"\0+")
        if len(start) < (16 if big else 8):
            raise TiffDamage("the file is truncated: it ends within its header")
        self._order = "<" if start[:2] == b"II" else ">"
        self._offset = struct.Struct(self._order + ("Q" if big else "I"))
        self._count = struct.Struct(self._order + ("Q" if big else "H"))
        self._entry = struct.Struct(self._order + ("HHQ8s" if big else "HHI4s"))
        self.first = int(self._offset.unpack_from(start, 8 if big else 4)[0])

    def directory(
        self, offset: int, wanted: Set[int] = _WANTED
    ) -> tuple[dict[int, tuple[float, ...]], int]:
        """Read the values of the tags that are wanted, and the offset of the next directory."""
        (count,) = self._count.unpack(self._bytes(offset, self._count.size))
        if not 0 < count <= 4096:
            raise TiffDamage(f"a directory of the file is damaged ({count} entries)")
        end = count * self._entry.size
        block = self._bytes(offset + self._count.size, end + self._offset.size)
        tags: dict[int, tuple[float, ...]] = {}
        for tag, kind, number, inline in self._entry.iter_unpack(block[:end]):
            if tag in wanted:
                values = self._values(kind, number, inline)
                # Each library believes another one, and may take memory for a page of that size.
                if tags.setdefault(tag, values) != values and tag not in _DENSITY:
                    raise TiffDamage(f"a directory of the file is damaged (tag {tag} twice)")
        return tags, int(self._offset.unpack_from(block, end)[0])

    def _values(self, kind: int, number: int, inline: bytes) -> tuple[float, ...]:
        """Values of one entry, which lie in the entry itself if they fit."""
        if kind not in _CODES:
            return ()
        rational = kind in (5, 10)
        form = f"{self._order}{number * (2 if rational else 1)}{_CODES[kind]}"
        length = struct.calcsize(form) if number <= self._size else self._size + 1
        # No value is stored twice, so all of them together are no more than the bytes.
        self._values_read += number
        if number <= self._size < self._values_read:
            raise TiffDamage("the directories of the file share their tables without end")
        if length > len(inline):
            inline = self._bytes(self._offset.unpack(inline)[0], length)
        values = struct.unpack_from(form, inline)
        if rational:
            return tuple(
                a / b if b else 0.0 for a, b in zip(values[::2], values[1::2], strict=True)
            )
        return values

    def _bytes(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            raise TiffDamage("the file is truncated: a directory lies beyond its end")
        self._stream.seek(offset)
        return self._stream.read(length)


def _page(directory: int, tags: dict[int, tuple[float, ...]]) -> TiffPage:
    def one(tag: int, default: int) -> int:
        return int((tags.get(tag) or (default,))[0])

    numbers: dict[str, Any] = {name: one(tag, value) for tag, (name, value) in _NUMBERS.items()}
    if one(_OLD_SUBFILE, 0) == _OLD_REDUCED:
        numbers["subfile"] |= _REDUCED
    width, height = numbers["width"], numbers["height"]
    data = next((pair for pair in (_STRIPS, _TILES) if tags.keys() >= set(pair)), None)
    extents = zip(tags[data[0]], tags[data[1]], strict=False) if data else ()
    bits = tuple(int(bits) for bits in tags.get(_BITS, (1,)))
    if not bits or min(*bits, numbers["samples"]) < 1:
        raise TiffDamage("the file is damaged: it does not say how many bits a pixel has")
    in_tiles = data == _TILES
    rows = min(one(_ROWS, height), height) or height
    return TiffPage(
        directory=directory,
        **numbers,
        bits=bits,
        dpi=_dpi(tags, one(_UNIT, 2)),
        extents=tuple((int(offset), int(length)) for offset, length in extents),
        segment=(one(_TILE_WIDTH, 0), one(_TILE_LENGTH, 0)) if in_tiles else (width, rows),
        in_tiles=in_tiles,
        jpeg_tables=bytes(int(value) & 255 for value in tags.get(_JPEG_TABLES, ())),
        brightest=int(max(tags.get(_COLOUR_MAP, ()), default=0)),
    )


def _dpi(tags: dict[int, tuple[float, ...]], unit: int) -> tuple[float, float] | None:
    """Resolution in dots per inch; unit 2 is the inch, 3 the centimetre, 1 none at all."""
    x, y = tags.get(_X_RESOLUTION), tags.get(_Y_RESOLUTION)
    if not x or not y or unit not in (2, 3):
        return None
    factor = 2.54 if unit == 3 else 1.0
    return x[0] * factor, y[0] * factor


_NONE, _FAX_RLE, _FAX_3, _FAX_4, _LZW, _JPEG, _PACKBITS = 1, 2, 3, 4, 5, 7, 32773
_DEFLATE = (8, 32946)
_YCBCR = 6
_WHITE_0, _BLACK_2, _HORIZONTAL = "00110101", "11", "001"
_REPEATS = 400
_ZEROS, _LAST_ZEROS = bytes(11), 3
"""Bits that no codes of a fax have side by side, and the most zeros at the end of a code."""
_FEW_COLOURS = (
    "YCbCr pixels that share their colours are only read if they are compressed: save the picture "
    "as PNG, or as TIFF with LZW"
)
_PIECE = 1 << 14
_WORDS = "the file is truncated: part of the page is missing ({})"


def missing_part(path: Path, page: TiffPage) -> str:
    """Say which part of a page is missing.

    Strategy: strips and tiles are counted and their stored or decoded bytes measured. Fax data
    say nothing about their length: their marks of rows are counted, or some black pixels put
    behind them, which a decoder that has all rows never reads.

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
    size = path.stat().st_size
    # Some writers state a last strip that is longer than the uncompressed page needs.
    room = 0 if page.compression == _NONE else 1
    if any(
        min(place, length) < 0 or place + room * length > size for place, length in page.extents
    ):
        return "the file is truncated: part of the page is missing"
    if not page.extents or page.compression == 6:
        return ""
    parts = "tiles" if page.in_tiles else "strips"
    if len(page.extents) < page.segments:
        return _WORDS.format(f"{len(page.extents)} of {page.segments} {parts} are there")
    unstated = 0
    if page.compression == _NONE and len(page.extents) == 1:
        # Some programs write no number of bytes here, and readers work it out.
        unstated = math.prod(page.segment) * page.samples * page.sample_bytes
    with path.open("rb") as stream:
        for number, (offset, stated) in enumerate(page.extents[: page.segments]):
            length = stated or unstated
            stream.seek(offset)
            try:
                short = _is_short(page, number, stream.read(min(length, size)))
            except zlib.error:
                return f"the file is damaged ({parts[:-1]} {number + 1}): copy it again"
            if short or not length:
                fault = "too short" if length else "empty"
                shared = length and page.photometric == _YCBCR and page.chroma_step > 1
                words = _FEW_COLOURS if shared else _WORDS
                return words.format(f"{parts[:-1]} {number + 1} is {fault}")
    return ""


def _is_short(page: TiffPage, number: int, content: bytes) -> bool:
    wide, tall = page.segment
    if not page.in_tiles:
        per_plane = -(-page.height // tall)
        tall = min(tall, page.height - number % per_plane * tall)
    if page.compression == _JPEG:
        end = how_it_ends(content, page.jpeg_tables, (wide, tall))
        return end in ("incomplete", "too many scans")
    if page.fill_order == 2:
        content = content.translate(_TURNED)
    if page.compression in (_FAX_RLE, _FAX_3, _FAX_4):
        return _fax_is_short(page, content, (tall, wide))
    if page.photometric == _YCBCR and page.compression != _NONE:
        return False  # Only the decoder knows how many bytes its colours take.
    samples = 1 if page.planar == _PLANES else page.samples
    bits = page.bits[0] if len(set(page.bits)) == 1 else sum(page.bits) // len(page.bits)
    needed = -(-wide * samples * bits // 8) * tall
    return _length(page.compression, content, needed) < needed


_TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _length(compression: int, content: bytes, needed: int) -> int:
    """Bytes of a strip when it is decoded, as far as they are needed."""
    import imagecodecs

    if compression in _DEFLATE:
        # Zeros in its middle may stand for a multiple of the page; more is not worth the time.
        return _inflated(content, 16 * needed + 1)
    if compression == _NONE:
        return len(content)
    decoders = {_LZW: imagecodecs.lzw_decode, _PACKBITS: imagecodecs.packbits_decode}
    if compression not in decoders:
        return needed
    try:
        return len(decoders[compression](content, out=needed))
    except Exception:
        # Damage, for which the decoder has its own words; LZW of old programs, which only Pillow
        # knows; but a run of PackBits that ends too soon is short.
        return 0 if compression == _PACKBITS else needed


def _inflated(content: bytes, most: int) -> int:
    """Count the bytes of a deflate strip, up to its checksum, where most decoders do not go.

    Raises
    ------
    zlib.error
        If it is damaged.
    """
    decoder, length = zlib.decompressobj(), 0
    for start in range(0, len(content), _PIECE):
        length += len(decoder.decompress(content[start : start + _PIECE], most - length))
        if decoder.eof or length >= most:
            break
    return length


def _fax_is_short(page: TiffPage, content: bytes, shape: tuple[int, int]) -> bool:
    import imagecodecs

    height, width = shape
    stored = np.unpackbits(np.frombuffer(content, np.uint8))
    if page.compression == _FAX_4:
        # Decoders take eleven zeros, with which the end begins, for the end wherever they stand.
        text = stored.tobytes() + _ZEROS + b"\1"
        start = text.index(_ZEROS)
        stored = stored[: min(start + _LAST_ZEROS, text.index(1, start) - len(_ZEROS))]
    if page.compression == _FAX_3:
        marks = len(re.findall(b"\0{11,}\1", stored.tobytes()))
        if marks > 1:
            return marks < height
    bits = (_WHITE_0 + _BLACK_2) * _REPEATS
    if page.compression == _FAX_4:
        # Ones end the row that was cut, since each repeats what stands above.
        bits = "1" * 24 + (_HORIZONTAL + _WHITE_0 + _BLACK_2) * _REPEATS
    longer = np.append(stored, [np.uint8(bit) for bit in bits])
    decoders: dict[int, Callable[..., Any]] = {
        _FAX_RLE: imagecodecs.ccittrle_decode,
        _FAX_3: partial(imagecodecs.ccittfax3_decode, t4options=page.fax_options),
        _FAX_4: imagecodecs.ccittfax4_decode,
    }
    decode = decoders[page.compression]
    try:
        pages = [
            decode(np.packbits(data).tobytes(), height=height, width=width)
            for data in (stored, longer)
        ]
    except Exception:
        return False
    return not np.array_equal(*pages)
