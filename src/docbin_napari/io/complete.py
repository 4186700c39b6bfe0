"""Check that a JPEG stream or a GIF file holds all of its picture.

Strategy: a decoder that runs out of data fills the rest of the picture with gray and goes on.
So each scan gets some junk behind its data, which a decoder that has all blocks never reads:
where the picture changes, blocks were missing. What junk cannot show is counted: restart marks,
behind which a decoder starts anew, and the scans of a progressive file, each of which makes the
whole picture finer.
"""

from __future__ import annotations

import io
import random
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

End = Literal["whole", "no end mark", "incomplete", "too many scans"]
"""How a stream ends."""

END_MARK, _EIGHT_BITS = b"\xff\xd9", 8
_END, _SCAN, _RESTART_EVERY = 0xD9, 0xDA, 0xDD
_MARK = re.compile(rb"\xff([^\x00\xff])")
# Before a mark stand any number of 0xFF, which would make a mark of the junk, too.
_NEXT_MARK = re.compile(rb"\xff\xff*[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_PROGRESSIVE, _LOSSLESS, JPEG_LS = 0xC2, 0xC3, 0xF7
_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, _PROGRESSIVE, _LOSSLESS})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_FINEST, _MOST_SCANS = 64, 200
"""Coefficients of a block; programs write about ten scans, and each takes the time of a page."""
_JUNK = bytes(random.Random(5).choices(range(1, 255), k=2000))


@dataclass
class Frame:
    """What the marks of a stream say."""

    kind: int = 0
    bits: int = 8
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


def how_it_ends(stream: bytes, tables: bytes = b"", least: tuple[int, int] = (0, 0)) -> End:
    """Say whether a JPEG stream is whole.

    Parameters
    ----------
    stream : bytes
        A JPEG file, or a strip or tile of a TIFF file.
    tables : bytes
        JPEG tables of the TIFF file.
    least : (int, int)
        Width and height that its picture has if nothing is missing.

    Returns
    -------
    str
        "whole" also for kinds of JPEG that are not examined: these are left to the decoder.

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
        frame = read_marks(stream)
    except (IndexError, KeyError, ValueError, ZeroDivisionError):
        # A damaged header: the decoder has its own words for it.
        return "whole"
    if len(frame.ends) > _MOST_SCANS:
        return "too many scans"
    if frame.kind and (frame.width < least[0] or frame.height < least[1]):
        return "incomplete"
    if frame.kind not in _HUFFMAN_FRAMES or not frame.width * frame.height:
        return "whole"
    # One stream of both, without the end of the one and the start of the other.
    whole = tables[:-2] + stream[2:] if tables else stream
    missing = not frame.ends or frame.marks_missing or _scans_missing(frame)
    if missing or not _is_same_with_junk(whole, frame, len(whole) - len(stream)):
        return "incomplete"
    return "whole" if frame.ended else "no end mark"


def read_marks(stream: bytes) -> Frame:
    """Read the marks of a JPEG stream, of the first two hundred scans.

    Raises
    ------
    IndexError, KeyError, ValueError, ZeroDivisionError
        If they are damaged.
    """
    frame = Frame()
    place = 2
    while len(frame.ends) <= _MOST_SCANS and (found := _MARK.search(stream, place)):
        mark, place = found[1][0], found.end()
        if mark == _END:
            frame.ended = True
            break
        if mark == JPEG_LS:
            frame.kind = mark  # Its data have other marks.
            break
        if mark in _ALONE:
            continue
        length = int.from_bytes(stream[place : place + 2], "big")
        body = stream[place + 2 : place + length]
        place += length
        if mark in _FRAMES and not frame.kind:
            frame.kind, frame.bits = mark, body[0]
            frame.height, frame.width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
            for at in range(6, 6 + 3 * body[5], 3):
                frame.sampling[body[at]] = body[at + 1] >> 4, body[at + 1] & 15
        elif mark == _RESTART_EVERY:
            frame.interval = int.from_bytes(body[:2], "big")
        elif mark == _SCAN:
            place = _read_scan(stream, place, body, frame)
    return frame


def _read_scan(stream: bytes, place: int, body: bytes, frame: Frame) -> int:
    """Go to the end of the data of a scan; returns where it is."""
    components = [body[1 + 2 * at] for at in range(body[0])]
    first, last, precision = body[-3:]
    if frame.kind == _LOSSLESS:
        first = last = 0  # The number says how a pixel is foretold.
    if precision & 15 == 0 or frame.kind == _LOSSLESS:
        for component in components:
            seen = frame.coefficients.setdefault(component, set())
            seen.update(range(first, min(last, _FINEST - 1) + 1))
    found = _NEXT_MARK.search(stream, place)
    end = found.start() if found else len(stream.rstrip(b"\xff"))
    frame.ends.append(end)
    if frame.interval:
        wanted = -(-frame.blocks(components) // frame.interval) - 1
        restarts = len(_RESTART.findall(stream, place, end))
        frame.marks_missing = frame.marks_missing or restarts < wanted
    return end


def _scans_missing(frame: Frame) -> bool:
    """Whether coefficients of a component never come, or not to their last bit."""
    wanted = set(range(_FINEST)) if frame.kind == _PROGRESSIVE else {0}
    return any(not wanted <= frame.coefficients.get(name, set()) for name in frame.sampling)


def _is_same_with_junk(stream: bytes, frame: Frame, shift: int) -> bool:
    """Whether the picture stays as it is when junk stands behind the data of each scan."""
    pieces, before = [], 0
    for end in frame.ends:
        pieces += [stream[before : end + shift], _JUNK]
        before = end + shift
    rest = stream[before:] if frame.ended else END_MARK
    try:
        own = _decode(stream if frame.ended else stream + END_MARK, frame)
        with_junk = _decode(b"".join([*pieces, rest]), frame)
    except Exception:
        # The page itself will meet the same trouble.
        return True
    return np.array_equal(own, with_junk)


def _decode(stream: bytes, frame: Frame) -> NDArray[Any]:
    if frame.bits != _EIGHT_BITS:
        import imagecodecs

        return np.asarray(imagecodecs.jpeg8_decode(stream))
    # The first coefficients say enough, unless only scans of finer ones are cut.
    quick = frame.kind not in (_PROGRESSIVE, _LOSSLESS)
    with Image.open(io.BytesIO(stream), formats=("JPEG",)) as image:
        if quick:
            image.draft(None, (1, 1))
        return np.asarray(image)


_TRAILER = b"\x3b"
_GIF_ENDS_EARLY = ("Failed to read", "EOF detected before image complete")


def gif_holds_all_rows(content: bytes, start: int) -> bool:
    """Tell whether the first picture of a GIF file has all of its pixels; Pillow does not say.

    Parameters
    ----------
    content : bytes
        The file.
    start : int
        Where the data of that picture begin.

    Returns
    -------
    bool
        True also where the picture is damaged: that is for the decoder to name.
    """
    import imagecodecs

    # A later picture may be cut off, so the file ends here behind the first.
    stream = io.BytesIO(content)
    stream.seek(start)
    while (length := stream.read(1)) and length[0]:
        stream.seek(length[0], 1)
    try:
        imagecodecs.gif_decode(content[: stream.tell()] + _TRAILER, index=0)
    except Exception as error:
        return not any(words in str(error) for words in _GIF_ENDS_EARLY)
    return True
