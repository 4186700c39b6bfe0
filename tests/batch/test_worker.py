"""What a process of a cluster does with a file; without Dask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from PIL import Image

from docbin_napari.batch import dask_client, made_from
from docbin_napari.batch.binarizer import FileBinarizer
from docbin_napari.batch.jobs import (
    ClusterError,
    FileFailed,
    FileWritten,
    OutputConfig,
    PageProgress,
    plan_jobs,
)
from docbin_napari.batch.made_from import describe_model
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.model import ink_model
from docbin_napari.model.engine import DeviceError

RUN = "a-batch"


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    made_from.load_once.cache_clear()
    monkeypatch.setattr(dask_client, "_stopped", set())


@pytest.fixture
def make_task(tmp_path, tiny_model_file):
    def make(model_file: Path = tiny_model_file, name: str = "page"):
        Image.new("RGB", (70, 40), "white").save(tmp_path / f"{name}.png")
        (tmp_path / "auto_bin").mkdir(exist_ok=True)
        model = describe_model(str(model_file), "cpu", InferenceConfig(window=64))
        (job,) = plan_jobs([tmp_path / f"{name}.png"], OutputConfig())
        return job, model

    return make


def binarize(task, **changes):
    job, model = task
    return dask_client.binarize_file(replace(job, **changes), model, OutputConfig(), RUN)


def test_a_file_is_written(make_task, tmp_path):
    mask = tmp_path / "auto_bin" / "page.png"
    assert binarize(make_task()) == FileWritten(tmp_path / "page.png", (mask,))
    assert [path.name for path in mask.parent.iterdir()] == ["page.png"]


def test_a_model_that_differs_here_is_refused(make_task, tmp_path, tiny_model_file):
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(tiny_model_file.read_bytes())
    task = make_task(mine)
    mine.write_bytes(b"another")
    with pytest.raises(ClusterError, match=r"the worker on .* cannot load the model"):
        binarize(task)
    mine.unlink()
    with pytest.raises(ClusterError, match="under the same path on all machines"):
        binarize(task)
    mine.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    with pytest.raises(ClusterError, match=r"mine\.safetensors has changed"):
        binarize(task)


def test_a_device_that_is_not_here(make_task, monkeypatch):
    def load_model(name, device, engine):
        raise DeviceError("no CUDA GPU is available to PyTorch")

    monkeypatch.setattr(ink_model, "load_model", load_model)
    with pytest.raises(ClusterError, match=r"the worker on .*: no CUDA GPU"):
        binarize(make_task())


def test_another_version_is_refused(make_task):
    with pytest.raises(ClusterError, match=r"9\.9\.9 on this machine: install the same version"):
        dask_client.binarize_file(*make_task(), OutputConfig(), RUN, "9.9.9")


@pytest.mark.parametrize("part", ["source", "folder"])
def test_a_folder_that_only_the_sender_sees(make_task, tmp_path, part):
    """Results would go where nobody looks for them."""
    unseen = tmp_path / "unseen"
    path = {"source": unseen / "page.png", "folder": unseen}[part]
    with pytest.raises(ClusterError, match=r"does not see the folder .*unseen.*shared"):
        binarize(make_task(), **{part: path})
    assert not unseen.exists()


def test_a_file_that_only_the_sender_sees(make_task, tmp_path):
    task = make_task()
    (tmp_path / "page.png").unlink()
    end = binarize(task)
    assert isinstance(end, FileFailed)
    assert "does not see this file" in end.reason


def test_a_batch_that_is_stopped_leaves_nothing(make_task, monkeypatch):
    closed = []

    def run(self, job, writer):
        try:
            dask_client.stop(RUN)
            yield PageProgress(job.source, 1, 1, 0, 2)
            raise AssertionError("went on after the stop")
        finally:
            closed.append(job.name)

    monkeypatch.setattr(FileBinarizer, "run", run)
    assert binarize(make_task()) is None
    assert closed == ["page"]
    assert binarize(make_task()) is None
    assert closed == ["page"]


def test_files_of_several_threads_go_through_a_gpu_one_after_the_other(make_task, monkeypatch):
    """One that is at the network keeps the others out until its file is done."""
    inside, most = [], []

    def run(self, job, writer):
        self.model.load()
        self.model.load()
        inside.append(job)
        most.append(len(inside))
        yield PageProgress(job.source, 1, 1, 0, 1)
        inside.remove(job)
        yield FileWritten(job.source, ())

    monkeypatch.setattr(FileBinarizer, "run", run)
    network = SimpleNamespace(device=SimpleNamespace(name="cuda"))
    tasks = [make_task(name=str(number)) for number in range(4)]
    threads = [
        Thread(target=binarize, args=((job, replace(model, load=lambda: network)),))
        for job, model in tasks
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_local_workers_take_the_gpus_in_turns(monkeypatch):
    monkeypatch.setenv(dask_client.GPUS, "0, 3")
    monkeypatch.setattr(dask_client.os, "dup2", lambda *streams: None)
    monkeypatch.setattr(dask_client.signal, "signal", lambda *handler: None)
    seen = []
    for name in range(3):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        dask_client.dask_setup(SimpleNamespace(name=name))
        seen.append(dask_client.os.environ["CUDA_VISIBLE_DEVICES"])
    assert seen == ["0", "3", "0"]
