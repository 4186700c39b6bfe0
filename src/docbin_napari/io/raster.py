"""Decode an image file with Pillow: one picture at a time, in bands of rows."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from docbin_napari.io.decoded import Decoded, check_size, clean_dpi
from docbin_napari.io.plain_png import decode_plain_png
from docbin_napari.io.rgb import row_bands, to_rgb, value_limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LARGE_PAGE = 16_000_000
"""Pixels from which on it is worth not to hold a page twice."""
QUICK_PAGE = 1_000_000
"""Pixels from which on plain PNG is decoded by another library than Pillow."""
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "JPEG2000", "BMP", "GIF", "PPM")
_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 0x0112, 0x011A, 0x011B, 0x0128


class _Lift:
    """Lift Pillow's own pixel limit while at least one page is being decoded.

    The limit is a global of Pillow. A count of users lets several threads decode at
    once and puts back what was there before the first of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._saved: int | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._saved, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    Image.MAX_IMAGE_PIXELS = self._saved


without_pillow_limit = _Lift()


def open_image(path: Path) -> Image.Image:
    """Open a file with Pillow; only the header is read. Call inside `without_pillow_limit`."""
    # Registers the formats; otherwise Pillow would load all of its forty plugins.
    from PIL import (  # noqa: F401
        Jpeg2KImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    return Image.open(path, formats=FORMATS)


def decode_raster(path: Path, pixel_limit: int, *, in_bands: bool = False) -> Decoded:
    """Decode the first picture of a file that is not TIFF.

    Parameters
    ----------
    path : Path
        PNG, JPEG, WebP, JPEG 2000, BMP, GIF or PNM file.
    pixel_limit : int
        Most pixels that are accepted.
    in_bands : bool
        Whether the rows of a large page are converted only as they are asked for.

    Returns
    -------
    Decoded
        Upright pixels and resolution.

    Raises
    ------
    PageError
        If the page is too large or has no pixels.
    Exception
        Whatever Pillow raises for a damaged file.
    """
    with without_pillow_limit(), open_image(path) as image:
        check_size(path, *image.size, pixel_limit)
        # A small page is decoded sooner than imagecodecs is loaded.
        if image.format == "PNG" and QUICK_PAGE <= image.width * image.height < LARGE_PAGE:
            plain = decode_plain_png(path)
            if plain is not None and plain.shape[:2] == (image.height, image.width):
                return Decoded(plain, _resolution(image, {}))
        image.load()
        exif = image.getexif()
        orientation = int(exif.get(_ORIENTATION, 1) or 1)
        dpi = _resolution(image, exif)
        if dpi is not None and orientation in (5, 6, 7, 8):
            dpi = dpi[::-1]
        rows = RasterRows(image)
        if in_bands and rows.can_replace_the_page(orientation):
            return Decoded(rows, dpi)
        return Decoded(rgb_pixels(image, orientation), dpi)


def rgb_pixels(image: Image.Image, orientation: int = 1) -> NDArray[np.uint8]:
    """Convert a loaded picture to RGB and turn it upright.

    Strategy: the result is allocated once, in its final orientation, and seen through
    a turned view; bands of the stored picture are converted and written into that view.
    So the page exists twice at most: in Pillow and in the result.

    Parameters
    ----------
    image : Image
        Loaded picture of any mode.
    orientation : int
        EXIF orientation, 1 to 8; anything else counts as 1.

    Returns
    -------
    ndarray, uint8, shape (H, W, 3)
        RGB, 0..255, upright.
    """
    width, height = image.size
    turned = orientation in (5, 6, 7, 8)
    pixels = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = stored_view(pixels, orientation)
    limits = None
    if _needs_limits(image):
        limits = value_limits(_band(image, rows) for rows in row_bands(height, width))
    for rows in row_bands(height, width):
        stored[rows] = to_rgb(_band(image, rows), limits)
    return pixels


class RasterRows:
    """A loaded picture that gives RGB when it is sliced by rows, so that the page exists once.

    Parameters
    ----------
    image : Image
        Loaded picture.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self.shape = (image.height, image.width, 3)

    def can_replace_the_page(self, orientation: int) -> bool:
        """Tell whether it is worth it, and whether rows can be converted one by one."""
        large = self._image.width * self._image.height >= LARGE_PAGE
        return large and orientation not in range(2, 9) and not _needs_limits(self._image)

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        start, stop, _ = rows.indices(self.shape[0])
        return to_rgb(_band(self._image, slice(start, max(stop, start))))


def _needs_limits(image: Image.Image) -> bool:
    """Whether the values that become black and white are known only when all were seen."""
    return image.mode in ("F", "I") and not _is_sixteen_bit(image)


def stored_view(upright: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """See an upright page in the order in which the file stores it.

    Parameters
    ----------
    upright : ndarray, uint8, shape (H, W, 3)
        The page as a reader sees it.
    orientation : int
        EXIF orientation, 1 to 8.

    Returns
    -------
    ndarray, uint8
        View of the same memory; what is written there appears upright in the page.
    """
    transposed = upright.transpose(1, 0, 2)
    return {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: transposed,
        6: transposed[::-1],
        7: transposed[::-1, ::-1],
        8: transposed[:, ::-1],
    }.get(orientation, upright)


def _band(image: Image.Image, rows: slice) -> NDArray[Any]:
    """Rows of a picture as an array that `to_rgb` understands."""
    band = image.crop((0, rows.start, image.width, rows.stop))
    if image.mode.startswith("I"):
        return _integers(band, sixteen_bit=_is_sixteen_bit(image))
    if image.mode == "La":
        band = band.convert("LA")
    elif image.has_transparency_data:
        band = band.convert("RGBA")
    elif image.mode not in ("1", "L", "RGB", "F"):
        band = band.convert("RGB")
    return np.asarray(band)


def _is_sixteen_bit(image: Image.Image) -> bool:
    """Whether integers of Pillow stand for the 16 bits of the file, whatever their width."""
    return image.mode.startswith("I;16") or image.format in ("PNG", "PPM")


def _integers(band: Image.Image, *, sixteen_bit: bool) -> NDArray[Any]:
    """Gray of more than 8 bits, which Pillow would clip when it converts it."""
    if not sixteen_bit:
        return np.asarray(band)
    values = np.array(band, dtype=np.uint16)
    if isinstance(transparent := band.info.get("transparency"), int):
        values[values == transparent] = 65535
    return values


def _resolution(image: Image.Image, exif: Any) -> tuple[float, float] | None:
    """Resolution as the file states it; what Pillow only guesses is left out."""
    guessed = image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2)
    stated = None if guessed else image.info.get("dpi")
    if stated is None and exif.get(_UNIT) in (2, 3):
        factor = 2.54 if exif[_UNIT] == 3 else 1.0
        x = exif.get(_X_RESOLUTION)
        y = exif.get(_Y_RESOLUTION, x)
        stated = None if x is None or y is None else (float(x) * factor, float(y) * factor)
    per_metre = image.format in ("PNG", "BMP")
    return clean_dpi(stated, per_metre=per_metre)
