"""What a worker does with an order; without Dask, and without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from docbin_napari.batch import worker as worker_module
from docbin_napari.batch.events import FileFailed, FileWritten, PageProgress
from docbin_napari.batch.jobs import OutputConfig, plan_jobs
from docbin_napari.batch.one_file import FileTreatment
from docbin_napari.batch.orders import describe_model, sift
from docbin_napari.batch.worker import UnfitWorkerError, fulfil, stop
from docbin_napari.inference.config import InferenceConfig
from docbin_napari.model import weights
from docbin_napari.model.device import DeviceError

PLACE = "tcp://node1:40000"


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    monkeypatch.setattr(worker_module, "_models", {})
    monkeypatch.setattr(worker_module, "_stopped", set())


@pytest.fixture
def make_order(tmp_path, tiny_model_file):
    def make(model_file: Path = tiny_model_file, name: str = "page"):
        Image.new("RGB", (70, 40), "white").save(tmp_path / f"{name}.png")
        model = describe_model(str(model_file), "cpu", InferenceConfig(window=64))
        (order,) = sift(
            plan_jobs([tmp_path / f"{name}.png"], OutputConfig()), model, OutputConfig()
        )
        return order

    return make


def test_a_file_is_written(make_order, tmp_path):
    mask = tmp_path / "auto_bin" / "page.png"
    assert fulfil(make_order(), PLACE) == FileWritten(tmp_path / "page.png", (mask,))
    assert [path.name for path in mask.parent.iterdir()] == ["page.png"]


def test_a_model_is_loaded_once_until_its_file_changes(
    make_order, tmp_path, tiny_model_file, monkeypatch
):
    loaded = []

    def load_model(name, device, engine):
        loaded.append(Path(name).read_bytes()[-1])
        return original(name, device, engine)

    original = weights.load_model
    monkeypatch.setattr(weights, "load_model", load_model)
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(tiny_model_file.read_bytes())
    for name in ("a", "b"):
        assert isinstance(fulfil(make_order(mine, name), PLACE), FileWritten)
    assert len(loaded) == 1
    old = make_order(mine, "c")
    mine.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    assert isinstance(fulfil(make_order(mine, "d"), PLACE), FileWritten)
    assert len(set(loaded)) == len(loaded) == 2
    # What was sent before the change is still done with the network of then.
    assert isinstance(fulfil(old, PLACE), FileWritten)
    assert len(loaded) == 2


def test_a_model_that_differs_here_is_refused(make_order, tmp_path, tiny_model_file):
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(tiny_model_file.read_bytes())
    order = make_order(mine)
    mine.write_bytes(b"another")
    with pytest.raises(UnfitWorkerError, match=f"{PLACE}.*cannot load the model"):
        fulfil(order, PLACE)
    mine.unlink()
    with pytest.raises(UnfitWorkerError, match="under the same path on all machines"):
        fulfil(order, PLACE)
    mine.write_bytes(tiny_model_file.read_bytes()[:-1] + b">")
    with pytest.raises(UnfitWorkerError, match=r"mine\.safetensors is not the one"):
        fulfil(order, PLACE)


def test_a_device_that_is_not_here(make_order, monkeypatch):
    def load_model(name, device, engine):
        raise DeviceError("no CUDA GPU is available to PyTorch")

    monkeypatch.setattr(weights, "load_model", load_model)
    with pytest.raises(UnfitWorkerError, match=f"{PLACE}, --device cpu: no CUDA GPU"):
        fulfil(make_order(), PLACE)


def test_another_version_is_refused(make_order):
    order = replace(make_order(), version="9.9.9")
    with pytest.raises(UnfitWorkerError, match=r"this machine 9\.9\.9: install the same version"):
        fulfil(order, PLACE)


@pytest.mark.parametrize("part", ["source", "folder"])
def test_a_folder_that_only_the_sender_sees(make_order, tmp_path, part):
    """Results would go where nobody looks for them."""
    order = make_order()
    unseen = tmp_path / "unseen"
    path = {"source": unseen / "page.png", "folder": unseen}[part]
    with pytest.raises(UnfitWorkerError, match=r"does not see the folder .*unseen.*shared"):
        fulfil(replace(order, job=replace(order.job, **{part: path})), PLACE)
    assert not unseen.exists()


def test_a_file_that_only_the_sender_sees(make_order, tmp_path):
    order = make_order()
    (tmp_path / "page.png").unlink()
    end = fulfil(order, PLACE)
    assert isinstance(end, FileFailed)
    assert end.reason.startswith(f"worker {PLACE} does not see this file")


def test_a_batch_that_is_stopped_leaves_nothing(make_order, monkeypatch):
    order = make_order()
    closed = []

    def treat(self, job):
        try:
            stop(order.run)
            yield PageProgress(job.source, 1, 1, 0, 2)
            raise AssertionError("went on after the stop")
        finally:
            closed.append(job.name)

    monkeypatch.setattr(FileTreatment, "treat", treat)
    assert fulfil(order, PLACE) is None
    assert closed == ["page"]
    assert fulfil(order, PLACE) is None
    assert closed == ["page"]
