"""Nothing is lost: not by a crash, not by a full disk, not by layers that come and go."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.drafts import read_draft
from docbin_napari.plugin.layers.choosing import provide
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.page_record import AS_SAVED, PAIR, Subject, reviewed_of
from docbin_napari.plugin.saving import autosave
from docbin_napari.plugin.saving.autosave import Autosave, checksum_of

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.viewer


@pytest.fixture
def keeper(tmp_path, monkeypatch) -> Iterator[Autosave]:
    """Drafts go into the data sets."""
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    datasets = tmp_path / "datasets"
    datasets.mkdir()
    keeper = Autosave(lambda: datasets)
    yield keeper
    keeper.close()


def page_of(viewer: Any, pixels: np.ndarray, **metadata: Any) -> Subject:
    """A page with labels that a user made."""
    image = viewer.add_image(pixels, rgb=True, metadata={"source": "letter.png"} | metadata)
    return Subject(image, viewer.add_labels(np.zeros(pixels.shape[:2], np.uint8)), 0)


def drafts(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.rglob("*.draft"))


@pytest.fixture
def painted(viewer, keeper, one_stroke) -> Subject:
    """A page that is watched, with one pixel of ink that is in a draft."""
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    subject.labels.data[5, 5] = 1
    keeper.flush()
    return subject


def test_what_is_painted_is_on_the_disk(viewer, keeper, tmp_path, one_stroke) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    keeper.flush()
    assert drafts(tmp_path) == []
    subject.labels.brush_size = 5
    subject.labels.paint((20, 20), 1)
    reviewed_of(subject.labels, 0).mark(slice(0, 48), slice(0, 64))
    keeper.flush()
    (path,) = drafts(tmp_path)
    assert path.parent == tmp_path / "datasets" / ".drafts"
    draft = read_draft(path)
    assert np.array_equal(draft.labels, subject.labels.data)
    assert draft.reviewed == reviewed_of(subject.labels, 0).to_bytes()
    assert keeper.edited is subject
    assert keeper.status.startswith("Unsaved corrections kept at")


def test_drafts_go_to_the_user_where_the_data_sets_cannot_be_asked(
    viewer, keeper, tmp_path, one_stroke
) -> None:
    keeper._datasets = lambda: tmp_path / ("x" * 300)
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    subject.labels.data[5, 5] = 1
    assert keeper.flush() == ""
    assert [path.parent for path in drafts(tmp_path)] == [tmp_path / "user"]


def test_undo_and_direct_writing_are_seen_too(viewer, keeper, tmp_path, one_stroke) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    for change in (
        lambda: subject.labels.paint((20, 20), 1),
        subject.labels.undo,
        lambda: subject.plane().__setitem__((3, 4), 2),
    ):
        change()
        keeper.flush()
        (path,) = drafts(tmp_path)
        assert np.array_equal(read_draft(path).labels, subject.labels.data)


def test_ink_that_a_run_found_is_no_correction(viewer, keeper, tmp_path, one_stroke) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True)
    layer, _ = provide(viewer, image, (0,), 0.5)
    result = result_behind(layer)
    result.probability[:] = one_stroke.ink * 255
    result.write(0, slice(0, 48), slice(0, 64))
    keeper.watch(Subject(image, layer, 0))
    keeper.flush()
    assert drafts(tmp_path) == []
    layer.data[0, 0] = 1
    keeper.flush()
    assert len(drafts(tmp_path)) == 1


def test_a_threshold_moved_after_the_page_was_saved_is_a_correction(
    viewer, keeper, tmp_path, faint_stroke
) -> None:
    image = viewer.add_image(faint_stroke.pixels, rgb=True)
    layer, _ = provide(viewer, image, (0,), 0.5)
    result = result_behind(layer)
    result.probability[:] = faint_stroke.ink * 200
    result.write(0, slice(0, 48), slice(0, 64))
    subject = Subject(image, layer, 0)
    keeper.watch(subject)
    keeper.flush()
    list(result.follow(0.6))
    keeper.flush()
    assert drafts(tmp_path) == [], "it is in no pair, and a run finds it again"
    checksum = checksum_of(subject.plane())
    subject.note(PAIR, "letters/letter.png")
    subject.note(AS_SAVED, checksum)
    keeper.forget(subject, checksum)
    keeper.flush()
    assert drafts(tmp_path) == []
    list(result.follow(0.9))
    assert not layer.data.any()
    keeper.flush()
    (path,) = drafts(tmp_path)
    assert not read_draft(path).labels.any()
    assert keeper.edited is subject


@pytest.mark.parametrize("value", [0, 2])
def test_labels_that_were_only_started_are_no_correction(
    viewer, keeper, tmp_path, one_stroke, value
) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    subject.labels.data[:] = value
    keeper.watch(subject)
    keeper.flush()
    assert drafts(tmp_path) == []
    assert keeper.edited is None
    subject.labels.data[5, 5] = 1
    keeper.flush()
    assert len(drafts(tmp_path)) == 1


def test_labels_as_they_were_saved_need_no_draft(viewer, keeper, tmp_path, one_stroke) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    subject.labels.data[:] = one_stroke.ink
    subject.labels.metadata[AS_SAVED] = [checksum_of(subject.plane())]
    keeper.watch(subject)
    keeper.flush()
    assert drafts(tmp_path) == []
    subject.labels.data[0, 0] = 2
    keeper.flush()
    assert len(drafts(tmp_path)) == 1


def test_labels_painted_before_the_panel_was_open_are_kept(
    viewer, keeper, tmp_path, one_stroke
) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    subject.labels.data[5, 5] = 1
    keeper.watch(subject)
    keeper.flush()
    assert len(drafts(tmp_path)) == 1


def test_leaving_a_page_keeps_it(viewer, keeper, tmp_path, one_stroke, no_ink) -> None:
    """The layer is removed right after the last stroke."""
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    keeper.flush()
    subject.labels.data[5, 5] = 1
    viewer.layers.clear()
    keeper.watch(None)
    keeper.watch(page_of(viewer, no_ink.pixels))
    keeper.flush()
    assert [read_draft(path).labels[5, 5] for path in drafts(tmp_path)] == [1]


def test_pages_that_were_left_do_not_fill_the_memory(viewer, keeper, one_stroke) -> None:
    gone = []
    for _ in range(4):
        subject = page_of(viewer, one_stroke.pixels.copy())
        gone.append(weakref.ref(subject.labels))
        keeper.watch(subject)
        subject.labels.data[5, 5] = 1
        viewer.layers.clear()
        del subject
    keeper.watch(None)
    keeper.flush()
    gc.collect()
    # napari's viewer itself still holds the last layer that was removed.
    assert [layer() for layer in gone[:3]] == [None, None, None]


def test_a_page_that_is_come_back_to_is_known(viewer, keeper, tmp_path, one_stroke) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    subject.labels.data[5, 5] = 1
    keeper.watch(None)
    keeper.flush()
    keeper.watch(Subject(subject.image, subject.labels, 0))
    assert keeper.offer is None
    subject.labels.data[5, 5] = 0
    keeper.flush()
    (path,) = drafts(tmp_path)
    assert not read_draft(path).labels.any()


def test_pages_of_a_stack_have_drafts_of_their_own(
    viewer, keeper, tmp_path, one_stroke, no_ink
) -> None:
    image = viewer.add_image(np.stack([one_stroke.pixels, no_ink.pixels]), rgb=True)
    labels = viewer.add_labels(np.zeros((2, 48, 64), np.uint8))
    for page in (0, 1):
        keeper.watch(Subject(image, labels, page))
        labels.data[page, page, 0] = 1
    keeper.flush()
    kept = [read_draft(path).labels for path in drafts(tmp_path)]
    assert sorted(int(np.flatnonzero(page)[0]) for page in kept) == [0, 64]


def test_a_save_lets_the_draft_go_but_not_what_was_painted_since(keeper, tmp_path, painted) -> None:
    checksum = checksum_of(painted.plane())
    keeper.forget(painted, checksum)
    keeper.flush()
    assert drafts(tmp_path) == []
    assert keeper.edited is None
    painted.labels.data[6, 6] = 1
    keeper.flush()
    assert len(drafts(tmp_path)) == 1


def test_what_was_painted_while_a_pair_was_being_saved_is_kept(
    viewer, keeper, tmp_path, painted
) -> None:
    checksum = checksum_of(painted.plane())  # Save is pressed.
    painted.labels.data[6, 6] = 1
    viewer.layers.clear()
    keeper.watch(None)  # The page is turned, and then the save ends.
    keeper.flush()
    keeper.forget(painted, checksum)
    keeper.flush()
    (path,) = drafts(tmp_path)
    assert read_draft(path).labels[6, 6] == 1


def test_a_page_that_was_just_saved_is_not_called_corrected(keeper, painted, monkeypatch) -> None:
    monkeypatch.setattr(keeper._thread, "submit", lambda *_: keeper._work)  # It is busy.
    keeper.forget(painted, checksum_of(painted.plane()))
    assert keeper.edited is None


def test_of_a_page_whose_region_was_saved_the_rest_is_kept(
    viewer, keeper, tmp_path, one_stroke
) -> None:
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    subject.labels.data[5, 5] = 1
    keeper.forget(subject, checksum_of(subject.plane()), keep_file=True)  # Before the first look.
    keeper.flush()
    (path,) = drafts(tmp_path)
    os.utime(path, (1, 1))
    keeper.forget(subject, checksum_of(subject.plane()), keep_file=True)
    keeper.flush()
    assert drafts(tmp_path) == [path]
    assert path.stat().st_mtime > 1, "it is newer than the pair"


def test_a_draft_that_somebody_else_threw_away_is_written_again(keeper, tmp_path, painted) -> None:
    (path,) = drafts(tmp_path)
    path.unlink()
    assert keeper.flush() == ""
    assert drafts(tmp_path) == [path]
    assert np.array_equal(read_draft(path).labels, painted.plane())


def test_a_disk_that_went_away_with_its_draft_is_replaced(
    keeper, tmp_path, painted, monkeypatch
) -> None:
    lost, write, unlink = tmp_path / "datasets", autosave.drafts.write_draft, Path.unlink

    def write_elsewhere(folder: Path, *more: Any) -> Path:
        if folder.is_relative_to(lost):
            raise DraftError(folder, "no such disk")
        return write(folder, *more)

    def unlink_elsewhere(path: Path, missing_ok: bool = False) -> None:
        if path.is_relative_to(lost):
            raise OSError(5, "no such disk")
        unlink(path, missing_ok)

    monkeypatch.setattr(autosave.drafts, "write_draft", write_elsewhere)
    monkeypatch.setattr(Path, "unlink", unlink_elsewhere)
    monkeypatch.setattr(autosave, "is_plain_file", lambda path: not path.is_relative_to(lost))
    assert keeper.flush() == ""
    assert len(drafts(tmp_path / "user")) == 1


def test_two_layers_over_one_page_have_two_drafts(viewer, keeper, tmp_path, one_stroke) -> None:
    first = page_of(viewer, one_stroke.pixels)
    second = Subject(first.image, viewer.add_labels(np.zeros((48, 64), np.uint8)), 0)
    for value, subject in ((1, first), (2, second)):
        keeper.watch(subject)
        subject.labels.data[5, 5] = value
        keeper.flush()
    assert sorted(read_draft(path).labels[5, 5] for path in drafts(tmp_path)) == [1, 2]
    keeper.forget(second, checksum_of(second.plane()))
    keeper.watch(first)
    keeper.flush()
    (left,) = drafts(tmp_path)
    assert read_draft(left).labels[5, 5] == 1
    assert keeper.offer is None, "the other layer is still open"


def test_labels_that_were_deleted_by_mistake_are_offered(viewer, tmp_path, one_stroke) -> None:
    datasets = tmp_path / "datasets"
    datasets.mkdir()
    keeper = Autosave(lambda: datasets, is_open=viewer.layers.__contains__)
    lost = page_of(viewer, one_stroke.pixels)
    keeper.watch(lost)
    lost.labels.data[5, 5] = 1
    keeper.flush()
    viewer.layers.remove(lost.labels)
    keeper.watch(None)
    anew = Subject(lost.image, viewer.add_labels(np.zeros((48, 64), np.uint8)), 0)
    keeper.watch(anew)
    anew.labels.data[9, 9] = 1
    keeper.flush()
    assert keeper.offer is not None
    assert keeper.restore().labels[5, 5] == 1
    keeper.close()


def test_a_folder_that_takes_nothing_is_told_and_another_one_taken(
    viewer, keeper, tmp_path, one_stroke, monkeypatch
) -> None:
    (tmp_path / "datasets" / ".drafts").touch()
    subject = page_of(viewer, one_stroke.pixels)
    keeper.watch(subject)
    subject.labels.data[5, 5] = 1
    keeper.flush()
    assert [path.parent for path in drafts(tmp_path)] == [tmp_path / "user"]

    def full(*_: Any) -> None:
        raise DraftError("here", "there is no room on the disk")

    monkeypatch.setattr(autosave.drafts, "write_draft", full)
    subject.labels.data[6, 6] = 1
    assert "no room" in keeper.flush()
    assert "not kept" in keeper.status
    assert "no room" in keeper.status

    def refuse(folder: Path, *_: Any) -> None:
        raise DraftError(folder, f"{folder.name} is refused")

    monkeypatch.setattr(autosave.drafts, "write_draft", refuse)
    trouble = keeper.flush()
    assert ".drafts is refused" in trouble
    assert "user is refused" in trouble
    monkeypatch.undo()
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    assert keeper.flush() == ""
    assert "kept at" in keeper.status


def test_a_tick_looks_when_it_is_time(viewer, tmp_path, one_stroke, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path))
    now, looks = [0.0], []
    real = autosave.write_draft_if_changed
    monkeypatch.setattr(
        autosave, "write_draft_if_changed", lambda *a: (looks.append(now[0]), real(*a))
    )
    keeper = Autosave(lambda: None, clock=lambda: now[0])
    keeper.watch(page_of(viewer, one_stroke.pixels))
    for _ in range(100):
        keeper.tick()
        keeper._work.result(10)
        now[0] += 0.1
    keeper.close()
    assert 5 <= len(looks) <= 7


def test_only_the_thread_asks_the_disks_of_data_sets(
    viewer, keeper, one_stroke, monkeypatch
) -> None:
    asking: list[int] = []
    real = autosave.draft_places
    monkeypatch.setattr(
        autosave, "draft_places", lambda *a: (asking.append(threading.get_ident()), real(*a))[1]
    )
    keeper.watch(page_of(viewer, one_stroke.pixels))
    keeper.tick()
    keeper.flush()
    assert asking
    assert threading.get_ident() not in asking


def test_a_page_that_could_not_be_kept_is_tried_again_and_told(
    viewer, keeper, tmp_path, one_stroke, monkeypatch
) -> None:
    real = autosave.drafts.write_draft

    def full(folder: Path, *_: Any) -> Path:
        raise DraftError(folder, "there is no room on the disk")

    monkeypatch.setattr(autosave.drafts, "write_draft", full)
    first = page_of(viewer, one_stroke.pixels)
    keeper.watch(first)
    first.labels.data[5, 5] = 1
    assert "no room" in keeper.flush()
    keeper.watch(page_of(viewer, one_stroke.pixels[::-1].copy(), source="other.png"))
    assert "no room" in keeper.flush(), "the page before is not kept yet"
    monkeypatch.setattr(autosave.drafts, "write_draft", real)
    assert keeper.flush() == ""
    (path,) = drafts(tmp_path)
    assert read_draft(path).labels[5, 5] == 1
