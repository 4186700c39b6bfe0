"""Encode gray and bilevel pages as PNG or TIFF, whatever the values mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from docbin_napari.io.atomic import atomic_path, writing_trouble
from docbin_napari.io.decoded import clean_dpi
from docbin_napari.io.errors import MaskError
from docbin_napari.io.png import PACKING, read_png_texts, text_chunks, write_png_bands
from docbin_napari.io.tiff_strips import DESCRIPTION, image_of, tiff_of_bands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource

    Conversion = Callable[[NDArray[Any]], NDArray[Any]]

Dpi = tuple[float, float] | None

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_BAND_PIXELS = 1 << 26
"""A usual page is one band; larger pages are encoded in bands of so many pixels."""


def write_pages(
    path: Path,
    pages: Iterable[RowSource],
    dpi: Dpi | Sequence[Dpi] = None,
    *,
    overwrite: bool = True,
    convert: Conversion | None = None,
    texts: Mapping[str, str] | None = None,
) -> Path:
    """Write pages to a file, whole or not at all.

    Parameters
    ----------
    path : Path
        ``.png`` holds one page, ``.tif`` and ``.tiff`` any number.
    pages : iterable of RowSource, bool or uint8, shape (H, W) or (H, W, 3)
        Arrays, or what gives arrays when it is sliced by rows. bool (True is white):
        1-bit PNG or CCITT G4. uint8: 8-bit PNG or deflate.
    dpi : (float, float), optional
        Resolution x and y, or one such pair (or None) for each page.
    overwrite : bool
        Whether an existing file may be replaced.
    convert : callable, optional
        Applied to the rows of a page before they are encoded.
    texts : mapping of str to str, optional
        Keywords and words to be kept; in a bilevel TIFF file as the description of its first page.

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
    encoded = _with_dpi(pages, dpi, convert)
    try:
        with atomic_path(path, overwrite=overwrite) as temporary:
            if suffix == ".png":
                _save_png(path, temporary, encoded, texts or {})
            else:
                _save_tiff(path, temporary, encoded, texts or {})
    except FileExistsError:
        raise
    except OSError as error:
        raise MaskError(path, writing_trouble(error)) from error
    return path


@dataclass(frozen=True)
class _EncodedPage:
    """One page on its way into a file."""

    source: RowSource
    convert: Conversion | None
    dpi: Dpi

    @property
    def shape(self) -> tuple[int, int]:
        return self.source.shape[0], self.source.shape[1]

    @property
    def height(self) -> int:
        return self.source.shape[0]

    @property
    def options(self) -> dict[str, Any]:
        """What Pillow is to be told about the resolution."""
        return {} if self.dpi is None else {"dpi": self.dpi}

    def bands(self) -> Iterator[NDArray[Any]]:
        """The rows as they are to be encoded, from top to bottom; a usual page is one band."""
        step = max(1, _BAND_PIXELS // self.shape[1])
        for top in range(0, self.height, step):
            rows = self.source[top : top + step]
            yield rows if self.convert is None else self.convert(rows)


def _with_dpi(
    pages: Iterable[RowSource], dpi: Dpi | Sequence[Dpi], convert: Conversion | None
) -> Iterator[_EncodedPage]:
    """Each page with its resolution."""
    same = dpi is None or all(isinstance(value, int | float | np.number) for value in dpi)
    for index, page in enumerate(pages):
        if not same and dpi is not None and index >= len(dpi):
            raise ValueError(f"{len(dpi)} resolutions are too few for the pages")
        stated: Any = dpi if same or dpi is None else dpi[index]
        clean = None if stated is None else clean_dpi(stated)
        if stated is not None and clean is None:
            raise ValueError(f"dpi must be two positive numbers, not {stated}")
        yield _EncodedPage(page, convert, clean)


def _save_png(
    path: Path, temporary: Path, pages: Iterator[_EncodedPage], texts: Mapping[str, str]
) -> None:
    only = list(islice(pages, 2))
    if len(only) != 1:
        number = "several pages" if only else "no page"
        raise MaskError(path, f"a PNG file holds one page, not {number}; use the suffix .tif")
    page = only[0]
    bands = page.bands()
    first = next(bands)
    with temporary.open("wb") as stream:
        if len(first) == page.height:
            words = PngInfo()
            for kind, content in text_chunks(texts):
                words.add(kind, content)
            image_of(first).save(
                stream, "PNG", pnginfo=words, compress_level=PACKING, **page.options
            )
        else:
            write_png_bands(stream, page.shape, chain([first], bands), page.dpi, texts)


def _save_tiff(
    path: Path, temporary: Path, pages: Iterator[_EncodedPage], texts: Mapping[str, str]
) -> None:
    """Append page after page, so that only one of them is in memory, and that packed."""
    count = 0
    with temporary.open("w+b") as stream, TiffImagePlugin.AppendingTiffWriter(stream) as writer:
        for page in pages:
            bands = page.bands()
            first = next(bands)
            if first.dtype != np.bool_ and len(first) == page.height:
                packing = "tiff_adobe_deflate"
                image_of(first).save(writer, "TIFF", compression=packing, **page.options)
            else:
                words = json.dumps(dict(texts)) if texts and not count else ""
                writer.write(tiff_of_bands(page.shape, chain([first], bands), page.dpi, words))
            writer.newFrame()
            count += 1
    if not count:
        raise MaskError(path, "there is no page to write")


def read_texts(path: Path) -> dict[str, str]:
    """Read the words that `write_pages` has put into a file.

    Parameters
    ----------
    path : Path
        PNG or TIFF file.

    Returns
    -------
    dict of str to str
        Keyword to text; empty where there are none.

    Raises
    ------
    MaskError
        If the file cannot be opened.
    """
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return read_png_texts(path)
    try:
        with Image.open(path, formats=("TIFF",)) as image:
            words = json.loads(image.tag_v2.get(DESCRIPTION, "{}"))  # type: ignore[attr-defined]
    except OSError as error:
        raise MaskError(path, f"the file cannot be read ({error})") from error
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return {}
    texts = words if isinstance(words, dict) else {}
    return {key: text for key, text in texts.items() if isinstance(text, str)}
