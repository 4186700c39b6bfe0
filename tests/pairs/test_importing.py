import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import write_ground_truth, write_mask
from docbin_napari.pairs import importing
from docbin_napari.pairs import pair as pair_files
from docbin_napari.pairs.importing import collection_name, import_pairs
from docbin_napari.pairs.pair import find_pairs, read_pair
from docbin_napari.pairs.source import match_pairs, open_source


@pytest.fixture
def bring(tmp_path):
    """Import the folder `set` into the collection `pairs/set`."""

    def bring_(**settings):
        with open_source(tmp_path / "set") as source:
            matches = match_pairs(source.images).matches
            return list(import_pairs(source, matches, tmp_path / "pairs" / "set", **settings))

    return bring_


@pytest.fixture
def original(tmp_path, one_stroke):
    """Write a page and its mask as a data set has them."""

    def write(name="a", suffix=".bmp", ink=one_stroke.ink, folder="set"):
        page = tmp_path / folder / f"{name}{suffix}"
        page.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one_stroke.pixels).save(page)
        mask = page.with_name(f"{name}_gt.bmp")
        Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(mask)
        return page

    return write


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("suffix", [".bmp", ".png", ".tif", ".jpg", ".webp"])
def test_the_page_is_copied_and_the_mask_written_anew(
    tmp_path, original, bring, one_stroke, suffix
):
    page = original(suffix=suffix)
    (done,) = bring()
    assert (done.outcome, done.remarks, done.suspect) == ("imported", (), False)
    assert done.page == tmp_path / "pairs" / "set" / f"a{suffix}"
    assert done.page.read_bytes() == page.read_bytes()
    (pair,) = find_pairs(tmp_path / "pairs" / "set")
    assert (read_pair(pair)[1].ink == one_stroke.ink).all()
    with Image.open(pair.ground_truth) as mask:
        assert (mask.format, mask.mode) == ("PNG", "1")


def test_unlabelled_pixels_stay_unlabelled(tmp_path, original, bring, one_stroke):
    original()
    labelled = np.ones_like(one_stroke.ink)
    labelled[30:] = False
    (tmp_path / "set" / "a_gt.bmp").unlink()
    write_ground_truth(tmp_path / "set" / "a_gt.png", one_stroke.ink, labelled)
    bring()
    truth = read_pair(find_pairs(tmp_path / "pairs")[0])[1]
    assert (truth.labelled == labelled).all()


def test_the_resolution_of_the_page_goes_to_the_mask(tmp_path, original, bring, one_stroke):
    page = original(suffix=".png")
    Image.fromarray(one_stroke.pixels).save(page, dpi=(300, 300))
    (done,) = bring()
    with Image.open(done.page.parent / "fg_mask" / "a.png") as mask:
        assert mask.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_reversed_mask_is_told_and_kept(tmp_path, original, bring, one_stroke):
    original(ink=~one_stroke.ink)
    (done,) = bring()
    assert (done.outcome, done.suspect) == ("imported", True)
    assert "215 gray levels brighter" in done.remarks[0]
    assert (read_pair(find_pairs(tmp_path / "pairs")[0])[1].ink == ~one_stroke.ink).all()


def test_reversed_masks_are_turned_round_on_demand(tmp_path, original, bring, one_stroke):
    original("a", ink=~one_stroke.ink)
    original("b")
    turned, right = bring(reversed_ink=True)
    assert turned.remarks[0].startswith("inverted, since 96 % of the labelled")
    assert (turned.suspect, right.suspect, right.remarks) == (False, False, ())
    for pair in find_pairs(tmp_path / "pairs"):
        assert (read_pair(pair)[1].ink == one_stroke.ink).all()


def test_a_reversed_mask_of_a_page_with_light_writing_is_turned_round(
    tmp_path, original, bring, one_stroke
):
    page = original(ink=~one_stroke.ink)
    Image.fromarray(255 - one_stroke.pixels).save(page)
    (done,) = bring(reversed_ink=True)
    assert not done.suspect
    assert done.remarks[0].startswith("inverted, since 96 % of the labelled pixels are ink")
    assert (read_pair(find_pairs(tmp_path / "pairs")[0])[1].ink == one_stroke.ink).all()


def test_nothing_is_overwritten(tmp_path, original, bring, one_stroke):
    original()
    bring()
    before = files(tmp_path / "pairs")
    original(ink=np.roll(one_stroke.ink, 1, axis=0))
    (done,) = bring()
    assert (done.outcome, done.page.name) == ("imported", "a-2.bmp")
    assert done.remarks == ("named a-2, since a is taken",)
    after = files(tmp_path / "pairs")
    assert before.items() < after.items()
    assert len(after) == 4


@pytest.mark.parametrize("taken", ["a.jpg", "A.png", "fg_mask/a.png", "fg_mask/A.tif"])
def test_names_are_taken_whatever_their_suffix_and_case(tmp_path, original, bring, taken):
    original()
    other = tmp_path / "pairs" / "set" / taken
    other.parent.mkdir(parents=True)
    other.write_bytes(b"mine")
    (done,) = bring()
    assert done.page.name == "a-2.bmp"
    assert other.read_bytes() == b"mine"


def test_importing_again_changes_nothing(tmp_path, original, bring):
    original("a")
    original("b", suffix=".png")
    original("a", folder="set/deeper", suffix=".png")
    assert [one.outcome for one in bring()] == ["imported"] * 3
    before = files(tmp_path / "pairs")
    assert [one.outcome for one in bring()] == ["already there"] * 3
    assert files(tmp_path / "pairs") == before


def test_an_import_that_was_killed_between_both_files_is_completed(tmp_path, original, bring):
    original()
    (done,) = bring()
    mask = done.page.parent / "fg_mask" / "a.png"
    before = mask.read_bytes()
    mask.unlink()
    assert bring(dry_run=True)[0].outcome == "would be imported"
    assert not mask.exists()
    (again,) = bring()
    assert (again.outcome, again.page) == ("imported", done.page)
    assert "without its mask" in again.remarks[0]
    assert mask.read_bytes() == before
    assert len(files(tmp_path / "pairs")) == 2


def test_a_dry_run_writes_nothing(tmp_path, original, bring):
    original("a")
    original("a", folder="set/deeper")
    done = bring(dry_run=True)
    assert [one.outcome for one in done] == ["would be imported"] * 2
    assert [one.page.name for one in done] == ["a.bmp", "a-2.bmp"]
    assert not (tmp_path / "pairs").exists()


@pytest.mark.parametrize("name", ["a.bmp", "a_gt.bmp"])
def test_unreadable_files_are_left_out_and_named(tmp_path, original, bring, name):
    original("a")
    original("b")
    (tmp_path / "set" / name).write_bytes(b"no image")
    bad, good = bring()
    assert (bad.outcome, bad.page, good.outcome) == ("left out", None, "imported")
    assert bad.remarks[0].startswith(f"{name}: ")


def test_sizes_that_differ_are_left_out(tmp_path, original, bring, one_stroke):
    original(ink=one_stroke.ink[:, 1:])
    (done,) = bring()
    assert done.outcome == "left out"
    assert done.remarks == ("the page is 64 × 48, its mask 63 × 48 pixels",)
    assert not (tmp_path / "pairs").exists()


def test_a_file_of_many_pages_is_left_out(original, bring, one_stroke):
    page = Image.fromarray(one_stroke.pixels)
    page.save(original(suffix=".tif"), save_all=True, append_images=[page])
    (done,) = bring()
    assert done.remarks == ("a.tif: a file of 2 pages; one is needed",)


def test_grays_and_empty_masks_are_remarked(tmp_path, original, bring, one_stroke):
    original("a")
    gray = np.where(one_stroke.ink, 40, 220).astype(np.uint8)
    Image.fromarray(gray).save(tmp_path / "set" / "a_gt.bmp")
    original("b", ink=np.zeros_like(one_stroke.ink))
    first, second = bring()
    assert first.remarks == ("the mask has grays, which are thresholded at 128",)
    assert second.remarks == ("there is no ink in the mask",)


def test_page_is_taken_back_if_its_mask_cannot_be_written(tmp_path, original, bring):
    original()
    (tmp_path / "pairs" / "set").mkdir(parents=True)
    (tmp_path / "pairs" / "set" / "fg_mask").touch()
    (done,) = bring()
    assert done.outcome == "left out"
    assert "choose another folder" in done.remarks[0]
    assert [path.name for path in (tmp_path / "pairs" / "set").iterdir()] == ["fg_mask"]


def test_a_full_disk_leaves_nothing_behind(tmp_path, original, bring, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    original()
    monkeypatch.setattr(importing.shutil, "copyfile", full)
    (done,) = bring()
    assert done.outcome == "left out"
    assert "no room on the disk" in done.remarks[0]
    assert files(tmp_path / "pairs") == {}


def test_an_interrupt_between_the_two_files_leaves_no_half_pair(
    tmp_path, original, bring, monkeypatch
):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    original()
    monkeypatch.setattr(pair_files, "write_ground_truth", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bring()
    assert files(tmp_path / "pairs") == {}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_characters_that_other_systems_cannot_store(tmp_path, original, bring):
    original("a:b?")
    (done,) = bring()
    assert done.page.name == "a_b_.bmp"
    assert "file names should not have" in done.remarks[0]


def test_masks_of_our_own_layout(tmp_path, original, bring, one_stroke):
    page = original("letter", suffix=".png")
    page.with_name("letter_gt.bmp").unlink()
    write_mask(page.parent / "fg_mask" / "letter.png", one_stroke.ink)
    (done,) = bring()
    assert done.match.mask == PurePosixPath("fg_mask/letter.png")
    assert done.outcome == "imported"


def test_name_of_the_collection(tmp_path):
    (tmp_path / "DIBCO 2016.v2").mkdir()
    assert collection_name(tmp_path / "DIBCO 2016.v2", None) == "DIBCO 2016.v2"
    assert collection_name(Path("sets/DIBCO 2016.zip"), None) == "DIBCO 2016"
    assert collection_name(Path("x.zip"), "mine") == "mine"
    for wrong in (
        "",
        " ",
        ".hidden",
        "a/b",
        "..",
        "a\\b",
        "fg_mask",
        "auto_bin",
        "a:b",
        "CON",
        "x.",
    ):
        with pytest.raises(ValueError, match="collection"):
            collection_name(Path("x.zip"), wrong)
