"""A real scheduler and real worker processes on this machine, some of which are killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch.cluster import ClusterConfig, ClusterError
from docbin_napari.batch.dask_client import binarize_on_cluster
from docbin_napari.batch.events import FileFailed, FileSkipped, FileStarted, FileWritten
from docbin_napari.batch.flight import FILES_A_THREAD
from docbin_napari.batch.jobs import OutputConfig, plan_jobs
from docbin_napari.batch.orders import describe_model
from docbin_napari.inference.config import InferenceConfig
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
from docbin_napari.batch.events import PageProgress
from docbin_napari.batch.one_file import FileTreatment
from docbin_napari.io.atomic import atomic_path

here = Path({folder!r})
# Dask runs this file twice.
treat = FileTreatment.__dict__.get("untouched", FileTreatment.treat)
FileTreatment.untouched = treat

def behave(self, job):
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
    yield from treat(self, job)

FileTreatment.treat = behave
"""


@dataclass
class Cluster:
    """A scheduler, and the workers that a test starts."""

    folder: Path
    address: str
    client: distributed.Client
    processes: list[subprocess.Popen[bytes]]

    def start_workers(self, count: int, nanny: str = "--no-nanny") -> None:
        options = [nanny, "--nthreads=1", "--no-dashboard", "--host=127.0.0.1"]
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


def test_a_worker_is_killed_in_the_middle(cluster, tmp_path, tiny_model_file):
    """Its file is done by the other worker; what it had half written is gone."""
    names = ["a", "b", "c", "half", "p", "q", "r", "s"]
    pages, masks = tmp_path / "pages", tmp_path / "pages" / "auto_bin"
    draw_pages(pages, *names)
    cluster.start_workers(2)
    cluster.client.wait_for_workers(2, timeout=PATIENCE)
    events, on_their_way, said = [], [], []
    for event in run(pages, tiny_model_file, cluster.address, said.append):
        events.append(event)
        on_their_way.append(cluster.waiting_or_running())
        if event == FileStarted(pages / "half.png", 4, 8) and events.count(event) == 1:
            wait_until((cluster.folder / "half.written").exists)
            assert [path for path in masks.iterdir() if path.name.startswith(".half-")]
            victim = int((cluster.folder / "half.pid").read_text(encoding="ascii"))
            (process,) = [each for each in cluster.processes if each.pid == victim]
            process.kill()
    ends = [event for event in events if not isinstance(event, FileStarted)]
    assert sorted(ends, key=lambda end: end.source) == [
        FileWritten(pages / f"{name}.png", (masks / f"{name}.png",)) for name in names
    ]
    begun = [event.source.stem for event in events if isinstance(event, FileStarted)]
    assert begun.count("half") == 2
    assert sorted(path.name for path in masks.iterdir()) == [f"{name}.png" for name in names]
    widths = [read_ground_truth(masks / f"{name}.png").ink.shape[1] for name in names]
    assert widths == list(range(50, 58))
    assert 2 < max(on_their_way) <= 2 * FILES_A_THREAD
    assert "dashboard" in said[0]
    # All done: the address is not even tried.
    again = list(run(pages, tiny_model_file, "tcp://127.0.0.1:1"))
    assert [type(event) for event in again] == len(names) * [FileSkipped]


def test_a_file_that_kills_workers_fails_alone(cluster, tmp_path, tiny_model_file):
    """No worker is there at first; the one that joins is started anew by its nanny."""
    pages = tmp_path / "pages"
    draw_pages(pages, "deadly", "good", "odd", "well")
    (pages / "bad.png").write_bytes(b"this is no picture")
    said = []

    def say(line):
        said.append(line)
        if "no worker now" in line and not cluster.processes:
            cluster.start_workers(1, "--nanny")

    killed: set[str] = set()
    ends = {}
    for event in run(pages, tiny_model_file, cluster.address, say):
        if not isinstance(event, FileStarted):
            ends[event.source.stem] = event
        elif event.source.stem == "deadly":
            killed.add(kill_once_more(cluster.folder / "deadly.pid", killed))
    assert len(killed) == 2
    assert {name for name, end in ends.items() if isinstance(end, FileWritten)} == {"good", "well"}
    assert ends["odd"] == FileFailed(
        pages / "odd.png", "unexpected error on a worker (ZeroDivisionError: never seen before)"
    )
    assert isinstance(ends["bad"], FileFailed)
    assert "image" in ends["bad"].reason
    assert isinstance(ends["deadly"], FileFailed)
    assert ends["deadly"].reason.startswith("2 workers died while they worked on it")
    assert any("no worker now" in line for line in said)


def kill_once_more(pid_file: Path, before: set[str]) -> str:
    """Kill the process that has just written its number, as a lack of memory would."""

    def newcomer():
        pid = pid_file.read_text(encoding="ascii") if pid_file.exists() else ""
        return pid if pid not in before else ""

    wait_until(newcomer)
    pid = newcomer()
    os.kill(int(pid), getattr(signal, "SIGKILL", signal.SIGTERM))
    return pid


def test_what_is_on_its_way_can_be_dropped(cluster, tmp_path, tiny_model_file):
    pages = tmp_path / "pages"
    draw_pages(pages, "endless", "next", "other")
    cluster.start_workers(1)
    with closing(run(pages, tiny_model_file, cluster.address)) as events:
        assert isinstance(next(events), FileStarted)
    # The worker has let go of the file, and takes none of the others.
    wait_until(lambda: cluster.waiting_or_running() == 0)
    assert not list(tmp_path.glob("pages/auto_bin/*"))
    model_file = tmp_path / "changed.safetensors"
    model_file.write_bytes(tiny_model_file.read_bytes())
    (pages / "endless.png").unlink()
    events = run(pages, model_file, cluster.address)
    model_file.write_bytes(tiny_model_file.read_bytes()[:-1] + b"#")
    with pytest.raises(ClusterError, match=r"tcp://.* model .* was changed meanwhile"):
        list(events)


def test_local_workers_let_nobody_in_without_their_certificates():
    """Whoever reaches a scheduler runs code as its owner."""
    pytest.importorskip("cryptography")
    from distributed import Security

    from docbin_napari.batch import dask_client

    own = dask_client._own_security()
    with dask_client._start_here(1, 1, "cpu", own) as address:
        assert address.startswith("tls://127.0.0.1:")
        asyncio.run(dask_client._knock(address, own))
        for security in (Security(), dask_client._own_security()):
            for place in (address, address.replace("tls://", "tcp://")):
                with pytest.raises((OSError, TypeError, ValueError, RuntimeError, TimeoutError)):
                    asyncio.run(asyncio.wait_for(dask_client._knock(place, security), 8))
