"""What a page must offer so that it can be treated without being in memory at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
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
