"""Check that the first picture of a GIF file has all of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_EXTENSION, _PICTURE = b"\x21", b"\x2c"


def gif_holds_all_rows(path: Path) -> bool:
    """Count the pixels of the first picture of a GIF file.

    Strategy: the codes of LZW need not be unpacked to be counted: each stands for a known number
    of pixels, one more than the code before it in the table.

    Parameters
    ----------
    path : Path
        A file with a whole header.

    Returns
    -------
    bool
        True also where no picture is found: that is for the decoder to name.
    """
    with path.open("rb") as stream:
        head = stream.read(13)
        if len(head) == 13 and head[10] & 0x80:
            stream.seek(3 << ((head[10] & 7) + 1), 1)
        while (kind := stream.read(1)) == _EXTENSION:
            stream.read(1)
            _blocks(stream)
        place = stream.read(9)
        if kind != _PICTURE or len(place) < 9:
            return True
        if place[8] & 0x80:
            stream.seek(3 << ((place[8] & 7) + 1), 1)
        wanted = int.from_bytes(place[4:6], "little") * int.from_bytes(place[6:8], "little")
        size = stream.read(1)
        return not size or _count(_blocks(stream), size[0], wanted) >= wanted


def _blocks(stream: BinaryIO) -> bytes:
    """The content of a chain of blocks."""
    content = bytearray()
    while (length := stream.read(1)) and length[0]:
        content += stream.read(length[0])
    return bytes(content)


def _count(content: bytes, size: int, wanted: int) -> int:
    """Pixels that the codes stand for, no more than are wanted."""
    if not 1 <= size <= 11:
        return wanted
    clear, end = 1 << size, (1 << size) + 1
    lengths = [1] * clear + [0, 0]
    bits, held, width, found, before = 0, 0, size + 1, 0, 0
    for byte in content:
        bits |= byte << held
        held += 8
        while held >= width:
            code = bits & ((1 << width) - 1)
            bits >>= width
            held -= width
            if code == clear:
                del lengths[clear + 2 :]
                width, before = size + 1, 0
                continue
            if code == end:
                return found
            if code > len(lengths) or (code == len(lengths) and not before):
                return wanted  # Damage, which the decoder names.
            if before and len(lengths) < 4096:
                lengths.append(before + 1)
                if len(lengths) == 1 << width and width < 12:
                    width += 1
            before = lengths[code]
            found += before
            if found >= wanted:
                return found
    return found
