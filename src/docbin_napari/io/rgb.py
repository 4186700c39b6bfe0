"""Pages as rows on request, and pixels of any kind as RGB uint8; numpy only.

Strategy: everything but RGB uint8 is converted in bands of rows. A band is small, so that
float intermediates cost a few megabytes; only the result has the size of the page.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from docbin_napari.io.value_range import colours_of, value_limits

_BAND_PIXELS = 1 << 18
_KEPT_ROWS = 512
_FEWEST_BITS = 10
TURNED, ON_ITS_SIDE = range(2, 9), (5, 6, 7, 8)
"""EXIF orientations other than upright, and those that exchange height and width."""
STRETCHED = (
    "its values fill a part of their range only, as those of 10 to 14 bits do; "
    "this part was stretched from black to white"
)
"""Remark on a page of more than 8 bits whose range is not the one that its kind has."""
_SIXTEEN_TO_EIGHT = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


class RowSource(Protocol):
    """A page that gives an array when it is sliced by rows; every array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, C)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Rows of the page, in the order of the file."""


class StoredBands:
    """A page that is stored in bands, each of which has to be decoded whole.

    Strategy: windows go down a page and overlap, so each request begins a little above the end of
    the one before. Bands that lie shortly above or below the last request are kept, the others
    forgotten.

    Parameters
    ----------
    shape : tuple of int
        Of the page, rows first.
    dtype : dtype
        Of its values.
    band_height : int
        Rows of a band; the last one may have fewer.
    decode : callable
        Gives a band, ndarray (rows, ...), by its number from 0.

    Examples
    --------
    >>> page = np.arange(10)[:, None]
    >>> bands = StoredBands(
    ...     page.shape, page.dtype, 4, lambda number: page[number * 4 : number * 4 + 4]
    ... )
    >>> bands[3:5].ravel().tolist()
    [3, 4]
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: Any,
        band_height: int,
        decode: Callable[[int], NDArray[Any]],
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._band_height, self._decode = band_height, decode
        self._kept: dict[int, NDArray[Any]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError("rows of a page come in order, without gaps")
        tall = self._band_height
        first, after, reach = start // tall, -(-stop // tall), -(-_KEPT_ROWS // tall)
        result = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        with self._lock:
            near = range(first - reach, after + reach)
            self._kept = {n: band for n, band in self._kept.items() if n in near}
            for number in range(first, after):
                if number not in self._kept:
                    self._kept[number] = self._decode(number)
                top = number * tall
                part = self._kept[number][max(0, start - top) : stop - top]
                at = max(0, top - start)
                result[at : at + len(part)] = part
        return result


def spread_rows(height: int, tall: int, most: int) -> list[slice]:
    """Spread strips of rows evenly over a page, the first at its top, the last at its end.

    Parameters
    ----------
    height : int
        Rows of the page.
    tall : int
        Rows of a strip.
    most : int
        How many strips there may be; no more than it takes to see the whole page.

    Returns
    -------
    list of slice
        From top to bottom; the strips of a small page overlap.

    Examples
    --------
    >>> spread_rows(100, 10, 3)
    [slice(0, 10, None), slice(45, 55, None), slice(90, 100, None)]
    >>> spread_rows(7, 10, 3)
    [slice(0, 10, None)]
    """
    count = max(1, min(most, -(-height // tall)))
    last = max(0, height - tall)
    tops = [last * index // max(1, count - 1) for index in range(count)]
    return [slice(top, top + tall) for top in tops]


def one_or_many(pages: Any) -> Iterator[RowSource]:
    """Iterate over pages: a single one, or those of an iterable or of an array with more axes.

    Parameters
    ----------
    pages : RowSource or iterable of RowSource
        What a writer was given.

    Returns
    -------
    iterator of RowSource
        Page after page.
    """
    single = hasattr(pages, "shape") and len(pages.shape) <= 2
    return iter([pages] if single else pages)


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reduce colours to the luma of ITU-R BT.601, rounded exactly as Pillow's mode "L".

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 3)
        The page, RGB.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Luma, 0 black to 255 white.

    Examples
    --------
    >>> luma(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8))
    array([[ 76, 150,  29]], dtype=uint8)
    """
    result = np.full(pixels.shape[:2], 0x8000, dtype=np.uint32)
    for channel, weight in enumerate((19595, 38470, 7471)):
        result += np.multiply(pixels[..., channel], weight, dtype=np.uint32)
    result >>= 16
    return result.astype(np.uint8)


def to_rgb(array: ArrayLike, limits: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Convert an image of any common kind to RGB.

    ======================= =====================================================
    values                  become
    ======================= =====================================================
    bool                    False 0, True 255
    uint8                   themselves
    all others              scaled between two limits: see `value_limits`. For
                            most 16-bit pages these are 0 and 65535, for float
                            pages in 0..1 these are 0 and 1
    ======================= =====================================================

    NaN becomes white, like empty paper. Infinite values become
    white or black by their sign. Alpha is blended over white.

    Parameters
    ----------
    array : array_like, shape (H, W) or (H, W, C)
        Gray (no C, or C = 1), gray and alpha (2), RGB (3) or RGB and alpha (4).
        Anything with `shape` and `dtype` that can be sliced by rows, a lazy
        array for instance, is read band by band.
    limits : (float, float), optional
        Values that become 0 and 255, instead of the rule above; alpha has the
        range of its kind. Values outside are clipped.

    Returns
    -------
    ndarray, uint8, shape (H, W, 3)
        RGB, 0..255. May be `array` itself when nothing had to be done.

    Raises
    ------
    ValueError
        If the shape or the dtype is not that of an image, or `limits` are not
        two rising numbers.

    Examples
    --------
    >>> import numpy as np
    >>> to_rgb(np.array([[0.0, 0.5, 1.0]]))[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    >>> to_rgb(np.array([[0, 32768, 65535]], dtype=np.uint16))[0, :, 0]
    array([  0, 128, 255], dtype=uint8)
    """
    image: Any = array if hasattr(array, "shape") and hasattr(array, "dtype") else np.asarray(array)
    channels = _channels(image)
    if limits is not None and not limits[0] < limits[1]:
        raise ValueError(f"limits must be two rising numbers, not {limits}")
    if image.dtype == np.uint8 and limits in (None, (0, 255)):
        if channels == 3:
            return np.ascontiguousarray(image)
        limits = None
    if limits is not None:
        return RgbRows(image, limits, convert_band)[:]
    return RgbRows(image, limits_of(image))[:]


def row_bands(height: int, width: int) -> Iterator[slice]:
    """Cut the rows of a page into bands of about a quarter of a million pixels.

    Parameters
    ----------
    height, width : int
        Size of the page in pixels.

    Yields
    ------
    slice
        Rows of one band, from top to bottom.

    Examples
    --------
    >>> list(row_bands(3, 200_000))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    step = max(1, _BAND_PIXELS // max(width, 1))
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def needs_limits(dtype: Any) -> bool:
    """Tell whether only the values of a whole page say which are black and white.

    Parameters
    ----------
    dtype : dtype
        Of the values.

    Returns
    -------
    bool
        False for bool and uint8 alone.
    """
    return np.dtype(dtype) not in (np.bool_, np.uint8)


def limits_of(image: RowSource) -> tuple[float, float] | None:
    """Find the values of a page that become black and white; None for bool and 8 bits."""
    if not needs_limits(image.dtype):
        return None
    height, width = image.shape[:2]
    return value_limits(np.asarray(image[rows]) for rows in row_bands(height, width))


class RgbRows:
    """A page of any kind that gives RGB when it is sliced by rows.

    Parameters
    ----------
    samples : RowSource
        The page as it is stored.
    limits : (float, float) or None
        Values that become black and white; see `limits_of`.
    convert : callable
        Makes RGB of some rows with the limits.
    remarks : tuple of str
        What is to be known about the samples, each in one sentence.

    Examples
    --------
    >>> rows = RgbRows(np.array([[0], [257]], np.uint16), (0, 65535))
    >>> rows.shape, rows[1:].tolist()
    ((2, 1, 3), [[[1, 1, 1]]])
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        samples: RowSource,
        limits: tuple[float, float] | None,
        convert: Callable[..., NDArray[np.uint8]] | None = None,
        remarks: tuple[str, ...] = (),
    ) -> None:
        self.shape = (*samples.shape[:2], 3)
        self._remarks = remarks
        self._samples, self._limits = samples, limits
        self._convert = convert or partial(convert_band, opaque=opaque_alpha(samples, limits))

    @property
    def scale(self) -> tuple[float, float] | None:
        """The values that become black and white, if not those of 8 bits or of the kind."""
        kind, limits = self._samples.dtype, self._limits
        top = float(np.iinfo(kind).max) if kind.kind in "iu" else 255.0
        return None if limits in (None, (0.0, 255.0), (0.0, top)) else limits

    @property
    def remarks(self) -> tuple[str, ...]:
        """Those on the samples; one that a part of the range of their kind is used, if it is so.

        Signed numbers, those over 16 bits and float beyond 1 have no range of their own.
        """
        kind, limits = self._samples.dtype, self._limits
        if limits is None:
            return self._remarks
        if kind.kind == "f":
            stretched = limits[0] >= 0 and limits[1] <= 1 and limits != (0.0, 1.0)
        else:
            whole = (0.0, 2.0 ** (8 * kind.itemsize) - 1)
            stretched = kind.kind == "u" and kind.itemsize <= 2 and limits != whole
        return (*self._remarks, STRETCHED) if stretched else self._remarks

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        start, stop, _ = rows.indices(self.shape[0])
        result = np.empty((max(0, stop - start), *self.shape[1:]), np.uint8)
        self.fill(result, start)
        return result

    def fill(self, target: NDArray[np.uint8], top: int) -> None:
        """Write the rows from `top` on into an array, uint8 (N, W, 3), as many as it has."""
        for band in row_bands(*target.shape[:2]):
            samples = np.asarray(self._samples[top + band.start : top + band.stop])
            target[band] = self._convert(samples, self._limits)


def inverted_rows(pixels: RowSource) -> RgbRows:
    """Exchange light and dark of an RGB page, row by row as it is asked for.

    Examples
    --------
    >>> inverted_rows(np.zeros((2, 1, 3), np.uint8))[1:].tolist()
    [[[255, 255, 255]]]
    """
    return RgbRows(pixels, None, lambda rows, _: np.bitwise_not(rows))


def upright(rows: RowSource, orientation: int = 1) -> NDArray[np.uint8]:
    """Bring a page into memory as a reader sees it.

    Strategy: the result is allocated once, in its final orientation, and seen through a turned
    view; bands of the stored page are written into that view.

    Parameters
    ----------
    rows : RgbRows or ndarray
        uint8 (H, W, 3), in the order of the file; an array is upright already.
    orientation : int
        EXIF orientation, 1 to 8; anything else counts as 1.

    Returns
    -------
    ndarray, uint8, shape (H, W, 3)
        RGB; an array is returned as it is.
    """
    if not isinstance(rows, RgbRows):
        return np.asarray(rows)
    height, width = rows.shape[:2]
    on_its_side = orientation in ON_ITS_SIDE
    pixels = np.empty((width, height, 3) if on_its_side else (height, width, 3), np.uint8)
    stored = pixels.transpose(1, 0, 2) if on_its_side else pixels
    # Whether the first row is the last one of the page, and the first column the last.
    stored = stored[::-1] if orientation in (3, 4, 6, 7) else stored
    stored = stored[:, ::-1] if orientation in (2, 3, 7, 8) else stored
    for band in row_bands(height, width):
        rows.fill(stored[band], band.start)
    return pixels


def _channels(image: Any) -> int:
    """Number of channels of an image, 1 without a channel axis; refuse what is no image."""
    shape = tuple(image.shape)
    channels = int((*shape, 1)[2]) if len(shape) in (2, 3) else 0
    if not 1 <= channels <= 4:
        raise ValueError(f"shape {shape} is not (H, W) or (H, W, 1 to 4 channels)")
    if np.dtype(image.dtype).kind not in "buif":
        raise ValueError(f"values of type {image.dtype} are not those of an image")
    return channels


def opaque_alpha(
    samples: RowSource, limits: tuple[float, float] | None, colours: int | None = None
) -> float | None:
    """Find the alpha of an opaque pixel where its kind does not say it.

    Parameters
    ----------
    samples : RowSource
        The page as it is stored.
    limits : (float, float) or None
        Values of its colours that become black and white; None where they do not count.
    colours : int, optional
        Channels before alpha; those of gray and RGB by default.

    Returns
    -------
    float or None
        The range of as many bits as alpha and colours use, ten to fifteen, or of the kind; None for
        float, for 8 bits and without alpha.
    """
    channels = samples.shape[2] if len(samples.shape) == 3 else 1
    if colours is None and channels in (2, 4):
        colours = channels - 1
    if colours is None or samples.dtype.kind not in "iu" or samples.dtype.itemsize == 1:
        return None
    bands = (np.asarray(samples[rows])[..., colours] for rows in row_bands(*samples.shape[:2]))
    most = max((float(band.max(initial=0)) for band in bands), default=0.0)
    bits = math.ceil(math.log2(max(most, limits[1] if limits else 0.0, 0.0) + 1))
    few = _FEWEST_BITS <= bits < 16
    return 2.0**bits - 1 if few else float(np.iinfo(samples.dtype).max)


def convert_band(
    band: NDArray[Any], limits: tuple[float, float] | None, opaque: float | None = None
) -> NDArray[np.uint8]:
    """Make RGB of some rows; see `RgbRows` and `opaque_alpha`."""
    colour = _eight_bit(colours_of(band), limits)
    if colour.ndim == 2:
        colour = colour[..., np.newaxis]
    if band.ndim == 3 and band.shape[2] in (2, 4):
        whole = (0.0, 1.0) if band.dtype.kind == "f" else None
        alpha = _eight_bit(band[..., -1:], whole if opaque is None else (0.0, opaque))
        colour = _over_white(colour, alpha)
    return np.broadcast_to(colour, (*colour.shape[:2], 3))


def _eight_bit(values: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    if limits is None:
        if values.dtype == np.bool_:
            return np.where(values, np.uint8(255), np.uint8(0))
        if values.dtype == np.uint8:
            return values
        limits = (0.0, float(np.iinfo(values.dtype).max))
    if values.dtype.newbyteorder("=") == np.uint16 and limits == (0.0, 65535.0):
        return np.take(_SIXTEEN_TO_EIGHT, values)
    low, high = limits
    # Single precision is exact enough for 8 bits, but not where the values are large integers.
    exact = np.float32 if values.dtype in (np.float16, np.float32) else np.float64
    scaled = np.subtract(values, low, dtype=exact)
    with np.errstate(over="ignore"):
        scaled *= 255.0 / (high - low)
    if values.dtype.kind == "f":
        scaled[np.isnan(scaled)] = 255
    scaled.clip(0, 255, out=scaled)
    eight: NDArray[np.uint8] = np.rint(scaled, out=scaled).astype(np.uint8)
    return eight


def _over_white(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if alpha.min(initial=255) == 255:
        return colour
    # In 16 bits, which 255 * 255 + 127 does not leave.
    opaque = alpha.astype(np.uint16)
    blend = colour * opaque + ((255 - opaque) * np.uint16(255) + np.uint16(127))
    return (blend // 255).astype(np.uint8)
