"""Run a batch on a Dask cluster, and one file of it on a worker.

A file or a worker that fails does not stop the batch.

Strategy: one task per file, a few hundred bytes and no pixels; the scheduler has a thousand of them
at a time. When a worker dies, its files go to others. Files that were on several workers that died
come back: the one that killed them, and others that only waited there. They are done again at the
end, one at a time, so that only the one to blame can fail.

The worker reads the page and writes the result itself, by the rules of every batch, so a file that
is done twice, because a worker was thought dead, is still one whole file. The network stays in its
process, known by the content of its file.

Dask is imported here only, and inside functions: it is optional, and no help text waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import re
import secrets
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from docbin_napari.__about__ import __version__
from docbin_napari.batch.binarizer import FileBinarizer, one_line
from docbin_napari.batch.jobs import (
    ClusterConfig,
    ClusterError,
    FileEnd,
    FileFailed,
    FileSkipped,
    FileWritten,
    Job,
    OutputConfig,
)
from docbin_napari.batch.made_from import BatchModel, may_be_numbered
from docbin_napari.io.paths import is_folder, is_left, missing, start_of, writing_trouble
from docbin_napari.model.engine import DeviceError
from docbin_napari.model.ink_model import InkModel
from docbin_napari.model.model_file import ModelError

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster, Security


MOST_SENT = 1000
"""Most files that the scheduler has at a time: it never gets a whole archive."""
MEMORY_A_WORKER = 2 * 2**30
"""Bytes for one process: libraries, network and a usual page with room to spare."""

GPUS = "DOCBIN_GPUS"
"""Environment variable: the GPUs that the workers of this machine take in turns."""

_one_by_one = RLock()
_stopped: set[str] = set()
_PACKAGE = "docbin_napari"
_CONNECT_SECONDS = 10
_LONGEST = 60
_DESERTED_SECONDS = 30
_LOST = "the connection to the scheduler is lost: run the same command again to go on"
_INSTALL = 'Dask is missing, which this needs: pip install "docbin-napari[cluster]"'


def binarize_on_cluster(
    jobs: Sequence[Job],
    model: BatchModel,
    config: OutputConfig,
    cluster: ClusterConfig,
    say: Callable[[str], None] = lambda line: None,
) -> Generator[FileEnd, None, None]:
    """Binarize the pages of many files on the workers of a Dask cluster.

    The cluster is asked for, or started, when there is a file to be done. Closing the generator
    drops what is on its way; what is written stays.

    Parameters
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    model : BatchModel
        From `describe_model`.
    config : OutputConfig
        The one that the jobs were planned with.
    cluster : ClusterConfig
        Which cluster.
    say : callable
        Takes lines about the cluster itself, for instance where its dashboard is.

    Yields
    ------
    FileWritten, FileSkipped, FileFailed
        One for each file, in any order.

    Raises
    ------
    ClusterError
        If Dask is not installed, the cluster is not there or is lost, or a worker sees other
        files, another model or another version of this package.
    """
    binarizer = FileBinarizer(model, config)
    to_do: list[Job] = []
    for job in jobs:
        end = binarizer.known_end(job) or _make_folder(job)
        if end is None:
            to_do.append(job)
        else:
            yield end
    if to_do:
        if model.recipe.get("base_sha256") == "":
            name = model.recipe["model"]
            say(f"the base of the model {name} is missing: {name} reads all pages itself")
        try:
            with _connect(cluster, len(to_do), say) as client:
                yield from _work(client, to_do, model, config)
        finally:
            remove_leftovers(to_do)


def _make_folder(job: Job) -> FileFailed | None:
    """Make the folder for results here and not on a worker.

    A worker that does not see it shares no file system with this machine, and would write where
    nobody looks.
    """
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return FileFailed(job.source, f"{job.folder}: {writing_trouble(error)}")
    return None


def _work(
    client: Client, jobs: Sequence[Job], model: BatchModel, config: OutputConfig
) -> Iterator[FileEnd]:
    from distributed.scheduler import KilledWorker

    run = secrets.token_hex(4)
    same = {"model": model, "config": config, "run": run, "version": __version__}
    send = partial(client.submit, binarize_file, **same, pure=False)
    suspects: list[Job] = []
    try:
        for files, most in ((jobs, MOST_SENT), (suspects, 1)):
            for job, future in _completed(send, client.loop, files, most):
                try:
                    yield _end_of(future, job)
                except KilledWorker as error:
                    if files is jobs:
                        suspects.append(job)
                        continue
                    died = f"{error.allowed_failures + 1} workers died while they worked on it"
                    yield FileFailed(job.source, f"{died}: is their memory too small for it?")
    except BaseException:
        # A thread cannot be interrupted: processes are asked to stop, between two windows.
        with suppress(Exception):
            client.run(stop, run, on_error="ignore")
        raise


def _completed(
    send: Callable[..., Future[FileEnd]], loop: Any, jobs: Iterable[Job], most: int
) -> Iterator[tuple[Job, Future[FileEnd]]]:
    """Send files, some at a time; yield each when its task has ended."""
    from distributed import as_completed

    waiting, ended, sent = iter(jobs), as_completed(loop=loop), {}

    def send_more(count: int) -> None:
        for job in islice(waiting, count):
            # Not resolved: a link that is the same everywhere may point to a place that is not.
            there = replace(job, source=job.source.absolute(), folder=job.folder.absolute())
            # The first word of the key is the name of all these tasks in the dashboard.
            future = send(there, key=f"docbin-{secrets.token_hex(8)}")
            sent[future] = job
            ended.add(future)

    send_more(most)
    for future in ended:
        yield sent.pop(future), future
        send_more(1)


def _end_of(future: Future[FileEnd], job: Job) -> FileEnd:
    """Get what became of a file, under the user's paths; an error of this file alone is its end."""
    from distributed import CancelledError
    from distributed.scheduler import KilledWorker

    try:
        end: FileEnd = future.result()
    except (ClusterError, KilledWorker):
        raise
    except (CancelledError, OSError) as error:
        raise ClusterError(_LOST) from error
    except Exception as error:
        reason = f"unexpected error on a worker ({type(error).__name__}: {one_line(error)})"
        return FileFailed(job.source, reason)
    if isinstance(end, FileSkipped) and job.outputs().exist and not may_be_numbered(job):
        # It was not there when it was sent: the worker that wrote it was lost with the answer.
        return FileWritten(job.source, job.outputs().paths)
    if isinstance(end, FileWritten):
        end = replace(end, outputs=tuple(job.folder / path.name for path in end.outputs))
    return replace(end, source=job.source)


def remove_leftovers(jobs: Iterable[Job]) -> None:
    """Remove the hidden files of workers that were killed while they wrote a result.

    Those that another run writes to stay.

    Parameters
    ----------
    jobs : iterable of Job
        The files whose results they would have become.
    """
    sent: dict[Path, set[str]] = {}
    for job in jobs:
        sent.setdefault(job.folder, set()).add(start_of(job.name, _LONGEST) + job.suffix)
    # Named by `docbin_napari.io.paths`: a dot, 80 bytes of the name at most, a random number.
    hidden = re.compile(r"\.(.+?)(_probability)?-[0-9a-f]{12}(\.png|\.tiff)")
    for folder, known in sent.items():
        with suppress(OSError):
            for path in folder.iterdir():
                if found := hidden.fullmatch(path.name):
                    names = found[1], re.sub(r"_\d{3,}$", "", found[1])
                    ours = any(start_of(name, _LONGEST) + found[3] in known for name in names)
                    if ours and is_left(path, youngest=-1):
                        path.unlink(missing_ok=True)


@contextmanager
def _connect(cluster: ClusterConfig, files: int, say: Callable[[str], None]) -> Iterator[Client]:
    """Connect to the scheduler, of a cluster that is started first if there is none."""
    try:
        import dask
        from distributed import Client, Security
    except ImportError as error:
        raise ClusterError(_INSTALL) from error
    patience = {"distributed.comm.timeouts.connect": f"{_CONNECT_SECONDS}s"}
    with ExitStack() as stack:
        # Dask's log stays away from the terminal; what matters becomes an error or an event.
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable()
        stack.enter_context(dask.config.set(patience))
        address, security = cluster.dask, Security()
        if cluster.dask == "local":
            here = stack.enter_context(start_here(cluster, files))
            address, security = here.scheduler_address, here.security
            here.loop.add_callback(_close_when_deserted, here, say)
        try:
            # A client that cannot connect takes long to give up, and complains when it ends.
            asyncio.run(_knock(address, security))
            wait = 3 * _CONNECT_SECONDS
            client = stack.enter_context(
                Client(address, security=security, timeout=wait, set_as_default=False)
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
        try:
            _check_versions(client.get_versions(packages=[_PACKAGE]))
            if not client.nthreads():
                say("the cluster has no worker now; waiting for one to join")
        except OSError as error:
            raise ClusterError(_LOST) from error
        yield client


def _check_versions(found: dict[str, Any]) -> None:
    """Refuse a scheduler or worker of another version: a task would crash that worker."""
    places = {"the scheduler": found["scheduler"], **found["workers"]}
    for place, versions in places.items():
        _check_version(place, versions["packages"].get(_PACKAGE), __version__)


def _check_version(place: str, there: str | None, here: str) -> None:
    if there != here:
        raise ClusterError(
            f"docbin-napari is {there or 'not installed'} on {place}, {here} on this machine: "
            "install the same version everywhere"
        )


async def _knock(address: str, security: Security) -> None:
    """Connect to a scheduler, and leave."""
    from distributed.comm import connect

    given = security.get_connection_args("client")
    comm = await connect(address, timeout=_CONNECT_SECONDS, **given)
    await comm.close()


def start_here(cluster: ClusterConfig, files: int) -> LocalCluster:
    """Start a scheduler in this process and some worker processes.

    Only this process and its workers have the certificates to connect: whoever reaches a scheduler
    can run any code as its owner, and every user of a machine reaches its loopback.

    Parameters
    ----------
    cluster : ClusterConfig
        How many; by default one for each GPU, else as cores and memory allow.
    files : int
        Files to be done, as many processes at most.

    Returns
    -------
    LocalCluster
        To be closed by the caller.

    Raises
    ------
    ClusterError
        If a package is missing.
    """
    from dask.system import CPU_COUNT
    from distributed import LocalCluster
    from distributed.system import MEMORY_LIMIT

    gpus = find_gpus(cluster.device)
    count = min(cluster.workers or len(gpus) or worker_count(CPU_COUNT, MEMORY_LIMIT), files)
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, CPU_COUNT // count)))
    environment = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), threads)
    environment[GPUS] = ",".join(gpus)
    try:
        return LocalCluster(
            name="docbin",
            n_workers=count,
            threads_per_worker=1,
            security=True,
            dashboard_address="127.0.0.1:0",
            # Dask would kill a worker whose page takes more than its share of the memory.
            memory_limit=0,
            env=environment,
            preload=["docbin_napari.batch.dask_client"],
            silence_logs=logging.CRITICAL,
        )
    except ImportError as error:
        # The certificates need the package cryptography.
        raise ClusterError(_INSTALL) from error


async def _close_when_deserted(cluster: LocalCluster, say: Callable[[str], None]) -> None:
    """Close a cluster that has had no process for a while.

    Dask starts a process again when it was killed at work, but not when it was killed while it
    started, as happens where memory is short; its files would wait forever.
    """
    from distributed.core import Status

    seconds = 0
    while seconds < _DESERTED_SECONDS:
        await asyncio.sleep(1)
        seconds = 0 if any(nanny.is_alive() for nanny in cluster.workers.values()) else seconds + 1
    if cluster.status is Status.running:
        say("all worker processes have ended: is the memory too small for so many (--workers)?")
        await cluster.scheduler.close()


def worker_count(cores: int, memory: int) -> int:
    """Choose how many processes work without a GPU.

    One thread each is the best use of the cores, because nothing then waits for another thread;
    the memory sets the limit.

    Parameters
    ----------
    cores : int
        Cores that this process may use.
    memory : int
        Bytes that it may use.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> worker_count(8, 64 * 2**30), worker_count(8, 6 * 2**30), worker_count(8, 2**30)
    (8, 3, 1)
    """
    return max(1, min(cores, memory // MEMORY_A_WORKER))


def find_gpus(device: str) -> list[str]:
    """Find the GPUs. Loads torch unless the CPU is asked for.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        What the network is to run on.

    Returns
    -------
    list of str
        A value of CUDA_VISIBLE_DEVICES for each; empty where the CPU does the work.

    Examples
    --------
    >>> find_gpus("cpu")
    []
    """
    if device == "cpu":
        return []
    import torch

    if device != "mps" and torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        return visible.split(",") if visible else [*map(str, range(torch.cuda.device_count()))]
    return [""] if device != "cuda" and torch.backends.mps.is_available() else []


def binarize_file(
    job: Job, model: BatchModel, config: OutputConfig, run: str, version: str = __version__
) -> FileEnd | None:
    """Binarize one file.

    Parameters
    ----------
    job : Job
        The file; its paths are absolute.
    model : BatchModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.
    run : str
        Identifies the batch.
    version : str
        Version of docbin-napari on the machine that runs the batch.

    Returns
    -------
    FileWritten, FileSkipped, FileFailed or None
        What became of the file; None if the batch was stopped meanwhile.

    Raises
    ------
    ClusterError
        If no file of the batch can be done here.
    """
    place = f"the worker on {platform.node()}"
    _check_version(place, __version__, version)
    _check_folders(job, place)
    if missing(job.source):
        reason = f"{place} does not see this file: are its folders shared by all machines?"
        return FileFailed(job.source, reason)
    end: Any = None
    with ExitStack() as stack:
        writer = stack.enter_context(ThreadPoolExecutor(1))

        def load() -> InkModel:
            with _one_by_one:
                network = model.load()
            if network.device.name != "cpu":
                # Files of several threads go through one GPU one after the other.
                stack.enter_context(_one_by_one)
            return network

        binarizer = FileBinarizer(replace(model, load=load), config)
        # Closing it between two windows drops the file and leaves nothing half written.
        events = stack.enter_context(closing(binarizer.run(job, writer)))
        try:
            while run not in _stopped and not isinstance(end, FileEnd):
                end = next(events)
        except (ModelError, DeviceError) as error:
            raise ClusterError(
                f"{place} cannot load the model, whose file must lie under the same path on all "
                f"machines: {error}"
            ) from error
    return end if isinstance(end, FileEnd) else None


def stop(run: str) -> None:
    """Let this process drop the files of a batch as soon as it can.

    Parameters
    ----------
    run : str
        Identifies the batch.
    """
    _stopped.add(run)


def dask_setup(worker: Any) -> None:
    """Prepare a process of a cluster that this program started; Dask calls it by this name.

    Ctrl-C reaches every process of a terminal. Workers leave it to the one that started them,
    which lets them finish cleanly. What they print is thrown away.

    Parameters
    ----------
    worker : distributed.Worker
        The worker of this process; its name is its number, from 0.
    """
    if gpus := os.environ.get(GPUS):
        names = gpus.split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = names[int(worker.name) % len(names)].strip()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _check_folders(job: Job, place: str) -> None:
    """Refuse what would fail for every file, or write results where nobody finds them."""
    for folder in (job.source.parent, job.folder):
        if not is_folder(folder):
            raise ClusterError(
                f"{place} does not see the folder {folder}: pages and results must lie "
                "under the same path on all machines (a shared file system)"
            )
