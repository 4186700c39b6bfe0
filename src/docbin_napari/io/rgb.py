"""Convert pixels of any kind to RGB uint8; the only module that does so, numpy only.

Strategy: everything but RGB uint8 is converted in bands of rows. A band is small, so that
float intermediates cost a few megabytes; only the result has the size of the page.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

_BAND_PIXELS = 1 << 18
_ENOUGH = 1 / 8
"""Share of its range that the values of a page must use so that the range is taken as it is."""
_OUTLIERS = 1e-4
_MOST_OUTLIERS = 1 << 12
_FEWEST_IN_A_ROW = 32
_NOISE_ALONE = 12
"""A page whose values reach over fewer steps of its noise than this is empty: white noise
reaches over 8, that of a blurred picture over 11, the faintest writing over 30."""
_SIXTEEN_TO_EIGHT = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


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

    NaN becomes white, as paper that was not looked at. Infinite values become
    white or black by their sign. Alpha is blended over white.

    Parameters
    ----------
    array : array_like, shape (H, W) or (H, W, C)
        Gray (no C, or C = 1), gray and alpha (2), RGB (3) or RGB and alpha (4).
        Anything with `shape` and `dtype` that can be sliced by rows, a lazy
        array for instance, is read band by band.
    limits : (float, float), optional
        Values that become 0 and 255, instead of the rule above; alpha keeps the
        rule. Values outside are clipped.

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
    height, width, channels = _layout(image)
    if limits is not None and not limits[0] < limits[1]:
        raise ValueError(f"limits must be two rising numbers, not {limits}")
    if image.dtype == np.uint8 and limits in (None, (0, 255)):
        if channels == 3:
            return np.ascontiguousarray(image)
        limits = None
    if limits is None and needs_limits(image.dtype):
        limits = value_limits(np.asarray(image[rows]) for rows in row_bands(height, width))
    out = np.empty((height, width, 3), np.uint8)
    for rows in row_bands(height, width):
        out[rows] = _convert_band(np.asarray(image[rows]), limits)
    return out


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


def value_limits(
    bands: Iterable[NDArray[Any]], stated: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Find the values that become black and white, one rule for all but bool and 8 bits.

    Strategy: a file of 16 bits may hold 10, 12 or 14, or a narrow range anywhere; taken for
    the whole range it would be nearly one gray. So the range that is used is measured: isolated
    outliers (hot pixels) are taken out by a median of three, and one pixel in ten thousand at
    both ends does not count. The range that the kind of value has is halved as long as its upper
    half is empty: as many bits as are used. Where the used part is at least an eighth of what is
    left, that range is taken, so that a faded page stays faded; else the used part is. What is
    noise from end to end is an empty page and is not stretched.

    Parameters
    ----------
    bands : iterable of ndarray, shape (H, W) or (H, W, C)
        The page, band by band; alpha (the last of 2 or 4 channels) does not count.
    stated : (float, float), optional
        Smallest and largest value by the header of the file, where it is known.

    Returns
    -------
    (float, float)
        The values that become 0 and 255. A page of one single value outside the range of its
        kind becomes white.

    Examples
    --------
    >>> import numpy as np
    >>> value_limits([np.array([[3.0, np.nan]]), np.array([[7.0, np.inf]])])
    (3.0, 7.0)
    >>> value_limits([np.array([[0, 60_000]], np.uint16)])
    (0.0, 65535.0)
    >>> value_limits([np.array([[80, 3900]], np.uint16)])
    (0.0, 4095.0)
    """
    found = _UsedRange()
    for band in bands:
        found.add(_colour(band))
    low, high = found.limits()
    if low > high:
        return stated or (0.0, 1.0)
    whole = _used_bits(stated or _whole_range(low, high, found.kind), high, found.kind)
    span = high - low
    if whole is not None and (low == high or span >= _ENOUGH * (whole[1] - whole[0])):
        return whole
    if low == high:
        # One single value says nothing about ink: the page is taken as empty paper.
        return low - max(1.0, abs(low)), low
    if 0 < found.noise < math.inf and span < _NOISE_ALONE * found.noise:
        return whole or (high - span / _ENOUGH, high)
    return low, high


def is_stretched(dtype: Any, limits: tuple[float, float]) -> bool:
    """Tell whether limits are only a part of the range of their kind.

    Parameters
    ----------
    dtype : dtype
        Of the values.
    limits : (float, float)
        From `value_limits`.

    Returns
    -------
    bool
        False where the kind has no range of its own: signed, over 16 bits, float beyond 1.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return limits[0] >= 0 and limits[1] <= 1 and limits != (0.0, 1.0)
    if kind.kind != "u" or kind.itemsize > 2:
        return False
    return limits != (0.0, float(np.iinfo(kind).max))


def _whole_range(low: float, high: float, kind: str) -> tuple[float, float] | None:
    """The range in which values of a kind lie: 0 to 1, or whole bits."""
    if low < 0:
        return None
    if kind == "f":
        return (0.0, 1.0) if high <= 1 else None
    return 0.0, 2.0 ** max(8, math.ceil(math.log2(high + 1))) - 1


def _used_bits(
    whole: tuple[float, float] | None, high: float, kind: str
) -> tuple[float, float] | None:
    """Halve a range while its upper half is empty; whole numbers have at least eight bits."""
    if whole is None or high <= whole[0] or whole[0] < 0:
        return whole
    low, top = whole
    if kind == "f":
        return low, low + (top - low) / 2 ** math.floor(math.log2((top - low) / (high - low)))
    bits = max(8, math.ceil(math.log2(high + 1)))
    return low, max(high, min(top, 2.0**bits - 1))


class _UsedRange:
    """Collects the ends of the values of a page, and how rough it is."""

    def __init__(self) -> None:
        self.kind = "u"
        self.noise = math.inf
        self._count = 0
        self._lowest = np.empty(0)
        self._highest = np.empty(0)

    def add(self, band: NDArray[Any]) -> None:
        """Look at some rows."""
        self.kind = band.dtype.kind
        if band.ndim >= 2 and band.shape[1] >= _FEWEST_IN_A_ROW:
            wide = band.astype(np.int64) if self.kind in "iu" else band
            self.noise = min(self.noise, float(np.median(np.abs(np.diff(wide[::4], axis=1)))))
            left, here, right = band[:, :-2], band[:, 1:-1], band[:, 2:]
            band = np.maximum(np.minimum(left, here), np.minimum(np.maximum(left, here), right))
        values = band.ravel()
        if self.kind == "f":
            values = values[np.isfinite(values)]
        self._count += values.size
        self._lowest = _smallest(self._lowest, values)
        self._highest = -_smallest(-self._highest, -values.astype(np.float64))

    def limits(self) -> tuple[float, float]:
        """The ends without outliers; in falling order where nothing was seen."""
        if not self._count:
            return math.inf, -math.inf
        passed = min(int(self._count * _OUTLIERS), len(self._lowest) - 1)
        low = float(np.partition(self._lowest, passed)[passed])
        high = float(-np.partition(-self._highest, passed)[passed])
        return (low, high) if low <= high else (high, low)


def _smallest(kept: NDArray[np.float64], values: NDArray[Any]) -> NDArray[np.float64]:
    """The smallest of both, no more than are ever passed over."""
    if len(kept) == _MOST_OUTLIERS:
        values = values[values < kept.max()]
    both = np.concatenate([kept, values.astype(np.float64)])
    return (
        both if len(both) <= _MOST_OUTLIERS else np.partition(both, _MOST_OUTLIERS)[:_MOST_OUTLIERS]
    )


def _layout(image: Any) -> tuple[int, int, int]:
    """Height, width and number of channels (1 without a channel axis)."""
    shape = tuple(image.shape)
    if len(shape) == 2:
        shape = (*shape, 1)
    if len(shape) != 3 or not 1 <= shape[2] <= 4:
        raise ValueError(f"shape {tuple(image.shape)} is not (H, W) or (H, W, 1 to 4 channels)")
    if np.dtype(image.dtype).kind not in "buif":
        raise ValueError(f"values of type {image.dtype} are not those of an image")
    return int(shape[0]), int(shape[1]), int(shape[2])


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


def _colour(band: NDArray[Any]) -> NDArray[Any]:
    """The channels of a band that are not alpha."""
    return band[..., :-1] if band.ndim == 3 and band.shape[2] in (2, 4) else band


def _convert_band(band: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    colour = _eight_bit(_colour(band), limits)
    if colour.ndim == 2:
        colour = colour[..., np.newaxis]
    if band.ndim == 3 and band.shape[2] in (2, 4):
        alpha = _eight_bit(band[..., -1:], (0.0, 1.0) if band.dtype.kind == "f" else None)
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
    # Single precision holds 8 bits of what it holds itself, but not of large integers.
    exact = np.float32 if values.dtype in (np.float16, np.float32) else np.float64
    scaled = np.subtract(values, low, dtype=exact)
    scaled *= 255.0 / (high - low)
    if values.dtype.kind == "f":
        scaled[np.isnan(scaled)] = 255
    scaled.clip(0, 255, out=scaled)
    eight: NDArray[np.uint8] = np.rint(scaled, out=scaled).astype(np.uint8)
    return eight


def _over_white(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if alpha.min(initial=255) == 255:
        return colour
    # In 16 bits, which 255 * 255 + 128 does not leave; the shifts divide by 255 and round.
    opaque = alpha.astype(np.uint16)
    blend = colour * opaque + ((255 - opaque) * np.uint16(255) + np.uint16(128))
    blend += blend >> 8
    return (blend >> 8).astype(np.uint8)
