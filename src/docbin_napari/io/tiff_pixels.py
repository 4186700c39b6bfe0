"""Decode TIFF pages that Pillow cannot, whole or as rows: many bits, float, large, odd layouts."""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.decoded import decoder_trouble
from docbin_napari.io.errors import PageError
from docbin_napari.io.raster import stored_view
from docbin_napari.io.rgb import needs_limits, row_bands, to_rgb, value_limits
from docbin_napari.io.row_source import StoredBands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from docbin_napari.io.tiff_header import TiffPage


SILENT = logging.NullHandler()
"""For the log of tifffile, which would print to the terminal what is raised here anyway."""
_WHITE_IS_ZERO, _PALETTE, _CMYK, _YCBCR = 0, 3, 5, 6
_JPEG = 7
_COLOURS = {_WHITE_IS_ZERO: 1, 1: 1, 2: 3, _PALETTE: 1, _CMYK: 4}
_PREMULTIPLIED, _STRAIGHT = 1, 2


def decode_samples(
    path: Path, page: TiffPage
) -> tuple[NDArray[np.uint8], np.dtype[Any], tuple[float, float] | None]:
    """Decode a page with tifffile and imagecodecs, and interpret its samples here.

    Parameters
    ----------
    path : Path
        TIFF file.
    page : TiffPage
        One of its pages.

    Returns
    -------
    pixels : ndarray, uint8, shape (H, W, 3)
        RGB, 0..255, upright.
    dtype : dtype
        Of the stored samples.
    limits : (float, float) or None
        Values that became black and white, where the kind has no fixed ones.

    Raises
    ------
    ValueError
        If the page has colours that are not known here, or is a volume.
    Exception
        Whatever tifffile raises for a damaged file.
    """
    import tifffile

    logging.getLogger("tifffile").addHandler(SILENT)
    with tifffile.TiffFile(path) as file:
        directory = file.pages[page.directory]
        kind = SampleKind.of(directory, page)
        samples = _samples_last(directory.asarray(squeeze=False))
    height, width = samples.shape[:2]
    colours = samples[..., : kind.colours]
    limits = kind.limits(samples.dtype, (colours[rows] for rows in row_bands(height, width)))
    turned = page.orientation in (5, 6, 7, 8)
    pixels = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = stored_view(pixels, page.orientation)
    for rows in row_bands(height, width):
        stored[rows] = rgb_band(samples[rows], kind, limits)
    return pixels, samples.dtype, limits


@dataclass(frozen=True)
class SampleKind:
    """What the samples of a pixel mean.

    Parameters
    ----------
    bits : int
        Bits of a sample.
    photometric : int
        Value of the tag PhotometricInterpretation.
    colours : int
        Samples that are not alpha.
    alpha : int
        0 none, 1 colours are multiplied with it, 2 they are not.
    palette : ndarray of uint16 or None
        (3, colours).
    """

    bits: int
    photometric: int
    colours: int
    alpha: int
    palette: NDArray[np.uint16] | None

    @classmethod
    def of(cls, directory: Any, page: TiffPage) -> SampleKind:
        """Read it from tifffile's directory of a page."""
        colours = _COLOURS.get(int(directory.photometric))
        if int(directory.photometric) == _YCBCR and page.compression == _JPEG:
            colours = 3  # The decoder gives RGB.
        if colours is None:
            raise ValueError(f"colours of kind {page.photometric} with {max(page.bits)} bits")
        extra = [int(kind) for kind in directory.extrasamples]
        alpha = extra[0] if extra and extra[0] in (_PREMULTIPLIED, _STRAIGHT) else 0
        return cls(max(page.bits), int(directory.photometric), colours, alpha, directory.colormap)

    def limits(self, dtype: Any, colours: Iterable[NDArray[Any]]) -> tuple[float, float] | None:
        """Find the values that become black and white; `colours` are only read if need be."""
        if self.photometric in (_PALETTE, _CMYK) or not needs_limits(dtype):
            return None
        if self.alpha == _PREMULTIPLIED and np.dtype(dtype).kind in "iu":
            return 0.0, float(np.iinfo(dtype).max)
        stated = (0.0, 2.0**self.bits - 1) if 8 < self.bits < 16 else None
        return value_limits(colours, stated)


def _samples_last(samples: NDArray[Any]) -> NDArray[Any]:
    """From (planes, depth, H, W, samples) to (H, W, samples)."""
    planes, depth, height, width, inner = samples.shape
    if depth != 1:
        raise ValueError("a page that is a volume")
    if planes == 1:
        return samples.reshape(height, width, inner)
    return samples.reshape(planes, height, width).transpose(1, 2, 0)


def rgb_band(
    samples: NDArray[Any], kind: SampleKind, limits: tuple[float, float] | None
) -> NDArray[np.uint8]:
    """Convert a band of raw samples to RGB.

    Parameters
    ----------
    samples : ndarray, shape (N, W, samples)
        As they are stored.
    kind : SampleKind
        What they mean.
    limits : (float, float), optional
        Values that become 0 and 255, where the kind has no fixed range.

    Returns
    -------
    ndarray, uint8, shape (N, W, 3)
        RGB, 0..255.
    """
    colour = samples[..., : kind.colours]
    if kind.photometric == _PALETTE and kind.palette is not None:
        top = 65535.0 if kind.palette.max(initial=0) > 255 else 255.0
        return to_rgb(kind.palette[:, samples[..., 0]].transpose(1, 2, 0), (0.0, top))
    if kind.photometric == _CMYK:
        return _cmyk_to_rgb(colour)
    if kind.photometric == _WHITE_IS_ZERO:
        return 255 - to_rgb(colour, limits)
    if not kind.alpha:
        return to_rgb(colour, limits)
    band = samples[..., : kind.colours + 1]
    if kind.alpha == _PREMULTIPLIED:
        band = _straight(band)
    return to_rgb(band, limits)


def _straight(band: NDArray[Any]) -> NDArray[Any]:
    """Divide colours by the alpha with which they are stored multiplied."""
    top = float(np.iinfo(band.dtype).max) if band.dtype.kind in "iu" else 1.0
    alpha = band[..., -1:].astype(np.float64) / top
    straight = band.copy()
    colour = band[..., :-1] / np.where(alpha > 0, alpha, 1.0)
    straight[..., :-1] = np.rint(colour.clip(0, top)) if top > 1 else colour
    return straight


def _cmyk_to_rgb(inks: NDArray[Any]) -> NDArray[np.uint8]:
    """Multiply the light that each ink leaves over, as Pillow does for 8 bits."""
    # Inks use the whole range of their type, whatever part a page has of them.
    top = (0.0, float(np.iinfo(inks.dtype).max)) if inks.dtype.kind in "iu" else (0.0, 1.0)
    colour = (255 - to_rgb(inks[..., :3], top)).astype(np.uint16)
    black = (255 - to_rgb(inks[..., 3:], top)).astype(np.uint16)
    return ((colour * black + 127) // 255).astype(np.uint8)


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
