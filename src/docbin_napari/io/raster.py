"""Decode files of one picture with Pillow, large PNG and JPEG XL with imagecodecs."""

from __future__ import annotations

import io
import logging
import math
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin

from docbin_napari.io.complete import (
    END_MARK,
    JPEG_LS,
    gif_holds_all_rows,
    how_it_ends,
    read_marks,
)
from docbin_napari.io.errors import PageError
from docbin_napari.io.page import Decoded, check_size, clean_dpi
from docbin_napari.io.rgb import ON_ITS_SIDE, RgbRows, RowSource, limits_of, needs_limits

QUICK_PAGE = 1_000_000
"""Pixels from which on PNG is decoded by another library than Pillow, which takes time to load."""
NO_END_MARK = "the end mark of the JPEG file is missing, but its page is whole"
"""Remark on a page that other programs may call damaged."""
FIRST_ONLY = "the file holds several pictures, of which only the first is read"
"""Remark on an animation, or on several pictures of a telephone."""
FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "JPEG2000", "BMP", "DIB", "GIF", "PPM")
_NEEDED_FOR = {"AVIF": "Pillow 11.3 or later", "HEIC": 'pip install "docbin-napari[heif]"'}
_NO_GAP, _ZEROS, _PIXELS_OF_A_ZERO = ("WEBP", "AVIF", "HEIF"), 64, 4000
"""Formats whose decoders accept zeros silently, and how many zero bytes cannot be chance."""
_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 0x0112, 0x011A, 0x011B, 0x0128


PNG_SIGNATURE, _WORDS = b"\x89PNG\r\n\x1a\n", (b"iCCP", b"tEXt", b"zTXt", b"iTXt")
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim"}
_LIFTS = threading.Lock()
_SAVED_LIMITS: list[int | None] = []
_SILENCE, _NOWHERE = ExitStack(), logging.NullHandler()


@contextmanager
def without_pillow_limit() -> Iterator[None]:
    """Lift Pillow's own pixel limit, and silence it, while at least one page is being decoded.

    The limit is a global of Pillow. One entry a user lets several threads decode at once and puts
    back what was there before the first of them.
    """
    with _LIFTS:
        if not _SAVED_LIMITS:
            _SILENCE.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\.")
            # What its log would print is raised, too, or does not matter.
            logging.getLogger("PIL").addHandler(_NOWHERE)
        _SAVED_LIMITS.append(Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _LIFTS:
            saved = _SAVED_LIMITS.pop()
            if not _SAVED_LIMITS:
                Image.MAX_IMAGE_PIXELS = saved
                _SILENCE.close()


def open_image(path: Path) -> Image.Image:
    """Open a file with Pillow; only the header is read. Call inside `without_pillow_limit`."""
    # Registers the formats; otherwise Pillow would load all of its forty plugins.
    from PIL import Jpeg2KImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    with path.open("rb") as stream:
        start = stream.read(64)
    if start.startswith(PNG_SIGNATURE):
        return _open_png(path.read_bytes())
    return Image.open(path, formats=_phone_format(path, start) or FORMATS)


def _open_png(content: bytes) -> Image.Image:
    """Open a PNG file, without words and profiles if Pillow would refuse it for them.

    It does so where some are damaged, or long when they are unpacked.
    """
    too_long = PngImagePlugin.MAX_TEXT_CHUNK
    sizes = [
        math.inf if words is None or len(words) == too_long else len(words)
        for *_, words in png_words(content)
    ]
    if sum(sizes) > PngImagePlugin.MAX_TEXT_MEMORY:
        chunks = png_chunks(content)
        kept = (content[start:end] for kind, start, end in chunks if kind not in _WORDS)
        content = b"".join([PNG_SIGNATURE, *kept])
    return Image.open(io.BytesIO(content), formats=("PNG",))


def png_words(content: bytes) -> Iterator[tuple[bytes, bytes, bytes | None]]:
    """Read words and colour profiles of a PNG file.

    Parameters
    ----------
    content : bytes
        Any file; one that is no PNG has none.

    Yields
    ------
    (bytes, bytes, bytes or None)
        Kind of the chunk, keyword, and what stands there, unpacked and cut to the length that
        Pillow allows: a few bytes can stand for gigabytes. None where it is damaged.
    """
    for kind, start, end in png_chunks(content):
        if kind not in _WORDS:
            continue
        body, checksum = content[start + 4 : end - 4], content[end - 4 : end]
        keyword, _, words = body[4:].partition(b"\0")
        is_packed = kind in (b"iCCP", b"zTXt")
        if is_packed:
            words = words[1:]
        elif kind == b"iTXt":
            is_packed = words.startswith(b"\1")
            words = words[2:].partition(b"\0")[2].partition(b"\0")[2]
        is_whole = zlib.crc32(body).to_bytes(4, "big") == checksum
        if is_packed:
            try:
                words = zlib.decompressobj().decompress(words, PngImagePlugin.MAX_TEXT_CHUNK)
            except zlib.error:
                is_whole = False
        yield kind, keyword, words if is_whole else None


def _phone_format(path: Path, start: bytes) -> tuple[str, ...]:
    """The format of HEIC or AVIF, whose brands stand in the first box; its decoder is loaded."""
    if start[4:8] != b"ftyp":
        return ()
    brands = {start[at : at + 4] for at in range(8, min(len(start), start[3]), 4)}
    kind = "AVIF" if brands & _AVIF else "HEIC"
    if not brands & (_AVIF | _HEIC):
        return ()
    try:
        if kind == "AVIF":
            from PIL import AvifImagePlugin  # noqa: F401

            return ("AVIF",)
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
        return ("HEIF",)
    except ImportError as error:
        raise PageError(path, f"{kind} is not read here: it needs {_NEEDED_FOR[kind]}") from error


def decode_raster(path: Path, pixel_limit: int) -> Decoded:
    """Decode the first picture of a file that is not TIFF.

    Parameters
    ----------
    path : Path
        PNG, JPEG, WebP, JPEG 2000, BMP, GIF, PNM, AVIF or HEIC file.
    pixel_limit : int
        Most pixels that are accepted.

    Returns
    -------
    Decoded
        Rows as they are stored, orientation and resolution.

    Raises
    ------
    PageError
        If the page is too large, has no pixels or is not whole.
    Exception
        Whatever Pillow raises for a damaged file.
    """
    if (deep := _decode_deep_jpeg(path, pixel_limit)) is not None:
        return deep
    with without_pillow_limit(), open_image(path) as image:
        check_size(path, image.size, _bytes_of(image), pixel_limit)
        content = path.read_bytes()
        if image.format == "PNG" and (samples := decode_png(content, image.size)) is not None:
            return _page_of(samples, _resolution(image, {}))
        remarks = _check_whole(path, image, content)
        if _has_more_pictures(image, content):
            remarks += (FIRST_ONLY,)
        image.load()
        if image.format in {"BMP", "DIB"} and image.mode == "RGBA" and not image.getbbox():
            image.putalpha(255)  # its writer filled the fourth byte with nothing
        exif = _exif_numbers(image)
        orientation = int(exif.get(_ORIENTATION, 1))
        dpi = _resolution(image, exif)
        if dpi is not None and orientation in ON_ITS_SIDE:
            dpi = dpi[::-1]
        samples = _deep_colours(image, content)
        return _page_of(
            _ImageSamples(image) if samples is None else samples, dpi, remarks, orientation
        )


def _decode_deep_jpeg(path: Path, pixel_limit: int) -> Decoded | None:
    """Decode a JPEG of other than 8 bits, which Pillow does not read; None for all others."""
    with path.open("rb") as file:
        if (stream := file.read(len(_JPEG))) != _JPEG:
            return None
        stream += file.read()
    try:
        frame = read_marks(stream)
    except (IndexError, KeyError, ValueError, ZeroDivisionError):
        return None
    if frame.kind != JPEG_LS and frame.bits == _EIGHT_BITS:
        return None
    if frame.kind == JPEG_LS or len(frame.sampling) not in (1, 3):
        kind = "JPEG-LS" if frame.kind == JPEG_LS else "JPEG of inks in more than 8 bits"
        raise PageError(path, f"{kind} is not read here: save the page as PNG or TIFF")
    import imagecodecs

    needed = frame.width * frame.height * (4 * len(frame.sampling) + 3)
    check_size(path, (frame.width, frame.height), needed, pixel_limit)
    remarks = _remarks_on_jpeg(path, stream)
    samples = np.asarray(imagecodecs.jpeg8_decode(stream + END_MARK if remarks else stream))
    return _page_of(samples, None, remarks)


def _page_of(
    samples: RowSource,
    dpi: tuple[float, float] | None = None,
    remarks: tuple[str, ...] = (),
    orientation: int = 1,
) -> Decoded:
    rows = RgbRows(samples, limits_of(samples))
    is_rgb = isinstance(samples, np.ndarray) and not needs_limits(samples.dtype)
    pixels = samples if is_rgb and samples.shape[2:] == (3,) else rows
    return Decoded(pixels, dpi, remarks + rows.remarks, orientation, rows.scale)


_JPEG, _EIGHT_BITS = b"\xff\xd8", 8
_DEPTH, _COLOURS, _INTERLACED = 24, 25, 28
_GRAY, _PALETTE = 0, 3
# Transparent colours, turned pictures, whose words may stand behind the pixels, and animations.
_LEFT_TO_PILLOW = (b"tRNS", b"eXIf", b"Raw profile type", b"acTL")


def decode_png(content: bytes, size: tuple[int, int]) -> NDArray[Any] | None:
    """Decode a PNG with libpng: large ones sooner than Pillow, colours of 16 bits with all of them.

    Parameters
    ----------
    content : bytes
        A PNG file.
    size : (int, int)
        Width and height by its header, which were checked.

    Returns
    -------
    ndarray or None
        uint8 or uint16, (H, W) or (H, W, 2 to 4), as stored; None where Pillow has to read the
        file, damaged ones too: it says what is wrong with them.
    """
    deep = content[_DEPTH] == 16 and content[_COLOURS] != _GRAY
    # The decoder warns of interlaced pictures and would need more memory for palettes.
    by_pillow = content[_INTERLACED] or content[_COLOURS] == _PALETTE
    if by_pillow or not (deep or size[0] * size[1] >= QUICK_PAGE):
        return None
    if any(word in content for word in _LEFT_TO_PILLOW):
        return None
    import imagecodecs

    try:
        samples: NDArray[Any] = imagecodecs.png_decode(content)
    except (RuntimeError, ValueError):
        return None
    return samples if samples.shape[1::-1] == size else None


_PPM_HEADER = re.compile(rb"P[36](?:(?:\s|#[^\r\n]*[\r\n])+(\d+)){3}\s")
_SIZES_OF_JPEG_2000, _SYCC = b"\xff\x4f\xff\x51", b"colr\x01\0\0\0\0\0\x12"


def _deep_colours(image: Image.Image, content: bytes) -> NDArray[np.uint16] | None:
    """Colours of more than 8 bits, which Pillow cuts to 8 whatever part of them a page uses.

    Parameters
    ----------
    image : PIL.Image.Image
        The picture, loaded, so that it is whole.
    content : bytes
        Its file.

    Returns
    -------
    ndarray or None
        uint16, (H, W, 2 to 4), 0 to 65535; None for all that Pillow reads as it is.
    """
    if image.mode not in ("RGB", "RGBA", "LA") or image.format not in ("PNG", "PPM", "JPEG2000"):
        return None
    shape = image.height, image.width, len(image.getbands())
    samples, top = None, 65535
    with suppress(RuntimeError, ValueError):
        if image.format == "PNG" and content[_DEPTH] == 16:
            samples = _deep_png(image, content)
        elif image.format == "PPM":
            samples, top = _deep_ppm(content, shape)
        elif image.format == "JPEG2000" and _SYCC not in content:
            start = content.index(_SIZES_OF_JPEG_2000) + 42
            bits = max(content[start : start + 3 * shape[2] : 3]) + 1
            # From 128 on the numbers are signed.
            if 8 < bits <= 16:
                import imagecodecs

                samples, top = imagecodecs.jpeg2k_decode(content), 2**bits - 1
    if samples is None or top == 65535:
        return samples
    return ((samples * np.uint32(65535) + top // 2) // top).astype(np.uint16)


def _deep_ppm(content: bytes, shape: tuple[int, ...]) -> tuple[NDArray[np.uint16] | None, int]:
    """Colours over 255 and the largest that there may be."""
    header = _PPM_HEADER.match(content)
    top, count = int(header[1]) if header else 0, math.prod(shape)
    if header is None or top <= 255:
        return None, 65535
    if content.startswith(b"P6"):
        return np.frombuffer(content, ">u2", count, header.end()).reshape(shape), top
    text = re.sub(rb"#[^\r\n]*", b"", content[header.end() :]).decode()
    return np.fromstring(text, np.uint16, count, sep=" ").reshape(shape), top


def _deep_png(image: Image.Image, content: bytes) -> NDArray[np.uint16]:
    """Colours of 16 bits; transparent ones get an alpha."""
    import imagecodecs

    if not content[_INTERLACED]:
        return np.asarray(imagecodecs.png_decode(content))
    # That decoder prints a warning. Pillow takes the upper or the lower half of each number.
    halves: list[NDArray[np.uint16]] = []
    for order in "BL":
        with _open_png(content) as half:
            file = cast("ImageFile.ImageFile", half)
            file.tile = [file.tile[0]._replace(args=f"{half.mode};16{order}")]
            halves.append(np.asarray(half, dtype=np.uint16))
    return _with_alpha(halves[0] * np.uint16(256) + halves[1], image.info.get("transparency"))


def _with_alpha(values: NDArray[np.uint16], transparent: Any) -> NDArray[np.uint16]:
    """Add an alpha to (H, W, C), 0 where a pixel has the colour that stands for none."""
    if transparent is None:
        return values
    seen = (values != transparent).any(axis=2, keepdims=True)
    return np.concatenate([values, seen * np.uint16(65535)], axis=2)


def _check_whole(path: Path, image: Image.Image, content: bytes) -> tuple[str, ...]:
    """Refuse a file of which rows are missing, as Pillow does not; returns remarks.

    Raises
    ------
    PageError
        If a part of the page is missing.
    """
    file, whole = cast("ImageFile.ImageFile", image), True
    if image.format == "PNG":
        whole = _png_holds_all_rows(content)
    elif image.format == "GIF":
        whole = gif_holds_all_rows(content, file.tile[0][2])
    elif image.format in ("JPEG", "MPO"):
        if _remarks_on_jpeg(path, content):
            if file.fp is not None:
                file.fp.close()
            file.fp = io.BytesIO(content + END_MARK)
            # Or Pillow would map the file itself.
            file.filename = ""
            return (NO_END_MARK,)
    elif image.format in _NO_GAP and _ends_in_zeros(content, image.width * image.height):
        raise PageError(path, "the file is truncated: its end is filled with zeros")
    if not whole:
        raise PageError(path, "the file is truncated: rows of the page are missing")
    return ()


def _remarks_on_jpeg(path: Path, stream: bytes) -> tuple[str, ...]:
    """Refuse a JPEG that is not whole; remark that it has no end mark."""
    end = how_it_ends(stream)
    if end == "incomplete":
        raise PageError(path, "the file is truncated: part of the page is missing")
    if end == "too many scans":
        raise PageError(path, f"the JPEG file has {end}: save it again with another program")
    return (NO_END_MARK,) if end == "no end mark" else ()


def _has_more_pictures(image: Image.Image, content: bytes) -> bool:
    """Tell whether further pictures follow; the previews behind JPEG of telephones are none."""
    if image.format == "GIF":
        # To look for the second one changes the first.
        with suppress(Exception), Image.open(io.BytesIO(content), formats=("GIF",)) as other:
            return bool(getattr(other, "is_animated", False))
    if image.format == "PPM":
        # Only pictures in bytes may have another behind them.
        start, kind = cast("Any", image).tile[0][2:]
        deep = image.mode == "I" or (kind[0] == "RGB" and kind[1] > 255)
        bits = 1 if image.mode == "1" else 8 * len(image.getbands()) * (1 + deep)
        end = start + image.height * -(-image.width * bits // 8)
        return re.match(rb"\s*P[4-6]\s", content[end : end + 64]) is not None
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _ends_in_zeros(content: bytes, pixels: int) -> bool:
    """Tell whether a packed picture has no end, but room for it, as a broken download leaves it.

    What lies behind its container does not count; empty paper at the end of a page is packed to
    zeros, too, ten thousand pixels to one.
    """
    end = 8 + int.from_bytes(content[4:8], "little")
    if not content.startswith(b"RIFF"):
        end = max((end for *_, end in _boxes(content)), default=0)
    length = _ZEROS + pixels // _PIXELS_OF_A_ZERO
    rest = content[:end][-length:]
    return len(rest) == length and not any(rest)


# Left, top and steps of the seven passes of an interlaced picture.
_PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
_PASSES += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
_SAMPLES_OF_PNG = {_GRAY: 1, 2: 3, _PALETTE: 1, 4: 2, 6: 4}


def _png_holds_all_rows(content: bytes) -> bool:
    """Tell whether the pixels of a PNG file are all there; Pillow leaves a gap without a word.

    Parameters
    ----------
    content : bytes
        A file with a whole header.

    Returns
    -------
    bool
        True also for a stream that is damaged: that is for the decoder to name.
    """
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    bits = content[_DEPTH] * _SAMPLES_OF_PNG.get(content[_COLOURS], 1)
    wanted = 0
    for left, top, across, down in _PASSES if content[_INTERLACED] else [(0, 0, 1, 1)]:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            # Before each row stands the number of its filter.
            wanted += rows * (1 + -(-columns * bits // 8))
    packer = zlib.decompressobj()
    try:
        chunks = png_chunks(content)
        pixels = (content[start + 8 : end - 4] for kind, start, end in chunks if kind == b"IDAT")
        found = len(packer.decompress(b"".join(pixels), wanted))
    except zlib.error:
        return True
    # What ends within its data is named by the decoder, too.
    return found >= wanted or not packer.eof


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the parts of a PNG file, up to its end mark."""
    end = len(PNG_SIGNATURE) if content.startswith(PNG_SIGNATURE) else len(content)
    while end + 8 <= len(content):
        start = end
        length, kind = struct.unpack_from(">I4s", content, start)
        end += length + 12
        yield kind, start, end
        if kind == b"IEND":
            return


_SAMPLES = {"1": 1, "L": 1, "P": 1, "LA": 4, "La": 4, "PA": 4, "I;16": 2, "I;16B": 2}


def _bytes_of(image: Image.Image) -> float:
    """Bytes that a picture takes at most while it is decoded: decoder, Pillow and result."""
    own = _SAMPLES.get(image.mode, 4)
    decoder = 0
    if image.format == "JPEG2000":
        decoder = 6 * len(image.getbands())
    elif image.format in ("WEBP", "AVIF", "HEIF"):
        decoder = 4
    elif image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        decoder = 2 * len(image.getbands())
    return float(image.width * image.height * (own + decoder + 3))


class _ImageSamples:
    """A loaded picture of Pillow as arrays of rows that `to_rgb` understands."""

    def __init__(self, image: Image.Image) -> None:
        self._image = image
        self.shape = (image.height, image.width)
        self.dtype = self[:1].dtype

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        image, (start, stop, _) = self._image, rows.indices(self.shape[0])
        band = image.crop((0, start, image.width, max(stop, start)))
        if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
            # Gray of 16 bits, whatever its width here, which Pillow would clip when it converts it.
            values = np.array(band, dtype=np.uint16)
            return _with_alpha(values[..., np.newaxis], band.info.get("transparency"))
        if image.mode == "La":
            band = band.convert("LA")
        elif image.has_transparency_data:
            band = band.convert("RGBA")
        elif image.mode not in ("1", "L", "RGB", "I", "F"):
            band = band.convert("RGB")
        return np.asarray(band)


def image_rows(image: Image.Image) -> RgbRows:
    """Give a loaded picture of any mode as rows of RGB, so that the page exists once."""
    samples: RowSource = _ImageSamples(image)
    return RgbRows(samples, limits_of(samples))


def _exif_numbers(image: Image.Image) -> dict[int, float]:
    """The numbers of EXIF that matter here; what is damaged or no number is left out."""
    numbers = {}
    for tag in (_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT):
        with suppress(Exception):
            value = image.getexif()[tag]
            number = float(ord(value) if isinstance(value, bytes) else value)
            if math.isfinite(number):
                numbers[tag] = number
    return numbers


def _resolution(image: Image.Image, exif: dict[int, float]) -> tuple[float, float] | None:
    """Resolution as the file states it; what Pillow only guesses is left out."""
    guessed = image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2)
    stated = None if guessed else image.info.get("dpi")
    if stated is None and exif.get(_UNIT) in (2, 3):
        factor = 2.54 if exif[_UNIT] == 3 else 1.0
        x = exif.get(_X_RESOLUTION, math.nan)
        stated = x * factor, exif.get(_Y_RESOLUTION, x) * factor
    return clean_dpi(stated, per_metre=image.format in ("PNG", "BMP"))


_CODESTREAM, _CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZE_BITS = (9, 13, 18, 30)
_BYTES_OF_JXL = 40
"""Of a pixel: the decoder computes in float, 4 samples each, and holds them more than once."""


def decode_jxl(path: Path, pixel_limit: int) -> Decoded:
    """Decode the first picture of a JPEG XL file with imagecodecs, since Pillow does not read it.

    Parameters
    ----------
    path : Path
        The file.
    pixel_limit : int
        Most pixels that are accepted.

    Returns
    -------
    Decoded
        Upright rows; the resolution is not known.

    Raises
    ------
    PageError
        If the page is too large, damaged or truncated.
    """
    import imagecodecs

    content = path.read_bytes()
    width, height, animated = read_jxl_header(content)
    check_size(path, (width, height), _BYTES_OF_JXL * width * height, pixel_limit)
    try:
        samples = np.asarray(imagecodecs.jpegxl_decode(content, index=0))
    except Exception as error:
        raise PageError(path, f"the JPEG XL file is truncated or damaged ({error})") from error
    samples = samples[0] if samples.ndim == 4 else samples
    return _page_of(samples, None, (FIRST_ONLY,) * animated)


def read_jxl_header(content: bytes) -> tuple[int, int, bool]:
    """Read width and height from the header, and whether the file is an animation.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    (int, int, bool)
        Pixels, 0 where there is no header. Files with a preview count as no animations.
    """
    start = _codestream(content)
    if not start.startswith(_CODESTREAM):
        return 0, 0, False
    bits = int.from_bytes(start[2:18], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take(_SIZE_BITS[take(2)]) + 1

    height = side()
    ratio = take(3)
    over, under = _RATIOS[ratio - 1]
    width = height * over // under if ratio else side()
    # Unless all is as usual, there follow an orientation, another size, a preview, an animation.
    animated = not take(1) and take(1) and take(5) < 8 and take(1)
    return width, height, bool(animated)


def _codestream(content: bytes) -> bytes:
    """The first bytes of the picture, out of the boxes of the container."""
    if not content.startswith(_CONTAINER):
        return content[:18]
    for kind, begin, _ in _boxes(content):
        if kind in (b"jxlc", b"jxlp"):
            return content[begin + 4 * (kind == b"jxlp") :][:18]
    return b""


def _boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of what lies in the boxes of a container."""
    place = 0
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        head = 8
        if length == 1:
            length, head = int.from_bytes(content[place + 8 : place + 16], "big"), 16
        elif length == 0 and any(kind):
            length = len(content) - place
        if length < head:
            return
        yield kind, place + head, place + length
        place += length
