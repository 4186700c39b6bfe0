"""Tell from a file's header whether napari's own readers show it as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docbin_napari.io.page import is_pdf, is_tiff
from docbin_napari.io.tiff_header import TiffHeader, read_tiff_header

if TYPE_CHECKING:
    import os

# What tifffile decodes by itself: none, deflate (new and old number), PackBits, LZMA.
_PLAIN_COMPRESSIONS = frozenset({1, 8, 32946, 32773, 34925})
_PLAIN_PREDICTORS = frozenset({1, 2})
_PLAIN_BITS = frozenset({1, 8, 16, 32, 64})
# Twice Image.MAX_IMAGE_PIXELS as Pillow sets it, which napari does not lift.
_PILLOW_REFUSES = 178_956_970


def napari_can_read(path: str | os.PathLike[str]) -> bool:
    """Tell whether napari opens a file, all of its pages included, without this package.

    Only the header is read. What stands in the file is believed; the file may still be
    damaged further on.

    Parameters
    ----------
    path : path-like
        A file.

    Returns
    -------
    bool
        False for PDF, for TIFF that needs a decoder napari does not bring (CCITT, LZW,
        JPEG and rarer ones) or has pages of unequal size or kind, for a TIFF whose
        directories are damaged, and for other images over Pillow's limit of 179 Mpix.
        True for all else, files that do not exist included.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     answers = []
    ...     for compression in (None, "group4"):
    ...         path = Path(folder) / "page.tif"
    ...         Image.new("1", (40, 30)).save(path, compression=compression)
    ...         answers.append(napari_can_read(path))
    >>> answers
    [True, False]
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(1024)
        if is_pdf(start):
            return False
        if is_tiff(start):
            return _plain(read_tiff_header(path))
    except OSError:
        return True
    return _pixels(path) <= _PILLOW_REFUSES


def _plain(header: TiffHeader) -> bool:
    kinds = {(page.width, page.height, page.bits, page.sample_format) for page in header.pages}
    return (
        not header.damage
        and len(kinds) == 1
        and all(
            page.compression in _PLAIN_COMPRESSIONS
            and page.predictor in _PLAIN_PREDICTORS
            and _PLAIN_BITS.issuperset(page.bits)
            for page in header.pages
        )
    )


def _pixels(path: Path) -> int:
    """Pixels of an image that is not TIFF, 0 if the header says nothing."""
    from docbin_napari.io.raster import open_image, without_pillow_limit

    try:
        with without_pillow_limit(), open_image(path) as image:
            return image.width * image.height
    except Exception:
        return 0
