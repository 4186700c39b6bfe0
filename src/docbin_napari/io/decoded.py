"""Result of every decoder, checks of the header, and messages for damage."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from docbin_napari.io.errors import PageError

if TYPE_CHECKING:
    from pathlib import Path

    from docbin_napari.io.row_source import RowSource


class Decoded(NamedTuple):
    """Pixels of one page, uint8 (H, W, 3), and its resolution in dots per inch (x, y).

    The pixels are an array, or a source of rows where the caller asked for it. The remarks say
    what was read in another way than the file says, each in one sentence.
    """

    pixels: RowSource
    dpi: tuple[float, float] | None
    remarks: tuple[str, ...] = ()


STRETCHED = (
    "its values fill a part of their range only, as those of 10 to 14 bits do; "
    "this part was stretched from black to white"
)
"""Remark on a page of more than 8 bits whose range is not the one that its kind has."""
NO_END_MARK = "the end mark of the JPEG file is missing, but its page is whole"
"""Remark on a page that other programs may call damaged."""


def check_size(path: Path, width: int, height: int, pixel_limit: int, where: str = "") -> None:
    """Refuse a page by its header, before anything is decoded.

    Raises
    ------
    PageError
        If the page has no pixels or more than `pixel_limit`.
    """
    if width <= 0 or height <= 0:
        raise PageError(path, f"{where}the image has no pixels ({width} × {height})")
    if width * height > pixel_limit:
        raise PageError(
            path,
            f"{where}{width} × {height} pixels are more than the limit of {pixel_limit:,} pixels; "
            "raise pixel_limit (--pixel-limit) to read it",
        )


DEFAULT_PIXEL_LIMIT: int = 1_000_000_000
"""Most pixels of one page that are read unless the caller says otherwise."""
_BYTES_A_PIXEL = 16
_ALWAYS_ALLOWED = 64_000_000
_BYTES_OF_SMALL_FILES = 700_000_000.0
_LARGEST_RATIO = 1000


def check_bytes(path: Path, needed: float, pixel_limit: int, where: str = "") -> None:
    """Refuse a page by what it takes in memory while it is decoded, before any of it is taken.

    Strategy: pixels alone do not say it: they may have hundreds of samples, and a file of a few
    kilobytes may stand for gigabytes. The limit on pixels bounds the bytes, too, and a file that
    would grow a thousandfold may take no more than a page of some hundred megapixels does.

    Parameters
    ----------
    path : Path
        The file.
    needed : float
        Bytes of the decoder and of the result together, at their peak, by the header.
    pixel_limit : int
        Most pixels of a page.
    where : str
        Begins the reason of an error, to tell the page.

    Raises
    ------
    PageError
        If it is too much.
    """
    grown = max(_BYTES_OF_SMALL_FILES, _LARGEST_RATIO * path.stat().st_size)
    grown *= max(1.0, pixel_limit / DEFAULT_PIXEL_LIMIT)
    allowed = min(max(_BYTES_A_PIXEL * pixel_limit, _ALWAYS_ALLOWED), grown)
    if needed > allowed:
        raise PageError(
            path,
            f"{where}it would take {needed / 1e9:.1f} GB of memory, more than the limit of "
            f"{allowed / 1e9:.1f} GB for such a file; raise pixel_limit (--pixel-limit) to read it",
        )


_MOST_DPI = 1e6
"""More is no resolution: formats could not even keep it."""


def clean_dpi(dpi: Any, *, per_metre: bool = False) -> tuple[float, float] | None:
    """Check a resolution and undo the rounding of the file format.

    Parameters
    ----------
    dpi : (float, float) or None
        Dots per inch as read, x and y.
    per_metre : bool
        Whether the file stores whole pixels per metre, so that 300 dpi reads 299.9994.

    Returns
    -------
    (float, float) or None
        None if a value is missing, not finite or not positive.

    Examples
    --------
    >>> clean_dpi((299.9994, 72.009), per_metre=True)
    (300.0, 72.0)
    >>> clean_dpi((0, 300)) is None
    True
    """
    try:
        x, y = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 0 < value <= _MOST_DPI for value in (x, y)):
        return None
    clean = _clean(x, per_metre), _clean(y, per_metre)
    return clean if min(clean) > 0 else None


def _clean(value: float, per_metre: bool) -> float:
    whole = float(round(value))
    if per_metre and round(whole / 0.0254) == round(value / 0.0254):
        return whole
    return round(value, 2)


def decoder_trouble(error: Exception) -> str:
    """Say in words for the user what an exception of a decoding library means.

    Parameters
    ----------
    error : Exception
        Anything that Pillow or tifffile raised.

    Returns
    -------
    str
        A reason for a `PageError`.

    Examples
    --------
    >>> decoder_trouble(OSError("image file is truncated (3 bytes not processed)"))
    'the file is truncated: part of the page is missing'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if type(error).__name__ == "UnidentifiedImageError":
        return "this is not an image or PDF of a known kind, or its header is damaged"
    if re.search(r"[Tt]runcat|unexpected end|failed to read \d+ bytes|EOF", text):
        return "the file is truncated: part of the page is missing"
    if re.search(r"broken data stream|decoder object|broken PNG", text):
        return f"the file is truncated or damaged ({text})"
    return f"the image is damaged or of an unknown kind ({text})"
