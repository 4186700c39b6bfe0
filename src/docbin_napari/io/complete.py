"""Check that a JPEG stream or a GIF file holds all of its picture.

Strategy: a decoder that runs out of data fills the rest of the picture with gray and goes on.
So each scan gets some junk behind its data, which a decoder that has all blocks never looks at:
where the picture changes, blocks were missing. What junk cannot show is counted: restart marks,
behind which a decoder starts anew, and the scans of a progressive file, each of which makes the
whole picture finer.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

End = Literal["whole", "no end mark", "incomplete"]
"""How a stream ends."""

END_MARK = b"\xff\xd9"
_START, _END, _SCAN, _RESTART_EVERY = 0xD8, 0xD9, 0xDA, 0xDD
_RESTARTS = range(0xD0, 0xD8)
_ALONE = frozenset({0x01, _START, *_RESTARTS})
_HUFFMAN_FRAMES, _PROGRESSIVE = frozenset({0xC0, 0xC1, 0xC2}), 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_FINEST = 64
_JUNK = bytes(random.Random(5).choices(range(1, 255), k=2000))


@dataclass
class _Frame:
    """What the marks of a stream say."""

    kind: int = 0
    width: int = 0
    height: int = 0
    sampling: dict[int, tuple[int, int]] = field(default_factory=dict)
    interval: int = 0
    ends: list[int] = field(default_factory=list)
    coefficients: dict[int, set[int]] = field(default_factory=dict)
    marks_missing: bool = False
    ended: bool = False

    def blocks(self, components: list[int]) -> int:
        """Units that lie between restart marks, in a scan of some components."""
        across = max(wide for wide, _ in self.sampling.values())
        down = max(tall for _, tall in self.sampling.values())
        wide, tall = 8 * across, 8 * down
        if len(components) == 1:
            own = self.sampling[components[0]]
            wide, tall = 8 * across // own[0], 8 * down // own[1]
        return -(-self.width // wide) * -(-self.height // tall)


def how_it_ends(stream: bytes, tables: bytes = b"") -> End:
    """Say whether a JPEG stream is whole.

    Parameters
    ----------
    stream : bytes
        A JPEG file, or a strip or tile of a TIFF file.
    tables : bytes
        JPEG tables of the TIFF file.

    Returns
    -------
    str
        "whole" also for kinds of JPEG that are not looked into: these are left to the decoder.

    Examples
    --------
    >>> buffer = io.BytesIO()
    >>> Image.effect_noise((64, 64), 50).save(buffer, "JPEG")
    >>> how_it_ends(buffer.getvalue()), how_it_ends(buffer.getvalue()[:-2])
    ('whole', 'no end mark')
    >>> how_it_ends(buffer.getvalue()[:2000] + END_MARK)
    'incomplete'
    """
    try:
        frame = _read_marks(stream)
    except (IndexError, KeyError, ZeroDivisionError):
        # A damaged header: the decoder has its own words for it.
        return "whole"
    if frame.kind not in _HUFFMAN_FRAMES or not frame.width * frame.height:
        return "whole"
    if not frame.ends or frame.marks_missing or _scans_missing(frame):
        return "incomplete"
    if not _is_same_with_junk(_with_tables(stream, tables), frame, len(tables) and len(tables) - 4):
        return "incomplete"
    return "whole" if frame.ended else "no end mark"


def frame_size(stream: bytes) -> tuple[int, int]:
    """Give width and height by the frame header; (0, 0) where there is none."""
    try:
        frame = _read_marks(stream)
    except (IndexError, KeyError, ZeroDivisionError):
        return 0, 0
    return frame.width, frame.height


def _with_tables(stream: bytes, tables: bytes) -> bytes:
    """One stream of both, without the end of the one and the start of the other."""
    return tables[:-2] + stream[2:] if tables else stream


def _read_marks(stream: bytes) -> _Frame:
    frame = _Frame()
    place = 2
    while place + 1 < len(stream):
        if stream[place] != 0xFF:
            place += 1
            continue
        mark = stream[place + 1]
        if mark == 0xFF:
            place += 1
            continue
        if mark == _END:
            frame.ended = True
            break
        if mark in _ALONE or mark == 0:
            place += 2
            continue
        length = int.from_bytes(stream[place + 2 : place + 4], "big")
        body = stream[place + 4 : place + 2 + length]
        place += 2 + length
        if mark in _FRAMES:
            frame.kind = mark
            frame.height, frame.width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
            for at in range(6, 6 + 3 * body[5], 3):
                frame.sampling[body[at]] = body[at + 1] >> 4, body[at + 1] & 15
        elif mark == _RESTART_EVERY:
            frame.interval = int.from_bytes(body[:2], "big")
        elif mark == _SCAN:
            place = _read_scan(stream, place, body, frame)
    return frame


def _read_scan(stream: bytes, place: int, body: bytes, frame: _Frame) -> int:
    """Go to the end of the data of a scan; returns where it is."""
    components = [body[1 + 2 * at] for at in range(body[0])]
    first, last, precision = body[-3:]
    if precision & 15 == 0:
        for component in components:
            seen = frame.coefficients.setdefault(component, set())
            seen.update(range(first, min(last, _FINEST - 1) + 1))
    restarts = 0
    while True:
        place = stream.find(b"\xff", place)
        if place < 0 or place + 1 >= len(stream):
            place = len(stream)
            break
        mark = stream[place + 1]
        if mark in _RESTARTS:
            restarts += 1
        elif mark not in (0, 0xFF):
            break
        place += 1 if mark == 0xFF else 2
    # Before a mark stand any number of 0xFF, which would make a mark of the junk, too.
    while stream[place - 1] == 0xFF:
        place -= 1
    frame.ends.append(place)
    if frame.interval:
        wanted = -(-frame.blocks(components) // frame.interval) - 1
        frame.marks_missing = frame.marks_missing or restarts < wanted
    return place


def _scans_missing(frame: _Frame) -> bool:
    """Whether coefficients of a component never come, or not to their last bit."""
    wanted = set(range(_FINEST)) if frame.kind == _PROGRESSIVE else {0}
    return any(not wanted <= frame.coefficients.get(name, set()) for name in frame.sampling)


def _is_same_with_junk(stream: bytes, frame: _Frame, shift: int) -> bool:
    """Whether the picture stays as it is when junk stands behind the data of each scan."""
    pieces, before = [], 0
    for end in frame.ends:
        pieces += [stream[before : end + shift], _JUNK]
        before = end + shift
    rest = stream[before:] if frame.ended else END_MARK
    # The first coefficients say enough, unless only scans of finer ones are cut.
    quick = frame.kind != _PROGRESSIVE
    try:
        own = _decode(stream if frame.ended else stream + END_MARK, quick)
        with_junk = _decode(b"".join([*pieces, rest]), quick)
    except Exception:
        # The page itself will meet the same trouble.
        return True
    return np.array_equal(own, with_junk)


def _decode(stream: bytes, quick: bool) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(stream), formats=("JPEG",)) as image:
        if quick:
            image.draft(None, (1, 1))
        return np.asarray(image)


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
