"""Draw the pages of a PDF with PDFium."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.decoded import Decoded, check_size
from docbin_napari.io.errors import PageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POINTS_PER_INCH = 72
_TAIL = 4096

# PDFium may be entered by one thread at a time, whatever the document. The lock can be
# taken again by its owner, because the garbage collector may close a document at any time.
_PDFIUM = threading.RLock()


def decode_pdf(path: Path, dpi: float, pixel_limit: int) -> Iterator[tuple[Decoded, int]]:
    """Draw a PDF page by page, form fields and annotations included.

    Parameters
    ----------
    path : Path
        PDF file.
    dpi : float
        Resolution, dots per inch.
    pixel_limit : int
        Most pixels of one page at this resolution.

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
    with _PDFIUM:
        document = _open(path)
    try:
        with _PDFIUM:
            count = len(document)
        if not count:
            raise PageError(path, "the PDF holds no page")
        for index in range(count):
            where = f"page {index + 1}: " if count > 1 else ""
            with _PDFIUM, _named(path, where):
                decoded = _draw(path, document, index, (dpi, pixel_limit, where))
            yield decoded, count
    finally:
        with _PDFIUM:
            document.close()


def _check_end(path: Path) -> None:
    """Refuse a file without an end, of which PDFium would draw what is there."""
    with path.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, 2) - _TAIL))
        if b"startxref" not in stream.read():
            raise PageError(path, "the PDF is truncated: its end is missing")


def _open(path: Path) -> Any:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise PageError(path, "the PDF is encrypted; save it without a password") from error
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


def _draw(path: Path, document: Any, index: int, how: tuple[float, int, str]) -> Decoded:
    dpi, pixel_limit, where = how
    page = document[index]
    try:
        scale = dpi / _POINTS_PER_INCH
        width, height = (max(1, round(points * scale)) for points in page.get_size())
        check_size(path, width, height, pixel_limit, where)
        bitmap = page.render(scale=scale, rev_byteorder=True)
        try:
            pixels = np.array(bitmap.to_numpy()[..., :3], order="C")
        finally:
            bitmap.close()
    finally:
        page.close()
    return Decoded(pixels, (float(dpi), float(dpi)))
