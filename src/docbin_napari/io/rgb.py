"""Pixels of any kind to RGB uint8: the one place that does this arithmetic, numpy only.

Strategy: everything but RGB uint8 is converted in bands of rows. A band is small, so that
float intermediates cost a few megabytes; only the result has the size of the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

_BAND_PIXELS = 1 << 18
_SIXTEEN_TO_EIGHT = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def to_rgb(array: ArrayLike, limits: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Convert an image of any common kind to RGB.

    ======================= =====================================================
    values                  become
    ======================= =====================================================
    bool                    False 0, True 255
    uint8                   themselves
    uint16                  divided by 257, rounded
    float, all in 0..1      times 255, rounded
    other float, other int  smallest finite value 0, largest 255; a page that is
                            one single value becomes white
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
    if limits is None and _needs_limits(image.dtype):
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


def value_limits(bands: Iterable[NDArray[Any]]) -> tuple[float, float]:
    """Find the values that become black and white, for kinds without a fixed range.

    Parameters
    ----------
    bands : iterable of ndarray, shape (H, W) or (H, W, C)
        The page, band by band; alpha (the last of 2 or 4 channels) does not count.

    Returns
    -------
    (float, float)
        ``(0, 1)`` for float values in that range, else the smallest and the
        largest finite value.

    Examples
    --------
    >>> import numpy as np
    >>> value_limits([np.array([[3.0, np.nan]]), np.array([[7.0, np.inf]])])
    (3.0, 7.0)
    """
    low, high, floating = np.inf, -np.inf, False
    for band in bands:
        colour = _colour(band)
        if colour.dtype.kind == "f":
            floating = True
            colour = colour[np.isfinite(colour)]
        if colour.size:
            low, high = min(low, float(colour.min())), max(high, float(colour.max()))
    if low > high or (floating and low >= 0 and high <= 1):
        return 0.0, 1.0
    # One single value says nothing about ink: the page is taken as empty paper.
    return (low, high) if low < high else (low - max(1.0, abs(low)), low)


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


def _needs_limits(dtype: Any) -> bool:
    return np.dtype(dtype).newbyteorder("=") not in (np.bool_, np.uint8, np.uint16)


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
        if values.dtype.newbyteorder("=") == np.uint16:
            return np.take(_SIXTEEN_TO_EIGHT, values)
        limits = (0.0, float(np.iinfo(values.dtype).max))
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
