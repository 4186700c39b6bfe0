"""The eight symmetries of the square, on the last two axes of a tensor.

Number k in 0..7: k % 4 quarter turns, after a mirror image for k >= 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

SYMMETRY_SETS: dict[int, tuple[int, ...]] = {
    1: (0,),
    2: (0, 2),
    4: (0, 1, 2, 3),
    8: (0, 6, 1, 5, 2, 4, 3, 7),
}
"""Which ones are averaged, by their number. Of all eight the first four are a fair sample."""


def turn(windows: Tensor, symmetry: int) -> Tensor:
    """Apply a symmetry.

    Parameters
    ----------
    windows : Tensor
        (..., H, W).
    symmetry : int
        0 to 7.

    Returns
    -------
    Tensor
        (..., H, W), or (..., W, H) for an odd number of quarter turns.

    Examples
    --------
    >>> turn(torch.tensor([[1, 2]]), 2).tolist()
    [[2, 1]]
    """
    mirrored = torch.flip(windows, (-1,)) if symmetry >= 4 else windows
    return torch.rot90(mirrored, symmetry % 4, (-2, -1))


def turn_back(windows: Tensor, symmetry: int) -> Tensor:
    """Undo `turn`.

    Parameters
    ----------
    windows : Tensor
        (..., H, W), as `turn` gave it.
    symmetry : int
        The same number.

    Returns
    -------
    Tensor
        As it was before `turn`.

    Examples
    --------
    >>> turn_back(turn(torch.tensor([[1, 2]]), 7), 7).tolist()
    [[1, 2]]
    """
    upright = torch.rot90(windows, -(symmetry % 4), (-2, -1))
    return torch.flip(upright, (-1,)) if symmetry >= 4 else upright
