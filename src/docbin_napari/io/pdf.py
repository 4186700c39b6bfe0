"""Draw the pages of a PDF with PDFium.

PDFium does not know UserUnit, which scales large drawings and maps: it is read from a copy of the
page, where one is found in the objects of the file, plain or packed.
"""

from __future__ import annotations

import io
import math
import mmap
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from numpy.typing import NDArray

from docbin_napari.io.complete import how_it_ends
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import Decoded, check_size

_POINTS_PER_INCH = 72
_PIECE = 1 << 20
_LARGEST = 80_000_000
_PAGES_AN_OPENING = 16
"""An open document keeps the packed pictures of all pages that were drawn."""
_OPENED_WITH = (
    "docbin binarize opens it with --password, Python with password; elsewhere save it without one"
)
_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")

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
    units = has_units(path)
    with _PDFIUM:
        document = _open(path, password)
    try:
        with _PDFIUM:
            count = len(document)
        if not count:
            raise PageError(path, "the PDF holds no page")
        for index in range(first, count):
            where = f"page {index + 1}: " if count > 1 else ""
            try:
                with _PDFIUM:
                    if index > first and index % _PAGES_AN_OPENING == 0:
                        document.close()
                        document = _open(path, password)
                    scale = dpi / _POINTS_PER_INCH * (_unit_of(document, index) if units else 1.0)
                    pixels = _draw(path, document[index], scale, pixel_limit, where)
            except (pypdfium2.PdfiumError, ValueError, OverflowError) as error:
                raise PageError(path, f"{where}the PDF is damaged ({error})") from error
            except MemoryError as error:
                raise PageError(path, f"{where}there is not enough memory to draw it") from error
            yield Decoded(pixels, (float(dpi), float(dpi))), count
    finally:
        with _PDFIUM:
            document.close()


def page_count(path: Path) -> int:
    """Count the pages of a PDF file without drawing any.

    Raises
    ------
    PageError
        If the file is encrypted, truncated or damaged.
    OSError
        If it cannot be opened.
    """
    _check_end(path)
    with _PDFIUM, closing(_open(path, None)) as document:
        return len(document)


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
            last_object = max((found.start() for found in _OBJECT.finditer(piece)), default=-1)
            if end > last_object:
                return
            if last_object >= 0:
                break
            place, later = start, piece[:32]
    raise PageError(path, "the PDF is truncated: its end is missing")


def _open(path: Path, password: str | None) -> Any:
    try:
        document = pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            fix = "this password does not open it" if password else _OPENED_WITH
            raise PageError(path, f"the PDF is encrypted: {fix}") from error
        raise PageError(path, f"the PDF is damaged ({error})") from error
    document.init_forms()
    return document


def _draw(path: Path, page: Any, scale: float, pixel_limit: int, where: str) -> NDArray[np.uint8]:
    with closing(page):
        width, height = (max(1, round(points * scale)) for points in page.get_size())
        # A page is drawn with 7 bytes a pixel, so its pixels limit the memory, too. Files of lines
        # are small and their pages may be large.
        check_size(path, (width, height), 0, pixel_limit, where)
        if any(map(_is_cut, page.get_objects([pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]))):
            raise PageError(
                path,
                f"{where}a JPEG picture on the page is truncated, and PDFium would leave its rest "
                "out: scan or copy the page again",
            )
        with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
            return np.array(bitmap.to_numpy()[..., :3], order="C")


def _is_cut(picture: Any) -> bool:
    """Whether a picture is a JPEG of which a part is missing.

    Others are not examined, nor are those so large that the check would take much memory.
    """
    if picture.get_filters()[-1:] != ["DCTDecode"] or math.prod(picture.get_px_size()) > _LARGEST:
        return False
    return how_it_ends(bytes(picture.get_data(decode_simple=True))) == "incomplete"


def _unit_of(document: Any, index: int) -> float:
    """Points in the unit of a page: 1 unless the file says otherwise.

    Strategy: PDFium does not give the unit, but copies it with the page into a new document, where
    its object is the first of a page, unpacked and in one form.
    """
    buffer = io.BytesIO()
    with closing(pypdfium2.PdfDocument.new()) as copy:
        copy.import_pages(document, [index])
        copy.save(buffer)
    content = buffer.getvalue()
    page = content.find(b"/Type/Page/")
    found = _UNIT_OF_PAGE.search(content, page, content.find(b"endobj", page))
    if found and found[2]:
        found = re.search(rb"\n%b 0 obj\s+([\d.]+)\s" % found[1], content)
    unit = float(found[1]) if found else 1.0
    return unit if 0 < unit <= _LARGEST_UNIT else 1.0


# A unit of 1 is that of pages without one, and some programs write it everywhere.
_UNIT = re.compile(rb"/UserUnit(?!\s*1(?:\.0*)?\s*[/>])")
_UNIT_OF_PAGE = re.compile(rb"/UserUnit ([\d.]+)( \d+ R)?")
_PACKED = re.compile(rb"/Type\s*/ObjStm")
_NEAR, _LONGEST_PACKED, _GROWTH = 4096, 1 << 24, 50
_LARGEST_UNIT = 75_000.0


def has_units(path: Path) -> bool:
    """Tell whether pages of a PDF file may have a unit of their own.

    Parameters
    ----------
    path : Path
        A PDF file that is not empty.

    Returns
    -------
    bool
        True also where the word stands in something else than a page. Packed objects are looked
        into, those of encrypted files are not.
    """
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return bool(_UNIT.search(data)) or any(map(_UNIT.search, _packed(data)))


def _packed(data: mmap.mmap) -> Iterator[bytes]:
    """Objects that lie compressed in streams, as far as honest files grow."""
    marks = (match.start() for match in _PACKED.finditer(data))
    begins = sorted({data.find(b"stream", mark, mark + _NEAR) for mark in marks} - {-1})
    left = _LONGEST_PACKED + _GROWTH * len(data)
    for begin, end in zip(begins, [*begins, len(data)][1:], strict=True):
        content = data[begin + 6 : min(end, begin + _LONGEST_PACKED)].lstrip(b"\r\n")
        most = min(left, _LONGEST_PACKED)
        if most <= 0:
            return
        try:
            text = zlib.decompressobj().decompress(content, most)
        except zlib.error:
            left -= most  # How much it did before the error is not known.
            continue
        left -= len(text)
        yield text
