"""Keep track of the files that are with the workers of a cluster, and of their answers.

Strategy: at most `FILES_A_THREAD` files for each thread of a worker are on their way, one that is
worked on and one that waits, so that neither the scheduler nor a worker ever holds a whole
archive. Each file that ends makes room for the next, and so does each worker that joins. A file
whose worker is lost is done again by another: the scheduler sees to that, and gives up the files
that have lost several. It gives up those too that only waited there, so these are sent again from
here, and only the file that was worked on fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Protocol

from docbin_napari.batch.answers import Ended, GivenUp, News, Refused, Started
from docbin_napari.batch.cluster import ClusterError, remove_leftovers
from docbin_napari.batch.events import (
    Event,
    FileFailed,
    FileSkipped,
    FileStarted,
    FileWritten,
)
from docbin_napari.batch.jobs import Job
from docbin_napari.batch.orders import End, Order

FILES_A_THREAD = 2
"""Files on their way for each thread of a worker."""

_MOST_ATTEMPTS = 3
_LOOK_SECONDS = 1.0


class Workers(Protocol):
    """The workers of a cluster, as a flight needs them."""

    news: SimpleQueue[News]

    def threads(self) -> int:
        """Count the threads of all workers that are there now."""

    def send(self, order: Order, attempt: int) -> None:
        """Give a file to any worker; the answers come as news."""

    def stop(self, running: set[int]) -> None:
        """Drop all files that were sent; wait a while for those that are worked on."""


@dataclass
class _Sent:
    """A file that is on its way."""

    order: Order
    attempt: int
    starts: int = 0
    worker: str = ""


class Flight:
    """The files of one batch that are on their way.

    Parameters
    ----------
    workers : Workers
        Who does the work.
    jobs : sequence of Job
        The whole batch, with paths as the user wrote them.
    say : callable
        Takes lines about the cluster.
    """

    def __init__(self, workers: Workers, jobs: Sequence[Job], say: Callable[[str], None]) -> None:
        self._workers = workers
        self._jobs = jobs
        self._say = say
        self._sent: dict[int, _Sent] = {}
        self._interrupted: list[Job] = []
        self._threads = -1
        self._looked = 0.0

    def work(self, items: Iterable[Order | Event]) -> Iterator[Event]:
        """Send orders as workers can take them.

        Parameters
        ----------
        items : iterable of Order and Event
            What to send, and events that are passed on.

        Yields
        ------
        FileStarted, FileWritten, FileSkipped, FileFailed
            As they come.

        Raises
        ------
        ClusterError
            If the cluster is lost or cannot do this batch.
        """
        items = iter(items)
        try:
            while True:
                yield from self._refill(items)
                if not self._sent:
                    return
                with suppress(Empty):
                    yield from self._read(self._workers.news.get(timeout=_LOOK_SECONDS))
        finally:
            self._clear()

    def _refill(self, items: Iterator[Order | Event]) -> Iterator[Event]:
        while len(self._sent) < self._limit():
            item = next(items, None)
            if item is None:
                return
            if isinstance(item, Order):
                self._send(item)
            else:
                yield item

    def _limit(self) -> int:
        """Most files that may be on their way, for the workers that are there now."""
        if self._threads < 0 or monotonic() - self._looked >= _LOOK_SECONDS:
            before, self._threads = self._threads, self._workers.threads()
            self._looked = monotonic()
            if before and not self._threads:
                self._say("the cluster has no worker now; waiting for one to join")
        # Without workers some files are sent all the same: adaptive clusters start on demand.
        return FILES_A_THREAD * max(1, self._threads)

    def _send(self, order: Order, attempt: int = 1) -> None:
        self._sent[order.number] = _Sent(order, attempt)
        self._workers.send(order, attempt)

    def _read(self, news: News) -> Iterator[Event]:
        if isinstance(news, Refused):
            raise ClusterError(news.reason)
        sent = self._sent.get(news.number)
        if sent is None:
            return
        if isinstance(news, Started):
            sent.starts, sent.worker = sent.starts + 1, news.worker
            yield FileStarted(self._job(sent).source, news.number, len(self._jobs))
        elif news.attempt == sent.attempt:
            yield from self._close(sent, news)

    def _close(self, sent: _Sent, news: Ended | GivenUp) -> Iterator[Event]:
        """End an attempt; the file ends too, unless it has to be sent again."""
        del self._sent[news.number]
        if sent.starts > 1 or sent.attempt > 1 or isinstance(news, GivenUp):
            self._interrupted.append(sent.order.job)
        if isinstance(news, Ended):
            if news.end is not None:
                yield self._as_written(sent, news.end)
        elif sent.worker == news.worker or sent.attempt == _MOST_ATTEMPTS:
            yield FileFailed(
                self._job(sent).source,
                f"{news.workers} workers died while they worked on it, the last one was "
                f"{news.worker}; most often their memory is too small for it",
            )
        else:
            self._send(sent.order, sent.attempt + 1)

    def _job(self, sent: _Sent) -> Job:
        return self._jobs[sent.order.number - 1]

    def _as_written(self, sent: _Sent, end: End) -> End:
        """Name the files as the user did."""
        job = self._job(sent)
        if isinstance(end, FileFailed):
            return FileFailed(job.source, end.reason)
        if isinstance(end, FileWritten):
            outputs = tuple(job.folder / path.name for path in end.outputs)
            return FileWritten(job.source, outputs, end.inverted)
        if job.outputs().exist:
            # It was not there when it was sent: the worker that wrote it was lost with the answer.
            return FileWritten(job.source, job.outputs().paths)
        return FileSkipped(job.source)

    def _clear(self) -> None:
        """Drop what is on its way; at the end of a whole batch that is nothing."""
        running = {number for number, sent in self._sent.items() if sent.starts}
        self._workers.stop(running)
        self._interrupted += [self._sent[number].order.job for number in running]
        for job in self._interrupted:
            remove_leftovers(job)
