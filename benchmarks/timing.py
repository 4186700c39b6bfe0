"""How long work takes, and what is made of the figures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def times(work: Callable[[], object], repeat: int) -> list[float]:
    """Seconds of some runs, after one that does not count."""
    work()
    return [seconds(work) for _ in range(repeat)]


def seconds(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of several pieces of work, all of them once in every round.

    So other load on the machine hits all of them alike, and figures of one round can be
    divided by each other. Run each once before, where a first run should not count.

    Examples
    --------
    >>> {name: len(runs) for name, runs in interleaved({"a": list, "b": dict}, 3).items()}
    {'a': 3, 'b': 3}
    """
    runs: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            runs[name].append(seconds(work))
    return runs


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Quotients round by round.

    Examples
    --------
    >>> ratios([6.0, 2.0], [3.0, 4.0])
    [2.0, 0.5]
    """
    return [upper / lower for upper, lower in zip(numerators, denominators, strict=True)]


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Median of the quotients of each round.

    Examples
    --------
    >>> median_ratio([6.0, 2.0, 8.0], [3.0, 4.0, 1.0])
    2.0
    """
    return statistics.median(ratios(numerators, denominators))
