"""Pages that wait, packed, until the last of their file is done."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PageStack(Sequence["NDArray[Any]"]):
    """A sequence of arrays, each unpacked only when it is looked at.

    A mask of 9 Mpix takes about a tenth of a megabyte, so that a book can become one TIFF file
    without its pages being in memory side by side.

    Examples
    --------
    >>> stack = PageStack()
    >>> stack.append(np.eye(3, dtype=bool))
    >>> len(stack), int(stack[0].sum())
    (1, 3)
    """

    def __init__(self) -> None:
        self._packed: list[tuple[bytes, tuple[int, ...], np.dtype[Any]]] = []

    def append(self, array: NDArray[Any]) -> None:
        """Put an array of bool or uint8 at the end.

        Parameters
        ----------
        array : ndarray of bool or uint8
            It is copied.
        """
        bits = np.packbits(array) if array.dtype == np.bool_ else np.ascontiguousarray(array)
        self._packed.append((zlib.compress(bits.data, level=1), array.shape, array.dtype))

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[Any]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | Sequence[NDArray[Any]]:
        if isinstance(index, slice):
            chosen = PageStack()
            chosen._packed = self._packed[index]
            return chosen
        packed, shape, dtype = self._packed[index]
        values = np.frombuffer(zlib.decompress(packed), np.uint8)
        if dtype == np.bool_:
            values = np.unpackbits(values, count=int(np.prod(shape))).view(np.bool_)
        return values.reshape(shape)
