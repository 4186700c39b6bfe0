"""Draw the pages of a PDF with PDFium.

PDFium does not know UserUnit, which scales large drawings and maps, so it is looked for in the
objects of the file, plain and packed.
"""

from __future__ import annotations

import mmap
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import Decoded, check_size

_POINTS_PER_INCH = 72
_PIECE = 1 << 20
_PAGES_AN_OPENING = 16
"""An open document keeps the packed pictures of all pages that were drawn."""

# PDFium may be entered by one thread at a time, whatever the document. The lock can be
# taken again by its owner, because the garbage collector may close a document at any time.
_PDFIUM = threading.RLock()


def decode_pdf(
    path: Path, dpi: float, pixel_limit: int, password: str | None = None, first: int = 0
) -> Iterator[tuple[Decoded, int]]:
    """Draw a PDF page by page, form fields and annotations included.

    Parameters
    ----------
    path : Path
        PDF file.
    dpi : float
        Resolution, dots per inch.
    pixel_limit : int
        Most pixels of one page at this resolution.
    password : str, optional
        Opens an encrypted file.
    first : int
        The page to begin with, from 0.

    Yields
    ------
    (Decoded, int)
        The page and the number of pages in the file.

    Raises
    ------
    PageError
        If the file is encrypted, truncated or damaged, or a page is too large.
    """
    _check_end(path)
    units = user_units(path)
    with _PDFIUM:
        document = _open(path, password)
    try:
        with _PDFIUM:
            count = len(document)
        if not count:
            raise PageError(path, "the PDF holds no page")
        for index in range(first, count):
            where = f"page {index + 1}: " if count > 1 else ""
            with _PDFIUM, _named(path, where):
                if index > first and index % _PAGES_AN_OPENING == 0:
                    document.close()
                    document = _open(path, password)
                decoded = _draw(path, document[index], units, (dpi, pixel_limit, where))
            yield decoded, count
    finally:
        with _PDFIUM:
            document.close()


def _check_end(path: Path) -> None:
    """Refuse a file without an end, of which PDFium would draw what is there.

    Strategy: behind the last object stand the place of the table of objects and an end mark; one of
    them will do. What follows, padding or the words of a mail program, does not matter, and PDFium
    makes up for a damaged table.
    """
    with path.open("rb") as stream:
        place, later = stream.seek(0, 2), b""
        while place:
            start = max(0, place - _PIECE)
            stream.seek(start)
            piece = stream.read(place - start) + later
            end = max(piece.rfind(b"startxref"), piece.rfind(b"%%EOF"))
            last_object = piece.rfind(b"endobj")
            if end > last_object:
                return
            if last_object >= 0:
                break
            place, later = start, piece[:16]
    raise PageError(path, "the PDF is truncated: its end is missing")


def _open(path: Path, password: str | None) -> Any:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            wrong = "and this password does not open it" if password else "add its password"
            raise PageError(path, f"the PDF is encrypted: {wrong} (--password)") from error
        raise PageError(path, f"the PDF is damaged ({error})") from error
    document.init_forms()
    return document


@contextmanager
def _named(path: Path, where: str) -> Iterator[None]:
    """Name file and page in whatever PDFium raises."""
    import pypdfium2

    try:
        yield
    except (pypdfium2.PdfiumError, ValueError, OverflowError) as error:
        raise PageError(path, f"{where}the PDF is damaged ({error})") from error
    except MemoryError as error:
        raise PageError(path, f"{where}there is not enough memory to draw it") from error


def _draw(
    path: Path, page: Any, units: dict[Box | None, float], how: tuple[float, int, str]
) -> Decoded:
    dpi, pixel_limit, where = how
    try:
        scale = dpi / _POINTS_PER_INCH * _unit_of(page, units)
        width, height = (max(1, round(points * scale)) for points in page.get_size())
        # A page is drawn with 7 bytes a pixel, so its pixels limit the memory, too. Files of lines
        # are small and their pages may be large.
        check_size(path, (width, height), 0, pixel_limit, where)
        bitmap = page.render(scale=scale, rev_byteorder=True)
        try:
            pixels = np.array(bitmap.to_numpy()[..., :3], order="C")
        finally:
            bitmap.close()
    finally:
        page.close()
    return Decoded(pixels, (float(dpi), float(dpi)))


def _unit_of(page: Any, units: dict[Box | None, float]) -> float:
    """Points in the unit of a page: 1 unless the file says otherwise."""
    if not units:
        return 1.0
    box = tuple(map(float, page.get_mediabox()))
    for corners, unit in units.items():
        if corners and all(abs(a - b) < 0.01 for a, b in zip(corners, box, strict=True)):
            return unit
    return units.get(None, 1.0)


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
        pieces = [_object(data, match.start()) for match in re.finditer(b"/UserUnit", data)]
        for piece in (*pieces, *_packed(data)):
            unit, box = _UNIT.search(piece), _BOX.search(piece)
            if unit and 0 < float(unit[1]) <= _LARGEST_UNIT:
                corners = tuple(map(float, box.groups())) if box else None
                found[corners] = float(unit[1])  # type: ignore[index]
    return found


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
