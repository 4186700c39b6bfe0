"""Progress, speed and remaining time of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Meter:
    """Counts windows over all pages of a run.

    Parameters
    ----------
    pages : tuple of int
        The pages of the run, from 0; all of one size.
    clock : callable
        Seconds that only rise.

    Examples
    --------
    >>> seconds = iter([0.0, 0.0, 4.0])
    >>> meter = Meter((0,), lambda: next(seconds))
    >>> meter.advance(0, 0, 40)
    >>> meter.advance(0, 10, 40)
    >>> meter.text
    '10 of 40 windows · 2.5 a second · 12 s left'
    """

    def __init__(self, pages: tuple[int, ...], clock: Callable[[], float]) -> None:
        self._pages = pages
        self._clock = clock
        self._begin = clock()
        self._first: float | None = None
        self._now = self._begin
        self._place = 0
        self._done = 0
        self._total = 0

    def advance(self, page: int, done: int, total: int) -> None:
        """Note that `done` of the `total` windows of a page have passed."""
        self._place, self._done, self._total = self._pages.index(page), done, total
        self._now = self._clock()
        # The network is loaded and the first page read before the first window.
        self._first = self._now if self._first is None else self._first

    @property
    def fraction(self) -> float:
        """Share of all windows of all pages that is done, 0 to 1."""
        return self._all_done / self._all if self._all else 0.0

    @property
    def reached(self) -> str:
        """How far the run came, in words."""
        windows = f"{self._done} of {self._total} windows"
        if len(self._pages) == 1:
            return windows
        return f"page {self._place + 1} of {len(self._pages)} · {windows}"

    @property
    def text(self) -> str:
        """How far, how fast, how long still, in words."""
        parts = [self.reached[0].upper() + self.reached[1:]]
        passed = self._now - (self._first or 0.0)
        if self._all_done and passed > 0:
            rate = self._all_done / passed
            left = (self._all - self._all_done) / rate
            parts += [f"{rate:.{1 if rate < 10 else 0}f} a second", f"{in_words(left)} left"]
        return " · ".join(parts)

    @property
    def elapsed(self) -> str:
        """Time since the run began, in words."""
        return in_words(self._clock() - self._begin)

    @property
    def _all_done(self) -> int:
        return self._place * self._total + self._done

    @property
    def _all(self) -> int:
        return len(self._pages) * self._total


def in_words(seconds: float) -> str:
    """Put a duration into words.

    Parameters
    ----------
    seconds : float
        How long.

    Returns
    -------
    str
        With the unit that fits.

    Examples
    --------
    >>> in_words(0.42), in_words(12), in_words(125), in_words(7300)
    ('0.4 s', '12 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
