"""Run work ahead in threads, such as decoding while the network runs."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Start threads that begin nothing more when the block ends.

    Parameters
    ----------
    count : int
        How many.

    Yields
    ------
    ThreadPoolExecutor
        What is running in it at the end is waited for.
    """
    executor = ThreadPoolExecutor(count)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], executor: Executor, count: int
) -> Iterator[Result]:
    """Apply a function in order, some items before they are asked for.

    Parameters
    ----------
    function : callable
        Applied in the executor.
    items : iterable
        Asked for in the caller's thread.
    executor : Executor
        Where the work is done.
    count : int
        How many results may wait, at least 1.

    Yields
    ------
    object
        A result for each item, in order; what the function raised is raised in its place.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(1) as threads:
    ...     list(map_ahead(abs, [-1, 2, -3], threads, 1))
    [1, 2, 3]
    """
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(executor.submit(function, item))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def iterate_ahead(items: Iterator[Item], executor: Executor) -> Iterator[Item]:
    """Ask an iterator for its next item while the caller works with the one before.

    Parameters
    ----------
    items : iterator
        Asked in the executor, by one thread at a time.
    executor : Executor
        Where the work is done.

    Yields
    ------
    object
        The items, in order; what the iterator raised is raised in its place.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(1) as threads:
    ...     list(iterate_ahead(iter("ink"), threads))
    ['i', 'n', 'k']
    """
    end: Any = object()
    found = map_ahead(lambda _: next(items, end), itertools.repeat(None), executor, 1)
    # No name may keep an item in memory that the caller has dropped.
    yield from itertools.takewhile(lambda item: item is not end, found)
