"""What a batch on a cluster does here: settings, which files it sends, what it clears away."""

import logging
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import Image

from docbin_napari.batch import dask_client
from docbin_napari.batch.dask_client import (
    _connect,
    binarize_on_cluster,
    find_gpus,
    remove_leftovers,
    worker_count,
)
from docbin_napari.batch.jobs import (
    ClusterConfig,
    FileFailed,
    FileSkipped,
    Job,
    OutputConfig,
    plan_jobs,
)
from docbin_napari.batch.made_from import BatchModel
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.io.paths import atomic_path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((" ",), "address of a scheduler"),
        (("tcp://node1:8786", 2), "--dask local only"),
        (("local", 0), "at least 1, not 0"),
    ],
)
def test_values_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        ClusterConfig(*values)


@pytest.mark.parametrize("name", ["page", "a name.with [odd] letters", "n" * 100, "ab" + "文" * 30])
@pytest.mark.parametrize("number", [(0, 1), (6, 12), (4_000, 5_000)])
def test_what_a_killed_worker_leaves_is_known_by_its_name(tmp_path, name, number):
    """As `atomic_path` names it: copied, so that nobody holds it. One that is held stays."""
    job = Job(tmp_path / "x.tif", tmp_path / "out", name, ".png", probability=True)
    for path in job.outputs(*number).paths:
        with atomic_path(path) as temporary:
            left = temporary.with_name(re.sub("-[0-9a-f]{12}", "-0123456789ab", temporary.name))
            left.touch()
            remove_leftovers([job])
            assert temporary.exists()
            assert not left.exists()


def test_other_files_are_left_alone(tmp_path):
    job = Job(tmp_path / "page.tif", tmp_path, "page")
    others = ["page.png", ".page.png", ".page2-0123456789ab.png", ".page-0123456789ab.tiff"]
    for other in others:
        (tmp_path / other).touch()
    remove_leftovers([job])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    remove_leftovers([Job(tmp_path / "page.tif", tmp_path / "missing", "page")])


def draw(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (9, 9)).save(path)
    return path


@pytest.fixture
def run(monkeypatch):
    """Plan a batch; gives the ends that need no worker, and the files that are sent."""
    sent = []

    def work(client, jobs, model, config):
        sent.extend(jobs)
        yield from ()

    monkeypatch.setattr(dask_client, "_connect", lambda *given: nullcontext())
    monkeypatch.setattr(dask_client, "_work", work)

    def run(paths, recipe=None, say=lambda line: None, **settings):
        sent.clear()
        config = OutputConfig(**settings)
        model = BatchModel(lambda: pytest.fail("loaded"), InferenceConfig(), recipe=recipe or {})
        jobs = plan_jobs(paths, config)
        return list(binarize_on_cluster(jobs, model, config, ClusterConfig("local"), say)), sent

    return run


def test_what_is_done_or_cannot_be_done_is_not_sent(tmp_path, run):
    done, new = draw(tmp_path / "done.png"), draw(tmp_path / "new.png")
    draw(tmp_path / "auto_bin" / "done.png")
    ends, sent = run([done, new, tmp_path / "lost.png"])
    reason = "there is no such file or folder"
    assert ends == [FileSkipped(done), FileFailed(tmp_path / "lost.png", reason)]
    assert [job.source for job in sent] == [new]
    assert len(run([done, new], overwrite=True)[1]) == 2


def test_a_missing_base_is_said(tmp_path, run):
    """Workers print nothing."""
    said = []
    run([draw(tmp_path / "a.png")], recipe={"model": "mine", "base_sha256": ""}, say=said.append)
    assert said == ["the base of the model mine is missing: mine reads all pages itself"]


def test_folders_for_results_are_made_here(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(Path("in/a.png"))
    run([Path("in")], output=Path("out/deep"))
    assert (tmp_path / "out" / "deep").is_dir()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path, run):
    pages = [draw(tmp_path / name) for name in ("a.png", "b.png")]
    (tmp_path / "auto_bin").write_text("in the way")
    ends, sent = run(pages)
    assert [type(end) for end in ends] == [FileFailed, FileFailed]
    assert "auto_bin: a file stands where its folder should be" in ends[0].reason
    assert sent == []


GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "count"), [(8, 64 * GIB, 8), (8, 6 * GIB, 3), (2, GIB, 1), (1, 64 * GIB, 1)]
)
def test_processes_as_cores_and_memory_allow(cores, memory, count):
    assert worker_count(cores, memory) == count


@pytest.mark.parametrize(
    ("device", "visible", "names"),
    [
        ("auto", None, ["0", "1"]),
        ("cuda", "2, 7", ["2", " 7"]),
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
    assert find_gpus(device) == names


def test_an_apple_gpu_takes_one_worker(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_gpus("auto") == [""]
    assert find_gpus("cuda") == []


def test_logs_are_quiet_while_there_is_a_cluster_and_come_back(caplog):
    log = logging.getLogger("distributed.client")
    with _connect(ClusterConfig(dask="local", workers=1), 1, lambda _: None):
        log.critical("lost")
    assert not caplog.records
    log.critical("heard")
    assert [record.message for record in caplog.records] == ["heard"]
