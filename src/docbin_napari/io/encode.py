"""Encode gray and bilevel pages as PNG or TIFF; what the values mean is not known here."""

from __future__ import annotations

import io
import struct
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, TiffImagePlugin

from docbin_napari.io.atomic import atomic_path, writing_trouble
from docbin_napari.io.decoded import clean_dpi
from docbin_napari.io.errors import MaskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Dpi = tuple[float, float] | None

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_PHOTOMETRIC, _ROWS_PER_STRIP, _WHITE_IS_ZERO = 262, 278, 0


def write_pages(
    path: Path,
    pages: Iterable[NDArray[Any]],
    dpi: Dpi | Sequence[Dpi] = None,
    *,
    overwrite: bool = True,
) -> Path:
    """Write pages to a file, whole or not at all.

    Parameters
    ----------
    path : Path
        ``.png`` holds one page, ``.tif`` and ``.tiff`` any number.
    pages : iterable of ndarray, bool or uint8, shape (H, W) or (H, W, 3)
        bool (True is white): 1-bit PNG or CCITT G4. uint8: 8-bit PNG or deflate.
    dpi : (float, float), optional
        Resolution x and y, or one such pair (or None) for each page.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    MaskError
        If the suffix is unknown, the format cannot hold the pages, or the file
        cannot be written.
    FileExistsError
        If the file exists and `overwrite` is False.
    """
    suffix = path.suffix.lower()
    if suffix != ".png" and suffix not in TIFF_SUFFIXES:
        raise MaskError(path, f"the suffix {path.suffix!r} is unknown; use .png, .tif or .tiff")
    numbered = _with_dpi(pages, dpi)
    try:
        with atomic_path(path, overwrite=overwrite) as temporary:
            if suffix == ".png":
                _save_png(path, temporary, numbered)
            else:
                _save_tiff(path, temporary, numbered)
    except FileExistsError:
        raise
    except OSError as error:
        raise MaskError(path, writing_trouble(error)) from error
    return path


def _with_dpi(
    pages: Iterable[NDArray[Any]], dpi: Dpi | Sequence[Dpi]
) -> Iterator[tuple[NDArray[Any], dict[str, Any]]]:
    """Each page with what Pillow is to be told about its resolution."""
    same = dpi is None or all(isinstance(value, int | float | np.number) for value in dpi)
    for index, page in enumerate(pages):
        if not same and dpi is not None and index >= len(dpi):
            raise ValueError(f"{len(dpi)} resolutions are too few for the pages")
        stated: Any = dpi if same or dpi is None else dpi[index]
        if stated is None:
            yield page, {}
            continue
        clean = clean_dpi(stated)
        if clean is None:
            raise ValueError(f"dpi must be two positive numbers, not {stated}")
        yield page, {"dpi": clean}


def _save_png(
    path: Path, temporary: Path, pages: Iterator[tuple[NDArray[Any], dict[str, Any]]]
) -> None:
    only = list(islice(pages, 2))
    if len(only) != 1:
        number = "several pages" if only else "no page"
        raise MaskError(path, f"a PNG file holds one page, not {number}; use the suffix .tif")
    pixels, options = only[0]
    with temporary.open("wb") as stream:
        _image(pixels).save(stream, "PNG", **options)


def _save_tiff(
    path: Path, temporary: Path, pages: Iterator[tuple[NDArray[Any], dict[str, Any]]]
) -> None:
    """Append page after page, so that only one of them is in memory."""
    count = 0
    with temporary.open("w+b") as stream, TiffImagePlugin.AppendingTiffWriter(stream) as writer:
        for pixels, options in pages:
            if pixels.dtype == np.bool_:
                writer.write(_group4(pixels, options))
            else:
                _image(pixels).save(writer, "TIFF", compression="tiff_adobe_deflate", **options)
            writer.newFrame()
            count += 1
    if not count:
        raise MaskError(path, "there is no page to write")


def _group4(white: NDArray[np.bool_], options: dict[str, Any]) -> bytes:
    """One page as archive software expects it: CCITT Group 4, WhiteIsZero, a single strip.

    Strategy: asked for WhiteIsZero, Pillow inverts the picture pixel by pixel in Python,
    25 seconds for a large page. Here it is given the inverted picture, which it stores as
    it stores any other, and the one number that says what the bits mean is set afterwards.
    """
    stream = io.BytesIO()
    strip = {_ROWS_PER_STRIP: white.shape[0]}
    _image(~white).save(stream, "TIFF", compression="group4", tiffinfo=strip, **options)
    content = bytearray(stream.getvalue())
    order = "<" if content[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", content, 4)
    (entries,) = struct.unpack_from(order + "H", content, directory)
    for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
        if struct.unpack_from(order + "H", content, entry) == (_PHOTOMETRIC,):
            struct.pack_into(order + "H", content, entry + 8, _WHITE_IS_ZERO)
    return bytes(content)


def _image(pixels: NDArray[Any]) -> Image.Image:
    if pixels.dtype != np.bool_:
        return Image.fromarray(np.ascontiguousarray(pixels))
    packed = np.packbits(pixels, axis=1)
    return Image.frombytes("1", (pixels.shape[1], pixels.shape[0]), packed.tobytes())
