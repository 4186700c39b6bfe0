"""Protocol of pages that are read in rows and never in memory at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


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
    """Rows of something that is stored in bands, each of which has to be decoded whole.

    Strategy: windows go down a page and overlap, so each request begins within the one before.
    The bands of the last request are kept; what lies above is forgotten, what lies below is not
    yet decoded.

    Parameters
    ----------
    height : int
        Rows of the page.
    band_height : int
        Rows of a band; the last one may have fewer.
    decode : callable
        Gives a band, ndarray (rows, ...), by its number from 0.

    Examples
    --------
    >>> page = np.arange(10)[:, None]
    >>> bands = StoredBands(10, 4, lambda number: page[number * 4 : number * 4 + 4])
    >>> bands[3:5].ravel().tolist()
    [3, 4]
    """

    def __init__(
        self, height: int, band_height: int, decode: Callable[[int], NDArray[Any]]
    ) -> None:
        self._height, self._band_height, self._decode = height, band_height, decode
        self._kept: dict[int, NDArray[Any]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, step = rows.indices(self._height)
        if step != 1:
            raise ValueError("rows of a page come in order, without gaps")
        stop = max(start, stop)
        with self._lock:
            bands = self._bands(start, stop)
            any_band = next(iter(bands.values()))
            result = np.empty((stop - start, *any_band.shape[1:]), any_band.dtype)
            for number, band in bands.items():
                top = number * self._band_height
                low, high = max(top, start), min(top + len(band), stop)
                if low < high:
                    result[low - start : high - start] = band[low - top : high - top]
        return result

    def _bands(self, start: int, stop: int) -> dict[int, NDArray[Any]]:
        """Bands that hold some rows, at least one; they are kept, and no others."""
        last = (self._height - 1) // self._band_height
        first = min(start // self._band_height, last)
        wanted = range(first, max(-(-stop // self._band_height), first + 1))
        self._kept = {number: band for number, band in self._kept.items() if number in wanted}
        for number in wanted:
            if number not in self._kept:
                self._kept[number] = self._decode(number)
        return self._kept


class InvertedRows:
    """A page with light and dark exchanged, row by row as it is asked for.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.

    Examples
    --------
    >>> InvertedRows(np.zeros((2, 1, 3), np.uint8))[1:].tolist()
    [[[255, 255, 255]]]
    """

    def __init__(self, pixels: RowSource) -> None:
        self._pixels = pixels
        self.shape = pixels.shape
        self.dtype = pixels.dtype

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]:
        inverted: NDArray[np.uint8] = np.bitwise_not(np.asarray(self._pixels[rows]))
        return inverted


def spread_rows(height: int, tall: int, most: int) -> list[slice]:
    """Rows of a few strips spread evenly over a page, the first at its top, the last at its end.

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
    """Take one page as a single one; an iterable, or an array of more axes, as many.

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
