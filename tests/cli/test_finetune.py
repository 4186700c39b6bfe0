import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from docbin_napari.cli.train import main, other_pages_beside
from docbin_napari.finetune.reports import NOTHING_LEARNT
from docbin_napari.model.ink_model import load_model
from docbin_napari.model.model_file import read_info
from docbin_napari.train.model_output import rescue_of_the_dead, unfinished_path


@pytest.fixture
def arguments(few_steps):
    return [
        *("--finetune", "--collections", str(few_steps.collections[0])),
        *("--output", few_steps.output, "--start", few_steps.start, "--device", "cpu"),
        *("--minutes", "0", "--steps", "12", "--validations", "3", "--learning-rate", "5e-3"),
        *("--batch", "2", "--window", "64", "--average", "0.5", "--replay", "0"),
    ]


@pytest.fixture
def start(arguments):
    """Begin a fine-tuning of an hour in a process of its own, as the widget does."""
    begun = []

    def begin(*more):
        command = [sys.executable, "-m", "docbin_napari.train", *arguments, "--minutes", "60"]
        process = subprocess.Popen(
            [*command, *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        begun.append(process)
        alarm = threading.Timer(120, process.kill)
        alarm.daemon = True
        alarm.start()
        begun.append(alarm)
        return process

    yield begin
    for each in begun:
        if isinstance(each, subprocess.Popen):
            each.kill()
            each.wait()
            for stream in (each.stdin, each.stdout, each.stderr):
                stream.close()
        else:
            each.cancel()


def first_step(process):
    """Read news until something was learnt."""
    for line in process.stdout:
        if '"step"' in line and json.loads(line)["step"] >= 5:
            return
    pytest.fail(process.stderr.read())


def test_it_prints_progress_and_the_verdict(arguments, few_steps, two_archives, capsys):
    assert main([*arguments, "--test", str(two_archives / "dark")]) == 0
    printed = capsys.readouterr().out
    assert "held-out FM" in printed
    assert "before training" in printed
    assert "On 2 other pages" in printed
    assert f"\nwrote {few_steps.output}\n" in printed


def test_every_line_of_json_is_an_event(arguments, few_steps, capsys, monkeypatch):
    monkeypatch.setattr("os.read", lambda *_: threading.Event().wait())
    assert main([*arguments, "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["stage"] for event in events][-1] == "done"
    assert events[-1]["outcome"]["path"] == few_steps.output
    assert events[-1]["outcome"]["held_out"]["pages"] == 2
    assert isinstance(events[-1]["outcome"]["better"], bool)


@pytest.mark.parametrize("how", ["line", "end of input", "signal"])
def test_it_can_be_stopped_and_keeps_the_best(start, few_steps, how):
    process = start("--json")
    first_step(process)
    if how == "line":
        process.stdin.write("stop\n")
        process.stdin.flush()
    elif how == "signal":
        process.send_signal(signal.SIGTERM)
    else:
        process.stdin.close()
    events = [json.loads(line) for line in process.stdout]
    assert process.wait(60) == 0
    assert events[-1]["outcome"]["name"] == "mine"
    assert load_model(few_steps.output, device="cpu").info.header["steps"] >= 5


def test_it_can_be_left_alone(start, few_steps):
    process = start("--json", "--minutes", "0", "--steps", "40")
    first_step(process)
    process.stdin.write("keep\n")
    process.stdin.close()
    process.stdout.close()
    assert process.wait(60) == 0
    assert load_model(few_steps.output, device="cpu").info.header["recipe"]["steps"] == 40


def test_who_listens_may_die(start, few_steps):
    process = start("--json")
    first_step(process)
    process.stdout.close()
    process.stdin.close()
    assert process.wait(60) == 0
    assert load_model(few_steps.output, device="cpu").info.name == "mine"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("broken"), "RuntimeError: broken"),
        (RuntimeError("CUDA out of memory"), "there is not enough memory: use a smaller --batch"),
    ],
)
def test_a_crash_leaves_a_model(arguments, few_steps, monkeypatch, capsys, error, words):
    def fail(*_):
        raise error

    monkeypatch.setattr("docbin_napari.finetune.stages._finish", fail)
    monkeypatch.setattr("os.read", lambda *_: threading.Event().wait())
    assert main([*arguments, "--json"]) == 1
    captured = capsys.readouterr()
    said = json.loads(captured.out.splitlines()[-1])
    assert said["error"].startswith(words)
    assert said["kept"] == "mine"
    assert ("Traceback" in captured.err) == ("broken" in words)
    assert load_model(few_steps.output, device="cpu").info.name == "mine"
    assert not unfinished_path(load_model(few_steps.output).info.path).exists()


def test_what_an_earlier_training_left_is_not_taken_for_this_one(arguments, tmp_path, capsys):
    path = tmp_path / "mine.safetensors"
    unfinished_path(path).write_text("weights of another day")
    assert main([*arguments, "--collections", str(tmp_path / "gone")]) == 2
    said = capsys.readouterr().err
    assert "best weights so far" not in said
    assert f"its best weights are {tmp_path / 'mine-unfinished.safetensors'}" in said
    assert (tmp_path / "mine-unfinished.safetensors").read_text() == "weights of another day"
    assert not path.exists()


def test_two_trainings_do_not_make_the_same_model(arguments, start, few_steps, capsys):
    process = start("--json")
    first_step(process)
    assert main(arguments) == 2
    assert "another training is making mine: choose another name" in capsys.readouterr().err
    assert rescue_of_the_dead(Path(few_steps.output)) is None
    process.stdin.write("stop\n")
    process.stdin.flush()
    assert process.wait(60) == 0
    assert load_model(few_steps.output, device="cpu").info.name == "mine"


def test_other_pages_that_do_not_fit_together_are_told_before_the_training(
    few_steps, two_archives, tmp_path, capsys
):
    home = tmp_path / "sets"
    shutil.copytree(two_archives / "dark", home / "train" / "dark")
    (home / "test" / "letters" / "fg_mask").mkdir(parents=True)
    assert other_pages_beside([home / "train" / "dark"]) == ()
    (home / "test" / "letters" / "fg_mask" / "stray.png").touch()
    wrong = ["--finetune", "--collections", str(home / "train"), "--output", few_steps.output]
    assert main(wrong) == 2
    said = capsys.readouterr().err
    assert "stray" in said
    assert "before and after" in said


def test_the_smallest_budget_learns_a_step(arguments, few_steps, capsys):
    assert main([*arguments, "--minutes", "0.00001"]) == 0
    assert load_model(few_steps.output, device="cpu").info.header["steps"] == 1


@pytest.mark.parametrize("how", ["line", "signal"])
def test_a_stop_while_preparing_says_so_and_leaves_nothing(start, few_steps, how, tmp_path):
    process = start("--json", "--replay", "0.5", "--replay-pages", "9999", "--minutes", "0")
    for line in process.stdout:
        if json.loads(line)["stage"] == "drawing":
            break
    if how == "line":
        process.stdin.write("stop\n")
        process.stdin.flush()
    else:
        process.send_signal(signal.SIGTERM)
    events = [json.loads(line) for line in process.stdout]
    assert process.wait(60) == 1
    assert events[-1] == {"stage": "done", "note": NOTHING_LEARNT, "step": 0, "share": 0.0,
                          "minutes": 0.0, "learning_rate": 0.0}  # fmt: skip
    assert not Path(few_steps.output).exists()
    assert not process.stderr.read()


def test_a_refusal_names_the_file(arguments, tmp_path, capsys):
    assert main([*arguments, "--collections", str(tmp_path / "gone")]) == 2
    assert f"error: {tmp_path / 'gone'}" in capsys.readouterr().err
    assert main([*arguments, "--replay", "2"]) == 2
    assert "error: replay must lie between 0 and 1, not 2.0" in capsys.readouterr().err


def test_under_torchrun_it_is_refused(arguments, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(arguments) == 2
    assert "without torchrun" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["letters.safetensors", "./letters.safetensors"])
def test_a_model_may_be_a_file_of_this_folder(arguments, output, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments[arguments.index("--output") + 1] = output
    assert main(arguments) == 0, capsys.readouterr().err
    assert read_info(tmp_path / "letters.safetensors").header["steps"]


def test_other_pages_are_looked_for_beside(two_archives, tmp_path, one_stroke):
    from docbin_napari.pairs.pair import write_pair

    write_pair(tmp_path / "train" / "letters", "a", one_stroke.pixels, one_stroke.ink)
    assert other_pages_beside((tmp_path / "train" / "letters", two_archives)) == ()
    write_pair(tmp_path / "test" / "letters", "b", one_stroke.pixels, one_stroke.ink)
    assert other_pages_beside((tmp_path / "train" / "letters",)) == (tmp_path / "test",)
    assert other_pages_beside((tmp_path / "train",)) == (tmp_path / "test",)
    # Pairs lie in a folder or in folders of it; anything deeper is something else.
    write_pair(tmp_path / "deep/test/2024/letters", "c", one_stroke.pixels, one_stroke.ink)
    assert other_pages_beside((tmp_path / "deep/train/letters",)) == ()
