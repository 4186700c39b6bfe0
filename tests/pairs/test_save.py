import errno
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.errors import PairError
from docbin_napari.io.mask import read_ground_truth, write_mask
from docbin_napari.pairs import save
from docbin_napari.pairs.check import check_pairs
from docbin_napari.pairs.pair import PairContent, find_pairs, write_pair
from docbin_napari.pairs.save import PairPlace, pair_of, replace_mask, save_pair


@pytest.fixture
def content(one_stroke) -> PairContent:
    return PairContent(one_stroke.pixels, one_stroke.ink)


@pytest.fixture
def place(tmp_path) -> PairPlace:
    return PairPlace(tmp_path, "train", "letters", "page")


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_layout_of_the_data_sets(tmp_path, place, content) -> None:
    saved = save_pair(place, content)
    assert saved.pair.page == tmp_path / "train" / "letters" / "page.png"
    assert saved.pair.ground_truth == tmp_path / "train" / "letters" / "fg_mask" / "page.png"
    assert saved.sentence == "Saved as page in train/letters."
    assert find_pairs(tmp_path / "train") == [saved.pair]


def test_nothing_is_overwritten_and_the_new_name_is_said(place, content, no_ink) -> None:
    save_pair(place, content)
    before = files(place.datasets)
    other = PairContent(no_ink.pixels, no_ink.ink)
    names = [save_pair(place, other) for _ in range(2)]
    assert [saved.pair.name for saved in names] == ["page-2", "page-3"]
    assert names[0].sentence == "Saved as page-2 in train/letters, since page is taken."
    assert files(place.datasets).items() >= before.items()


@pytest.mark.parametrize("taken", ["page.tif", "PAGE.jpg", "fg_mask/page.tif"])
def test_a_name_is_taken_by_any_kind_of_image(place, content, no_ink, taken) -> None:
    path = place.folder / taken
    path.parent.mkdir(parents=True)
    Image.fromarray(no_ink.pixels).save(path)
    assert save_pair(place, content).pair.name == "page-2"


def test_a_half_pair_is_completed_by_saving_it_again(place, content) -> None:
    """What a process leaves that dies between the two files."""
    saved = save_pair(place, content)
    saved.pair.ground_truth.unlink()
    again = save_pair(place, content)
    assert again.outcome == "completed"
    assert again.pair == saved.pair
    assert "already" in again.sentence
    assert len(files(place.datasets)) == 2


def test_a_page_that_waits_for_its_mask_keeps_its_file(place, content) -> None:
    place.folder.mkdir(parents=True)
    Image.fromarray(content.pixels).save(place.folder / "page.tif")
    saved = save_pair(place, content)
    assert saved.outcome == "completed"
    assert find_pairs(place.folder) == [saved.pair]
    assert saved.pair.page.suffix == ".tif"


def test_another_page_that_waits_is_no_half_of_this_pair(place, content, no_ink) -> None:
    place.folder.mkdir(parents=True)
    Image.fromarray(no_ink.pixels).save(place.folder / "page.png")
    assert save_pair(place, content).pair.name == "page-2"


def test_a_name_that_comes_into_being_just_now(place, content, monkeypatch, no_ink) -> None:
    real = save.write_both_files

    def late(page, mask, what):
        monkeypatch.setattr(save, "write_both_files", real)
        save_pair(place, PairContent(no_ink.pixels, no_ink.ink))
        real(page, mask, what)

    monkeypatch.setattr(save, "write_both_files", late)
    assert save_pair(place, content).pair.name == "page-2"
    assert not read_ground_truth(place.folder / "fg_mask" / "page.png").ink.any()


def test_no_labelled_pixel(place, one_stroke) -> None:
    nothing = np.zeros_like(one_stroke.ink)
    with pytest.raises(PairError, match="No pixel is labelled"):
        save_pair(place, PairContent(one_stroke.pixels, one_stroke.ink, nothing))
    assert files(place.datasets) == {}


def test_a_region_of_another_size(place, one_stroke) -> None:
    with pytest.raises(PairError, match=r"64 × 47 .* 64 × 48"):
        save_pair(
            place, PairContent(one_stroke.pixels, one_stroke.ink, np.ones((47, 64), dtype=bool))
        )
    assert files(place.datasets) == {}


def test_names_are_looked_at_again_before_the_save(tmp_path, content) -> None:
    with pytest.raises(PairError, match="collection"):
        save_pair(PairPlace(tmp_path, "train", "../other", "page"), content)
    assert files(tmp_path) == {}


def test_a_new_mask_keeps_the_old_one(place, content) -> None:
    pair = save_pair(place, content).pair
    old = pair.ground_truth.read_bytes()
    for number, column in enumerate((40, 50), start=1):
        ink = content.ink.copy()
        ink[40, column] = True
        saved = replace_mask(pair_of(pair.page), PairContent(content.pixels, ink))
        assert (read_ground_truth(pair.ground_truth).ink == ink).all()
        assert saved.kept.parent == pair.ground_truth.parent / "replaced"
        assert "kept in fg_mask/replaced" in saved.sentence
        assert len(list(saved.kept.parent.iterdir())) == number
    assert old in [path.read_bytes() for path in saved.kept.parent.iterdir()]
    assert find_pairs(place.folder) == [pair]
    assert not [found for found in check_pairs(place.folder) if hasattr(found, "severity")]


def test_a_mask_of_another_format_becomes_png(place, content) -> None:
    place.folder.mkdir(parents=True)
    Image.fromarray(content.pixels).save(place.folder / "page.jpg", quality=100)
    mask = write_mask(place.folder / "fg_mask" / "page.tif", content.ink)
    page = np.asarray(Image.open(place.folder / "page.jpg").convert("RGB"))
    replace_mask(pair_of(place.folder / "page.jpg"), PairContent(page, ~content.ink))
    assert not mask.exists()
    (pair,) = find_pairs(place.folder)
    assert (read_ground_truth(pair.ground_truth).ink == ~content.ink).all()


def test_a_pair_whose_page_was_exchanged_is_left_alone(place, content, no_ink) -> None:
    pair = save_pair(place, content).pair
    Image.fromarray(no_ink.pixels).save(pair.page)
    before = files(place.datasets)
    with pytest.raises(PairError, match="not the page that was corrected"):
        replace_mask(pair, content)
    assert files(place.datasets) == before


@pytest.mark.parametrize("at", [1, 2])
def test_a_full_disk_while_replacing_leaves_the_old_mask(place, content, monkeypatch, at) -> None:
    pair = save_pair(place, content).pair
    before = pair.ground_truth.read_bytes()
    calls = []

    def sync(path) -> None:
        calls.append(path)
        if len(calls) == at:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(save, "to_disk", sync)
    monkeypatch.setattr("docbin_napari.pairs.pair.to_disk", sync)
    with pytest.raises(PairError, match="no room"):
        replace_mask(pair, PairContent(content.pixels, ~content.ink))
    assert pair.ground_truth.read_bytes() == before
    assert [path.name for path in place.folder.iterdir() if path.is_file()] == ["page.png"]


def test_the_pair_of_a_file(place, content, tmp_path) -> None:
    pair = save_pair(place, content).pair
    assert pair_of(pair.page) == pair
    assert pair_of(str(pair.page)) == pair
    shutil.copy(pair.page, tmp_path / "alone.png")
    assert pair_of(tmp_path / "alone.png") is None
    assert pair_of(tmp_path / "none.png") is None
    assert pair_of(tmp_path / ("x" * 300) / "page.png") is None, "it cannot be asked"
    assert pair_of(None) is None


def test_of_two_names_that_differ_in_case_each_has_its_own_mask(place, content) -> None:
    for name in ("F1", "f1"):
        write_pair(place.folder, name, content.pixels, content.ink)
    for name in ("F1", "f1"):
        assert pair_of(place.folder / f"{name}.png").ground_truth.name == f"{name}.png"


def test_a_second_mask_of_the_name_is_kept_too(place, content, no_ink) -> None:
    pair = save_pair(place, content).pair
    bitmap = pair.ground_truth.with_suffix(".bmp")
    Image.fromarray(content.ink).save(bitmap)
    replace_mask(replace(pair, ground_truth=bitmap), replace(content, ink=no_ink.ink))
    kept = (pair.ground_truth.parent / save.REPLACED_FOLDER).iterdir()
    assert sorted(path.suffix for path in kept) == [".bmp", ".png"]
