"""The eight symmetries of the square, on the two axes of windows.

Number k in 0..7: k % 4 quarter turns, after a mirror image for k >= 4.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Values = TypeVar("Values", bound=np.generic)

SYMMETRY_SETS: dict[int, tuple[int, ...]] = {
    1: (0,),
    2: (0, 2),
    4: (0, 1, 2, 3),
    8: (0, 6, 1, 5, 2, 4, 3, 7),
}
"""Which ones are averaged, by their number. Of all eight the first four are a fair sample."""


def turn(windows: NDArray[Values], symmetry: int) -> NDArray[Values]:
    """Apply a symmetry.

    Parameters
    ----------
    windows : ndarray
        (N, H, W, ...).
    symmetry : int
        0 to 7.

    Returns
    -------
    ndarray
        (N, H, W, ...), or (N, W, H, ...) for an odd number of quarter turns; a view.

    Examples
    --------
    >>> turn(np.array([[[1, 2]]]), 2).tolist()
    [[[2, 1]]]
    """
    mirrored = windows[:, :, ::-1] if symmetry >= 4 else windows
    return np.rot90(mirrored, symmetry % 4, (1, 2))


def turn_back(windows: NDArray[Values], symmetry: int) -> NDArray[Values]:
    """Undo `turn`.

    Parameters
    ----------
    windows : ndarray
        (N, H, W, ...), as `turn` gave it.
    symmetry : int
        The same number.

    Returns
    -------
    ndarray
        As it was before `turn`; a view.

    Examples
    --------
    >>> turn_back(turn(np.array([[[1, 2]]]), 7), 7).tolist()
    [[[1, 2]]]
    """
    upright = np.rot90(windows, -(symmetry % 4), (1, 2))
    return upright[:, :, ::-1] if symmetry >= 4 else upright
