import os
from pathlib import Path

import pytest

from docbin_napari.io.mask import write_mask
from docbin_napari.pairs.pair import write_pair
from docbin_napari.pairs.save import PairPlace, collection_names, folder_trouble, waiting_pages


def test_a_place_that_is_fine(tmp_path) -> None:
    place = PairPlace(tmp_path / "new", "train", "letters", "page 1")
    assert place.trouble() == ""
    assert place.folder == tmp_path / "new" / "train" / "letters"


@pytest.mark.parametrize("collection", ["", "..", "../other", "a/b", "a\\b", "fg_mask", ".git"])
def test_a_collection_never_leaves_the_data_sets(tmp_path, collection) -> None:
    assert "collection" in PairPlace(tmp_path, "train", collection, "page").trouble()


def test_the_name_of_the_page_is_looked_at(tmp_path) -> None:
    assert "page" in PairPlace(tmp_path, "train", "letters", "a:b").trouble()
    assert "Choose the folder" in PairPlace(Path(), "train", "letters", "a").trouble()


def test_a_file_in_the_way(tmp_path) -> None:
    (tmp_path / "train").touch()
    assert "is a file" in PairPlace(tmp_path, "train", "letters", "a").trouble()


def test_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch) -> None:
    """Root may write everywhere, so that the system's answer is made up."""
    asked = []

    def refuse(path, mode):
        asked.append((Path(path), mode))
        return False

    monkeypatch.setattr(os, "access", refuse)
    assert "may not be written to" in folder_trouble(tmp_path / "train" / "letters")
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]


def test_a_folder_that_cannot_be_asked(tmp_path) -> None:
    """As one on a share that is down; a name that is too long is refused in the same way."""
    datasets = tmp_path / ("x" * 300)
    trouble = PairPlace(datasets, "train", "letters", "a").trouble()
    assert trouble.startswith(
        f"{datasets / 'train' / 'letters' / 'fg_mask'}: it cannot be accessed"
    )
    assert trouble.endswith("; choose another folder.")
    assert collection_names(datasets, "train") == []
    assert waiting_pages(datasets / "train" / "letters") == []


def test_collections_in_natural_order(tmp_path) -> None:
    for name in ("letters 10", "letters 9", ".hidden", "fg_mask"):
        (tmp_path / "train" / name).mkdir(parents=True)
    (tmp_path / "train" / "notes.txt").touch()
    assert collection_names(tmp_path, "train") == ["letters 9", "letters 10"]
    assert collection_names(tmp_path, "test") == []


def test_pages_that_wait_for_their_mask(tmp_path, one_stroke) -> None:
    assert waiting_pages(tmp_path) == []
    write_pair(tmp_path, "done", one_stroke.pixels, one_stroke.ink)
    write_mask(tmp_path / "todo.tif", one_stroke.ink)
    assert waiting_pages(tmp_path) == ["todo"]
