import sys

import numpy as np
import pytest
from scipy import ndimage

import stress
from docbin_napari.pairs.pair import write_pair
from stress_pages import (
    CHANGED,
    DRAWN,
    TruePage,
    bordered,
    drawn,
    inverted,
    rotated,
    scaled,
    with_leaves,
)

SHAPE = (220, 260)


@pytest.fixture(scope="module")
def page():
    return drawn(4, SHAPE, "book")


@pytest.mark.parametrize("name", CHANGED)
def test_ink_is_dark_before_and_after(page, name):
    """Ground truth goes the same way as the page."""
    changed = CHANGED[name](page)
    assert changed.pixels.shape == (*changed.ink.shape, 3)
    assert changed.ink.shape == changed.labelled.shape
    gray = changed.pixels.mean(axis=2)
    paper = ~changed.ink & changed.labelled & (gray > 60 if name == "black border" else True)
    darker = gray[paper].mean() - gray[changed.ink].mean()
    assert (darker < -30) if name == "inverted" else (darker > 30)


def test_shares_of_ink_stay(page):
    for factor in (0.5, 2):
        assert scaled(page, factor).ink.mean() == pytest.approx(page.ink.mean(), rel=0.2)
    assert rotated(page, 2).ink.sum() == pytest.approx(page.ink.sum(), rel=0.1)
    assert not rotated(page, 2).labelled.all()
    assert bordered(page).ink.sum() == page.ink.sum()
    assert (inverted(inverted(page)).pixels == page.pixels).all()


@pytest.mark.parametrize("name", ["blank", "halftone picture alone"])
def test_pages_without_ink_show_none(name):
    """The same seed with ink differs just where the ink is."""
    found = DRAWN[name](11, SHAPE)
    assert not found.ink.any()
    assert found.pixels.shape == (*SHAPE, 3)


def test_a_blank_page_is_nearly_even():
    """Dark strokes would leave many pixels far below the middle gray."""
    with_ink = drawn(20, SHAPE, "book")
    without = DRAWN["blank"](20, SHAPE, "book")
    far = [np.mean(p.pixels.mean(2) < np.median(p.pixels) - 50) for p in (with_ink, without)]
    assert far[0] > 0.02
    assert far[1] < far[0] / 4


def test_pictures_are_printed():
    text = drawn(31, SHAPE, "newspaper", lambda archive: archive)
    picture = DRAWN["halftone picture alone"](31, SHAPE)
    assert (text.pixels != picture.pixels).any()


def test_a_book_block_has_many_edges_and_no_ink():
    found = DRAWN["book block"](3, (400, 300))
    block = found.pixels[40:340, 230:270].mean(axis=2)
    assert found.ink.any()
    assert not found.ink[:, 225:].any()
    assert np.abs(np.diff(block, axis=1)).mean() > 2


def test_a_sparse_front_shows_its_full_back():
    found = DRAWN["sparse front over full back"](3, (400, 300))
    dark = found.pixels.mean(axis=2) < np.percentile(found.pixels.mean(axis=2), 90) - 25
    assert 0 < found.ink.mean() < 0.04
    assert (dark & ~found.ink).sum() > found.ink.sum()


def test_mixed_pages_have_light_and_dark_ink():
    """Ink is lighter than its surroundings here and darker there."""
    lighter = []
    for seed in range(6):
        found = DRAWN["mixed polarity"](seed, (400, 300))
        gray = found.pixels.mean(axis=2)
        around = ndimage.binary_dilation(found.ink, iterations=5) & ~found.ink
        level = ndimage.gaussian_filter(np.where(around, gray, 0), 9) / np.maximum(
            ndimage.gaussian_filter(around.astype(float), 9), 1e-6
        )
        lighter.append((gray > level)[found.ink].mean())
    assert max(lighter) > 0.3
    assert np.mean(lighter) < 0.8


def test_only_pages_in_a_book_have_a_book_block():
    with pytest.raises(ValueError, match="volume"):
        drawn(0, SHAPE, "book", with_leaves)


def test_a_finer_page_is_the_same_page():
    finer, reduced = (
        DRAWN[f"drawn at 600 dpi{name}"](7, SHAPE) for name in ("", ", reduced to 300")
    )
    assert finer.ink.shape == (2 * SHAPE[0], 2 * SHAPE[1])
    assert (scaled(finer, 0.5).ink == reduced.ink).all()
    assert (scaled(reduced, 2).ink != finer.ink).mean() > 0.001


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["stress.py", *map(str, arguments)])
    stress.main()
    lines = capsys.readouterr().out.splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")][2:]


def test_every_case_has_a_row(tiny_model_file, tmp_path, monkeypatch, capsys):
    options = ["--model", tiny_model_file, "--device", "cpu", "--pages", 1, "--preset", "fast"]
    size = ["--height", SHAPE[0], "--width", SHAPE[1]]
    rows = run(monkeypatch, capsys, *options, *size, "--csv", tmp_path / "figures.csv")
    names = [row[0] for row in rows]
    assert names == [
        "as it is",
        *CHANGED,
        "inverted, --invert never",
        *DRAWN,
    ]
    assert {row[1] for row in rows} == {"1"}
    told = dict(zip(names, rows, strict=True))
    assert told["blank"][2] == "–"
    assert "0.01 % false" in told["blank"][-1]
    assert "within 2 FM" in told["600 dpi"][-1]
    assert "FM at least 85" in told["out of focus, sigma 2.5"][-1]
    assert "FM at least 97" in told["solid shapes"][-1]
    assert "FM at least 95" in told["mixed polarity"][-1]
    finer, reduced = told["drawn at 600 dpi"], told["drawn at 600 dpi, reduced to 300"]
    assert float(finer[3]) == pytest.approx(float(finer[2]) - float(reduced[2]), abs=0.011)
    assert reduced[3] == "–"
    assert "false ink" in (tmp_path / "figures.csv").read_text()


def test_pages_of_a_folder(tiny_model_file, tmp_path, monkeypatch, capsys, page):
    write_pair(tmp_path / "mine", "page", page.pixels, page.ink)
    options = ["--model", tiny_model_file, "--device", "cpu", "--preset", "fast"]
    chosen = ["--collections", tmp_path, "--cases", "150 dpi", "blank"]
    assert [row[0] for row in run(monkeypatch, capsys, *options, *chosen)] == [
        "as it is",
        "150 dpi",
    ]


def test_a_case_that_is_not_there(tiny_model_file, monkeypatch, capsys):
    with pytest.raises(SystemExit, match="there is no case 300 dpi; choose from"):
        run(monkeypatch, capsys, "--model", tiny_model_file, "--pages", 0, "--cases", "300 dpi")


def test_what_is_false_and_what_is_said(tiny_model_file):
    """A perfect answer on a page of which half is not labelled."""
    from docbin_napari.inference.inference_config import InferenceConfig
    from docbin_napari.model.ink_model import load_model

    ink = np.zeros((64, 64), bool)
    labelled = np.ones_like(ink)
    labelled[:, 32:] = False
    blank_page = TruePage(np.full((64, 64, 3), 230, np.uint8), ink, labelled)
    model = load_model(tiny_model_file, "cpu")
    outcome = stress.measure([blank_page], model, InferenceConfig(window=64))
    assert outcome.said == 0
    assert len(outcome.f_measures) == len(outcome.false) == 1
    assert 0 <= outcome.false[0] <= 100
