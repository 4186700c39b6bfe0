"""Damage files at random, always in the same way for the same random numbers.

Strategy: a byte that is changed anywhere is mostly found by the first checksum. So packed kinds are
opened first: chunks of a PNG file get their checksums anew, the stream of pixels and the planes of
a draft are changed before they are packed, headers of JSON value by value.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_TIFF_STARTS = {b"II*\0": ("<", 4), b"MM\0*": (">", 4), b"II+\0": ("<", 8), b"MM\0+": (">", 8)}
PNG_START = b"\x89PNG\r\n\x1a\n"
_WHOLE = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 1 << 24)
_LARGE = (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000000)
_TAGS = (256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 325, 338, 339, 347)
_SIGNS = b'0123456789-+.eE[]{}",: <>/\\\x00\xff'
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 1e308, -1e308, 1e-320),
    *("", "x" * 3000, "a/../../b", "\ud800", [], {}, [[]], [0] * 5000, {"a": {"b": {}}}, 0.5),
)


def mutate(content: bytes, random: Random) -> bytes:
    """Damage a file.

    Parameters
    ----------
    content : bytes
        A whole file.
    random : Random
        Decides what is damaged.

    Returns
    -------
    bytes
        At most a few kilobytes longer than `content`.
    """
    if random.random() < 0.5:
        if content.startswith(PNG_START):
            return _png(content, random)
        if content.startswith(b"PK\x03\x04"):
            return _zip(content, random)
        if content[:4] in _TIFF_STARTS:
            return _tiff(content, random)
        if content[8:9] == b"{":
            return _model(content, random)
        if content.startswith(b"{"):
            return _json(content, random)
    return _bytes(content, random)


def _bytes(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 3, 6, 20))):
        random.choice(_CHANGES)(changed, random)
    return bytes(changed)


def _place(content: bytearray, random: Random) -> int:
    """Mostly near the start, where headers are."""
    length = max(len(content), 1)
    return random.randrange(min(length, 256)) if random.random() < 0.5 else random.randrange(length)


def _flip(content: bytearray, random: Random) -> None:
    at = _place(content, random)
    content[at : at + 1] = bytes([random.randrange(256)])


def _number(content: bytearray, random: Random) -> None:
    at, order = _place(content, random), random.choice("<>")
    if random.random() < 0.5:
        content[at : at + 2] = struct.pack(f"{order}H", random.choice(_WHOLE) & 0xFFFF)
    else:
        content[at : at + 4] = struct.pack(f"{order}I", random.choice(_WHOLE + _LARGE))


def _cut(content: bytearray, random: Random) -> None:
    del content[_place(content, random) :]


def _remove(content: bytearray, random: Random) -> None:
    at = _place(content, random)
    del content[at : at + random.randrange(1, 64)]


def _repeat(content: bytearray, random: Random) -> None:
    at = _place(content, random)
    content[at:at] = content[at : at + random.randrange(1, 300)] * random.choice((1, 1, 2, 9))


def _insert(content: bytearray, random: Random) -> None:
    at = _place(content, random)
    content[at:at] = bytes(random.choices(range(256), k=random.randrange(1, 32)))


def _sign(content: bytearray, random: Random) -> None:
    at = _place(content, random)
    content[at : at + 1] = bytes([random.choice(_SIGNS)])


def _move(content: bytearray, random: Random) -> None:
    start, to = _place(content, random), _place(content, random)
    part = content[start : start + random.randrange(1, 200)]
    content[to : to + len(part)] = part


_CHANGES: tuple[Callable[[bytearray, Random], None], ...] = (
    *(_flip, _flip, _flip, _number, _number, _number, _sign),
    *(_cut, _remove, _repeat, _insert, _move),
)


def _png(content: bytes, random: Random) -> bytes:
    """Change one chunk, and write its checksum and length anew."""
    chunks, at = [], len(PNG_START)
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    number = random.randrange(len(chunks))
    kind, body = chunks[number]
    if kind == b"IDAT" and random.random() < 0.7:
        stream = b"".join(body for kind, body in chunks if kind == b"IDAT")
        first = [each[0] for each in chunks].index(b"IDAT")
        chunks = [each for each in chunks if each[0] != b"IDAT"]
        body = zlib.compress(_bytes(zlib.decompress(stream), random), 1)
        chunks.insert(first, (kind, body))
    elif random.random() < 0.15:
        del chunks[number]
    elif random.random() < 0.15:
        chunks.insert(random.randrange(len(chunks)), chunks[number])
    else:
        chunks[number] = (kind, _bytes(body, random))
    return PNG_START + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _tiff(content: bytes, random: Random) -> bytes:
    """Change tags, kinds, counts and values of the first directory."""
    order, wide = _TIFF_STARTS[content[:4]]
    whole, short = ("Q", "Q") if wide == 8 else ("I", "H")
    changed = bytearray(content)
    try:
        (at,) = struct.unpack_from(order + whole, content, wide)
        (count,) = struct.unpack_from(order + short, content, at)
        at += 8 if wide == 8 else 2
        size = 4 + 2 * wide
        for _ in range(random.choice((1, 1, 2, 4))):
            entry = at + size * random.randrange(max(1, min(count, 100)))
            place, form, values = random.choice(
                (
                    (entry, "H", _TAGS),
                    (entry + 2, "H", range(20)),
                    (entry + 4, whole, _WHOLE + _LARGE),
                    (entry + 4 + wide, whole, _WHOLE + _LARGE),
                    (entry + 4 + wide, "H", _WHOLE[:13]),
                )
            )
            struct.pack_into(order + form, changed, place, random.choice(values))
    except struct.error:
        return _bytes(content, random)
    return bytes(changed)


def _zip(content: bytes, random: Random) -> bytes:
    """Change one entry before it is packed; or its name, or how it is packed."""
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        entries = [(entry.filename, packed.read(entry)) for entry in packed.infolist()]
    number = random.randrange(len(entries))
    name, body = entries[number]
    kind = random.choice((zipfile.ZIP_DEFLATED,) * 6 + (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))
    chance = random.random()
    if chance < 0.1:
        name = random.choice(("../" + name, "/" + name, "", name + "/", "a" * 300, "\n" + name))
    elif chance < 0.15:
        del entries[number]
    elif chance < 0.2:
        body = b"\0" * 3_000_000
    else:
        body = mutate(body, random)
    if chance >= 0.15 or chance < 0.1:
        entries[number] = (name, body)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for each, inner in entries:
            packed.writestr(zipfile.ZipInfo(each), inner, kind)
    return _bytes(out.getvalue(), random) if random.random() < 0.2 else out.getvalue()


def _model(content: bytes, random: Random) -> bytes:
    """Change the header of a safetensors file, and write its length anew."""
    length = int.from_bytes(content[:8], "little")
    header = _json(content[8 : 8 + length], random)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def _json(content: bytes, random: Random) -> bytes:
    """Put another value in some place, also inside of texts that hold JSON themselves."""
    try:
        value = json.loads(content)
    except ValueError:
        return _bytes(content, random)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        value = _other_value(value, random)
    words = json.dumps(value)
    if random.random() < 0.03:
        words = words.replace("1", "[" * 100_000, 1)
    return words.encode()


def _other_value(value: Any, random: Random) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(list(value))
        changed = {**value, key: _other_value(value[key], random)}
        if random.random() < 0.1:
            del changed[key]
        return changed
    if isinstance(value, list) and value and random.random() < 0.8:
        at = random.randrange(len(value))
        return [*value[:at], _other_value(value[at], random), *value[at + 1 :]]
    if isinstance(value, str) and value[:1] in "{[" and random.random() < 0.9:
        return _json(value.encode(), random).decode("utf-8", "replace")
    return random.choice(_VALUES)
