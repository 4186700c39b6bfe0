"""Plain PNG files, gray or RGB of 8 bits: decoded by libpng at once, twice as fast as in pieces.

Most scans are such files. All others, damaged ones too, are left to Pillow, which knows every
kind and says what is wrong with a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.png_text import PNG_SIGNATURE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_IHDR = slice(12, 16)
_DEPTH, _COLOURS, _INTERLACED = 24, 25, 28
_GRAY, _RGB = 0, 2
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
        uint8 (H, W, 3), RGB; None where another decoder has to look at the file.
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
        return None
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _is_plain(content: bytes) -> bool:
    return (
        content.startswith(PNG_SIGNATURE)
        and content[_IHDR] == b"IHDR"
        and len(content) > _INTERLACED
        and content[_DEPTH] == 8
        and content[_COLOURS] in (_GRAY, _RGB)
        and content[_INTERLACED] == 0
        and not any(word in content for word in _NOT_PLAIN)
    )
