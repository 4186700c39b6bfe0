"""Pages that ``docbin generate`` draws."""

import numpy as np
import pytest

from docbin_napari.cli import main
from docbin_napari.drawing.generator import draw_page
from docbin_napari.pairs.pair import find_pairs, read_pair


def test_command_writes_pairs_that_can_be_read(tmp_path):
    size = ["--height", "96", "--width", "80"]
    assert main(["generate", "--output", str(tmp_path), "--pages", "2", "--seed", "5", *size]) == 0
    pairs = find_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ["page_000005", "page_000006"]
    pixels, truth = read_pair(pairs[1])
    page = draw_page(6, 96, 80)
    np.testing.assert_array_equal(pixels, page.pixels)
    np.testing.assert_array_equal(truth.ink, page.ink)
    assert truth.labelled.all()


def test_command_writes_small_jpeg_files_of_one_archive(tmp_path, capsys):
    arguments = [
        "generate",
        "--output",
        str(tmp_path),
        "--pages",
        "1",
        "--seed",
        "5",
        "--archive",
        "book",
    ]
    main([*arguments, "--height", "200", "--width", "150", "--jpeg", "90"])
    (pair,) = find_pairs(tmp_path)
    assert pair.page.name == "book_000005.jpg"
    pixels, truth = read_pair(pair)
    page = draw_page(5, 200, 150, "book")
    np.testing.assert_array_equal(truth.ink, page.ink)
    assert 0 < np.abs(pixels.astype(int) - page.pixels).mean() < 10
    written = pair.page.read_bytes()
    assert main([*arguments, "--height", "200", "--width", "150", "--jpeg", "80"]) == 2
    assert f"{tmp_path / 'book_000005'}: there is a page" in capsys.readouterr().err
    assert pair.page.read_bytes() == written
    assert main([*arguments, "--height", "200", "--width", "150"]) == 2
    assert find_pairs(tmp_path) == [pair], "no second page of this name"


def test_command_says_why_it_cannot_write(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert (
        main(["generate", "--output", str(tmp_path / "file"), "--height", "64", "--width", "64"])
        == 2
    )
    said = capsys.readouterr().err
    assert str(tmp_path / "file") in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        ("--pages", "0"),
        ("--seed", "-1"),
        ("--jpeg", "200"),
        ("--scale", "9"),
        ("--archive", "x"),
        ("--height", "1000000"),
    ],
)
def test_command_refuses_what_makes_no_sense(tmp_path, capsys, wrong):
    assert main(["generate", "--output", str(tmp_path), *wrong]) == 2
    assert not list(tmp_path.iterdir())


def test_command_draws_no_page_that_is_too_long_for_a_jpeg(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("docbin_napari.drawing.generator.draw_page", None)
    size = "--height", "66000", "--width", "64"
    assert main(["generate", "--output", str(tmp_path), *size, "--jpeg", "80"]) == 2
    assert "65,500 pixels" in capsys.readouterr().err


def test_command_refuses_a_page_that_is_too_small(tmp_path, capsys):
    assert main(["generate", "--output", str(tmp_path), "--pages", "1", "--height", "10"]) == 2
    assert "64" in capsys.readouterr().err
