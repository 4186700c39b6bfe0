"""Which engine runs a network, and in how many streams."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from docbin_napari.model import engine as engine_module
from docbin_napari.model import openvino_engine
from docbin_napari.model.engine import Device, DeviceError, EngineConfig, load_engine
from docbin_napari.model.model_file import find_model

UNKNOWN = np.full(7, np.nan, np.float32)


@pytest.fixture
def info(tiny_model_file):
    return find_model(tiny_model_file)


def test_a_cpu_is_for_openvino_unless_torch_is_asked_for(info):
    assert load_engine(info, "cpu").device.engine == "OpenVINO"
    chosen = load_engine(info, "cpu", EngineConfig("torch", "f32"))
    assert (chosen.device.engine, chosen.device.dtype) == ("torch", "float32")


def test_without_openvino_torch_does_it(info, monkeypatch):
    monkeypatch.setattr(engine_module, "find_spec", lambda name: None)
    assert load_engine(info, "cpu").device.engine == "torch"
    with pytest.raises(DeviceError, match="pip install openvino"):
        load_engine(info, "cpu", EngineConfig("openvino"))


def test_a_gpu_is_for_torch(info, monkeypatch):
    gpu = Device("cuda", "float16", "a card")
    monkeypatch.setattr(engine_module, "find_gpu", lambda name: gpu)
    with pytest.raises(DeviceError, match="not on cuda: use --engine torch"):
        load_engine(info, "cuda", EngineConfig("openvino"))
    assert load_engine(info, "auto", EngineConfig("openvino")).device.name == "cpu"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"engine": "onnx"}, "engine must be"),
        ({"precision": "f16"}, "precision must be"),
        ({"threads": -1}, "threads must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        EngineConfig(**settings)


def test_a_format_that_is_not_there_is_refused(info, monkeypatch):
    monkeypatch.setattr(openvino_engine, "capabilities", frozenset)
    with pytest.raises(DeviceError, match="no bfloat16 units"):
        load_engine(info, "cpu", EngineConfig(precision="bf16"))
    with pytest.raises(DeviceError, match="torch runs no int8"):
        load_engine(info, "cpu", EngineConfig("torch", "int8"))
    assert load_engine(info, "cpu").device.dtype == "float32"


@pytest.mark.parametrize(
    ("threads", "passes", "streams"), [(1, 9, 1), (2, 1, 1), (2, 5, 2), (6, 3, 2), (64, 99, 8)]
)
def test_streams_are_no_more_than_there_is_work_and_threads(info, threads, passes, streams):
    engine = load_engine(info, "cpu", EngineConfig(threads=threads))
    assert engine.streams(passes) == streams


@pytest.mark.parametrize("limit", ["1", "zero", "0", ""])
def test_workers_that_share_a_machine_keep_to_their_threads(info, limit, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {1, 2, 3, 4}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert load_engine(info, "cpu").streams(9) == (1 if limit == "1" else 4)


def test_many_threads_may_ask_at_once(info):
    engine = load_engine(info, "cpu", EngineConfig(precision="f32", threads=2))
    random = np.random.default_rng(0)
    batches = [random.integers(0, 256, (1, 64, 64, 3), np.uint8) for _ in range(12)]
    alone = [engine.logits(batch, UNKNOWN) for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda batch: engine.logits(batch, UNKNOWN, 2), batches))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_windows_that_may_not_be_written_or_are_turned_are_taken_as_they_are(info):
    engine = load_engine(info, "cpu")
    windows = np.random.default_rng(0).integers(0, 256, (1, 64, 32, 3), np.uint8)
    expected = engine.logits(windows, UNKNOWN)
    turned_twice = np.ascontiguousarray(windows[:, ::-1, ::-1])[:, ::-1, ::-1]
    windows.setflags(write=False)
    for given in (windows, turned_twice):
        np.testing.assert_array_equal(engine.logits(given, UNKNOWN), expected)
