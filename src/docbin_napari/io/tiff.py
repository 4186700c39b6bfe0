"""Decode TIFF files: Pillow where it can, tifffile with imagecodecs where it cannot."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.decoded import Decoded, check_size, clean_dpi, decoder_trouble
from docbin_napari.io.errors import PageError
from docbin_napari.io.raster import open_image, rgb_pixels, stored_view, without_pillow_limit
from docbin_napari.io.rgb import row_bands, to_rgb, value_limits
from docbin_napari.io.tiff_header import TiffPage, read_tiff_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_SILENT = logging.NullHandler()
_UNCOMPRESSED = 1
_CCITT = (2, 3, 4, 32771)
_WHITE_IS_ZERO, _PALETTE, _CMYK = 0, 3, 5
_COLOURS = {_WHITE_IS_ZERO: 1, 1: 1, 2: 3, _PALETTE: 1, _CMYK: 4}
_PREMULTIPLIED, _STRAIGHT = 1, 2


def decode_tiff(path: Path, pixel_limit: int) -> Iterator[tuple[Decoded, int]]:
    """Decode a TIFF file page by page.

    Parameters
    ----------
    path : Path
        Classic or Big TIFF.
    pixel_limit : int
        Most pixels of one page.

    Yields
    ------
    (Decoded, int)
        The page and the number of pages in the file.

    Raises
    ------
    PageError
        At the first page that is damaged, truncated or too large; it is named when
        the file has several.
    """
    header = read_tiff_header(path)
    count = len(header.pages) + bool(header.damage)
    for index, page in enumerate(header.pages):
        where = f"page {index + 1}: " if count > 1 else ""
        check_size(path, page.width, page.height, pixel_limit, where)
        if _is_cut(page, header.size):
            raise PageError(path, f"{where}the file is truncated: part of the page is missing")
        yield _decode_page(path, page, where), count
    if header.damage:
        where = f"page {count}: " if count > 1 else ""
        raise PageError(path, where + header.damage)


def _is_cut(page: TiffPage, size: int) -> bool:
    """Whether the data of a page goes on beyond the end of the file.

    Uncompressed data are left to the decoder: some writers state a last strip that
    is longer than the page needs.
    """
    room = 0 if page.compression == _UNCOMPRESSED else 1
    return any(offset + room * length > size for offset, length in page.extents)


def _decode_page(path: Path, page: TiffPage, where: str) -> Decoded:
    """Decode with one library, and with the other if the first cannot."""
    decoders = [_by_pillow, _by_tifffile]
    if page.sample_format != 1 or max(page.bits) > 8:
        decoders.reverse()
    if page.compression in _CCITT:
        # The second library fills what it cannot decode with white.
        decoders = [_by_pillow]
    errors: list[Exception] = []
    for decoder in decoders:
        try:
            pixels = decoder(path, page)
        except Exception as error:
            errors.append(error)
        else:
            dpi = page.dpi[::-1] if page.dpi and page.orientation in (5, 6, 7, 8) else page.dpi
            return Decoded(pixels, clean_dpi(dpi))
    raise PageError(path, where + decoder_trouble(errors[0])) from errors[0]


def _by_pillow(path: Path, page: TiffPage) -> NDArray[np.uint8]:
    # Opened anew for each page: an open file of Pillow keeps the last page in memory.
    with without_pillow_limit(), open_image(path) as image:
        image.seek(page.directory)
        image.load()  # turns the page upright, too
        return rgb_pixels(image)


def _by_tifffile(path: Path, page: TiffPage) -> NDArray[np.uint8]:
    import tifffile

    # Without a handler it would print to the terminal what is raised here anyway.
    logging.getLogger("tifffile").addHandler(_SILENT)
    with tifffile.TiffFile(path) as file:
        directory = file.pages[page.directory]
        kind = _SampleKind.of(directory, page)
        samples = _samples_last(directory.asarray(squeeze=False))
    height, width = samples.shape[:2]
    limits = None
    if samples.dtype.kind in "if" or samples.dtype.itemsize > 2:
        colours = samples[..., : kind.colours]
        limits = value_limits(colours[rows] for rows in row_bands(height, width))
    elif 8 < kind.bits < 16:
        limits = (0.0, 2.0**kind.bits - 1)
    turned = page.orientation in (5, 6, 7, 8)
    pixels = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = stored_view(pixels, page.orientation)
    for rows in row_bands(height, width):
        stored[rows] = _rgb_band(samples[rows], kind, limits)
    return pixels


@dataclass(frozen=True)
class _SampleKind:
    """What the samples of a pixel mean."""

    bits: int
    photometric: int
    colours: int
    alpha: int
    palette: NDArray[np.uint16] | None

    @classmethod
    def of(cls, directory: Any, page: TiffPage) -> _SampleKind:
        colours = _COLOURS.get(int(directory.photometric))
        if colours is None:
            raise ValueError(f"colours of kind {page.photometric} with {max(page.bits)} bits")
        extra = [int(kind) for kind in directory.extrasamples]
        alpha = extra[0] if extra and extra[0] in (_PREMULTIPLIED, _STRAIGHT) else 0
        return cls(max(page.bits), int(directory.photometric), colours, alpha, directory.colormap)


def _samples_last(samples: NDArray[Any]) -> NDArray[Any]:
    """From (planes, depth, H, W, samples) to (H, W, samples)."""
    planes, depth, height, width, inner = samples.shape
    if depth != 1:
        raise ValueError("a page that is a volume")
    if planes == 1:
        return samples.reshape(height, width, inner)
    return samples.reshape(planes, height, width).transpose(1, 2, 0)


def _rgb_band(
    samples: NDArray[Any], kind: _SampleKind, limits: tuple[float, float] | None
) -> NDArray[np.uint8]:
    """Convert a band of raw samples to RGB, uint8 (H, W, 3)."""
    colour = samples[..., : kind.colours]
    if kind.photometric == _PALETTE and kind.palette is not None:
        return to_rgb(kind.palette[:, samples[..., 0]].transpose(1, 2, 0))
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
    colour = (255 - to_rgb(inks[..., :3])).astype(np.uint16)
    black = (255 - to_rgb(inks[..., 3:])).astype(np.uint16)
    return ((colour * black + 127) // 255).astype(np.uint8)
