import shutil

import numpy as np
import pytest
import torch

import docbin_napari
from docbin_napari.cli import main
from docbin_napari.model import model_file


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    """An empty folder of a user's models, and no built-in ones."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("DOCBIN_MODELS", str(folder))
    monkeypatch.setattr(model_file, "built_in_folder", lambda: tmp_path / "none")
    return folder


def test_models_are_a_table(own_models, tiny_model_file, capsys):
    shutil.copy(tiny_model_file, own_models / "mine.safetensors")
    assert main(["models"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "size", "parameters", "trained", "on", "figures"]
    assert row.startswith("mine  0.0 MiB  ")
    assert "nothing" in row
    assert f"{model_file.find_model('mine').parameters:,}" in row


def test_long_texts_are_wrapped(own_models, tiny_model_file, capsys, monkeypatch):
    header = {
        "training_data": "pages of many archives " * 10,
        "figures": {"FM": 91.236, "pages": 18},
        "parameters": 1_234_567,
    }
    info = model_file.ModelInfo("long", tiny_model_file, 3 * 2**20, header)
    monkeypatch.setattr(model_file, "list_models", lambda unreadable: [info])
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) > 3
    assert lines[1].startswith("long  3.0 MiB  1,234,567   pages of many archives")
    assert lines[1].endswith("FM 91.24, pages 18")


def test_no_models(own_models, capsys):
    assert main(["models"]) == 1
    assert str(own_models) in capsys.readouterr().err


def test_info(own_models, capsys):
    assert main(["info"]) == 0
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    assert facts["docbin-napari"] == docbin_napari.__version__
    assert facts["torch"] == torch.__version__
    assert facts["numpy"] == np.__version__
    assert facts["own models"] == str(own_models)
    assert facts["openvino"].startswith("20")


def test_info_says_what_runs_the_network(capsys):
    assert main(["info"]) == 0
    facts = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    assert facts["device"] in ("cpu", "cuda", "mps")
    assert facts["engine"] in ("OpenVINO", "torch")
    dtype, _, reason = facts["number format"].partition(" (")
    assert dtype in ("float32", "bfloat16", "float16", "int8")
    assert reason
