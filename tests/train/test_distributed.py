"""Real runs of two processes on the CPU, and what one process can be told about others."""

import csv
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file

from docbin_napari.cli.train import main
from docbin_napari.model.engine import Device, DeviceError
from docbin_napari.train import distributed
from docbin_napari.train.distributed import ALONE, Ranks, join
from docbin_napari.train.loop import train
from docbin_napari.train.train_config import TrainConfig, TrainingError

# Two processes and one differ by up to 4e-7 after five steps, by rounding. Wrong schemes differ by
# 3e-4 (running variance of a part), 4e-3 (loss of each process by its own pixels) and up to 6e-2
# (batch norm of a part; windows in another order).
TOLERANCE = 1e-5
# Where a gradient is nearly 0, AdamW makes a whole step of its rounding, in either direction. That
# happens with some seeds (3e-5), and not with this one.
SEED = 4

launches = pytest.mark.skipif(
    sys.platform == "win32", reason="torchrun needs a build of torch with libuv"
)


@pytest.fixture
def config(collections, tmp_path):
    # Both collections: half of a page is not labelled, so shares of a batch differ in labels.
    return TrainConfig(
        train=(collections,),
        validate=(collections / "post",),
        output=str(tmp_path / "one.safetensors"),
        steps=5,
        seed=SEED,
        batch=4,
        window=64,
        channels=(8, 8),
        average=0.5,
        every=1e-9,
        run=tmp_path / "one",
        device="cpu",
    )


def arguments(config):
    names = ("output", "steps", "seed", "batch", "window", "average", "every", "run", "device")
    values = [part for name in names for part in (f"--{name}", str(getattr(config, name)))]
    folders = ["--train", str(config.train[0]), "--validate", str(config.validate[0])]
    resume = ["--resume"] if config.resume else []
    return [*folders, *values, *resume, "--channels", *map(str, config.channels)]


IN_FLOAT32 = """
import sys
from docbin_napari.model.engine import Device
from docbin_napari.train import distributed
from docbin_napari.cli.train import main

distributed.choose_device = lambda name: Device(name, "float32", "")
sys.exit(main())
"""


def launch(config):
    """Two processes under torchrun, in float32 as on a CPU without bfloat16 units."""
    script = config.run.parent / "train.py"
    script.write_text(IN_FLOAT32, encoding="utf-8")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [sys.executable, *torchrun, "--", str(script), *arguments(config)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def assert_close(one, two):
    alone, together = load_file(one.output), load_file(two.output)
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=0, atol=TOLERANCE, msg=name)


@launches
def test_two_processes_end_with_the_weights_of_one(config, tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "choose_device", lambda name: Device(name, "float32", ""))
    two = replace(config, output=str(tmp_path / "two.safetensors"), run=tmp_path / "two")
    reports = list(train(config))
    done = launch(two)
    assert done.returncode == 0, done.stderr
    assert_close(config, two)

    assert len(done.stdout.splitlines()) == len(reports), "only the first process prints"
    with (two.run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [report.step for report in reports]
    assert all(row["f_measure"] for row in rows), "each of these steps is validated"
    written = {path.name for path in two.run.iterdir()}
    assert written == {"checkpoint.pt", "last.safetensors", "log.csv"}

    list(train(replace(config, resume=True, steps=8)))
    done = launch(replace(two, resume=True, steps=8))
    assert done.returncode == 0, done.stderr
    assert_close(config, two)

    for run in (config, two):
        list(train(replace(run, resume=True, steps=9)))
    assert_close(config, two)


@launches
def test_a_batch_that_cannot_be_shared_ends_all_with_one_message(config):
    done = launch(replace(config, batch=3))
    assert done.returncode == 1
    assert done.stderr.count("a batch of 3 windows cannot be shared evenly by 2 processes") == 1
    assert "use --batch 2 or 4" in done.stderr
    assert not config.run.exists()


@launches
def test_a_failure_of_one_process_ends_the_other(config, tmp_path):
    """Only the first process reads the pages for validation; the other one waits for it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    done = launch(replace(config, validate=(empty,)))
    assert done.returncode == 1
    assert done.stderr.count("error: ") == 1
    assert "error: process 1 of 2 on " in done.stderr
    assert str(empty) in done.stderr


class Told(Ranks):
    """A process that hears from the first one what a test says."""

    says = None

    def first(self, action, **_):
        return type(self).says(action())


def test_the_time_of_the_first_process_counts(config):
    class AnHourLater(Told):
        says = staticmethod(lambda own: own + 3600 if isinstance(own, float) else own)

    reports = list(train(replace(config, minutes=30, steps=0, every=1e9), AnHourLater()))
    assert reports[-1].step == 1
    assert reports[-1].model is not None


def test_other_settings_or_pages_than_in_the_first_process_are_refused(config):
    class OtherSettings(Told):
        says = staticmethod(
            lambda own: own.replace(f"seed={SEED}", "seed=7") if own == str(own) else own
        )

    class FewerPages(Told):
        says = staticmethod(lambda own: own[1:] if isinstance(own, list) else own)

    with pytest.raises(TrainingError, match=r"settings differ .* the same settings"):
        next(train(config, OtherSettings()))
    with pytest.raises(TrainingError, match=r"training pages differ .* in --train"):
        next(train(config, FewerPages()))


def test_each_process_needs_its_own_gpu(monkeypatch):
    class Heard(Told):
        says = staticmethod(lambda own: own)

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(distributed, "choose_device", lambda name: Device(name, "float32", ""))
    with pytest.raises(DeviceError, match=r"more processes than GPUs, which are 1 here.*--device"):
        Heard(rank=1, size=2, local=1).device("cuda")
    with pytest.raises(DeviceError, match="Apple GPUs cannot train together"):
        Heard(rank=1, size=2, local=1).device("mps")
    assert Heard(rank=1, size=2, local=1).device("cpu").name == "cpu"


def test_only_the_first_that_failed_speaks():
    store, said = dist.HashStore(), []
    for rank in (1, 0):
        Ranks(rank, 2, rank, store).report(lambda rank=rank: said.append(rank))
    assert said == [1]


def test_a_process_that_lost_all_others_speaks():
    class Lost(dist.HashStore):
        def add(self, *_):
            raise dist.DistNetworkError("connection closed")

    said = []
    Ranks(1, 2, 1, Lost()).report(lambda: said.append("lost"))
    assert said == ["lost"]


def test_without_torchrun_and_with_one_process_nothing_is_joined(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert join() is ALONE
    # Job managers set this one too, for programs that they do not start that way.
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert join() is ALONE
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert join() is ALONE


def test_one_process_of_a_machine_explains_the_command_line(monkeypatch, capsys):
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(SystemExit) as stop:
        main(["--batch", "many"])
    assert stop.value.code == 2
    assert "Required options" in capsys.readouterr().err
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as stop:
        main(["--batch", "many"])
    assert stop.value.code == 0, "torchrun would end the one that explains"
    assert "".join(capsys.readouterr()) == ""
