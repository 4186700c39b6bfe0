import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from docbin_napari.io.errors import PageError
from docbin_napari.pairs import work_list
from docbin_napari.pairs.work_list import STATE_FILE, PageListError, open_list, read_listed


@pytest.fixture
def folder(tmp_path, one_stroke):
    """Three pages, one of them with a brother in the same file, and a note that is no page."""
    pages = tmp_path / "pages"
    pages.mkdir()
    image = Image.fromarray(one_stroke.pixels)
    image.save(pages / "p2.png")
    image.save(pages / "p10.tif", save_all=True, append_images=[image.crop((0, 0, 9, 9))])
    (pages / "notes.txt").touch()
    return pages


def test_one_entry_a_page_in_natural_order(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path / "else")
    assert [entry.title for entry in pages.entries] == [
        "p2.png",
        "p10.tif, page 1",
        "p10.tif, page 2",
    ]
    assert {entry.state for entry in pages.entries} == {"to do"}
    assert read_listed(pages.entries[2]).pixels.shape == (9, 9, 3)


def test_pages_of_pdf_files_are_counted_without_drawing_one(tmp_path, folder, monkeypatch) -> None:
    def draw(*_: object) -> None:
        raise AssertionError("the window waits for each page that is drawn")

    monkeypatch.setattr("docbin_napari.io.pdf._draw", draw)
    image = Image.new("L", (30, 20), 255)
    image.save(folder / "q.pdf", save_all=True, append_images=[image])
    (folder / "r.pdf").write_bytes((folder / "q.pdf").read_bytes()[:200])
    titles = [entry.title for entry in open_list(folder, tmp_path / "else").entries]
    assert titles[3:] == ["q.pdf, page 1", "q.pdf, page 2", "r.pdf"], (
        "damaged ones have a page, too"
    )


def test_closing_and_opening_again_goes_on(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path / "else")
    pages.position = 2
    pages.set_state(1, "saved", "there/page.png")
    pages.set_state(0, "corrected")
    again = open_list(folder, tmp_path / "else")
    assert again.entries == pages.entries
    assert again.position == 2
    assert again.entries[1].pair == "there/page.png"
    assert not (tmp_path / "else").exists()


def test_new_and_lost_files_change_nothing_for_the_others(tmp_path, folder, one_stroke) -> None:
    pages = open_list(folder, tmp_path)
    pages.set_state(0, "saved")
    pages.set_state(1, "binarized")
    Image.fromarray(one_stroke.pixels).save(folder / "p1.png")
    (folder / "p10.tif").unlink()
    again = open_list(folder, tmp_path)
    assert [(entry.title, entry.state) for entry in again.entries] == [
        ("p1.png", "to do"),
        ("p2.png", "saved"),
    ]


def test_what_a_page_has_come_to_is_known_when_its_file_is_back(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path)
    pages.set_state(0, "saved", "there/page.png")
    (folder / "p2.png").rename(tmp_path / "p2.png")
    open_list(folder, tmp_path).set_state(0, "corrected")
    (tmp_path / "p2.png").rename(folder / "p2.png")
    again = open_list(folder, tmp_path)
    assert [(entry.state, entry.pair) for entry in again.entries[:2]] == [
        ("saved", "there/page.png"),
        ("corrected", None),
    ]


def test_how_pages_are_binarized_is_kept(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path)
    assert pages.choices == {}
    pages.choices = {"model": "letters-1", "preset": "best"}
    pages.keep()
    assert open_list(folder, tmp_path).choices == pages.choices


def test_thresholds_are_kept_and_nonsense_is_passed_over(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path)
    pages.set_threshold(0, "any", 0.3)
    pages.set_threshold(0, "other", 0.7)
    pages.set_state(0, "corrected")
    pages.states["p10.tif#1"] = {"state": "binarized", "thresholds": {"any": 7.5, "other": "x"}}
    pages.keep()
    again = open_list(folder, tmp_path).entries
    assert [again[0].threshold(model) for model in ("any", "other", "third")] == [0.3, 0.7, None]
    assert again[1].thresholds == {}
    os.utime(again[0].file, ns=(1, 1))
    assert again[0].threshold("any") is None, "another scan has got the name"


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes are Linux's")
def test_a_page_whose_name_is_no_utf_8_is_kept(tmp_path, folder) -> None:
    (folder / "p2.png").rename(folder / os.fsdecode(b"caf\xe9.png"))
    open_list(folder, tmp_path / "else").set_state(0, "saved", "pair")
    assert open_list(folder, tmp_path / "else").entries[0].state == "saved"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pages": 3}', "\0\xff"])
def test_damaged_states_are_put_aside(tmp_path, folder, text) -> None:
    (folder / STATE_FILE).write_text(text, "latin-1")
    pages = open_list(folder, tmp_path)
    assert "begins anew" in pages.note
    assert len(pages.entries) == 3
    aside = folder / ".docbin-pages.damaged.json"
    assert aside.read_text("latin-1") == text
    assert open_list(folder, tmp_path).note == ""


def test_nonsense_inside_the_states_is_passed_over(tmp_path, folder) -> None:
    states = {"p2.png": {"state": "eaten"}, "p10.tif#1": 3, "p10.tif#2": {"state": "saved"}}
    states["p10.tif#2"]["pair"] = "\ud800.png"  # a name that no file can have
    (folder / STATE_FILE).write_text(json.dumps({"at": 7, "pages": states}))
    pages = open_list(folder, tmp_path)
    assert [entry.state for entry in pages.entries] == ["to do", "to do", "saved"]
    assert pages.position == 0


def make_read_only(folder, monkeypatch) -> None:
    real = work_list.atomic_path

    def refuse(path):
        if path.parent == folder:
            raise PermissionError(13, "no")
        return real(path)

    monkeypatch.setattr(work_list, "atomic_path", refuse)


def test_a_folder_that_cannot_be_written_to(tmp_path, folder, monkeypatch) -> None:
    """The states go elsewhere, and are found there."""
    make_read_only(folder, monkeypatch)
    open_list(folder, tmp_path / "else").set_state(0, "saved")
    assert open_list(folder, tmp_path / "else").entries[0].state == "saved"
    assert not (folder / STATE_FILE).exists()


def test_a_folder_that_cannot_be_written_to_any_more(tmp_path, folder, monkeypatch) -> None:
    """The states that were kept later count, wherever they are."""
    open_list(folder, tmp_path / "else").set_state(1, "binarized")
    os.utime(folder / STATE_FILE, (1, 1))
    make_read_only(folder, monkeypatch)
    open_list(folder, tmp_path / "else").set_state(0, "saved")
    states = ["saved", "binarized", "to do"]
    assert [entry.state for entry in open_list(folder, tmp_path / "else").entries] == states
    monkeypatch.undo()
    assert [entry.state for entry in open_list(folder, tmp_path / "else").entries] == states
    assert list((tmp_path / "else").iterdir()) == []


def test_only_the_page_that_is_asked_for_is_decoded(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path / "else")
    with tifffile.TiffFile(folder / "p10.tif", mode="r+b") as file:
        file.pages[0].tags["StripByteCounts"].overwrite(file.pages[0].databytecounts[0] // 2)
    with pytest.raises(PageError, match="truncated"):
        read_listed(pages.entries[1])
    assert read_listed(pages.entries[2]).pixels.shape == (9, 9, 3)


def test_states_that_cannot_be_kept_are_told(tmp_path, folder, monkeypatch) -> None:
    pages = open_list(folder, tmp_path)

    def refuse(path):
        raise OSError(28, "full")

    monkeypatch.setattr(work_list, "atomic_path", refuse)
    with pytest.raises(PageListError, match="no room"):
        pages.set_state(0, "saved")
    assert pages.entries[0].state == "saved"


def test_a_page_is_found_by_its_file(tmp_path, folder) -> None:
    pages = open_list(folder, tmp_path)
    assert pages.find(folder / ".." / "pages" / "p10.tif", 2) == 2
    assert pages.find(folder / "p10.tif", 3) is None
    assert pages.find(None, 1) is None


def test_files_are_resolved_once(tmp_path, folder, monkeypatch) -> None:
    pages = open_list(folder, tmp_path)
    wanted = (folder / "p2.png").resolve()
    assert pages.find(wanted, 1) == 0
    monkeypatch.setattr(Path, "resolve", None)
    assert pages.find(wanted, 1) == 0, "the window asks twice a second"


def test_no_folder_and_no_page(tmp_path) -> None:
    with pytest.raises(PageListError, match="no such folder"):
        open_list(tmp_path / "none", tmp_path)
    with pytest.raises(PageListError, match="no page"):
        open_list(tmp_path, tmp_path)


def test_a_damaged_page_is_in_the_list_and_told_when_it_is_read(tmp_path, folder) -> None:
    (folder / "p1.tif").write_bytes(b"II*\0")
    (folder / "p3.pdf").write_bytes(b"%PDF-1.4")
    pages = open_list(folder, tmp_path)
    assert [entry.file.name for entry in pages.entries[:3]] == ["p1.tif", "p2.png", "p3.pdf"]
    with pytest.raises(PageError):
        read_listed(pages.entries[0])


def test_a_page_that_is_gone_from_its_file(tmp_path, folder, one_stroke) -> None:
    pages = open_list(folder, tmp_path)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "p10.tif")
    with pytest.raises(PageError, match="no page 2"):
        read_listed(pages.entries[2])
