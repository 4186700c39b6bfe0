"""Run a batch on a Dask cluster; a file or a worker that fails does not stop it.

Dask is imported here only, and inside functions: it is optional, and no help text waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from docbin_napari.batch.answers import (
    Ended,
    GivenUp,
    News,
    Refused,
    Started,
    check_versions,
    news_of_error,
    one_line,
)
from docbin_napari.batch.cluster import ClusterConfig, ClusterError, quiet_logs
from docbin_napari.batch.events import Event
from docbin_napari.batch.flight import Flight
from docbin_napari.batch.jobs import Job, OutputConfig
from docbin_napari.batch.local_workers import environments, gpu_environments, worker_count
from docbin_napari.batch.orders import End, Order, SentModel, sift
from docbin_napari.batch.worker import fulfil, stop, version_here

if TYPE_CHECKING:
    from distributed import Client, Future, Security

_TOPIC = "docbin-napari"
_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 10
_STOP_SECONDS = 20
_LOST = "the connection to the scheduler is lost; run the same command again to go on"


def binarize_on_cluster(
    jobs: Sequence[Job],
    model: SentModel,
    config: OutputConfig,
    cluster: ClusterConfig,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Event]:
    """Binarize the pages of many files on the workers of a Dask cluster.

    The cluster is asked for, or started, when there is a file to be done. Closing the generator
    drops what is on its way; what is written stays.

    Parameters
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    model : SentModel
        From `describe_model`.
    config : OutputConfig
        The one that the jobs were planned with.
    cluster : ClusterConfig
        Which cluster.
    say : callable
        Takes lines about the cluster itself, for instance where its dashboard is.

    Yields
    ------
    FileStarted, FileWritten, FileSkipped, FileFailed
        In any order; for each file one of the last three at its end. A file is started again
        after its worker was lost.

    Raises
    ------
    ClusterError
        If Dask is not installed, the cluster is not there or is lost, or a worker sees other
        files, another model or another version of this package.
    """
    items = sift(jobs, model, config)
    for item in items:
        if isinstance(item, Order):
            with _connect(cluster, len(jobs), model.device, say) as client:
                flight = Flight(_DaskWorkers(client, item.run), jobs, say)
                yield from flight.work(chain([item], items))
        else:
            yield item


def treat_on_worker(order: Order) -> End | None:
    """Tell that the file is begun, and treat it; runs in a worker of the cluster."""
    from distributed import get_worker

    worker = get_worker()
    message = {"run": order.run, "number": order.number, "worker": worker.address}
    worker.log_event(_TOPIC, message)
    return fulfil(order, worker.address)


class _DaskWorkers:
    """The workers behind a scheduler; see `Workers`."""

    def __init__(self, client: Client, run: str) -> None:
        self.news: SimpleQueue[News] = SimpleQueue()
        self._client = client
        self._run = run
        self._futures: dict[int, Future[End | None]] = {}
        self._checked: set[str] = set()
        self._lost = False
        client.subscribe_topic(_TOPIC, self._hear)

    def threads(self) -> int:
        try:
            found = self._client.nthreads()
            new = sorted(found.keys() - self._checked)
            # An order would end a worker that cannot read it.
            answers = self._client.run(version_here, workers=new, on_error="return") if new else {}
        except Exception as error:
            self._lost = True
            raise ClusterError(_LOST) from error
        self._checked |= check_versions(answers)
        return sum(found.values())

    def send(self, order: Order, attempt: int) -> None:
        # The number makes the first word of the key the name of all these tasks in the dashboard.
        key = f"docbin-{order.number}-{self._run}-{attempt}"
        future = self._client.submit(treat_on_worker, order, key=key, pure=False)
        self._futures[order.number] = future
        self._watch(order, attempt, future)

    def stop(self, running: set[int]) -> None:
        from distributed import wait

        futures = {number: future for number, future in self._futures.items() if not future.done()}
        self._futures.clear()
        if self._lost or not futures:
            return
        # A thread cannot be interrupted: the processes are told, and look between two windows.
        with suppress(Exception):
            self._client.run(stop, self._run, on_error="ignore")
            self._client.cancel([futures[number] for number in futures.keys() - running])
            started = [futures[number] for number in futures.keys() & running]
            wait(started, timeout=_STOP_SECONDS)
            self._client.cancel(started)

    def _watch(self, order: Order, attempt: int, future: Future[End | None]) -> None:
        future.add_done_callback(lambda done: self._answer(order, attempt, done))

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Pass on what a worker tells; other batches on the same cluster are heard too."""
        message = event[1]
        if message["run"] == self._run:
            self.news.put(Started(message["number"], message["worker"]))

    def _answer(self, order: Order, attempt: int, future: Future[End | None]) -> None:
        """Turn what became of a task into news; runs in a thread of Dask's client."""
        from distributed.scheduler import KilledWorker

        number = order.number
        try:
            news: News = Ended(number, attempt, future.result(timeout=_ANSWER_SECONDS))
        except Exception as error:
            if isinstance(error, KilledWorker):
                deaths = error.allowed_failures + 1
                news = GivenUp(number, attempt, error.last_worker.address, deaths)
            elif future.status == "error":
                news = news_of_error(order, attempt, error)
            elif isinstance(error, TimeoutError):
                # The worker was lost with the answer: it is asked for in vain, or the file is
                # done again.
                self._watch(order, attempt, future)
                return
            else:
                self._lost = True
                news = Refused(_LOST)
        # In this order: whoever reads the news may send the file again.
        self._futures.pop(number, None)
        self.news.put(news)


@contextmanager
def _connect(
    cluster: ClusterConfig, files: int, device: str, say: Callable[[str], None]
) -> Iterator[Client]:
    """Connect to the scheduler, of a cluster that is started first if there is none."""
    try:
        import dask
        from distributed import Client, Security
    except ImportError as error:
        raise ClusterError(
            'needs Dask, which is not installed: pip install "docbin-napari[cluster]"'
        ) from error
    with ExitStack() as stack:
        stack.enter_context(quiet_logs())
        stack.enter_context(
            dask.config.set({"distributed.comm.timeouts.connect": f"{_CONNECT_SECONDS}s"})
        )
        address, security = cluster.dask, Security()
        if cluster.is_local:
            security = _own_security()
            here = _start_here(cluster.workers, files, device, security)
            address = stack.enter_context(here)
        try:
            # A client that cannot connect takes long to give up, and complains when it ends.
            asyncio.run(_knock(address, security))
            timeout = 3 * _CONNECT_SECONDS
            client = stack.enter_context(
                Client(address, security=security, timeout=timeout, set_as_default=False)
            )
        except Exception as error:
            # Bytes of another protocol are taken for the length of a message.
            odd = isinstance(error, MemoryError)
            reason = "something else does" if odd else one_line(error)
            raise ClusterError(
                f"no Dask scheduler answers there ({reason}); give the address that it "
                "printed when it was started"
            ) from error
        with suppress(KeyError, TypeError):
            say(f"Dask dashboard: {client.dashboard_link}")
        yield client


def _own_security() -> Security:
    """Certificates that only this process and its workers have: others on the machine stay out.

    Who reaches a scheduler can run any code as its owner, and every user of a machine reaches
    its loopback.
    """
    from distributed import Security

    try:
        return Security.temporary()
    except ImportError as error:
        raise ClusterError(
            "local workers are protected from other users of this machine, which needs the "
            'package cryptography: pip install "docbin-napari[cluster]"'
        ) from error


async def _knock(address: str, security: Security) -> None:
    """Connect to a scheduler, and leave."""
    from distributed.comm import connect

    arguments = security.get_connection_args("client")
    comm = await connect(address, timeout=_CONNECT_SECONDS, **arguments)
    await comm.close()


@contextmanager
def _start_here(workers: int | None, files: int, device: str, security: Security) -> Iterator[str]:
    """Start a scheduler in this process and some worker processes; gives its address."""
    from dask.system import CPU_COUNT
    from distributed import Nanny, Scheduler, SpecCluster
    from distributed.system import MEMORY_LIMIT

    options = {
        "nthreads": 1,
        "host": "127.0.0.1",
        "protocol": "tls://",
        "security": security,
        "dashboard": False,
        # Dask would kill a worker whose page takes more than its share of the memory.
        "memory_limit": 0,
        "preload": ["docbin_napari.batch.worker"],
        "silence_logs": logging.CRITICAL,
    }
    gpus = gpu_environments(device)
    count = workers or len(gpus) or worker_count(CPU_COUNT, MEMORY_LIMIT)
    specification = {
        number: {"cls": Nanny, "options": {**options, "env": environment}}
        for number, environment in enumerate(environments(min(count, files), CPU_COUNT, gpus))
    }
    scheduler = {
        "cls": Scheduler,
        "options": {
            "host": "127.0.0.1",
            "port": 0,
            "protocol": "tls://",
            "security": security,
            "dashboard_address": "127.0.0.1:0",
        },
    }
    silence = logging.CRITICAL
    with SpecCluster(
        specification, scheduler, security=security, silence_logs=silence, name="docbin"
    ) as cluster:
        yield cluster.scheduler_address
