import pytest

from docbin_napari.batch.local_workers import environments, gpu_environments, worker_count

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "count"), [(8, 64 * GIB, 8), (8, 6 * GIB, 3), (2, GIB, 1), (1, 64 * GIB, 1)]
)
def test_processes_as_cores_and_memory_allow(cores, memory, count):
    assert worker_count(cores, memory) == count


def test_threads_are_shared_out(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [each["OMP_NUM_THREADS"] for each in environments(3, 8)] == ["2", "2", "2"]
    assert environments(8, 2)[0]["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert environments(1, 8)[0]["OMP_NUM_THREADS"] == "5"


def test_gpus_are_taken_in_turns():
    gpus = [{"CUDA_VISIBLE_DEVICES": name} for name in ("0", "3")]
    seen = [each["CUDA_VISIBLE_DEVICES"] for each in environments(3, 8, gpus)]
    assert seen == ["0", "3", "0"]


@pytest.mark.parametrize(
    ("device", "visible", "names"),
    [
        ("auto", None, ["0", "1"]),
        ("cuda", "2, 7", ["2", "7"]),
        ("cpu", None, []),
        ("mps", None, []),
    ],
)
def test_one_environment_for_each_gpu(monkeypatch, device, visible, names):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [each["CUDA_VISIBLE_DEVICES"] for each in gpu_environments(device)] == names


def test_an_apple_gpu_takes_one_worker(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert gpu_environments("auto") == [{}]
    assert gpu_environments("cuda") == []
