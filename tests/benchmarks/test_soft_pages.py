import sys

import numpy as np
import pytest

import soft_pages
from docbin_napari.io.pairs import write_pair


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["soft_pages.py", *map(str, arguments)])
    soft_pages.main()
    lines = capsys.readouterr().out.splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")][2:]


def test_enlarged_pages_are_soft(monkeypatch, capsys):
    size = ("--height", 300, "--width", 300)
    rows = run(monkeypatch, capsys, "--pages", 1, "--scales", 1, 2, *size)
    assert [row[:3] for row in rows] == [
        ["the generator, × 1", "no", "1"],
        ["the generator, × 2", "yes", "1"],
    ]
    for row in rows:
        own, both, change = map(float, row[3:])
        assert change == pytest.approx(both - own, abs=0.011)


def test_pages_of_a_folder(tmp_path, monkeypatch, capsys):
    ink = np.zeros((300, 300), bool)
    for top in range(20, 280, 20):
        ink[top : top + 5, 20:280] = True
    page = np.repeat(np.where(ink, np.uint8(30), np.uint8(230))[..., None], 3, 2)
    write_pair(tmp_path / "mine", "page", page, ink)
    ((kind, soft, count, own, *_),) = run(monkeypatch, capsys, "--collections", tmp_path / "mine")
    assert (kind, soft, count) == ("mine", "no", "1")
    assert float(own) > 90
