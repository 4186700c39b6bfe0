import shutil

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.errors import FileError, PageError, PairError
from docbin_napari.io.mask import MaskError, write_mask
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair, write_pair


@pytest.fixture
def collection(tmp_path, one_stroke):
    """A collection with three pages: two pairs, one still to be labelled."""
    folder = tmp_path / "letters"
    for name in ("page10", "page2"):
        write_pair(folder, name, one_stroke.pixels, one_stroke.ink)
    Image.fromarray(one_stroke.pixels).save(folder / "page3.jpg")
    return folder


def test_pairs_of_a_collection(collection):
    pairs = find_pairs(collection)
    assert [pair.name for pair in pairs] == ["page2", "page10"]
    assert pairs[0] == Pair(
        collection / "page2.png", collection / "fg_mask" / "page2.png", "letters", "page2"
    )


def test_folder_of_collections(tmp_path, collection):
    shutil.copytree(collection, tmp_path / "maps")
    shutil.copytree(collection, tmp_path / ".hidden")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    names = [(pair.collection, pair.name) for pair in find_pairs(tmp_path)]
    assert names == [
        ("letters", "page2"),
        ("letters", "page10"),
        ("maps", "page2"),
        ("maps", "page10"),
    ]


def test_collection_with_the_shipped_results_beside_it(collection, one_stroke):
    write_mask(collection / "auto_bin" / "page2.png", one_stroke.ink)
    assert len(find_pairs(collection)) == 2


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".webp", ".JPG"])
def test_page_may_have_any_suffix(tmp_path, one_stroke, suffix):
    Image.fromarray(one_stroke.pixels).save(tmp_path / f"a.b{suffix}")
    write_mask(tmp_path / "fg_mask" / "a.b.png", one_stroke.ink)
    (pair,) = find_pairs(tmp_path)
    assert pair.name == "a.b"
    assert read_pair(pair)[0].shape == one_stroke.pixels.shape


def test_pair_is_read_as_written(tmp_path, one_stroke):
    labelled = np.ones_like(one_stroke.ink)
    labelled[:5] = False
    pair = write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink, labelled)
    assert find_pairs(tmp_path) == [pair]
    pixels, truth = read_pair(pair)
    assert (pixels == one_stroke.pixels).all()
    assert (truth.ink == one_stroke.ink).all()
    assert (truth.labelled == labelled).all()


def test_mask_without_page_is_named(collection, one_stroke):
    for number in range(7):
        write_mask(collection / "fg_mask" / f"lost{number}.png", one_stroke.ink)
    with pytest.raises(PairError, match=r"lost0\.png, .*lost4\.png and 2 more"):
        find_pairs(collection)


def test_two_pages_of_one_name(collection, one_stroke):
    Image.fromarray(one_stroke.pixels).save(collection / "page2.jpg")
    with pytest.raises(PairError, match=r"page2\.(jpg|png) and page2\.(jpg|png)"):
        find_pairs(collection)


def test_two_pages_without_a_mask_are_no_trouble(collection, one_stroke):
    Image.fromarray(one_stroke.pixels).save(collection / "page3.png")
    assert len(find_pairs(collection)) == 2


def test_two_masks_of_one_name(collection, one_stroke):
    write_mask(collection / "fg_mask" / "page2.tif", one_stroke.ink)
    with pytest.raises(PairError, match="same name"):
        find_pairs(collection)


def test_pdf_beside_its_drawn_pages_is_passed_over(collection):
    (collection / "page2.pdf").touch()
    assert len(find_pairs(collection)) == 2


def test_no_collection(tmp_path):
    with pytest.raises(PairError, match="fg_mask"):
        find_pairs(tmp_path)
    with pytest.raises(PairError, match="no such folder"):
        find_pairs(tmp_path / "nothing")


def test_sizes_must_agree(tmp_path, one_stroke):
    pair = write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink)
    write_mask(pair.ground_truth, one_stroke.ink[:-1])
    with pytest.raises(PairError, match=r"64 × 47 .* 64 × 48"):
        read_pair(pair)


def test_unreadable_files_keep_their_own_errors(tmp_path, one_stroke):
    pair = write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink)
    pair.ground_truth.write_bytes(b"")
    with pytest.raises(MaskError):
        read_pair(pair)
    pair.page.write_bytes(b"")
    with pytest.raises(PageError):
        read_pair(pair)
    assert issubclass(PageError, FileError)


def test_page_file_of_many_pages(tmp_path, one_stroke):
    page = Image.fromarray(one_stroke.pixels)
    page.save(tmp_path / "page.tif", save_all=True, append_images=[page])
    write_mask(tmp_path / "fg_mask" / "page.png", one_stroke.ink)
    with pytest.raises(PairError, match="file of 2"):
        read_pair(find_pairs(tmp_path)[0])


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["page2", "page3"])
def test_nothing_is_overwritten(collection, no_ink, name):
    """Neither a pair nor a page that waits for its mask, whatever its suffix."""
    before = files(collection)
    with pytest.raises(PairError, match="already"):
        write_pair(collection, name, no_ink.pixels, no_ink.ink)
    assert files(collection) == before


def test_mask_alone_is_not_overwritten(tmp_path, one_stroke):
    write_mask(tmp_path / "fg_mask" / "page.png", one_stroke.ink)
    before = files(tmp_path)
    with pytest.raises(PairError, match="already"):
        write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink)
    assert files(tmp_path) == before


def test_page_is_taken_back_if_its_mask_cannot_be_written(tmp_path, one_stroke):
    (tmp_path / "fg_mask").touch()
    with pytest.raises(PairError, match="choose another folder"):
        write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink)
    assert [path.name for path in tmp_path.iterdir()] == ["fg_mask"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", ".hidden", "a\\b", "a:b", "a\0b"])
def test_names_that_are_none(tmp_path, one_stroke, name):
    with pytest.raises(PairError, match="name"):
        write_pair(tmp_path, name, one_stroke.pixels, one_stroke.ink)
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_do_not_fit(tmp_path, one_stroke):
    with pytest.raises(ValueError, match="pixels"):
        write_pair(tmp_path, "page", one_stroke.pixels[:-1], one_stroke.ink)
    with pytest.raises(ValueError, match="pixels"):
        write_pair(tmp_path, "page", one_stroke.pixels / 255, one_stroke.ink)
    with pytest.raises(ValueError, match="labelled"):
        write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink, np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="bool"):
        write_pair(tmp_path, "page", one_stroke.pixels, one_stroke.ink.astype(np.uint8))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_real_collections(shared_pages):
    pairs = find_pairs(shared_pages / "test")
    assert len({pair.collection for pair in pairs}) > 5
    pixels, truth = read_pair(pairs[0])
    assert pixels.shape[:2] == truth.ink.shape
    assert 0 < truth.ink.mean() < 0.5
