"""Read and write text inside PNG files."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

from docbin_napari.io.errors import MaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

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
