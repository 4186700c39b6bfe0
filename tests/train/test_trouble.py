"""What cannot go well is told before hours of work, and what was learnt is not lost."""

import csv
import errno
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from docbin_napari.cli.console import Console
from docbin_napari.cli.train import main
from docbin_napari.model.ink_model import load_model
from docbin_napari.pairs.pair import write_pair
from docbin_napari.train.loop import train
from docbin_napari.train.model_output import locked
from docbin_napari.train.train_config import AugmentConfig, TrainConfig


@pytest.fixture
def folder(tmp_path):
    """A collection of one page."""
    ink = np.zeros((96, 128), bool)
    ink[20:26, 10:110] = ink[60:64, 20:90] = True
    page = np.repeat(np.where(ink, np.uint8(30), np.uint8(220))[..., None], 3, 2)
    write_pair(tmp_path / "letters", "page", page, ink)
    return tmp_path / "letters"


@pytest.fixture
def arguments(folder, tmp_path):
    return [
        *("--train", str(folder), "--validate", str(folder), "--device", "cpu"),
        *("--output", str(tmp_path / "new.safetensors"), "--run", str(tmp_path / "run")),
        *("--steps", "3", "--batch", "2", "--window", "64", "--channels", "8", "8"),
    ]


def said(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("which", ["page.png", "fg_mask/page.png"])
def test_a_damaged_file_is_one_line(arguments, folder, capsys, which):
    path = folder / which
    path.write_bytes(path.read_bytes()[:60])
    assert main(arguments) == 2
    assert str(path) in said(capsys)


def test_a_model_that_is_there_is_not_replaced_unless_it_is_asked_for(arguments, tmp_path, capsys):
    (tmp_path / "new.safetensors").write_text("mine")
    assert main(arguments) == 2
    assert "already a model" in said(capsys)
    assert (tmp_path / "new.safetensors").read_text() == "mine"
    assert main([*arguments, "--overwrite"]) == 0
    assert load_model(str(tmp_path / "new.safetensors"), "cpu").info.header["steps"] == 3


@pytest.mark.parametrize(
    ("output", "words"),
    [("general-1", "built-in"), (" ", "cannot be the name"), ("a/b", "cannot be the name")],
)
def test_names_that_are_none_are_refused_before_the_training(arguments, output, words, capsys):
    assert main([*arguments, "--output", output]) == 2
    assert words in said(capsys)


def test_places_that_cannot_be_written_are_told_before_the_training(arguments, tmp_path, capsys):
    (tmp_path / "file").touch()
    for option, place in (("--run", "file/run"), ("--output", "file/new.safetensors")):
        assert main([*arguments, option, str(tmp_path / place)]) == 2
        assert str(tmp_path / "file") in said(capsys)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--fold", "16"], "fold must lie between 1 and 8"),
        (["--channels", *["8"] * 11, "--window", "2048"], "10 levels at most"),
    ],
)
def test_a_network_that_no_file_can_store_is_refused(arguments, tmp_path, settings, words, capsys):
    assert main([*arguments, *settings]) == 2
    assert words in said(capsys)
    assert not (tmp_path / "run").exists()


def test_pages_that_tell_nothing_are_refused(arguments, tmp_path, folder, capsys):
    nothing = np.zeros((96, 128), bool)
    page = np.full((96, 128, 3), 230, np.uint8)
    write_pair(tmp_path / "blank", "page", page, nothing, nothing)
    for option in ("--train", "--validate"):
        assert main([*arguments, option, str(tmp_path / "blank")]) == 2
        assert f"{option}: no pixel" in said(capsys)
    assert main([*arguments, "--weights", "lettres=2"]) == 2
    assert "no collection lettres; there are letters" in said(capsys)


def test_a_loss_that_is_no_number_ends_the_training(arguments, tmp_path, capsys):
    wild = ["--learning-rate", "1e30", "--steps", "200", "--every", "0"]
    assert main([*arguments, *wild]) == 1
    assert "use a lower --learning-rate" in said(capsys)
    assert not (tmp_path / "new.safetensors").exists()


def break_off(tmp_path):
    """Leave a run of nine steps that was stopped after two."""
    settings = TrainConfig(
        (tmp_path / "letters",), (tmp_path / "letters",), str(tmp_path / "new.safetensors"),
        steps=9, batch=2, window=64, channels=(8, 8), run=tmp_path / "run", device="cpu",
    )  # fmt: skip
    assert list(train(settings, stopped=iter([False, False, True]).__next__)) == []


def test_a_run_that_is_not_finished_is_not_spoilt(arguments, tmp_path, capsys):
    break_off(tmp_path)
    assert main(arguments) == 2
    assert "--resume goes on with it" in said(capsys)
    assert main([*arguments, "--steps", "9", "--resume"]) == 0
    resumed = load_model(str(tmp_path / "new.safetensors"), "cpu")
    assert resumed.info.header["steps"] == 9
    # Now it is finished, and another one may begin in its folder.
    assert main([*arguments, "--overwrite"]) == 0
    assert main([*arguments, "--output", str(tmp_path / "other.safetensors"), "--seed", "1"]) == 0
    with (tmp_path / "run" / "log.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["3"], "of the last run alone"


def test_going_on_replaces_no_model_that_another_training_has_made(arguments, tmp_path, capsys):
    break_off(tmp_path)
    (tmp_path / "new.safetensors").write_text("of another training")
    assert main([*arguments, "--steps", "9", "--resume"]) == 2
    assert "already a model" in said(capsys)
    assert main([*arguments, "--steps", "9", "--resume", "--overwrite"]) == 0
    assert main([*arguments, "--steps", "10", "--resume"]) == 0, "that model is its own"
    assert load_model(str(tmp_path / "new.safetensors"), "cpu").info.header["steps"] == 10
    for name in ("other.safetensors", "new.safetensors"):
        other = tmp_path / name
        other.write_text("of another training")
        assert main([*arguments, "--steps", "11", "--resume", "--output", str(other)]) == 2
        assert "already a model" in said(capsys)
        assert other.read_text() == "of another training", "a finished run has made another one"


def test_two_trainings_do_not_share_a_folder(arguments, tmp_path, capsys):
    with locked(tmp_path / "run"):
        assert main(arguments) == 2
    assert f"{tmp_path / 'run'}: another training runs there" in said(capsys)
    assert not (tmp_path / "run").exists()
    assert main(arguments) == 0


def test_a_run_that_is_refused_leaves_the_log_of_the_one_before(arguments, tmp_path, capsys):
    assert main(arguments) == 0
    log = (tmp_path / "run" / "log.csv").read_text()
    assert main([*arguments, "--overwrite", "--train", str(tmp_path / "none")]) == 2
    assert str(tmp_path / "none") in said(capsys)
    assert (tmp_path / "run" / "log.csv").read_text() == log


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("MPS backend out of memory")])
def test_too_little_memory_is_one_line_with_advice(arguments, monkeypatch, capsys, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("docbin_napari.train.loop.load_pairs", fail)
    assert main(arguments) == 1
    assert "not enough memory: use a smaller --batch or --window" in said(capsys)


@pytest.mark.parametrize("kind", [errno.EPIPE, errno.EIO])
def test_a_training_goes_on_when_nobody_reads_its_output(arguments, tmp_path, monkeypatch, kind):
    def gone(*_):
        raise OSError(kind, "gone")

    silent = []
    monkeypatch.setattr(Console, "say", gone)
    monkeypatch.setattr("docbin_napari.cli.train._fall_silent", lambda: silent.append(True))
    assert main(arguments) == 0
    assert silent
    assert (tmp_path / "new.safetensors").exists()


def test_a_training_runs_in_any_thread(arguments, tmp_path):
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(arguments)))
    thread.start()
    thread.join(120)
    assert codes == [0]


def test_stopping_and_going_on_is_the_same_as_not_stopping(tmp_path, folder):
    whole = TrainConfig(
        (folder,), (folder,), str(tmp_path / "whole.safetensors"),
        steps=6, batch=2, window=64, channels=(8, 8), run=tmp_path / "whole", device="cpu",
    )  # fmt: skip
    list(train(whole))
    parts = replace(whole, output=str(tmp_path / "parts.safetensors"), run=tmp_path / "parts")
    list(train(parts, stopped=iter([False, False, False, True]).__next__))
    list(train(replace(parts, resume=True)))
    pages = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    from docbin_napari.inference.predict import ink_probability

    one, other = (
        ink_probability(pages, load_model(config.output, "cpu")) for config in (whole, parts)
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_checkpoint(arguments, tmp_path, kind):
    process = subprocess.Popen(
        [sys.executable, "-m", "docbin_napari.train", *arguments, "--minutes", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    alarm = threading.Timer(120, process.kill)
    alarm.start()
    try:
        assert "step 20" in process.stdout.readline()
        process.send_signal(kind)
        rest, errors = process.communicate(timeout=60)
    finally:
        alarm.cancel()
        process.kill()
    assert process.returncode == 1, errors
    assert f"--resume goes on from the checkpoint in {tmp_path / 'run'}" in rest
    assert (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize("changes", [{"blur": 5.0}, {"warp": -1.0}, {"light": float("nan")}])
def test_shares_of_windows_are_shares(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        AugmentConfig(**changes)


@pytest.mark.parametrize("scale", [(0.0, 0.0), (2.0, 1.0), (1.0, float("inf"))])
def test_scales_that_make_no_window_are_refused(scale):
    with pytest.raises(ValueError, match="scale is from"):
        AugmentConfig(scale=scale)
