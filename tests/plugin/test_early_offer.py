"""What a crash has left of a page is found before the page has labels."""

from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.correction.reviewed import WINDOW, Reviewed
from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.drafts import Draft, PageKey, content_of, find_drafts, write_draft
from docbin_napari.plugin.correct.correct_session import CorrectSession
from docbin_napari.plugin.layers.page_record import DRAFT, reviewed_of
from docbin_napari.plugin.saving.autosave import page_key, put_draft
from docbin_napari.plugin.saving.drafts_row import take_draft

pytestmark = pytest.mark.viewer


@pytest.fixture
def draft(tmp_path, one_stroke):
    file = tmp_path / "letter.png"
    file.touch()
    labels = one_stroke.ink.astype(np.uint8)
    labels[:5] = 2
    key = PageKey(content_of(one_stroke.pixels), str(file), 1)
    return file, write_draft(tmp_path / "drafts", key, Draft(labels), "crashed"), labels


def test_it_is_found_by_the_page_and_put_on_new_labels(viewer, one_stroke, tmp_path, draft) -> None:
    file, path, labels = draft
    image = viewer.add_image(one_stroke.pixels, rgb=True, metadata={"source": str(file), "page": 1})
    assert find_drafts([tmp_path / "drafts"], page_key(image, 0)) == [path]
    assert find_drafts([tmp_path / "drafts"], page_key(image, 0), ("crashed",)) == []
    layer = take_draft(CorrectSession(viewer), image, 0, path)
    assert np.array_equal(layer.data, labels)
    assert layer.metadata[DRAFT] == str(path)
    layer.undo()
    assert not layer.data.any()


@pytest.mark.parametrize(
    "stored", [b"no grid", b"reviewed 1 1000000 10000000 1\n", Reviewed((48, 64), 32).to_bytes()]
)
def test_a_strange_grid_of_windows_is_left_out(viewer, one_stroke, tmp_path, stored) -> None:
    labels = viewer.add_labels(np.zeros((48, 64), np.uint8))
    put_draft(labels, 0, Draft(one_stroke.ink.astype(np.uint8), stored))
    assert np.array_equal(labels.data, one_stroke.ink)
    assert reviewed_of(labels, 0).window == WINDOW
    assert not reviewed_of(labels, 0).grid.any()


@pytest.mark.parametrize("model", ["general-1", "another", None])
def test_the_model_whose_ink_was_corrected_comes_back_with_a_draft(
    viewer, one_stroke, model
) -> None:
    known = {"model": "general-1", "preset": "fast", "page": 3}
    labels = viewer.add_labels(np.zeros((48, 64), np.uint8), metadata=known)
    put_draft(labels, 0, Draft(one_stroke.ink.astype(np.uint8), model=model))
    assert labels.metadata.get("model") == model
    assert labels.metadata["page"] == 3
    assert ("preset" in labels.metadata) == (model == "general-1")
    stack = viewer.add_labels(np.zeros((2, 48, 64), np.uint8), metadata=known)
    put_draft(stack, 1, Draft(one_stroke.ink.astype(np.uint8), model=model))
    assert stack.metadata == known, "it is that of all pages"


def test_a_page_of_another_size_gets_no_labels(viewer, one_stroke, draft) -> None:
    image = viewer.add_image(one_stroke.pixels[:20], rgb=True)
    with pytest.raises(DraftError, match="another size"):
        take_draft(CorrectSession(viewer), image, 0, draft[1])
    assert len(viewer.layers) == 1
