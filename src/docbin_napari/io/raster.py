"""Decode an image file with Pillow: one picture at a time, in bands of rows."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from docbin_napari.io.complete import END_MARK, gif_holds_all_rows, how_it_ends
from docbin_napari.io.decoded import (
    NO_END_MARK,
    STRETCHED,
    Decoded,
    check_bytes,
    check_size,
    clean_dpi,
)
from docbin_napari.io.errors import PageError
from docbin_napari.io.png import decode_plain_png, holds_all_rows, is_deep_png
from docbin_napari.io.rgb import is_stretched, row_bands, to_rgb, value_limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import ImageFile

LARGE_PAGE = 16_000_000
"""Pixels from which on it is worth not to hold a page twice."""
QUICK_PAGE = 1_000_000
"""Pixels from which on plain PNG is decoded by another library than Pillow."""
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "JPEG2000", "BMP", "DIB", "GIF", "PPM")
_NEEDED_FOR = {"AVIF": "Pillow 11.3 or later", "HEIC": 'pip install "docbin-napari[heif]"'}
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

    kind = _phone_picture(path)
    if not kind:
        return Image.open(path, formats=FORMATS)
    _register(path, kind)
    return Image.open(path, formats=("AVIF" if kind == "AVIF" else "HEIF",))


def _phone_picture(path: Path) -> str:
    """HEIC or AVIF, by the brands that stand in the first box of the file."""
    with path.open("rb") as stream:
        start = stream.read(64)
    if start[4:8] != b"ftyp":
        return ""
    brands = {start[at : at + 4] for at in range(8, min(len(start), start[3]), 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim"} else ""


def _register(path: Path, kind: str) -> None:
    """Load the decoder of a picture of a telephone, where it is installed."""
    try:
        if kind == "AVIF":
            from PIL import AvifImagePlugin  # noqa: F401
        else:
            import pillow_heif

            pillow_heif.register_heif_opener(thumbnails=False)
    except ImportError as error:
        raise PageError(path, f"{kind} is not read here: it needs {_NEEDED_FOR[kind]}") from error


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
        check_bytes(path, _bytes_of(image), pixel_limit)
        if (plain := _decode_png(path, image)) is not None:
            return plain
        remarks = _check_whole(path, image)
        image.load()
        exif = image.getexif()
        orientation = int(exif.get(_ORIENTATION, 1) or 1)
        dpi = _resolution(image, exif)
        if dpi is not None and orientation in (5, 6, 7, 8):
            dpi = dpi[::-1]
        rows = RasterRows(image)
        remarks += (STRETCHED,) if rows.is_stretched else ()
        if in_bands and rows.can_replace_the_page(orientation):
            return Decoded(rows, dpi, remarks)
        return Decoded(rgb_pixels(image, orientation, rows.limits), dpi, remarks)


def _decode_png(path: Path, image: Image.Image) -> Decoded | None:
    """Plain PNG of some size, and 16-bit colours, of which Pillow would keep the upper half."""
    pixels = image.width * image.height
    # A small page is decoded sooner than imagecodecs is loaded.
    if image.format != "PNG" or not (QUICK_PAGE <= pixels < LARGE_PAGE or is_deep_png(path)):
        return None
    plain = decode_plain_png(path)
    if plain is None or plain.shape[:2] != (image.height, image.width):
        return None
    if plain.dtype == np.uint8:
        return Decoded(plain, _resolution(image, {}))
    limits = value_limits(plain[rows] for rows in row_bands(*plain.shape[:2]))
    remarks = (STRETCHED,) if is_stretched(plain.dtype, limits) else ()
    return Decoded(to_rgb(plain, limits), _resolution(image, {}), remarks)


def _check_whole(path: Path, image: Image.Image) -> tuple[str, ...]:
    """Refuse a file of which rows are missing, as Pillow does not; returns remarks.

    Raises
    ------
    PageError
        If a part of the page is missing.
    """
    if image.format == "PNG":
        if not holds_all_rows(path):
            raise PageError(path, "the file is truncated: rows of the page are missing")
    elif image.format == "GIF":
        if not gif_holds_all_rows(path):
            raise PageError(path, "the file is truncated: rows of the page are missing")
    elif image.format in ("JPEG", "MPO"):
        stream = path.read_bytes()
        end = how_it_ends(stream)
        if end == "incomplete":
            raise PageError(path, "the file is truncated: part of the page is missing")
        if end == "no end mark":
            file = cast("ImageFile.ImageFile", image)
            if file.fp is not None:
                file.fp.close()
            file.fp = io.BytesIO(stream + END_MARK)
            # Or Pillow would map the file itself.
            file.filename = ""
            return (NO_END_MARK,)
    return ()


_SAMPLES = {"1": 1, "L": 1, "P": 1, "LA": 4, "La": 4, "PA": 4, "I;16": 2, "I;16B": 2}


def _bytes_of(image: Image.Image) -> float:
    """Bytes that a picture takes at most while it is decoded: decoder, Pillow and result."""
    own = _SAMPLES.get(image.mode, 4)
    decoder = 0
    if image.format == "JPEG2000":
        decoder = 4 * len(image.getbands())
    elif image.format in ("WEBP", "AVIF", "HEIF"):
        decoder = 4
    elif image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        decoder = 2 * len(image.getbands())
    return float(image.width * image.height * (own + decoder + 3))


def rgb_pixels(
    image: Image.Image, orientation: int = 1, limits: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
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
    limits : (float, float), optional
        Values that become black and white, where they are known already.

    Returns
    -------
    ndarray, uint8, shape (H, W, 3)
        RGB, 0..255, upright.
    """
    width, height = image.size
    turned = orientation in (5, 6, 7, 8)
    pixels = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    stored = stored_view(pixels, orientation)
    if limits is None:
        limits = _limits_of(image)
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
        self.limits = _limits_of(image)
        sixteen = _is_sixteen_bit(image) and image.mode.startswith("I")
        kind = np.dtype(np.uint16 if sixteen else np.float32 if image.mode == "F" else np.int32)
        self.is_stretched = self.limits is not None and is_stretched(kind, self.limits)

    def can_replace_the_page(self, orientation: int) -> bool:
        """Tell whether it is worth it, and whether rows can be converted one by one."""
        large = self._image.width * self._image.height >= LARGE_PAGE
        return large and orientation not in range(2, 9)

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        start, stop, _ = rows.indices(self.shape[0])
        return to_rgb(_band(self._image, slice(start, max(stop, start))), self.limits)


def _limits_of(image: Image.Image) -> tuple[float, float] | None:
    """The values that become black and white; None for 8 bits."""
    if image.mode != "F" and not image.mode.startswith("I"):
        return None
    return value_limits(_band(image, rows) for rows in row_bands(image.height, image.width))


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
