import os

import numpy as np
import pytest

from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.drafts import (
    Draft,
    PageKey,
    content_of,
    draft_folder,
    find_drafts,
    read_draft,
    write_draft,
    write_planes,
)


@pytest.fixture
def key(tmp_path, one_stroke) -> PageKey:
    source = tmp_path / "page.tif"
    source.touch()
    return PageKey(content_of(one_stroke.pixels), str(source), 3)


@pytest.fixture
def draft(one_stroke) -> Draft:
    return Draft(one_stroke.ink.astype(np.uint8), b"\x00\xff", "general-1")


def test_a_draft_comes_back(tmp_path, key, draft) -> None:
    path = write_draft(tmp_path / "d", key, draft, "before")
    assert find_drafts([tmp_path / "d"], key) == [path]
    again = read_draft(path)
    assert np.array_equal(again.labels, draft.labels)
    assert (again.reviewed, again.model) == (draft.reviewed, draft.model)


def test_the_same_writer_replaces_its_own_and_is_not_offered_it(tmp_path, key, draft) -> None:
    assert write_draft(tmp_path, key, draft, "me") == write_draft(tmp_path, key, draft, "me")
    assert find_drafts([tmp_path], key, {"me"}) == []
    assert len(list(tmp_path.glob("*.draft"))) == 1


def test_two_sessions_keep_two_drafts_the_newest_first(tmp_path, key, draft) -> None:
    old, new = (write_draft(tmp_path, key, draft, name) for name in ("a", "b"))
    os.utime(old, (1, 1))
    assert find_drafts([tmp_path, tmp_path, tmp_path / "none"], key) == [new, old]


@pytest.mark.parametrize("other", [{"page": 4}, {"content": "0" * 24}])
def test_another_page_has_no_part_in_it(tmp_path, key, draft, other) -> None:
    write_draft(tmp_path, key, draft, "a")
    assert find_drafts([tmp_path], PageKey(**{**vars(key), **other})) == []


def test_a_copy_of_the_file_is_another_page_but_a_moved_file_is_not(tmp_path, key, draft) -> None:
    path = write_draft(tmp_path, key, draft, "a")
    elsewhere = PageKey(key.content, str(tmp_path / "moved.tif"), 3)
    assert find_drafts([tmp_path], elsewhere) == []
    (tmp_path / "page.tif").rename(tmp_path / "moved.tif")
    assert find_drafts([tmp_path], elsewhere) == [path]


def test_a_draft_whose_file_cannot_be_asked_is_found(tmp_path, draft) -> None:
    unseen = PageKey("0" * 24, str(tmp_path / ("x" * 300)))
    path = write_draft(tmp_path, unseen, draft)
    assert find_drafts([tmp_path], PageKey("0" * 24, str(tmp_path / "copy.tif"))) == [path]


def test_pages_differ_by_pixels_and_by_shape(one_stroke, no_ink) -> None:
    pages = [one_stroke.pixels, no_ink.pixels, no_ink.pixels.reshape(64, 48, 3)]
    assert len({content_of(page) for page in pages}) == 3
    assert content_of(one_stroke.pixels[::-1][::-1]) == content_of(one_stroke.pixels)


def test_the_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "mine"))
    assert draft_folder(tmp_path) == tmp_path / ".drafts"
    assert draft_folder(tmp_path / "none") == draft_folder(None) == tmp_path / "mine"
    assert draft_folder(tmp_path / ("x" * 300)) == tmp_path / "mine", "one that cannot be asked"
    monkeypatch.delenv("DOCBIN_DRAFTS")
    assert draft_folder(None).name == "drafts"


def test_a_file_that_is_no_draft(tmp_path, draft) -> None:
    path = write_planes(tmp_path / "a.draft", {}, {"labels": draft.labels})
    with pytest.raises(DraftError, match="damaged"):
        read_draft(path)
