"""A real scheduler and real worker processes on this machine, some of which are killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch import dask_client
from docbin_napari.batch.dask_client import binarize_on_cluster
from docbin_napari.batch.jobs import (
    ClusterConfig,
    ClusterError,
    FileFailed,
    FileSkipped,
    FileWritten,
    OutputConfig,
    plan_jobs,
)
from docbin_napari.batch.made_from import describe_model
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.io.mask import read_ground_truth

distributed = pytest.importorskip(
    "distributed", reason="Dask is not installed: pip install 'docbin-napari[cluster]'"
)

PATIENCE = 120
"""Seconds after which something has surely gone wrong."""

# Workers load this first: files of some names then behave badly in them.
STAND_IN = """
import os, time
from pathlib import Path
from docbin_napari.batch.jobs import PageProgress
from docbin_napari.batch.binarizer import FileBinarizer
from docbin_napari.io.paths import atomic_path

here = Path({folder!r})
# Dask runs this file twice.
run = FileBinarizer.__dict__.get("untouched", FileBinarizer.run)
FileBinarizer.untouched = run

def behave(self, job, writer):
    while (here / "hold").exists():
        time.sleep(0.02)
    first = not (here / (job.name + ".pid")).exists()
    (here / (job.name + ".pid")).write_text(str(os.getpid()))
    if job.name == "odd":
        raise ZeroDivisionError("never seen before")
    if job.name == "half" and first:
        with atomic_path(job.outputs().mask) as temporary:
            temporary.write_bytes(b"half a mask")
            (here / "half.written").touch()
            while True:
                time.sleep(0.02)
    while job.name in ("deadly", "endless"):
        yield PageProgress(job.source, 1, 1, 0, 2)
        time.sleep(0.02)
    yield from run(self, job, writer)

FileBinarizer.run = behave
"""


@dataclass
class Cluster:
    """A scheduler, and the workers that a test starts."""

    folder: Path
    address: str
    client: distributed.Client
    processes: list[subprocess.Popen[bytes]]

    def start_workers(self, count: int) -> None:
        # A nanny whose worker is killed before it has reported to it never starts another one.
        options = ["--no-nanny", "--nthreads=1", "--no-dashboard", "--host=127.0.0.1"]
        preload = f"--preload={self.folder / 'stand_in.py'}"
        scratch = f"--local-directory={self.folder / 'scratch'}"
        command = [self.address, *options, preload, scratch]
        for _ in range(count):
            self.processes.append(start("dask_worker", *command))

    def stop_workers(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(PATIENCE)
        self.processes.clear()

    def waiting_or_running(self) -> int:
        def count(dask_scheduler):
            busy = ("queued", "no-worker", "processing", "waiting")
            return sum(task.state in busy for task in dask_scheduler.tasks.values())

        return self.client.run_on_scheduler(count)


def start(program: str, *options: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        # A file that has lost two workers is given up.
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    }
    command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment, **quiet)


def wait_until(true) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """A scheduler in a process of its own, and a client that looks into it."""
    folder = tmp_path_factory.mktemp("cluster")
    contact = folder / "scheduler.json"
    options = ["--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={contact}"]
    process = start("dask_scheduler", "--dashboard-address=127.0.0.1:0", *options)
    try:
        wait_until(lambda: contact.is_file() and contact.stat().st_size)
        address = json.loads(contact.read_text(encoding="utf-8"))["address"]
        with distributed.Client(address, timeout=PATIENCE, set_as_default=False) as client:
            yield Cluster(folder, address, client, [])
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.fixture
def cluster(scheduler, tmp_path):
    """The scheduler without workers; those of a test end with it."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    (folder / "stand_in.py").write_text(STAND_IN.format(folder=str(folder)), encoding="utf-8")
    scheduler.folder = folder
    yield scheduler
    scheduler.stop_workers()
    wait_until(lambda: not scheduler.client.nthreads())


def draw_pages(folder: Path, *names: str) -> None:
    folder.mkdir()
    for number, name in enumerate(names):
        pixels = np.full((40, 50 + number, 3), 240, np.uint8)
        pixels[10:14, 5:40] = 10
        Image.fromarray(pixels).save(folder / f"{name}.png")


def run(folder: Path, model_file: Path, address: str, say=lambda line: None):
    config = OutputConfig()
    model = describe_model(str(model_file), "cpu", InferenceConfig(window=64))
    jobs = plan_jobs([folder], config)
    return binarize_on_cluster(jobs, model, config, ClusterConfig(address), say)


@contextmanager
def killing(pid_file: Path, ready: Path | None = None, most: int = 10, then=lambda: None):
    """Kill each process that writes its number there, as a lack of memory would."""
    killed: list[str] = []
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            pid = pid_file.read_text(encoding="ascii") if pid_file.exists() else ""
            known = pid in killed or len(killed) == most
            if pid and not known and (ready is None or ready.exists()):
                killed.append(pid)
                os.kill(int(pid), getattr(signal, "SIGKILL", signal.SIGTERM))
                then()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


@contextmanager
def held_until(cluster: Cluster, count: int):
    """Hold every file back until so many are with the scheduler."""
    hold = cluster.folder / "hold"
    hold.touch()
    seen: list[int] = []

    def watch():
        try:
            wait_until(lambda: cluster.waiting_or_running() == count)
            seen.append(count)
        finally:
            hold.unlink()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert seen == [count]


def test_a_worker_is_killed_in_the_middle(cluster, tmp_path, tiny_model_file, monkeypatch):
    """Its file is done by the other worker; what it had half written is gone."""
    names = ["a", "b", "c", "half", "p", "q", "r", "s"]
    pages, masks = tmp_path / "pages", tmp_path / "pages" / "auto_bin"
    draw_pages(pages, *names)
    cluster.start_workers(2)
    cluster.client.wait_for_workers(2, timeout=PATIENCE)
    monkeypatch.setattr(dask_client, "MOST_SENT", 4)
    ends, on_their_way, said = [], [], []
    half = cluster.folder / "half.pid", cluster.folder / "half.written"
    with killing(*half, 1) as killed, held_until(cluster, 4):
        for end in run(pages, tiny_model_file, cluster.address, said.append):
            ends.append(end)
            on_their_way.append(cluster.waiting_or_running())
    assert len(killed) == 1
    assert sorted(ends, key=lambda end: end.source) == [
        FileWritten(pages / f"{name}.png", (masks / f"{name}.png",)) for name in names
    ]
    assert sorted(path.name for path in masks.iterdir()) == [f"{name}.png" for name in names]
    widths = [read_ground_truth(masks / f"{name}.png").ink.shape[1] for name in names]
    assert widths == list(range(50, 58))
    assert max(on_their_way) <= 4
    assert "dashboard" in said[0]
    # All done: the address is not even tried.
    again = list(run(pages, tiny_model_file, "tcp://127.0.0.1:1"))
    assert [type(event) for event in again] == len(names) * [FileSkipped]


def test_a_file_that_kills_workers_fails_alone(cluster, tmp_path, tiny_model_file):
    """No worker is there at first; another one joins whenever one was killed."""
    pages = tmp_path / "pages"
    draw_pages(pages, "deadly", "good", "odd", "well")
    (pages / "bad.png").write_bytes(b"this is no picture")
    said = []

    def say(line):
        said.append(line)
        if "no worker now" in line:
            cluster.start_workers(1)

    another = partial(cluster.start_workers, 1)
    with killing(cluster.folder / "deadly.pid", then=another) as killed:
        ends = {end.source.stem: end for end in run(pages, tiny_model_file, cluster.address, say)}
    assert len(killed) == 4, "two with the others, and two when it was alone"
    assert {name for name, end in ends.items() if isinstance(end, FileWritten)} == {"good", "well"}
    assert ends["odd"] == FileFailed(
        pages / "odd.png", "unexpected error on a worker (ZeroDivisionError: never seen before)"
    )
    assert isinstance(ends["bad"], FileFailed)
    assert "image" in ends["bad"].reason
    assert isinstance(ends["deadly"], FileFailed)
    assert ends["deadly"].reason.startswith("2 workers died while they worked on it")
    assert any("no worker now" in line for line in said)


@contextmanager
def interrupted_when(true):
    """Press Ctrl-C, so to say."""

    def press():
        wait_until(true)
        # The thread that waits for workers, not this one, is woken by a key in a terminal.
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)

    # A job in the background, as of a shell without a terminal, begins with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)


def test_what_is_on_its_way_can_be_dropped(cluster, tmp_path, tiny_model_file):
    pages = tmp_path / "pages"
    draw_pages(pages, "endless", "next", "other")
    cluster.start_workers(1)
    with (
        pytest.raises(KeyboardInterrupt),
        closing(run(pages, tiny_model_file, cluster.address)) as events,
        interrupted_when((cluster.folder / "endless.pid").exists),
    ):
        next(events)
    # The worker has let go of the file, and takes none of the others.
    wait_until(lambda: cluster.waiting_or_running() == 0)
    assert not list(tmp_path.glob("pages/auto_bin/*"))
    model_file = tmp_path / "changed.safetensors"
    model_file.write_bytes(tiny_model_file.read_bytes())
    (pages / "endless.png").unlink()
    events = run(pages, model_file, cluster.address)
    model_file.write_bytes(tiny_model_file.read_bytes()[:-1] + b"#")
    with pytest.raises(ClusterError, match=r"cannot load .*changed\.safetensors has changed"):
        list(events)


@pytest.fixture
def in_process():
    """A cluster in threads of this process."""
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as here,
        distributed.Client(here, set_as_default=False) as client,
    ):
        yield client


def test_files_are_sent_with_absolute_paths_and_named_as_the_user_did(
    in_process, tmp_path, monkeypatch
):
    """The place that a link points to may have another name on another machine."""
    draw_pages(tmp_path / "disk", "a")
    monkeypatch.chdir(tmp_path)
    try:
        Path("link").symlink_to("disk", target_is_directory=True)
    except OSError:
        pytest.skip("no links here")

    def binarize_file(job, **same):
        return FileWritten(job.source, job.outputs().paths, (1,), (str(job.source),))

    monkeypatch.setattr(dask_client, "binarize_file", binarize_file)
    jobs = plan_jobs([Path("link")], OutputConfig())
    ends = list(dask_client._work(in_process, jobs, None, OutputConfig()))
    sent = str(tmp_path / "link" / "a.png")
    assert ends == [FileWritten(Path("link/a.png"), (Path("link/auto_bin/a.png"),), (1,), (sent,))]


def test_a_result_whose_answer_was_lost_counts_as_written(in_process, tmp_path, monkeypatch):
    """The second worker finds the mask of the first, and skips the file."""
    draw_pages(tmp_path / "pages", "a", "b")
    draw_pages(tmp_path / "pages" / "auto_bin", "a", "c")
    # Whether the worker has looked at this mask depends on how many pages there are.
    Image.new("L", (9, 9)).save(tmp_path / "pages" / "c.tif")
    monkeypatch.setattr(dask_client, "binarize_file", lambda job, **same: FileSkipped(job.source))
    jobs = plan_jobs([tmp_path / "pages"], OutputConfig())
    ends = list(dask_client._work(in_process, jobs, None, OutputConfig()))
    mask = tmp_path / "pages" / "auto_bin" / "a.png"
    assert set(ends) == {
        FileWritten(tmp_path / "pages" / "a.png", (mask,)),
        FileSkipped(tmp_path / "pages" / "b.png"),
        FileSkipped(tmp_path / "pages" / "c.tif"),
    }


def test_what_no_worker_can_do_ends_the_batch(in_process, tmp_path, monkeypatch):
    draw_pages(tmp_path / "pages", "a", "b")

    def binarize_file(job, **same):
        raise ClusterError("the worker on node1 is unfit")

    monkeypatch.setattr(dask_client, "binarize_file", binarize_file)
    jobs = plan_jobs([tmp_path / "pages"], OutputConfig())
    with pytest.raises(ClusterError, match="node1 is unfit"):
        list(dask_client._work(in_process, jobs, None, OutputConfig()))


def test_the_scheduler_is_lost(tmp_path, monkeypatch):
    draw_pages(tmp_path / "pages", "a", "b")
    begun = tmp_path / "begun"

    def binarize_file(job, **same):
        begun.touch()
        time.sleep(3)

    monkeypatch.setattr(dask_client, "binarize_file", binarize_file)
    jobs = plan_jobs([tmp_path / "pages"], OutputConfig())
    here = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None)
    with distributed.Client(here.scheduler_address, set_as_default=False) as client:
        ends = dask_client._work(client, jobs, None, OutputConfig())
        closing_it = threading.Thread(target=lambda: (wait_until(begun.exists), here.close()))
        closing_it.start()
        try:
            with pytest.raises(ClusterError, match="connection to the scheduler is lost"):
                list(ends)
        finally:
            closing_it.join()


@pytest.mark.parametrize(("version", "words"), [(None, "is not installed"), ("0.0.1", "is 0.0.1")])
def test_a_worker_of_another_version_ends_the_batch(version, words):
    """One that lacks this package would die of the first file."""
    own = {"packages": {"docbin_napari": dask_client.__version__}}
    other = {"packages": {"docbin_napari": version}}
    found = {"scheduler": own, "workers": {"tcp://a": own, "tcp://b": other}}
    with pytest.raises(ClusterError, match=f"{words} on tcp://b, .* install the same version"):
        dask_client._check_versions(found)


def test_local_workers_let_nobody_in_without_their_certificates():
    """Whoever reaches a scheduler runs code as its owner."""
    pytest.importorskip("cryptography")
    from distributed import Security

    with dask_client.start_here(ClusterConfig("local", 1, "cpu"), 1) as here:
        address = here.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        asyncio.run(dask_client._knock(address, here.security))
        for security in (Security(), Security.temporary()):
            for place in (address, address.replace("tls://", "tcp://")):
                with pytest.raises((OSError, TypeError, ValueError, RuntimeError, TimeoutError)):
                    asyncio.run(asyncio.wait_for(dask_client._knock(place, security), 8))


# Where a process is killed while Dask connects to it, the half-open socket is Dask's to close.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_files_do_not_wait_for_processes_that_cannot_be_started_again(monkeypatch):
    """As where memory is short: the batch ends with an error, and goes on when it is run again."""
    pytest.importorskip("cryptography")

    async def fail(nanny):
        raise MemoryError("no memory for another process")

    said = []
    monkeypatch.setattr(dask_client, "_DESERTED_SECONDS", 1)
    with dask_client._connect(ClusterConfig("local", 1, "cpu"), 1, said.append) as client:
        process = client.submit(os.getpid).result(timeout=PATIENCE)
        waiting = client.submit(time.sleep, 10 * PATIENCE)
        monkeypatch.setattr(distributed.Nanny, "instantiate", fail)
        os.kill(process, signal.SIGKILL)
        with pytest.raises((distributed.CancelledError, OSError)):
            waiting.result(timeout=PATIENCE)
    assert "all worker processes have ended" in said[-1]


@pytest.mark.parametrize(("given", "threads"), [("5", "5"), (None, "1")])
def test_local_workers_share_the_threads(monkeypatch, given, threads):
    monkeypatch.setattr(dask_client.os, "environ", {"OMP_NUM_THREADS": given} if given else {})
    monkeypatch.setattr("dask.system.CPU_COUNT", 3)
    monkeypatch.setattr(distributed, "LocalCluster", lambda **options: options)
    options = dask_client.start_here(ClusterConfig("local", 8, "cpu"), files=2)
    assert options["n_workers"] == 2
    assert options["env"]["OMP_NUM_THREADS"] == threads
