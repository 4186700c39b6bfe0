import sys

import numpy as np
import pytest

import calibration
from docbin_napari.io.mask import GroundTruth
from docbin_napari.pairs.pair import write_pair


def test_pixels_near_the_border_of_a_stroke():
    ink = np.zeros((9, 9), bool)
    ink[:, 4:] = True
    near = calibration.near_border(ink, 2)
    assert near.any(axis=0).tolist() == [False, False, True, True, True, True, False, False, False]
    assert not calibration.near_border(np.zeros((5, 5), bool)).any()


@pytest.mark.parametrize("with_ink", [True, False])
def test_the_table(tmp_path, tiny_model_file, monkeypatch, capsys, with_ink):
    ink = np.zeros((64, 96), bool)
    ink[20:24, 10:80] = with_ink
    page = np.repeat(np.where(ink, np.uint8(30), np.uint8(220))[..., None], 3, 2)
    write_pair(tmp_path / "one", "page", page, ink)
    options = ["--model", str(tiny_model_file), "--device", "cpu", "--presets", "fast"]
    csv = tmp_path / "figures.csv"
    monkeypatch.setattr(sys, "argv", ["calibration.py", str(tmp_path), *options, "--csv", str(csv)])
    calibration.main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| fast")]
    assert [row.split(" | ")[1:3] for row in rows] == [["one", "1"], ["all", "1"]]
    assert (" – " in rows[0]) != with_ink
    assert "ECE" in csv.read_text()


def test_pages_that_promise_too_much_and_too_little_do_not_make_up_for_each_other():
    counts = calibration.Counts()
    probability = np.full((10, 10), 0.5)
    for ink in (np.ones((10, 10), bool), np.zeros((10, 10), bool)):
        counts.add(probability, GroundTruth(ink, np.ones((10, 10), bool)), 0.4)
    assert counts.every.expected_calibration_error() == pytest.approx(0, abs=1e-6)
    assert counts.errors == pytest.approx([50, 50])
    assert counts.mask.expected_calibration_error() == pytest.approx(0.5)
