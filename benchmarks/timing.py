"""How long work takes."""

from __future__ import annotations

import time
from collections.abc import Callable


def times(work: Callable[[], object], repeat: int) -> list[float]:
    """Seconds of some runs, after one that does not count."""
    work()
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds
