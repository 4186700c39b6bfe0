"""Which settings are worth having: those that no other one beats."""

from __future__ import annotations

from collections.abc import Sequence


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Find the points that no other point beats in one figure without losing in the other.

    Parameters
    ----------
    points : sequence of (float, float)
        Two figures each, the larger the better.

    Returns
    -------
    list of int
        Indices, the largest first figure first. Of equal points only the first is taken.

    Examples
    --------
    >>> frontier([(1.0, 90.0), (2.0, 85.0), (1.5, 80.0), (0.5, 90.0)])
    [1, 0]
    """
    order = sorted(range(len(points)), key=lambda index: points[index], reverse=True)
    best: list[int] = []
    for index in order:
        if not best or points[index][1] > points[best[-1]][1]:
            best.append(index)
    return best
