"""Read and write PNG where Pillow is slow or holds too much: text, whole scans, bands.

Most scans are gray or RGB with 8 bits, and are decoded at once, twice as fast as in pieces. All
others, damaged ones too, are left to Pillow, which knows every kind and says what is wrong with a
file. For writing, Pillow holds a byte for each pixel of the whole page, also for bilevel ones, so
that pages of hundreds of megapixels are written here: a header, one zlib stream, an end.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from docbin_napari.io.errors import MaskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LONGEST_TEXT = 1 << 20
_TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")


def text_chunks(texts: Mapping[str, str]) -> Iterator[tuple[bytes, bytes]]:
    r"""Put words into the chunks of a PNG file.

    Parameters
    ----------
    texts : mapping of str to str
        Keyword (1 to 79 Latin letters) to text of any script.

    Yields
    ------
    kind, content : bytes
        ``tEXt`` where Latin-1 has all the letters, else ``iTXt``, which is UTF-8.

    Raises
    ------
    ValueError
        If a keyword is not one that PNG allows.

    Examples
    --------
    >>> list(text_chunks({"Author": "Ines"}))
    [(b'tEXt', b'Author\x00Ines')]
    """
    for keyword, text in texts.items():
        if not (0 < len(keyword) < 80 and keyword.isascii() and keyword.isprintable()):
            raise ValueError(f"{keyword!r} is no keyword for a PNG file")
        # File names may hold bytes that are no letters, and neither chunk may hold a zero.
        clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
        try:
            yield b"tEXt", keyword.encode("ascii") + b"\0" + clean.encode("latin-1")
        except UnicodeEncodeError:
            # Not compressed, no language, no translated keyword.
            yield b"iTXt", keyword.encode("ascii") + b"\0\0\0\0\0" + clean.encode("utf-8")


def read_png_texts(path: Path) -> dict[str, str]:
    """Read the words of a PNG file without its pixels.

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
    try:
        with path.open("rb") as stream:
            if stream.read(8) != PNG_SIGNATURE:
                return {}
            return dict(text for chunk in _chunks(stream) if (text := _text(*chunk)) is not None)
    except FileNotFoundError:
        raise MaskError(path, "there is no such file") from None
    except OSError as error:
        raise MaskError(path, f"the file cannot be read ({error.strerror})") from error


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """The chunks with words, from the first to the last; all others are jumped over."""
    while len(head := stream.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            return
        if kind not in _TEXT_CHUNKS or length > _LONGEST_TEXT:
            stream.seek(length + 4, 1)
            continue
        content, check = stream.read(length), stream.read(4)
        if zlib.crc32(kind + content).to_bytes(4, "big") == check:
            yield kind, content


def _text(kind: bytes, content: bytes) -> tuple[str, str] | None:
    keyword, _, rest = content.partition(b"\0")
    try:
        if kind == b"tEXt":
            text = rest.decode("latin-1")
        elif kind == b"zTXt":
            text = _inflate(rest[1:]).decode("latin-1")
        else:
            packed, (_, _, words) = rest[:1], rest[2:].split(b"\0", 2)
            text = (_inflate(words) if packed == b"\1" else words).decode("utf-8")
    except (ValueError, zlib.error):
        return None
    return keyword.decode("latin-1"), text


def _inflate(packed: bytes) -> bytes:
    """Unpack, but no more than a text can be: a few bytes can stand for gigabytes."""
    return zlib.decompressobj().decompress(packed, _LONGEST_TEXT)


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
