import numpy as np
import pytest

from docbin_napari.io.errors import PairError
from docbin_napari.pairs.pair import summarize_collections, write_pair


def test_figures_of_a_collection(tmp_path, one_stroke):
    labelled = np.ones_like(one_stroke.ink)
    labelled[24:] = False
    write_pair(tmp_path, "half", one_stroke.pixels, one_stroke.ink, labelled)
    write_pair(tmp_path, "whole", one_stroke.pixels, one_stroke.ink)
    (tmp_path / "todo.jpg").touch()
    (summary,) = summarize_collections(tmp_path)
    assert (summary.pages, summary.without_mask, summary.troubles) == (2, 1, ())
    assert (summary.pixels, summary.labelled) == (2 * 48 * 64, 1.5 * 48 * 64)
    assert summary.ink == 2 * 4 * 32


def test_what_cannot_be_read_is_named_and_not_counted(tmp_path, one_stroke):
    write_pair(tmp_path / "train" / "a", "good", one_stroke.pixels, one_stroke.ink)
    bad = write_pair(tmp_path / "train" / "a", "bad", one_stroke.pixels, one_stroke.ink)
    bad.ground_truth.write_bytes(b"")
    lost = write_pair(tmp_path / "train" / "b", "page", one_stroke.pixels, one_stroke.ink)
    lost.page.unlink()
    first, second = summarize_collections(tmp_path)
    assert (first.collection.name, first.pages) == ("train/a", 1)
    assert [trouble.path for trouble in first.troubles] == [bad.ground_truth]
    assert second.pages == 0
    assert "page.png" in str(second.troubles[0])
    assert (second.pixels, second.labelled, second.ink) == (0, 0, 0)


def test_pages_without_any_mask_are_counted_as_waiting(tmp_path, one_stroke):
    write_pair(tmp_path / "a", "page", one_stroke.pixels, one_stroke.ink)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "todo.png").touch()
    _, second = summarize_collections(tmp_path)
    assert (second.pages, second.without_mask, second.troubles) == (0, 1, ())


def test_no_collection(tmp_path):
    with pytest.raises(PairError, match="fg_mask"):
        next(summarize_collections(tmp_path))
