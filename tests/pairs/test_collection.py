import pytest

from docbin_napari.io.errors import PairError
from docbin_napari.pairs.pair import Collection, find_collections, image_files, write_pair


def pair(folder, page):
    return write_pair(folder, "page", page.pixels, page.ink)


def test_one_collection(tmp_path, one_stroke):
    pair(tmp_path, one_stroke)
    assert find_collections(tmp_path) == [Collection(tmp_path)]


def test_folder_of_collections_in_natural_order(tmp_path, one_stroke):
    for name in ("box10", "box2", "auto_bin", ".hidden"):
        pair(tmp_path / name, one_stroke)
    (tmp_path / "notes").mkdir()
    found = find_collections(tmp_path)
    assert [(one.name, one.split) for one in found] == [("box2", ""), ("box10", "")]


def test_data_set_with_splits(tmp_path, one_stroke):
    for name in ("train/letters", "train/maps", "test/letters"):
        pair(tmp_path / name, one_stroke)
    names = [one.name for one in find_collections(tmp_path)]
    assert names == ["test/letters", "train/letters", "train/maps"]


def test_a_folder_whose_masks_were_forgotten(tmp_path, one_stroke):
    pair(tmp_path / "letters", one_stroke)
    moved = pair(tmp_path / "maps", one_stroke)
    moved.ground_truth.unlink()
    moved.ground_truth.parent.rmdir()
    assert [one.name for one in find_collections(tmp_path)] == ["letters", "maps"]


def test_no_collection(tmp_path):
    (tmp_path / "page.png").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.png").touch()
    with pytest.raises(PairError, match="fg_mask"):
        find_collections(tmp_path)
    for missing in (tmp_path / "nothing", tmp_path / "page.png"):
        with pytest.raises(PairError, match="no such folder"):
            find_collections(missing)


def test_pdf_is_no_image_of_a_pair(tmp_path):
    for name in ("a.pdf", "b.png", "c.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["b.png"]
    with pytest.raises(PairError):
        image_files(tmp_path / "nothing")
