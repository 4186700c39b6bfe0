"""Saving, drafts and the list of pages in a real window, used as a person uses them."""

from __future__ import annotations

import gc
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import read_ground_truth
from docbin_napari.pairs.pair import find_pairs
from docbin_napari.pairs.work_list import open_list
from docbin_napari.plugin.layers import choosing
from docbin_napari.plugin.layers.choosing import same_page
from docbin_napari.plugin.layers.ink_result import (
    InkResult,
    NotInkError,
    bind,
    is_bound,
    result_behind,
)
from docbin_napari.plugin.layers.page_record import Subject
from docbin_napari.plugin.pages import pages_panel
from docbin_napari.plugin.saving import autosave
from docbin_napari.plugin.signals import MODEL_NEWS, list_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.window


class Desk:
    """Both panels in a dock, as the correction widget holds them."""

    def __init__(self, viewer: Any, engine: Any) -> None:
        from magicgui.widgets import Container

        from docbin_napari.plugin.correct.correct_widget import panels

        self.viewer = viewer
        self.pages, self.save = panels(viewer, self.subject, engine.load)
        self.dock = Container(
            widgets=[self.save.drafts, self.pages, self.save, self.save.save], labels=False
        )
        self.dock.native.setMinimumWidth(300)
        viewer.window.add_dock_widget(self.dock, name="Save")
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self.refresh)
        self.refresh()

    def subject(self) -> Subject | None:
        from napari.layers import Image as ImageLayer
        from napari.layers import Labels

        image = [layer for layer in self.viewer.layers if isinstance(layer, ImageLayer)]
        labels = [layer for layer in self.viewer.layers if isinstance(layer, Labels)]
        return Subject(image[-1], labels[-1], 0) if image and labels else None

    def refresh(self, _: Any = None) -> None:
        self.save.refresh()
        self.pages.refresh()

    def wait(self, done: Any, seconds: float = 600) -> None:
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, (self.save.status.value, self.pages.status.value)
            QApplication.processEvents()
            time.sleep(0.01)

    def wait_for_worker(self) -> None:
        """Until every page is ready, and the window has taken its turns to show it."""
        self.wait(lambda: self.pages._worker is None and not self.pages._later)

    def press_save(self) -> None:
        assert self.save.save.enabled, self.save.status.value
        self.save.save.native.click()
        self.wait(lambda: self.save._worker is None)

    def signs(self) -> str:
        items = [self.pages.list.item(row) for row in range(self.pages.list.count())]
        return "".join(item.text()[0] for item in items)


@pytest.fixture
def desk(
    the_viewer: Any, fake_engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    desk = Desk(the_viewer, fake_engine)
    yield desk
    fake_engine.before = lambda number: None
    desk.wait(lambda: desk.pages._worker is None)


@pytest.fixture
def folder(tmp_path, one_stroke, faint_stroke) -> Path:
    """A folder with two pages and a damaged one between them."""
    pages = tmp_path / "scans"
    pages.mkdir()
    Image.fromarray(one_stroke.pixels).save(pages / "f1.png", dpi=(300, 300))
    (pages / "f2.png").write_bytes(b"no page")
    Image.fromarray(one_stroke.pixels[::-1]).save(pages / "f3.png")
    return pages


def picture(desk: Desk, name: str) -> None:
    import os
    from pathlib import Path

    kept = os.environ.get("DOCBIN_PICTURES")
    if kept:
        for _ in range(5):
            desk.wait(lambda: True)
        path = str(Path(kept) / f"{name}.png")
        desk.viewer.window.screenshot(path, canvas_only=False, flash=False)


def test_a_pair_is_saved_saved_again_and_replaced(desk, tmp_path, one_stroke) -> None:
    assert not desk.save.save.enabled
    assert "Choose a page" in desk.save.status.value
    desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    labels = desk.viewer.add_labels(one_stroke.ink.astype(np.uint8))
    assert desk.save.save.enabled
    assert "asks for a folder first" in desk.save.status.value
    desk.save.datasets.value = tmp_path / "datasets"
    desk.save.new.value = "../out"
    assert "character /" in desk.save.status.value
    picture(desk, "refusal")
    assert not desk.save.save.enabled
    desk.save.new.value = "letters"
    desk.press_save()
    assert desk.save.status.value.startswith("Saved as letter in train/letters. Nobody")
    assert desk.save.collection.value == "letters"
    assert desk.save.own.value
    labels.data[0, 0] = 1
    desk.save.own.value = False
    desk.press_save()
    assert "letter-2" in desk.save.status.value
    labels.data[0, 1] = 1
    desk.press_save()
    assert "Replaced the mask of letter-2" in desk.save.status.value
    picture(desk, "saved")
    pairs = find_pairs(tmp_path / "datasets" / "train")
    inks = {pair.name: read_ground_truth(pair.ground_truth).ink[0, :2].sum() for pair in pairs}
    assert inks == {"letter": 0, "letter-2": 2}


def test_only_what_lies_in_the_shapes(desk, tmp_path, one_stroke) -> None:
    desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    desk.viewer.add_labels(one_stroke.ink.astype(np.uint8))
    desk.save.datasets.value = tmp_path
    shapes = desk.viewer.add_shapes(name="mine")
    desk.save.region.value = shapes
    assert "no shape" in desk.save.status.value
    shapes.add([[[10, 20], [10, 39], [29, 39], [29, 20]]], shape_type="rectangle")
    desk.refresh()
    desk.press_save()
    (pair,) = find_pairs(tmp_path / "train")
    assert read_ground_truth(pair.ground_truth).labelled.sum() == 400


def test_a_part_stays_chosen_when_its_shapes_are_hidden_renamed_or_removed(
    desk, tmp_path, one_stroke
) -> None:
    desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    labels = desk.viewer.add_labels(one_stroke.ink.astype(np.uint8))
    desk.save.datasets.value = tmp_path
    shapes = desk.viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]], shape_type="rectangle")
    desk.save.region.value = shapes
    shapes.visible = False
    shapes.name = "what is right"
    desk.refresh()
    assert desk.save.region.value is shapes
    assert "what is right" in desk.save.region.current_choice
    desk.viewer.layers.remove(shapes)
    desk.viewer.layers.selection.active = labels
    assert "“what is right” is gone: choose" in desk.save.status.value
    assert not desk.save.save.enabled
    desk.save.region.value = "Whole page"
    assert desk.save.save.enabled
    changes = []
    desk.save.region.changed.connect(changes.append)
    desk.refresh()
    assert changes == [], "nothing was chosen"


def test_a_page_that_is_not_computed_to_its_end_is_no_whole_page(
    desk, tmp_path, one_stroke
) -> None:
    image = desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    result = InkResult(one_stroke.ink.shape, 0.5)
    labels = desk.viewer.add_labels(result.labels)
    bind(labels, result, image)
    desk.save.datasets.value = tmp_path
    desk.press_save()
    assert "not binarized: press Run first" in desk.save.status.value
    result.computing = True
    result.write(0, slice(0, 20), slice(0, 64))
    desk.press_save()
    assert "still being binarized" in desk.save.status.value
    result.computing = False
    desk.press_save()
    assert "press Run again" in desk.save.status.value
    assert not list(tmp_path.rglob("letter*.png"))
    shapes = desk.viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]], shape_type="rectangle")
    desk.save.region.value = shapes
    desk.press_save()
    assert "Saved as letter" in desk.save.status.value
    desk.save.region.value = "Whole page"
    result.write(0, slice(20, 48), slice(0, 64))
    desk.press_save()
    assert "Replaced the mask of letter" in desk.save.status.value


def test_a_folder_of_pairs_that_cannot_be_asked(desk, tmp_path, one_stroke) -> None:
    desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    desk.viewer.add_labels(one_stroke.ink.astype(np.uint8))
    desk.save.datasets.value = tmp_path / ("x" * 300)
    assert not desk.save.save.enabled
    assert "cannot be accessed" in desk.save.status.value


@pytest.mark.parametrize("field", ["pages", "save"])
def test_a_home_of_nobody_is_a_folder_that_is_not_there(desk, one_stroke, field) -> None:
    from pathlib import Path

    image = desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    labels = desk.viewer.add_labels(one_stroke.ink.astype(np.uint8))
    desk.save.drafts.autosave.watch(Subject(image, labels, 0))
    chooser, asked = desk.pages.folder if field == "pages" else desk.save.datasets, []
    chooser._show_file_dialog = lambda *_, **options: asked.append(options["start_path"])
    chooser.line_edit.native.setText("~Documents/pairs")
    chooser.line_edit.native.editingFinished.emit()
    assert chooser.folder == Path.home().parent / "Documents" / "pairs"
    chooser.ask()
    assert asked == [str(chooser.folder)]
    assert desk.save.drafts.autosave.flush() == ""
    if field == "pages":
        assert "there is no such folder" in desk.pages.status.value
    chooser.line_edit.native.setText("~/pairs")
    chooser.line_edit.native.editingFinished.emit()
    assert chooser.folder == Path.home() / "pairs"


def test_a_full_disk_is_told_and_the_corrections_stay(
    desk, tmp_path, one_stroke, monkeypatch
) -> None:
    from docbin_napari.pairs import pair

    desk.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    labels = desk.viewer.add_labels(one_stroke.ink.astype(np.uint8))
    desk.save.datasets.value = tmp_path

    def full(_: Any) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(pair, "to_disk", full)
    desk.press_save()
    assert "no room on the disk" in desk.save.status.value
    assert "still there" in desk.save.status.value
    assert not list(tmp_path.rglob("letter*.png"))
    assert np.array_equal(labels.data, one_stroke.ink)
    monkeypatch.undo()
    desk.press_save()
    assert "Saved as letter" in desk.save.status.value


def test_a_folder_from_page_to_page(desk, tmp_path, folder, one_stroke) -> None:
    """To do, binarized, corrected, saved; a damaged page stops nothing; all is found again."""
    desk.save.datasets.value = tmp_path / "datasets"
    (tmp_path / "datasets").mkdir()
    desk.pages.folder.value = folder
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    desk.wait_for_worker()
    assert desk.signs() == "◐⚠○"
    assert np.array_equal(desk.viewer.layers["Ink of f1.png"].data, one_stroke.ink)
    desk.viewer.layers["Ink of f1.png"].data[40:44, 40:50] = 1
    desk.wait(lambda: desk.signs() == "✎⚠○")
    picture(desk, "pages")
    desk.pages.turn(1)
    desk.wait(lambda: "Ink of f3.png" in desk.viewer.layers)
    desk.wait_for_worker()
    assert "f2.png" in desk.pages.status.value, "it was passed over"
    assert desk.signs()[2] == "◐"
    desk.viewer.layers["Ink of f3.png"].data[0, 0] = 1
    desk.press_save()
    assert desk.signs()[2] == "✓"
    desk.pages.turn(-2)
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    assert desk.viewer.layers["Ink of f1.png"].data[40:44, 40:50].all()
    desk.wait_for_worker()
    states = [entry.state for entry in open_list(folder, tmp_path).entries]
    assert states == ["corrected", "to do", "saved"]
    desk.pages.turn(2)
    desk.wait(lambda: "Ink of f3.png" in desk.viewer.layers)
    assert desk.viewer.layers["Ink of f3.png"].data[0, 0] == 1
    assert desk.save.own.enabled
    desk.viewer.layers["Ink of f3.png"].data[0, 1] = 1
    desk.wait(lambda: desk.signs()[2] == "✎")
    desk.pages.turn(-2)
    desk.pages.turn(2)
    desk.wait(lambda: "Ink of f3.png" in desk.viewer.layers)
    assert desk.viewer.layers["Ink of f3.png"].data[0, 1] == 1
    desk.press_save()
    assert "Replaced the mask of f3" in desk.save.status.value
    assert [pair.name for pair in find_pairs(tmp_path / "datasets" / "train")] == ["f3"]


def test_a_list_of_which_no_page_can_be_shown_is_found_all_the_same(desk, folder) -> None:
    from napari.utils._proxies import PublicOnlyProxy

    for readable in ("f1.png", "f3.png"):
        (folder / readable).unlink()
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    assert "f2.png" in desk.pages.status.value
    assert len(desk.viewer.layers) == 0
    as_other_panels_get_it = PublicOnlyProxy(desk.viewer)
    for viewer in (desk.viewer, as_other_panels_get_it):
        assert list_of(viewer, None) is desk.pages, "its pages can be exported"


def test_a_row_that_was_chosen_stays_until_the_page_is_turned(desk, folder) -> None:
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    desk.pages.list.setCurrentRow(2)
    desk.pages.refresh()
    assert desk.pages.list.currentRow() == 2
    desk.pages.list.itemActivated.emit(desk.pages.list.item(2))
    desk.wait(lambda: "Ink of f3.png" in desk.viewer.layers)
    desk.pages.turn(-1)
    assert desk.pages.list.currentRow() == 1


def test_keys_turn_pages_and_open_no_folder(desk, folder) -> None:
    with desk.pages.folder.changed.blocked():
        desk.pages.folder.value = folder
    desk.pages.turn(1)
    assert not desk.pages.files
    desk.pages.next.native.click()
    assert len(desk.pages.files) == 3
    desk.wait_for_worker()


def test_a_folder_that_is_typed_counts_once_when_a_button_is_pressed(
    desk, tmp_path, folder
) -> None:
    def leave(field: Any) -> None:
        field.line_edit.native.editingFinished.emit()

    opened: list[Any] = []
    desk.pages.folder.changed.connect(opened.append)
    desk.pages.folder.line_edit.native.setText(str(folder))
    assert desk.pages.folder.folder is None, "it may be the beginning of another one"
    desk.pages.next.native.click()
    assert len(desk.pages.files) == 3
    leave(desk.pages.folder)
    assert opened == [folder]
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    desk.save.datasets.line_edit.native.setText(str(tmp_path / "datasets"))
    assert desk.save.datasets_folder() is None
    desk.press_save()
    leave(desk.save.datasets)
    assert desk.save.status.value.startswith("Saved as f1")
    assert [pair.name for pair in find_pairs(tmp_path / "datasets" / "train")] == ["f1"]
    desk.wait_for_worker()


def test_what_is_painted_on_a_page_is_no_draft_of_the_next_one(desk, tmp_path, folder) -> None:
    """Pages of one size: for a moment the next one is shown with the labels of this one."""
    (folder / "f2.png").unlink()
    desk.save.datasets.value = tmp_path / "datasets"
    (tmp_path / "datasets").mkdir()
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    desk.viewer.layers["Ink of f1.png"].data[40:44, 40:50] = 1
    desk.pages.turn(1)
    desk.wait(lambda: "Ink of f3.png" in desk.viewer.layers)
    desk.wait(lambda: "Ink of f1.png" not in desk.viewer.layers)
    assert desk.save.drafts.autosave.flush() == ""
    assert len(list((tmp_path / "datasets").rglob("*.draft"))) == 1
    desk.wait(lambda: desk.signs() == "✎◐")
    for step, shown, gone in ((-1, "f1", "f3"), (1, "f3", "f1")):
        desk.pages.turn(step)
        desk.wait(lambda shown=shown: f"Ink of {shown}.png" in desk.viewer.layers)
        desk.wait(lambda gone=gone: f"Ink of {gone}.png" not in desk.viewer.layers)
    assert not desk.viewer.layers["Ink of f3.png"].data[40:44, 40:50].any()


def test_the_export_takes_what_is_painted_whether_it_is_seen_or_not(desk, folder) -> None:
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    ink = desk.viewer.layers["Ink of f1.png"]
    ink.data[40:44, 40:50] = 1
    ink.visible = False
    _, shown, _ = desk.pages.export_orders()
    assert shown[0][40:44, 40:50].all(), "it was hidden, and it is the only one"
    by_hand = choosing.labels_over(desk.viewer.layers["f1.png"], ink.data * 0, "Corrected f1.png")
    bind(by_hand, None, desk.viewer.layers["f1.png"])
    desk.viewer.add_layer(by_hand)
    _, shown, _ = desk.pages.export_orders()
    assert not shown[0].any(), "of two, the one that is seen"
    result = InkResult((48, 64), 0.5)
    ink.visible = by_hand.visible = False
    another = choosing.labels_over(desk.viewer.layers["f1.png"], result.labels, "another model")
    bind(another, result, desk.viewer.layers["f1.png"])
    desk.viewer.add_layer(another)
    result.write(0, slice(0, 20), slice(0, 64))
    with pytest.raises(NotInkError, match="was stopped"):
        desk.pages.export_orders()


def test_a_page_keeps_its_threshold_and_is_exported_with_it(desk, folder) -> None:
    desk.pages.folder.value = folder
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    result_behind(desk.viewer.layers["Ink of f1.png"]).follow(0.3)
    desk.pages.turn(1)
    desk.wait(lambda: "Ink of f1.png" not in desk.viewer.layers)
    cuts = [order.threshold for order in desk.pages.export_orders()[0]]
    assert cuts[0] == 0.3 < cuts[1] == cuts[2], "the others are cut where their model says"
    desk.pages.turn(-1)
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    assert result_behind(desk.viewer.layers["Ink of f1.png"]).threshold == 0.3


def test_labels_of_unknown_origin_are_of_the_page_that_they_were_painted_on(
    desk, tmp_path, one_stroke
) -> None:
    desk.save.datasets.value = tmp_path
    pages = [desk.viewer.add_image(one_stroke.pixels, rgb=True, name=name) for name in "AB"]
    labels = desk.viewer.add_labels(np.zeros(one_stroke.ink.shape, np.uint8))
    desk.viewer.layers.move(0, 2)
    desk.refresh()
    assert same_page(pages[0], labels) is same_page(pages[1], labels) is None, "nothing is painted"
    labels.data[5, 5] = 1
    desk.viewer.layers.move(0, 2)
    desk.refresh()
    assert same_page(pages[0], labels)
    assert same_page(pages[1], labels) is False
    assert desk.save.drafts.autosave.flush() == ""
    assert len(list(tmp_path.rglob("*.draft"))) == 1


def test_labels_that_were_painted_over_a_page_that_was_removed_are_not_of_the_next_one(
    desk, tmp_path, one_stroke, no_ink
) -> None:
    desk.save.datasets.value = tmp_path
    first = desk.viewer.add_image(one_stroke.pixels, rgb=True, name="A")
    labels = desk.viewer.add_labels(np.zeros(one_stroke.ink.shape, np.uint8))
    labels.data[5, 5] = 1
    desk.viewer.layers.remove(first)
    assert is_bound(labels), "before its page is forgotten"
    del first
    gc.collect()
    second = desk.viewer.add_image(no_ink.pixels, rgb=True, name="B")
    assert same_page(second, labels) is False
    assert "another page" in desk.save.status.value


def test_another_choice_reads_the_next_page_anew_and_is_kept(
    desk, tmp_path, folder, fake_engine
) -> None:
    (folder / "f2.png").unlink()
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    desk.wait(lambda: desk.pages._session.labels is not None)  # shown, not only computed
    assert len(fake_engine.calls) == 2
    desk.pages.preset.value = "best"
    desk.wait_for_worker()
    assert len(fake_engine.calls) == 3, "the next page, not the one that is shown"
    desk.pages.preset.value = "fast"
    desk.wait_for_worker()
    desk.pages.preset.value = "best"
    desk.wait_for_worker()
    shown = list_of(desk.viewer, desk.pages._session.image)
    assert shown is desk.pages
    assert shown.run_next(desk.pages.model.value) == ""
    desk.wait(lambda: "Ink of f3.png" in desk.viewer.layers)
    assert "last page" in shown.run_next(desk.pages.model.value)
    desk.pages.turn(-1)
    assert "is gone" in shown.run_next("no such model")
    desk.pages.turn(1)
    assert open_list(folder, tmp_path).choices["preset"] == "best"
    desk.wait_for_worker()
    calls = len(fake_engine.calls)
    other = Desk(desk.viewer, fake_engine)
    other.pages.next.native.click()
    assert other.pages.preset.value == "best"
    other.wait_for_worker()
    assert len(fake_engine.calls) == calls, "nothing is binarized twice"


def test_all_pages_are_tried_again_when_the_button_is_pressed_again(
    desk, folder, fake_engine
) -> None:
    def fail(_: int) -> None:
        raise MemoryError

    (folder / "f2.png").unlink()
    fake_engine.before = fail
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    desk.pages.all.native.click()
    desk.wait_for_worker()
    assert sorted(desk.pages._session.troubles) == [0, 1]
    fake_engine.before = lambda _: None
    desk.pages.all.native.click()
    desk.wait_for_worker()
    assert desk.pages._session.troubles == {}
    assert "All pages are binarized." in desk.pages.status.value


def test_a_network_that_replaces_another_of_its_name_reads_the_pages_anew(
    desk, folder, fake_engine, monkeypatch
) -> None:
    (folder / "f2.png").unlink()
    loaded = []
    load = fake_engine.load
    desk.pages._engines = lru_cache(1)(lambda *how: loaded.append(how) or load(*how))
    desk.pages.folder.value = folder
    desk.wait_for_worker()
    assert len(fake_engine.calls) == 2
    monkeypatch.setattr(pages_panel, "file_hash", lambda path: "another network")
    MODEL_NEWS.added.emit(desk.pages.model.value, True)
    desk.wait_for_worker()
    assert len(fake_engine.calls) == 3, "the next page, not the one that is shown"
    assert len(loaded) == 2
    assert desk.pages._session.pages.choices["stamp"] == "another network"


def test_a_page_that_cannot_be_kept_is_not_turned(desk, tmp_path, folder, monkeypatch) -> None:
    from docbin_napari.io.errors import DraftError

    desk.pages.folder.value = folder
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)

    def full(*_: Any) -> None:
        raise DraftError(tmp_path, "there is no room on the disk")

    monkeypatch.setattr(autosave.drafts, "write_draft", full)
    desk.viewer.layers["Ink of f1.png"].data[0, 0] = 1
    desk.pages.turn(1)
    assert desk.viewer.layers["Ink of f1.png"].data[0, 0] == 1
    assert "no room" in desk.pages.status.value
    assert "This page stays" in desk.pages.status.value
    asked = []
    desk.save.drafts.closing._asks = lambda _, trouble: bool(asked.append(trouble))
    window = desk.viewer.window._qt_window
    window.close()
    assert window.isVisible(), "the question was answered with Stay"
    assert "no room" in asked[0]
    monkeypatch.undo()
    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path / "user"))
    desk.pages.turn(1)
    desk.wait(lambda: "Ink of f1.png" not in desk.viewer.layers)
    desk.pages.turn(-1)
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    assert desk.viewer.layers["Ink of f1.png"].data[0, 0] == 1


def test_layers_removed_and_renamed_in_the_middle(desk, tmp_path, folder) -> None:
    desk.pages.folder.value = folder
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    desk.viewer.layers["Ink of f1.png"].data[0, 0] = 1
    desk.viewer.layers["f1.png"].name = "another name"
    desk.viewer.layers.remove("Ink of f1.png")
    desk.pages.turn(1)
    desk.pages.turn(-1)
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    assert desk.viewer.layers["Ink of f1.png"].data[0, 0] == 1


def test_an_offer_is_taken(desk, tmp_path, one_stroke) -> None:
    from docbin_napari.pairs.drafts import Draft, PageKey, content_of, write_draft

    corrected = one_stroke.ink.astype(np.uint8)
    corrected[:5] = 2
    key = PageKey(content_of(one_stroke.pixels))
    write_draft(tmp_path / "user", key, Draft(corrected), "before")
    desk.viewer.add_image(one_stroke.pixels, rgb=True)
    labels = desk.viewer.add_labels(np.zeros((48, 64), np.uint8))
    desk.wait(lambda: desk.save.drafts.found.visible)
    picture(desk, "offer")
    desk.save.drafts.restore.native.click()
    assert np.array_equal(labels.data, corrected)
    labels.undo()
    assert not labels.data.any()
    labels.redo()
    desk.wait(lambda: not desk.save.drafts.found.visible)
    desk.wait(lambda: [p.stem[-6:] for p in (tmp_path / "user").iterdir()] != ["before"])


def test_closing_the_viewer_while_a_page_is_binarized(desk, folder, fake_engine) -> None:
    passed: list[int] = []

    def slow(number: int) -> None:
        passed.append(number)
        time.sleep(0.2)

    fake_engine.before = slow
    desk.pages.folder.value = folder
    desk.wait(lambda: bool(passed))
    desk.viewer.close()
    desk.wait(lambda: desk.pages._worker is None)
    assert len(passed) < 5


def test_nothing_is_cut_off_in_a_narrow_panel(desk, tmp_path, folder) -> None:
    from qtpy.QtWidgets import QComboBox, QLabel, QPushButton

    desk.save.datasets.value = tmp_path
    desk.pages.folder.value = folder
    desk.wait(lambda: "Ink of f1.png" in desk.viewer.layers)
    desk.dock.native.parent().resize(300, desk.dock.native.parent().height())
    for _ in range(5):
        desk.wait(lambda: True)
    assert desk.dock.native.minimumSizeHint().width() <= 330
    for part in desk.dock.native.findChildren((QPushButton, QComboBox, QLabel)):
        if part.isVisible() and not (isinstance(part, QLabel) and part.wordWrap()):
            assert part.width() >= part.minimumSizeHint().width(), part.objectName()
