"""What is made ready of a page: its pair, what was kept, or a run; errors become words."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.page import Page
from docbin_napari.pairs.drafts import Draft, PageKey, content_of, write_draft
from docbin_napari.pairs.pair import write_pair
from docbin_napari.pairs.work_list import Entry
from docbin_napari.plugin.layers.page_record import DRAFT, LOOKED, PAIR
from docbin_napari.plugin.pages.prepare import PageOrder, PageReady, make_ready
from docbin_napari.plugin.threads import Failed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path, one_stroke, monkeypatch) -> Path:
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    Image.fromarray(one_stroke.pixels).save(tmp_path / "f1.png", dpi=(300, 300))
    return tmp_path / "f1.png"


def order(file: Path, **changes: Any) -> PageOrder:
    entry = Entry(file, **changes.pop("entry", {}))
    return PageOrder(7, entry, preset="fast", model="any", device="cpu", threshold=0.5)


def test_a_page_is_read_and_binarized(file, one_stroke, fake_engine) -> None:
    events = list(make_ready(order(file), fake_engine.load))
    assert isinstance(events[0], Page)
    assert events[0].dpi == pytest.approx((300, 300), abs=0.1)
    assert all(event.done <= event.total for event in events[1:-1])
    assert isinstance(events[-1], PageReady)
    assert np.array_equal(events[-1].labels, one_stroke.ink)
    assert events[-1].labels is events[-1].result.labels
    assert events[-1].metadata["model"] == "any"
    assert not events[-1].result.was_edited(0)


def test_another_day_nothing_is_computed_again(file, one_stroke, fake_engine) -> None:
    for _ in range(2):
        last = list(make_ready(order(file), fake_engine.load))[-1]
    assert len(fake_engine.calls) == 1
    assert np.array_equal(last.labels, one_stroke.ink)
    assert np.array_equal(last.result.probability > 127, one_stroke.ink)


def test_unsaved_corrections_are_on_the_page(file, tmp_path, one_stroke, fake_engine) -> None:
    corrected = np.full((48, 64), 2, np.uint8)
    key = PageKey(content_of(one_stroke.pixels), str(file.resolve()), 1)
    path = write_draft(tmp_path / "user", key, Draft(corrected), "before")
    last = list(make_ready(order(file), fake_engine.load))[-1]
    assert np.array_equal(last.corrected, corrected)
    assert np.array_equal(last.labels, one_stroke.ink)
    assert last.metadata[DRAFT] == str(path)
    path.write_bytes(b"")
    last = list(make_ready(order(file), fake_engine.load))[-1]
    assert last.corrected is None
    assert "damaged" in last.note


def test_a_saved_page_shows_its_pair(file, tmp_path, one_stroke, fake_engine) -> None:
    pair = write_pair(tmp_path / "letters", "f1", one_stroke.pixels, ~one_stroke.ink)
    saved = {"state": "saved", "pair": str(pair.page)}
    last = list(make_ready(order(file, entry=saved), fake_engine.load))[-1]
    assert np.array_equal(last.labels, ~one_stroke.ink)
    assert last.metadata[PAIR] == [str(pair.page)]
    assert fake_engine.calls == []
    assert last.result is None
    pair.ground_truth.unlink()
    last = list(make_ready(order(file, entry=saved), fake_engine.load))[-1]
    assert np.array_equal(last.labels, one_stroke.ink)


def test_another_scan_by_the_name_of_a_saved_one_is_not_that_page(
    file, tmp_path, one_stroke, fake_engine
) -> None:
    pair = write_pair(tmp_path / "letters", "f1", one_stroke.pixels, ~one_stroke.ink)
    Image.fromarray(one_stroke.pixels[::-1]).save(file)
    saved = {"state": "saved", "pair": str(pair.page)}
    last = list(make_ready(order(file, entry=saved), fake_engine.load))[-1]
    assert np.array_equal(last.labels, one_stroke.ink[::-1])
    assert PAIR not in last.metadata


def test_a_page_that_was_saved_with_its_own_contrast_is_known_again(
    file, tmp_path, one_stroke, fake_engine
) -> None:
    from docbin_napari.pairs.pair import PairContent
    from docbin_napari.pairs.provenance import Provenance
    from docbin_napari.pairs.save import PairPlace, save_pair

    origin = Provenance(content=content_of(one_stroke.pixels))
    shown = PairContent(one_stroke.pixels // 2, ~one_stroke.ink, texts=origin.texts())
    pair = save_pair(PairPlace(tmp_path, "train", "letters", "f1"), shown).pair
    saved = {"state": "saved", "pair": str(pair.page)}
    last = list(make_ready(order(file, entry=saved), fake_engine.load))[-1]
    assert np.array_equal(last.labels, ~one_stroke.ink)


@pytest.mark.parametrize("model", ["any", "another", None])
def test_corrections_of_other_ink_are_not_of_the_model_of_the_list(
    file, tmp_path, one_stroke, fake_engine, model
) -> None:
    key = PageKey(content_of(one_stroke.pixels), str(file.resolve()), 1)
    corrected = np.full((48, 64), 2, np.uint8)
    write_draft(tmp_path / "user", key, Draft(corrected, model=model), "before")
    known = list(make_ready(order(file), fake_engine.load))[-1].metadata
    assert known.get("model") == model
    assert ("preset" in known) == (model == "any")


def test_a_saved_page_that_was_corrected_again(file, tmp_path, one_stroke, fake_engine) -> None:
    """The draft is on the page, and the page still knows its pair."""
    pair = write_pair(tmp_path / "letters", "f1", one_stroke.pixels, one_stroke.ink)
    corrected = np.full((48, 64), 2, np.uint8)
    key = PageKey(content_of(one_stroke.pixels), str(file.resolve()), 1)
    draft = write_draft(tmp_path / "user", key, Draft(corrected, b"looked"))
    entry = {"state": "corrected", "pair": str(pair.page)}
    last = list(make_ready(order(file, entry=entry), fake_engine.load))[-1]
    assert np.array_equal(last.corrected, corrected)
    assert np.array_equal(last.labels, one_stroke.ink)
    assert last.metadata[PAIR] == [str(pair.page)]
    assert last.metadata[LOOKED] == [b"looked"]
    # What was left before the pair was saved is not laid over it.
    os.utime(draft, (1, 1))
    last = list(make_ready(order(file, entry=entry), fake_engine.load))[-1]
    assert last.corrected is None
    assert DRAFT not in last.metadata


def test_a_saved_page_keeps_the_probability_of_its_ink(
    file, tmp_path, one_stroke, fake_engine
) -> None:
    list(make_ready(order(file), fake_engine.load))
    pair = write_pair(tmp_path / "letters", "f1", one_stroke.pixels, ~one_stroke.ink)
    saved = {"state": "saved", "pair": str(pair.page)}
    last = list(make_ready(order(file, entry=saved), fake_engine.load))[-1]
    assert len(fake_engine.calls) == 1
    assert np.array_equal(last.result.probability > 127, one_stroke.ink)
    assert last.labels is last.result.labels
    assert np.array_equal(last.labels, ~one_stroke.ink)
    for _ in last.result.follow(0.9):
        pass
    assert np.array_equal(last.labels, ~one_stroke.ink), "what was saved was painted"


def test_each_model_and_preset_is_run_once(file, fake_engine) -> None:
    for model in ("any", "other", "any", "other"):
        last = list(make_ready(replace(order(file), model=model), fake_engine.load))[-1]
        assert last.metadata["model"] == model
    assert len(fake_engine.calls) == 2


def test_kept_ink_of_another_file_under_the_name_of_the_model_is_replaced(
    file, tmp_path, fake_engine
) -> None:
    for stamp in ("1", "1", "2", "2"):
        list(make_ready(replace(order(file), stamp=stamp), fake_engine.load))
    assert len(fake_engine.calls) == 2
    assert len(list((tmp_path / "user").glob("*.ink"))) == 1


@pytest.mark.parametrize("error", [RuntimeError("CUDA error"), MemoryError()])
def test_an_error_is_the_last_event(file, fake_engine, error) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise error

    fake_engine.before = fail
    last = list(make_ready(order(file), fake_engine.load))[-1]
    assert isinstance(last, Failed)
    assert last.message.startswith(f"{file.name}: "), "an export names the pages that it left out"


def test_a_file_that_is_no_page(tmp_path, fake_engine) -> None:
    (tmp_path / "f.png").write_bytes(b"no page")
    (event,) = make_ready(order(tmp_path / "f.png"), fake_engine.load)
    assert isinstance(event, Failed)
    assert "f.png" in event.message
