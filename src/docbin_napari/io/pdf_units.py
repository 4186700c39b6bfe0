"""Read the UserUnit of PDF pages, which scales large drawings and maps.

PDFium does not know it, so it is looked for in the objects of the file, plain and packed.
"""

from __future__ import annotations

import mmap
import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Box = tuple[float, float, float, float]

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)"
_UNIT = re.compile(rb"/UserUnit\s+(" + _NUMBER + rb")")
_BOX = re.compile(rb"/MediaBox\s*\[\s*" + rb"\s+".join([rb"(" + _NUMBER + rb")"] * 4) + rb"\s*\]")
_PACKED = re.compile(rb"/Type\s*/ObjStm")
_NEAR, _LONGEST_PACKED = 4096, 1 << 24
_LARGEST_UNIT = 75_000.0
_MOST_PACKED = 1000


def user_units(path: Path) -> dict[Box | None, float]:
    """Find the units of the pages of a PDF file.

    Parameters
    ----------
    path : Path
        A PDF file that is not empty.

    Returns
    -------
    dict
        Box of a page to its unit, in points; None for pages that inherit their box. Empty for
        nearly all files. Encrypted files keep theirs to themselves.
    """
    found: dict[Box | None, float] = {}
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pieces = [
            piece for place in _places(data, b"/UserUnit") for piece in [_object(data, place)]
        ]
        for piece in (*pieces, *_packed(data)):
            unit, box = _UNIT.search(piece), _BOX.search(piece)
            if unit and 0 < float(unit[1]) <= _LARGEST_UNIT:
                corners = tuple(map(float, box.groups())) if box else None
                found[corners] = float(unit[1])  # type: ignore[index]
    return found


def _places(data: mmap.mmap, word: bytes) -> Iterator[int]:
    place = data.find(word)
    while place >= 0:
        yield place
        place = data.find(word, place + 1)


def _object(data: mmap.mmap, place: int) -> bytes:
    """The object around a place, as far as it is near."""
    start = max(data.rfind(b" obj", max(0, place - _NEAR), place), place - _NEAR, 0)
    end = data.find(b"endobj", place, place + _NEAR)
    return data[start : end if end >= 0 else place + _NEAR]


def _packed(data: mmap.mmap) -> Iterator[bytes]:
    """Objects that lie compressed in streams, those with a unit only."""
    for number, place in enumerate(match.start() for match in _PACKED.finditer(data)):
        begin = data.find(b"stream", place, place + _NEAR)
        if begin < 0 or number >= _MOST_PACKED:
            continue
        content = data[begin + 6 : begin + 6 + _LONGEST_PACKED].lstrip(b"\r\n")
        try:
            text = zlib.decompressobj().decompress(content, _LONGEST_PACKED)
        except zlib.error:
            continue
        if b"/UserUnit" in text:
            yield from re.split(rb">>\s*(?=<<)", text)
