"""Decode JPEG XL with imagecodecs, since Pillow does not read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.decoded import STRETCHED, Decoded, check_bytes, check_size
from docbin_napari.io.errors import PageError
from docbin_napari.io.rgb import is_stretched, needs_limits, row_bands, to_rgb, value_limits

if TYPE_CHECKING:
    from pathlib import Path

CODESTREAM, CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE_BITS = (9, 13, 18, 30)
_BYTES_A_PIXEL = 40
"""The decoder computes in float, 4 samples a pixel, and holds them more than once."""


def is_jxl(start: bytes) -> bool:
    """Tell from the first bytes whether a file is JPEG XL, alone or in its container."""
    return start.startswith((CODESTREAM, CONTAINER))


def decode_jxl(path: Path, pixel_limit: int) -> Decoded:
    """Decode the first picture of a JPEG XL file.

    Parameters
    ----------
    path : Path
        The file.
    pixel_limit : int
        Most pixels that are accepted.

    Returns
    -------
    Decoded
        Upright pixels; the resolution is not known.

    Raises
    ------
    PageError
        If the page is too large, damaged or truncated.
    """
    import imagecodecs

    content = path.read_bytes()
    width, height = jxl_size(content)
    check_size(path, width, height, pixel_limit)
    check_bytes(path, _BYTES_A_PIXEL * width * height, pixel_limit)
    try:
        samples = np.asarray(imagecodecs.jpegxl_decode(content, index=0))
    except Exception as error:
        raise PageError(path, f"the JPEG XL file is truncated or damaged ({error})") from error
    samples = samples[0] if samples.ndim == 4 else samples
    limits = None
    if needs_limits(samples.dtype):
        limits = value_limits(samples[rows] for rows in row_bands(*samples.shape[:2]))
    stretched = limits is not None and is_stretched(samples.dtype, limits)
    return Decoded(to_rgb(samples, limits), None, (STRETCHED,) if stretched else ())


def jxl_size(content: bytes) -> tuple[int, int]:
    """Read width and height from the header.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    (int, int)
        Pixels; (0, 0) where there is no header.
    """
    start = _codestream(content)
    if not start.startswith(CODESTREAM):
        return 0, 0
    bits = int.from_bytes(start[2:18], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take(_SIZE_BITS[take(2)]) + 1

    height = side()
    ratio = take(3)
    if ratio == 0:
        return side(), height
    over, under = _RATIOS[ratio - 1]
    return height * over // under, height


def _codestream(content: bytes) -> bytes:
    """The first bytes of the picture, out of the boxes of the container."""
    place = 0 if content.startswith(CONTAINER) else len(content)
    if place:
        return content[:18]
    while place + 8 <= len(content):
        length, kind = (
            int.from_bytes(content[place : place + 4], "big"),
            content[place + 4 : place + 8],
        )
        head = 8
        if length == 1:
            length, head = int.from_bytes(content[place + 8 : place + 16], "big"), 16
        if kind in (b"jxlc", b"jxlp"):
            begin = place + head + (4 if kind == b"jxlp" else 0)
            return content[begin : begin + 18]
        if length < head:
            break
        place += length
    return b""
