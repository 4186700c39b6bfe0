"""What is done already goes by what it was made from, not by its name alone."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch import binarizer, made_from
from docbin_napari.batch.jobs import (
    FileFailed,
    FileSkipped,
    FileWritten,
    OutputConfig,
    PageOutputs,
    plan_jobs,
)
from docbin_napari.batch.made_from import MadeFrom, done_otherwise, read_words
from docbin_napari.io.mask import read_ground_truth, write_mask
from docbin_napari.io.page import read_pages

INK = np.eye(9, dtype=bool)


def made_by(model, digest, **settings):
    return {"model": model, "model_sha256": digest, "settings": settings}


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_words_stand_in_the_result_and_are_the_same_each_time(tmp_path, suffix):
    source = tmp_path / "Übung [1].png"
    source.write_bytes(b"page")
    recipe = made_by("general-1", "abc", window=64)
    made = MadeFrom(source, 3, 300.0, recipe)
    mask = write_mask(tmp_path / f"mask{suffix}", INK, texts=made.texts())
    assert read_ground_truth(mask).ink.tolist() == INK.tolist()
    kept = read_words(mask)
    assert (kept["source"], kept["page"], kept["model"]) == ("Übung [1].png", 3, "general-1")
    assert str(tmp_path) not in repr(kept)
    first = mask.read_bytes()
    os.utime(source, (1, 1))
    assert write_mask(mask, INK, texts=made.texts()).read_bytes() == first


def test_standings(tmp_path):
    source, other = tmp_path / "a.png", tmp_path / "b.png"
    source.write_bytes(b"page")
    other.write_bytes(b"page")
    outputs = PageOutputs(tmp_path / "out" / "a.png", None)
    recipe = made_by("m", "1")
    made = MadeFrom(source, 1, 300.0, recipe)
    assert made.standing(outputs) == "missing"
    write_mask(outputs.mask, INK, texts=made.texts())
    assert made.standing(outputs) == "done"
    assert MadeFrom(other, 1, 300.0, recipe).standing(outputs) == "other source"
    assert MadeFrom(source, 2, 300.0, recipe).standing(outputs) == "other source"
    for changed in (made_by("m", "2"), made_by("m", "1", window=64)):
        assert MadeFrom(source, 1, 300.0, changed).standing(outputs) == "other recipe"
    source.write_bytes(b"PAGE")
    assert made.standing(outputs) == "changed"
    write_mask(outputs.mask, INK)
    assert made.standing(outputs) == "done", "a mask that says nothing goes by its name"


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_a_probability_of_an_earlier_mask_is_computed_again(batch, tmp_path, format):
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page], format=format, probability=True)
    batch.draw_page(page, number=4)
    batch.run([page], format=format)
    again = [batch.ends(batch.run([page], format=format, probability=True))[0] for _ in range(2)]
    assert isinstance(again[0], FileWritten)
    assert again[1] == FileSkipped(page)
    assert batch.ends(batch.run([page], format=format)) == [FileSkipped(page)]
    (path,) = (tmp_path / "auto_bin").glob("page_probability.*")
    np.testing.assert_array_equal(next(read_pages(path)).pixels[..., 0], 255 - batch.pixels_of(4))


def test_a_large_tiff_is_known_again(batch, tmp_path, monkeypatch):
    page = batch.draw_page(tmp_path / "a.png")
    batch.run([page], format="tiff")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert batch.ends(batch.run([page], format="tiff")) == [FileSkipped(page)]


def test_a_result_on_another_drive_than_its_page(batch, tmp_path, monkeypatch):
    def other_drive(*_):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", other_drive)
    page = batch.draw_page(tmp_path / "a.png")
    assert isinstance(batch.ends(batch.run([page]))[0], FileWritten)
    assert batch.ends(batch.run([page])) == [FileSkipped(page)]


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("left", [0, 100, -40])
def test_a_result_that_is_cut_off_is_not_done(batch, tmp_path, format, left):
    page = batch.draw_page(tmp_path / "a.png")
    batch.run([page], format=format)
    (mask,) = (tmp_path / "auto_bin").iterdir()
    whole = mask.read_bytes()
    mask.write_bytes(whole[:left])
    (end,) = batch.ends(batch.run([page], format=format))
    assert isinstance(end, FileFailed)
    assert f"{mask} is empty, cut off or no picture: delete it, or add --overwrite" in end.reason
    assert mask.read_bytes() == whole[:left]
    batch.run([page], format=format, overwrite=True)
    assert mask.read_bytes() == whole


def test_a_page_is_not_taken_for_done_since_another_has_its_name(batch, tmp_path):
    page = batch.draw_page(tmp_path / "letter_001.png", number=5)
    file = batch.draw_file_of_pages(tmp_path / "letter.tif")
    assert isinstance(batch.ends(batch.run([page]))[0], FileWritten)
    (end,) = batch.ends(batch.run([file]))
    assert isinstance(end, FileFailed)
    assert "letter_001.png would replace that of letter_001.png" in end.reason
    ink = read_ground_truth(tmp_path / "auto_bin" / "letter_001.png").ink
    np.testing.assert_array_equal(ink, batch.pixels_of(5) < 128)


def test_a_source_that_is_gone_gives_its_name_away(batch, tmp_path):
    page = batch.draw_page(tmp_path / "letter_001.png", number=5)
    batch.run([page])
    page.unlink()
    file = batch.draw_file_of_pages(tmp_path / "letter.tif")
    (end,) = batch.ends(batch.run([file]))
    assert len(end.outputs) == 3
    ink = read_ground_truth(tmp_path / "auto_bin" / "letter_001.png").ink
    np.testing.assert_array_equal(ink, batch.pixels_of(0) < 128)


def test_a_page_that_was_scanned_again_is_done_again(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page])
    batch.draw_page(page, number=4)
    assert isinstance(batch.ends(batch.run([page]))[0], FileWritten)
    ink = read_ground_truth(tmp_path / "auto_bin" / "page.png").ink
    np.testing.assert_array_equal(ink, batch.pixels_of(4) < 128)


def test_a_copy_of_all_is_done_there_too(batch, tmp_path):
    page = batch.draw_page(tmp_path / "here" / "page.png")
    batch.run([page])
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    os.utime(tmp_path / "there" / "page.png", (1, 1))
    there = tmp_path / "there" / "page.png"
    assert batch.ends(batch.run([there])) == [FileSkipped(there)]


def test_results_of_earlier_versions_count_as_done(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    (tmp_path / "auto_bin").mkdir()
    Image.new("1", (9, 9)).save(tmp_path / "auto_bin" / "page.png")
    assert batch.ends(batch.run([page])) == [FileSkipped(page)]


def test_a_page_of_the_same_name_in_another_folder_is_not_the_page_scanned_again(batch, tmp_path):
    """Its result stays; both folders may be moved, and results of before know no folder."""
    first, second = tmp_path / "box1" / "a.png", tmp_path / "box2" / "a.png"
    out = tmp_path / "out"
    batch.draw_page(first)
    batch.draw_page(second, number=3)
    assert isinstance(batch.ends(batch.run([first], output=out))[0], FileWritten)
    kept = (out / "a.png").read_bytes()
    failed = batch.ends(batch.run([second], output=out))[0]
    assert isinstance(failed, FileFailed)
    assert "of a.png in another folder: use two --output" in failed.reason
    assert (out / "a.png").read_bytes() == kept
    moved = tmp_path / "moved"
    moved.mkdir()
    for folder in (first.parent, out):
        folder.rename(moved / folder.name)
    batch.draw_page(moved / "box1" / "a.png", number=4)
    again = batch.ends(batch.run([moved / "box1" / "a.png"], output=moved / "out"))[0]
    assert isinstance(again, FileWritten)


@pytest.mark.parametrize("other", ["a.jpg", "a.tif"])
def test_a_page_of_another_suffix_in_another_folder_takes_no_result(batch, tmp_path, other):
    """One that is gone from its folder gives its name away there alone."""
    out = tmp_path / "out"
    batch.draw_page(tmp_path / "box1" / "a.png")
    batch.draw_page(tmp_path / "box2" / other, number=3)
    batch.run([tmp_path / "box1" / "a.png"], output=out)
    kept = (out / "a.png").read_bytes()
    (failed,) = batch.ends(batch.run([tmp_path / "box2" / other], output=out))
    assert isinstance(failed, FileFailed)
    assert "a.png would replace that of a.png in another folder: use two" in failed.reason
    assert (out / "a.png").read_bytes() == kept
    again = batch.run([tmp_path / "box2" / other], output=out, overwrite=True)
    assert isinstance(batch.ends(again)[0], FileWritten)


def test_a_numbered_page_takes_no_result_of_another_folder(batch, tmp_path):
    out = tmp_path / "out"
    batch.run([batch.draw_page(tmp_path / "box1" / "letter_001.png", number=5)], output=out)
    kept = (out / "letter_001.png").read_bytes()
    (tmp_path / "box2").mkdir()
    file = batch.draw_file_of_pages(tmp_path / "box2" / "letter.tif")
    assert isinstance(batch.ends(batch.run([file], output=out))[0], FileFailed)
    assert (out / "letter_001.png").read_bytes() == kept


@pytest.mark.parametrize("end", [FileSkipped, FileWritten])
@pytest.mark.parametrize("suffix", [".pdf", ".tif"])
@pytest.mark.parametrize("other", ["of another program", "of another folder", "cut off"])
def test_pages_with_numbers_leave_a_result_of_the_plain_name_alone(
    batch, tmp_path, other, suffix, end
):
    out = tmp_path / "out"
    file = batch.draw_file_of_pages(tmp_path / f"letter{suffix}")
    if end is FileSkipped:
        batch.run([file], output=out)
    page = batch.draw_page(tmp_path / "box" / f"letter{suffix}", number=5)
    batch.run([page], output=out)
    if other != "of another folder":
        (out / "letter.png").write_bytes(b"")
    if other == "of another program":
        Image.new("1", (9, 9)).save(out / "letter.png")
    kept = (out / "letter.png").read_bytes()
    assert isinstance(batch.ends(batch.run([file], output=out))[0], end)
    assert (out / "letter.png").read_bytes() == kept
    assert batch.files_in(out) == ["letter.png", *(f"letter_00{n}.png" for n in (1, 2, 3))]


def test_a_file_of_one_page_that_is_done_is_not_decoded(batch, tmp_path, monkeypatch):
    page = batch.draw_page(tmp_path / "page.tif")
    batch.run([page])
    monkeypatch.setattr(binarizer, "read_pages", None)
    assert batch.ends(batch.run([page])) == [FileSkipped(page)]


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_what_is_done_with_the_same_settings_is_found_without_reading_the_pages(
    batch, tmp_path, monkeypatch, suffix
):
    """An archive would be read twice."""
    page = tmp_path / f"a{suffix}"
    Image.fromarray(batch.pixels_of(0)).save(page)
    config, recipe = OutputConfig(), made_by("m", "1", pair=(1, 2))
    (job,) = plan_jobs([page], config)
    made = MadeFrom(page, 1, config.dpi, recipe, None, job.folder)
    write_mask(job.outputs().mask, INK, texts=made.texts())
    assert "other settings" in done_otherwise([job], config, made_by("m", "2"))
    assert bool(done_otherwise([job], OutputConfig(dpi=72), recipe)) == (suffix == ".pdf")
    monkeypatch.setattr(made_from, "fingerprint", None)
    assert done_otherwise([job], config, recipe) == ""


def test_another_resolution_is_another_setting_also_for_a_pdf_of_another_name(batch, tmp_path):
    page = tmp_path / "scan.pdf"
    Image.fromarray(batch.pixels_of(0)).save(page)
    page = page.rename(tmp_path / "scan.bin")
    batch.run([page], dpi=72.0)
    assert isinstance(batch.ends(batch.run([page], dpi=144.0))[0], FileFailed)
    assert isinstance(batch.ends(batch.run([page], dpi=144.0, overwrite=True))[0], FileWritten)
    assert batch.ends(batch.run([page], dpi=144.0)) == [FileSkipped(page)]
