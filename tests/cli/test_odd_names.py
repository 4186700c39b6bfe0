"""Names with escape sequences, line ends, other bytes than UTF-8, and composed in two ways."""

import json
import os
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from docbin_napari.cli import main
from docbin_napari.cli.console import Console
from docbin_napari.io.mask import write_mask
from docbin_napari.io.paths import shown
from docbin_napari.pairs.check import Finding, check_pairs
from docbin_napari.pairs.pair import find_pairs

COMPOSED = unicodedata.normalize("NFC", "Übung")
APART = unicodedata.normalize("NFD", "Übung")


def write(path, page=True):
    ink = np.zeros((40, 60), dtype=bool)
    ink[10:14, 5:50] = True
    path.parent.mkdir(parents=True, exist_ok=True)
    if page:
        Image.fromarray(np.where(ink, 20, 235).astype(np.uint8)).save(path)
    else:
        write_mask(path, ink)


def named(folder, name):
    """Write a mask under a name that not every file system has."""
    try:
        write(folder / "x.png", page=False)
        (folder / "x.png").rename(folder / name)
    except OSError:
        pytest.skip("this file system has no such names")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a\nwritten: b.png", r"a\nwritten: b.png"),
        ("a\x1b[2J.png", r"a\x1b[2J.png"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        (os.fsdecode(b"caf\xe9.png"), r"caf\xe9.png"),
        ("Übung 一 ب.png", "Übung 一 ب.png"),
    ],
)
def test_one_form_for_every_message(name, form):
    assert shown(name) == form
    assert shown(name).encode("utf-8").decode() == form


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["a\nfailed: b.png", "a\x1b[2J.png", os.fsdecode(b"caf\xe9.png")])
def test_names_are_escaped_in_lines(tmp_path, capsys, name):
    (tmp_path / name).write_bytes(b"")
    assert main(["binarize", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"failed: {shown(tmp_path / name)}: the file is empty"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9"), "a\x1b[2J", "a\nb"])
def test_figures_and_report_of_pages_with_odd_names(tmp_path, capsys, name):
    for folder in ("fg_mask", "auto_bin"):
        (tmp_path / folder).mkdir()
        named(tmp_path / folder, f"{name}.png")
    outputs = [tmp_path / f"figures.{kind}" for kind in ("csv", "json", "html")]
    options = [
        f"--{option}={path}"
        for option, path in zip(("csv", "json", "report"), outputs, strict=True)
    ]
    assert main(["evaluate", str(tmp_path), str(tmp_path), *options]) == 0
    assert shown(name) in capsys.readouterr().out
    table, figures, report = (path.read_text(encoding="utf-8") for path in outputs)
    assert table.splitlines()[1].startswith(shown(name) + ",")
    assert json.loads(figures)["pages"][0]["page"] == shown(name)
    assert shown(name) in report


def test_imported_names_are_escaped_in_lines(tmp_path, capsys):
    name = "a\nwritten: forged.png"
    write(tmp_path / "scans" / "page.png")
    named(tmp_path / "scans" / "fg_mask", name)
    (tmp_path / "scans" / "page.png").rename(tmp_path / "scans" / name)
    write(tmp_path / "scans" / "fg_mask" / "alone.png", page=False)
    named(tmp_path / "scans" / "fg_mask", "b\nwritten: alone.png")
    main(["pairs", "import", str(tmp_path / "scans"), str(tmp_path / "pairs")])
    said = "".join(capsys.readouterr())
    assert shown(name) in said
    assert not any(line.startswith("written:") for line in said.splitlines())


def test_composed_and_decomposed_names_are_one(tmp_path, capsys):
    collection = tmp_path / "letters"
    write(collection / f"{APART}.png")
    (collection / "fg_mask").mkdir()
    named(collection / "fg_mask", f"{COMPOSED}.png")
    assert [pair.name for pair in find_pairs(collection)] == [COMPOSED]
    assert not [event for event in check_pairs(collection) if isinstance(event, Finding)]
    (collection / "auto_bin").mkdir()
    named(collection / "auto_bin", f"{APART}.png")
    assert main(["evaluate", str(collection), str(collection)]) == 0
    source, pairs = tmp_path / "source", tmp_path / "pairs"
    write(source / "images" / f"{COMPOSED}.png")
    (source / "gt").mkdir()
    named(source / "gt", f"{APART}.png")
    capsys.readouterr()
    assert main(["pairs", "import", str(source), str(pairs)]) == 0
    assert [pair.name for pair in find_pairs(pairs)] == [COMPOSED]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("command", ["pairs list", "pairs import", "evaluate", "a missing path"])
def test_a_line_end_in_a_name_makes_no_line(tmp_path, capsys, command):
    folder = tmp_path / "x\nwritten: forged.png"
    write(folder / "page.png")
    write(folder / "fg_mask" / "page.png", page=False)
    arguments = {
        "pairs list": ["pairs", "list", folder],
        "pairs import": ["pairs", "import", folder, tmp_path / "to\nwritten: forged.png"],
        # Its probability cannot be read, which is a warning; then a path that is missing.
        "evaluate": ["evaluate", folder / "auto_bin", folder / "fg_mask"],
        "a missing path": ["evaluate", folder / "missing", folder],
    }
    write(folder / "auto_bin" / "page.png", page=False)
    (folder / "auto_bin" / "page_probability.png").write_bytes(b"x")
    main(list(map(str, arguments[command])))
    said = "".join(capsys.readouterr())
    assert r"\nwritten: forged.png" in said
    assert not [line for line in said.splitlines() if line.startswith("written:")]


def test_a_line_end_in_a_warning_makes_no_line(capsys):
    Console().complain("warning: a\nwritten: b")
    assert capsys.readouterr().err.splitlines() == [r"warning: a\nwritten: b"]
