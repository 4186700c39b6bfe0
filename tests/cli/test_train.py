"""Trainings under their two names: ``docbin train`` and ``python -m docbin_napari.train``."""

from pathlib import Path

import pytest

from docbin_napari.cli import main
from docbin_napari.cli.train import main as promised
from docbin_napari.model.ink_model import load_model
from docbin_napari.model.openvino_engine import EightBits


@pytest.fixture
def arguments(two_archives, tmp_path):
    pages = str(two_archives / "dark")
    return [
        *("--train", pages, "--validate", pages, "--device", "cpu"),
        *("--output", str(tmp_path / "new.safetensors"), "--run", str(tmp_path / "run")),
        *("--steps", "2", "--batch", "2", "--window", "64", "--channels", "8", "8"),
    ]


def test_what_cannot_be_trained_is_refused_before_it_begins(arguments, tmp_path, capsys):
    for wrong, code, words in (
        (["--validate"], 2, "--validate: name pages"),
        (["--seed", "-1"], 2, "seed must lie between 0 and"),
    ):
        assert main(["train", *arguments, *wrong]) == code
        assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_both_names_are_the_same_command(arguments, tmp_path, capsys):
    assert main(["train", *arguments]) == 0
    first = load_model(str(tmp_path / "new.safetensors"), "cpu").info.header
    assert promised([*arguments, "--overwrite", "--no-resume"]) == 0
    second = load_model(str(tmp_path / "new.safetensors"), "cpu").info.header
    assert {**first, "minutes": 0} == {**second, "minutes": 0}
    assert capsys.readouterr().out.count("wrote ") == 2


def test_a_few_pages_are_learnt_from_under_both_names(few_steps, capsys):
    given = [
        *("--collections", str(few_steps.collections[0]), "--output", few_steps.output),
        *("--start", few_steps.start, "--device", "cpu", "--minutes", "0", "--steps", "1"),
        *("--batch", "2", "--window", "64", "--replay", "0"),
    ]
    assert main(["finetune", *given]) == 0
    assert promised(["--finetune", *given, "--overwrite"]) == 0
    said = capsys.readouterr().out.splitlines()
    verdicts = [line for line in said if "better on your pages" in line]
    assert len(verdicts) == 2
    assert verdicts[0] == verdicts[1]


def test_a_setting_out_of_range_is_one_message_and_nothing_is_made(arguments, tmp_path, capsys):
    assert main(["train", *arguments, "--batch", "0"]) == 2
    assert "batch must be at least 1, not 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_int8_form_is_found_and_its_cost_is_measured(
    dark_model, two_archives, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = Path("formed.safetensors")
    path.write_bytes(dark_model.read_bytes())
    before = path.read_bytes()
    pages = str(two_archives / "dark")
    command = ["quantize", str(path), "--pages", pages, "--judge", pages, "--generated", "1"]
    monkeypatch.setattr(EightBits, "is_good_enough", False)
    assert main(command) == 1
    assert "not used" in capsys.readouterr().out
    assert path.read_bytes() == before, "a form that is not used changes nothing"
    monkeypatch.setattr(EightBits, "is_good_enough", True)
    assert main(command) == 0
    form = load_model(str(path), "cpu").info.header["eight_bits"]
    assert form["pages"] == 2
    costs = f"int8 costs {form['mean_loss']:.3f} FM on average over 2 pages"
    assert costs in capsys.readouterr().out
    before = path.read_bytes()
    for option, value in (("each", "0"), ("generated", "-1"), ("judge", "no"), ("pages", "no")):
        wrong = [f"--{option}", str(tmp_path / value) if value == "no" else value]
        assert main(["quantize", str(path), "--pages", pages, "--judge", pages, *wrong]) == 2
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("*.unfinished"))
