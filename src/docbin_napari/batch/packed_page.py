"""Packed page of results, filled from top to bottom.

A mask of 400 Mpix takes a few megabytes, so that neither the size of a page nor the number of
pages that become one file decides how much memory is needed.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PackedPage:
    """Rows of bool or uint8, packed as they come and unpacked as they are looked at.

    Parameters
    ----------
    width : int
        Pixels of a row.
    dtype : dtype
        bool or uint8.

    Examples
    --------
    >>> page = PackedPage(3, np.dtype(bool))
    >>> page.append(np.eye(3, dtype=bool)[:2])
    >>> page.append(np.eye(3, dtype=bool)[2:])
    >>> page.shape, page[1:].astype(int).tolist()
    ((3, 3), [[0, 1, 0], [0, 0, 1]])
    """

    ndim = 2

    def __init__(self, width: int, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._width = width
        self._bands: list[bytes] = []
        self._tops = [0]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows so far, and pixels of a row."""
        return self._tops[-1], self._width

    @property
    def size(self) -> int:
        """Pixels so far."""
        return self._tops[-1] * self._width

    def append(self, rows: NDArray[Any]) -> None:
        """Put rows below those that are there.

        Parameters
        ----------
        rows : ndarray of bool or uint8, shape (N, width)
            They are copied.
        """
        bits = np.packbits(rows) if self.dtype == np.bool_ else np.ascontiguousarray(rows)
        self._bands.append(zlib.compress(bits.data, level=1))
        self._tops.append(self._tops[-1] + len(rows))

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, step = rows.indices(self._tops[-1])
        if step != 1:
            raise ValueError("rows of a packed page come in order, without gaps")
        result = np.empty((max(stop - start, 0), self._width), self.dtype)
        first = bisect_right(self._tops, start) - 1
        for index in range(first, len(self._bands)):
            top, bottom = self._tops[index], self._tops[index + 1]
            if top >= stop:
                break
            low, high = max(top, start), min(bottom, stop)
            result[low - start : high - start] = self._band(index)[low - top : high - top]
        return result

    def _band(self, index: int) -> NDArray[Any]:
        values = np.frombuffer(zlib.decompress(self._bands[index]), np.uint8)
        count = self._tops[index + 1] - self._tops[index]
        if self.dtype == np.bool_:
            values = np.unpackbits(values, count=count * self._width).view(np.bool_)
        return values.reshape(count, self._width)


class InkCollector:
    """Takes the probability of ink where `predict` writes it, and keeps the mask packed.

    Strategy: predict writes a row of windows piece by piece from left to right. Such a band is
    all that is held unpacked; when it is complete, it is compared with the threshold.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page.
    lowest : int
        Probability in 256 steps from which a pixel is ink.
    keep_probability : bool
        Whether the probability is wanted too.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, int], lowest: int, *, keep_probability: bool) -> None:
        self.shape = shape
        self.ink = PackedPage(shape[1], np.dtype(bool))
        self.probability = PackedPage(shape[1], self.dtype) if keep_probability else None
        self._lowest = lowest
        self._band = np.empty((0, shape[1]), np.uint8)

    def __setitem__(self, region: tuple[slice, slice], values: NDArray[Any]) -> None:
        rows, columns = region
        if len(self._band) != rows.stop - rows.start:
            self._band = np.empty((rows.stop - rows.start, self.shape[1]), np.uint8)
        self._band[:, columns] = values
        if columns.stop == self.shape[1]:
            self.ink.append(self._band >= self._lowest)
            if self.probability is not None:
                self.probability.append(self._band)
