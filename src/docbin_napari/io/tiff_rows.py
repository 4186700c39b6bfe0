"""Decode rows of a large TIFF page strip by strip or tile by tile."""

from __future__ import annotations

import logging
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.decoded import decoder_trouble
from docbin_napari.io.errors import PageError
from docbin_napari.io.rgb import row_bands
from docbin_napari.io.row_source import StoredBands
from docbin_napari.io.tiff_samples import SILENT, SampleKind, rgb_band

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from docbin_napari.io.tiff_header import TiffPage

_JPEG = 7
_COMPRESSIONS = frozenset({1, 5, _JPEG, 8, 32773, 32946})
"""None, LZW, JPEG, deflate (two numbers) and PackBits."""
_LARGEST_ROW_OF_SEGMENTS = 1 << 27


class TiffRows:
    """A page that gives RGB when it is sliced by rows.

    Parameters
    ----------
    path : Path
        TIFF file; it is kept open.
    page : TiffPage
        One of its pages.
    where : str
        Begins the reason of an error, to tell the page.

    Raises
    ------
    ValueError
        If the page is not of a kind that can be decoded in parts: ask `can_be_read_in_rows`.
    Exception
        Whatever tifffile raises for a damaged file.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, path: Path, page: TiffPage, where: str = "") -> None:
        import tifffile

        logging.getLogger("tifffile").addHandler(SILENT)
        self._path, self._where = path, where
        self._file = tifffile.TiffFile(path)
        weakref.finalize(self, self._file.close)
        directory = self._file.pages[page.directory]
        self._directory = (
            directory.aspage() if isinstance(directory, tifffile.TiffFrame) else directory
        )
        self._kind = SampleKind.of(self._directory, page)
        self.shape = (page.height, page.width, 3)
        self._segment_rows, self._across = _layout(self._directory)
        # Not the method itself: a circle of references would keep the file open.
        decode = partial(TiffRows._decode, weakref.proxy(self))
        self._samples = StoredBands(page.height, self._segment_rows, decode)
        self.value_type = np.dtype(self._directory.dtype)
        self.limits = self._kind.limits(self.value_type, self._colours())

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        """Decode rows.

        Parameters
        ----------
        rows : slice
            Without gaps.

        Returns
        -------
        ndarray, uint8, shape (N, W, 3)
            RGB, 0..255.

        Raises
        ------
        PageError
            If this part of the file is damaged.
        """
        try:
            samples = self._samples[rows]
        except Exception as error:
            raise PageError(self._path, self._where + decoder_trouble(error)) from error
        result = np.empty((*samples.shape[:2], 3), np.uint8)
        for band in row_bands(*samples.shape[:2]):
            result[band] = rgb_band(samples[band], self._kind, self.limits)
        return result

    def _colours(self) -> Iterator[NDArray[Any]]:
        """All samples but alpha, to find the values that become black and white."""
        for top in range(0, self.shape[0], self._segment_rows):
            yield self._samples[top : top + self._segment_rows][..., : self._kind.colours]

    def _decode(self, row: int) -> NDArray[Any]:
        """One strip, or one row of tiles, as wide as the page."""
        page = self._directory
        top = row * self._segment_rows
        rows = min(self._segment_rows, self.shape[0] - top)
        band = np.zeros((rows, self.shape[1], page.samplesperpixel), page.dtype)
        for index in range(row * self._across, (row + 1) * self._across):
            self._file.filehandle.seek(page.dataoffsets[index])
            content = self._file.filehandle.read(page.databytecounts[index])
            tables = {} if page.jpegtables is None else {"jpegtables": page.jpegtables}
            segment, (_, _, _, left, _), shape = page.decode(content, index, **tables)
            if segment is None:
                continue  # A tile that was never written: the standard says zeros.
            right = min(left + shape[2], self.shape[1])
            band[:, left:right] = segment[0, :rows, : right - left]
        return band


def can_be_read_in_rows(page: TiffPage) -> bool:
    """Tell whether a page lies in the file in parts that are small beside it.

    Parameters
    ----------
    page : TiffPage
        The page.

    Returns
    -------
    bool
        False for pages that lie on their side, compressions of fax machines (they are decoded
        whole by the library that knows them all), and pages in one piece.
    """
    return len(page.extents) > 1 and page.orientation <= 1 and page.compression in _COMPRESSIONS


def _layout(directory: Any) -> tuple[int, int]:
    """Rows of a strip or tile, and how many lie side by side."""
    if directory.planarconfig != 1 or directory.imagedepth != 1:
        raise ValueError("samples that lie in separate planes")
    rows = directory.tilelength if directory.is_tiled else directory.rowsperstrip
    across = -(-directory.imagewidth // directory.tilewidth) if directory.is_tiled else 1
    size = rows * directory.imagewidth * directory.samplesperpixel * directory.dtype.itemsize
    if size > _LARGEST_ROW_OF_SEGMENTS:
        raise ValueError("strips that are too large to be parts")
    return int(rows), int(across)
