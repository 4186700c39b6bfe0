"""The example with certificates of docs/cluster.md, on this machine."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("distributed")
DOCS = Path(__file__).parents[2] / "docs" / "cluster.md"
PATIENCE = 120

pytestmark = [
    pytest.mark.skipif(not DOCS.exists(), reason="the sdist holds no docs"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
    pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX"),
]


def example(home, port, pages):
    """The two blocks of commands, and the three commands at the end of the second."""
    section = DOCS.read_text("utf-8").split("## With certificates\n")[1].split("\n## ")[0]
    make, use = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    use = use.replace("--port 8786", f"--port {port}").replace("node1:8786", f"127.0.0.1:{port}")
    use = use.replace("--nworkers 16", "--nworkers 1").replace("/data/scans", str(pages))
    settings, scheduler, worker, batch = use.strip().rsplit("\n", 3)
    return make, settings, scheduler.split("#")[0], worker.split("#")[0], batch


@pytest.fixture
def shell(tmp_path):
    """Run lines of bash with a home and commands of their own; all are ended afterwards."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, module in (("dask", "dask"), ("docbin", "docbin_napari")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (commands / name).chmod(0o755)
    environment = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "PATH": f"{commands}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    (tmp_path / "home").mkdir()
    begun = []

    def start(lines):
        process = subprocess.Popen(
            ["bash", "-ec", lines],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def wait_for(port):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the scheduler does not listen")


def test_the_example_with_certificates_works_and_keeps_others_out(tmp_path, shell, tiny_model_file):
    pages = tmp_path / "pages"
    pages.mkdir()
    gray = np.full((64, 80), 230, np.uint8)
    gray[20:24, 10:60] = 30
    Image.fromarray(gray).save(pages / "letter.png")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    make, settings, scheduler, worker, batch = example(tmp_path / "home", port, pages)
    batch = f"{batch} --model {tiny_model_file}"
    assert shell(make).wait(PATIENCE) == 0
    shell(f"{settings}\n{scheduler} --no-dashboard")
    wait_for(port)
    shell(f"{settings}\n{worker} --no-dashboard")
    stranger = shell(f"timeout 60 {batch.replace('tls:', 'tcp:')}")
    assert stranger.wait(PATIENCE) == 2, stranger.stdout.read()
    assert not list(pages.glob("auto_bin/*"))
    ours = shell(f"{settings}\n{batch}")
    assert ours.wait(PATIENCE) == 0, ours.stdout.read()
    assert (pages / "auto_bin" / "letter.png").exists()
