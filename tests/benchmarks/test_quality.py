import sys

import numpy as np
import pytest

import quality
from docbin_napari.pairs.pair import write_pair
from doxa import DOXA_METHODS


@pytest.fixture
def pages(tmp_path):
    ink = np.zeros((96, 128), bool)
    ink[40:44, 10:110] = True
    for collection in ("one", "two"):
        page = np.repeat(np.where(ink, np.uint8(30), np.uint8(220))[..., None], 3, 2)
        write_pair(tmp_path / collection, "page", page, ink)
    return tmp_path


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, arguments)])
    quality.main()
    return capsys.readouterr().out


def test_a_row_for_each_collection(pages, tiny_model_file, monkeypatch, capsys):
    options = ["--model", tiny_model_file, "--device", "cpu", "--methods", "otsu", "fast"]
    out = run(monkeypatch, capsys, pages, *options, "--csv", pages / "figures.csv")
    rows = [line.split(" | ") for line in out.splitlines() if line.startswith("| otsu")]
    assert [row[1] for row in rows] == ["one", "two", "all"]
    assert [row[3] for row in rows] == ["100.00"] * 3
    assert "| fast | all | 2 |" in out
    assert len((pages / "figures.csv").read_text().splitlines()) == 1 + 2 * 3 * 11


def test_a_row_without_a_collection(pages, tiny_model_file, monkeypatch, capsys):
    write_pair(pages / "three", "page", np.full((40, 40, 3), 230, np.uint8), np.eye(40, dtype=bool))
    options = ["--model", tiny_model_file, "--device", "cpu", "--methods", "otsu"]
    out = run(monkeypatch, capsys, pages, *options, "--apart", "three")
    figures = {row[1]: row[2:4] for row in (line.split(" | ") for line in out.splitlines()[3:])}
    assert figures["all but three"] == ["2", "100.00"]
    assert figures["all"][0] == "3"
    assert float(figures["all"][1]) < 100


def test_methods_that_are_not_there_are_named(pages, tiny_model_file, monkeypatch, capsys):
    monkeypatch.setattr(quality, "has_doxapy", lambda: False)
    options = ["--model", tiny_model_file, "--device", "cpu", "--methods", "otsu", "wolf", "su"]
    out = run(monkeypatch, capsys, pages, *options)
    assert "Left out, because doxapy is not installed: wolf, su" in out
    assert "| otsu | all |" in out


@pytest.mark.parametrize("name", DOXA_METHODS)
def test_methods_of_doxapy_take_dark_for_ink(name):
    pytest.importorskip("doxapy", reason="needs doxapy")
    rng = np.random.default_rng(0)
    ink = np.zeros((200, 300), bool)
    for top in range(30, 170, 20):
        ink[top : top + 4, 20:280] = True
    gray = np.where(ink, 40, 210) + rng.normal(0, 6, ink.shape)
    page = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[..., None], 3, 2)
    found = DOXA_METHODS[name](page)
    assert found.dtype == np.bool_
    assert (found & ink).sum() > 0.9 * ink.sum()
    assert (found & ~ink).mean() < 0.1
