"""Largest and smallest values near each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Values = TypeVar("Values", bound="NDArray[Any]")

_DOUBLINGS = 4


def spread(
    values: Values,
    operation: Callable[..., Any],
    *,
    axes: Sequence[int] = (0, 1),
    backwards: bool = False,
) -> Values:
    """Take the largest or smallest of 16 values along each axis that begin at each pixel.

    In four doublings: of 2 pixels it is known, then of 4, which are two pairs, of 8 and of 16.

    Parameters
    ----------
    values : ndarray
        (H, W), any type.
    operation : callable
        A ufunc of two arrays, such as ``numpy.maximum``.
    axes : sequence of int, optional
        Along which to look.
    backwards : bool, optional
        Look at the 16 values that end at each pixel instead.

    Returns
    -------
    ndarray
        (H, W), of the same type. Beyond the border there is nothing.

    Examples
    --------
    >>> row = np.zeros((1, 40), int)
    >>> row[0, 20] = 1
    >>> np.flatnonzero(spread(row, np.maximum, axes=(1,)))[[0, -1]].tolist()
    [5, 20]
    """
    result = values.copy()
    for axis in axes:
        turned = np.moveaxis(result, axis, 0)
        for reach in (2**doubling for doubling in range(_DOUBLINGS)):
            here, there = turned[:-reach], turned[reach:]
            if backwards:
                here, there = there, here
            if len(here):
                here[...] = operation(here, there.copy())
    return result
