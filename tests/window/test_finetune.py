"""Training in a real window: a real process that learns for seconds from tiny pages."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from docbin_napari.pairs.pair import write_pair

pytestmark = pytest.mark.window
QUICK = (
    *("--minutes", "0", "--steps", "24", "--batch", "2", "--window", "64", "--replay", "0"),
    *("--validations", "6", "--learning-rate", "0.01", "--average", "0.5"),
)
# It looks every five steps, and would go on for minutes.
LONG = (*QUICK, "--steps", "10000", "--validations", "2000")


def striped_page(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A page of 256 x 192 pixels with bars of ink."""
    random = np.random.default_rng(seed)
    ink = np.zeros((256, 192), bool)
    for top in range(10, 245, 18):
        left = int(random.integers(5, 40))
        ink[top : top + 5, left : left + int(random.integers(70, 140))] = True
    gray = np.where(ink, 60, 210) + random.normal(0, 6, ink.shape)
    return np.repeat(gray[..., None].clip(0, 255), 3, axis=2).astype(np.uint8), ink


class Room:
    """The widget in a window, its answers to questions, and what napari told its user."""

    def __init__(self, viewer: Any, widget: Any) -> None:
        self.viewer, self.widget = viewer, widget
        self.answer, self.questions, self.told = "Cancel", [], []

    def ask(self, _: Any, question: str) -> str:
        self.questions.append(question)
        return self.answer

    def wait(self, done: Any, seconds: float = 600) -> None:
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"waited in vain; {self.widget.status.value!r}"
            QApplication.processEvents()
            time.sleep(0.01)

    def begin(self, more: tuple[str, ...]) -> Any:
        """Press Train and wait until something was learnt."""
        self.widget.more = more
        self.widget.train.native.click()
        session = self.widget._session
        assert session is not None, self.widget.status.value
        self.wait(lambda: len(session.curves.looks) > 1 or not session.running)
        return session


@pytest.fixture
def pairs(tmp_path):
    """Two collections to learn from and one to measure on."""
    for seed in range(2):
        write_pair(tmp_path / "pairs" / "train" / "letters", f"page{seed}", *striped_page(seed))
    pixels, ink = striped_page(7)
    nothing = np.zeros_like(ink)
    write_pair(tmp_path / "pairs" / "train" / "untouched", "page", pixels, nothing, nothing)
    write_pair(tmp_path / "pairs" / "test" / "others", "page", *striped_page(9))
    return tmp_path / "pairs"


@pytest.fixture
def room(the_viewer, pairs, tmp_path, tiny_model_file, monkeypatch):
    """The widget, docked, with a tiny model to start from and the pairs chosen."""
    from napari.utils.notifications import notification_manager

    models = tmp_path / "models"
    models.mkdir()
    (models / "tiny.safetensors").write_bytes(tiny_model_file.read_bytes())
    monkeypatch.setenv("DOCBIN_MODELS", str(models))
    monkeypatch.setenv("DOCBIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    from docbin_napari.plugin.finetune.finetune_widget import TrainingWatch, TrainOnMyPairs

    room = Room(the_viewer, None)
    room.widget = TrainOnMyPairs(the_viewer, asks=room.ask)
    the_viewer.window.add_dock_widget(room.widget, name="Train on my pairs")

    def note(notification: Any) -> None:
        room.told.append(str(notification.message))

    notification_manager.notification_ready.connect(note)
    room.widget.folder.value = pairs
    room.wait(lambda: not room.widget._pairs.busy)
    room.widget.start.value = "tiny"
    room.widget.device.value = "cpu"
    yield room
    notification_manager.notification_ready.disconnect(note)
    if TrainingWatch.current is not None:
        TrainingWatch.current.session._process.kill()
        room.wait(lambda: TrainingWatch.current is None)


@pytest.fixture
def picture(the_viewer):
    """Keep a picture of the whole window in the folder named by DOCBIN_PICTURES."""
    import os
    from pathlib import Path

    from qtpy.QtWidgets import QApplication

    def keep(name: str) -> None:
        folder = os.environ.get("DOCBIN_PICTURES")
        if folder:
            for _ in range(5):
                QApplication.processEvents()
            Path(folder).mkdir(parents=True, exist_ok=True)
            path = str(Path(folder) / f"{name}.png")
            the_viewer.window.screenshot(path, canvas_only=False, flash=False)

    return keep


def listed(widget: Any) -> list[str]:
    """The collections as they are shown."""
    rows = widget.collections
    return [rows.item(row).text() for row in range(rows.count())]


def test_a_pair_that_is_saved_during_a_count_is_counted(room, pairs, monkeypatch) -> None:
    import threading

    from docbin_napari.plugin.finetune import finetune_fields
    from docbin_napari.plugin.signals import PAIR_NEWS

    real, counted, ends = finetune_fields.read_summaries, threading.Event(), threading.Event()

    def slow(folder: Any) -> Any:
        found = real(folder)
        counted.set()
        assert ends.wait(120)
        return found

    monkeypatch.setattr(finetune_fields, "read_summaries", slow)
    PAIR_NEWS.saved.emit(pairs)
    room.wait(counted.is_set)
    write_pair(pairs / "train" / "new", "page", *striped_page(3))
    PAIR_NEWS.saved.emit(pairs)
    ends.set()
    room.wait(lambda: any(name.startswith("new ·") for name in listed(room.widget)), 60)


def test_a_model_is_trained_listed_and_run(room, picture) -> None:
    from docbin_napari.plugin.binarize.binarize_widget import BinarizeDocument

    widget, viewer = room.widget, room.viewer
    binarizer = BinarizeDocument(viewer)
    viewer.window.add_dock_widget(binarizer, name="Binarize document", tabify=True)
    widget.native.parent().raise_()
    pages = np.stack([striped_page(seed)[0] for seed in (11, 12)])
    viewer.add_image(pages, rgb=True, name="letters")
    viewer.dims.set_current_step(0, 0)
    assert listed(widget)[0] == "letters · 2 pairs · 0.1 Mpix labelled"
    assert [summary.collection.path.name for summary in widget.collections.ticked()] == ["letters"]
    assert widget.name_field.value == "letters-1"
    picture("training_before")
    session = room.begin(QUICK)
    assert widget.train.enabled is False
    picture("training_running")
    room.wait(lambda: not session.running)
    ending = session.ending
    assert ending.model == "letters-1"
    assert ending.better, "random weights learn bars at once"
    assert "On 1 other page: FM" in widget.status.value
    assert "before" in widget.status.value
    assert "letters-1" in binarizer.model.choices
    assert binarizer.model.value == "letters-1", "it is better"
    assert widget.name_field.value == "letters-2"
    assert widget.strip.isVisible(), "what has changed is shown first; the curves are beside it"
    picture("training_done")
    viewer.theme = "light"
    picture("training_light")
    viewer.theme = "dark"
    widget.run_next.native.click()
    room.wait(lambda: "Ink of letters" in viewer.layers and not binarizer._session.running)
    assert viewer.dims.current_step[0] == 1
    assert binarizer.status.value.startswith("Done in")
    assert widget.run_next.native.isHidden(), "there is no further page"
    viewer.dims.set_current_step(0, 0)
    assert not widget.run_next.native.isHidden()
    viewer.dims.set_current_step(0, 1)
    assert viewer.layers["Ink of letters"].data[1].any()
    assert not viewer.layers["Ink of letters"].data[0].any()
    assert binarizer.model.value == "letters-1", "also when layers were added"
    binarizer.native.parent().raise_()
    picture("training_applied")


def test_a_strip_shows_the_change_and_one_click_trains_longer(room, picture) -> None:
    widget = room.widget
    session = room.begin(QUICK)
    assert widget.views.currentWidget() is widget.curves
    assert not widget.after.visible
    room.wait(lambda: not session.running)
    assert widget.strip.has_picture
    assert widget.views.currentWidget() is widget.strip
    assert widget.native.minimumSizeHint().height() <= 700
    picture("training_strip")
    widget.longer.native.click()
    again = widget._session
    assert again is not session
    assert again.request.longer == "letters-1"
    room.wait(lambda: not again.running)
    assert again.ending.model == "letters-2"
    assert {"letters-1", "letters-2"} <= set(widget.start.choices)


def test_stop_while_preparing_leaves_no_model(room, tmp_path) -> None:
    widget = room.widget
    widget.more = (*LONG, "--replay", "0.5", "--replay-pages", "9999")
    widget.train.native.click()
    session = widget._session
    room.wait(lambda: session.status.startswith("Preparing: pages"))
    widget.stop.native.click()
    assert widget.status.value == "Stopping. Nothing has been learnt yet."
    room.wait(lambda: not session.running)
    assert widget.status.value.startswith("Stopped. Nothing has been learnt yet")
    assert not session.ending.failed
    assert not widget.after.visible
    assert not list((tmp_path / "models").glob("letters*"))


def test_one_minute_is_enough_to_learn(room) -> None:
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    minutes = room.widget.minutes.native
    minutes.selectAll()
    QTest.keyClicks(minutes, "1")
    QTest.keyClick(minutes, Qt.Key.Key_Return)
    assert room.widget.minutes.value == 1
    session = room.begin(("--batch", "2", "--window", "64", "--replay", "0"))
    assert session.status.startswith("Training: "), session.status
    assert "of 1 min" in session.status
    assert session.curves.losses, "preparation does not count as learning"
    room.widget.stop.native.click()
    room.wait(lambda: not session.running)
    assert session.ending.model == "letters-1"


def test_stop_keeps_the_best(room) -> None:
    session = room.begin(LONG)
    room.widget.stop.native.click()
    assert room.widget.stop.text == "Stop now"
    room.wait(lambda: not session.running)
    assert session.ending.model == "letters-1"
    assert not session.ending.failed
    assert "letters-1" in room.widget.start.choices


def test_a_crash_is_told_and_the_best_so_far_is_kept(room) -> None:
    session = room.begin(LONG)
    session._process.kill()
    room.wait(lambda: not session.running)
    assert session.ending.failed
    assert "ended unexpectedly" in room.told[-1]
    assert "kept as “letters-1”" in room.widget.status.value
    assert room.widget.train.enabled


def test_closing_the_panel_asks(room) -> None:
    from docbin_napari.plugin.finetune.finetune_widget import TrainOnMyPairs

    session = room.begin(LONG)
    room.viewer.window.remove_dock_widget(room.widget.native)
    assert len(room.questions) == 1
    room.wait(lambda: room.widget._watch.docked)
    room.answer = "Keep training"
    room.viewer.window.remove_dock_widget(room.widget.native)
    assert session.running
    again = TrainOnMyPairs(room.viewer, asks=room.ask)
    room.viewer.window.add_dock_widget(again, name="Train on my pairs")
    assert again.stop.enabled, "the training goes on, and a new panel shows it"
    room.answer = "Stop and keep the best"
    room.viewer.window.remove_dock_widget(again.native)
    room.wait(lambda: not session.running)
    assert session.ending.model == "letters-1"
    assert session.ending.message in room.told


@pytest.mark.parametrize("answer", ["Keep training", "Stop and keep the best"])
def test_closing_napari_asks_and_nothing_is_left_behind(room, tmp_path, answer) -> None:
    session = room.begin((*QUICK, "--steps", "200", "--validations", "40"))
    window = room.viewer.window._qt_window
    window.close()
    assert window.isVisible(), "the question was answered with Cancel"
    assert session.running
    room.answer = answer
    room.viewer.close()
    session._process._process.wait(60)
    assert session._process.exit_code == 0
    assert (tmp_path / "models" / "letters-1.safetensors").exists()
    assert len(room.questions) == 2


def test_a_pair_that_was_saved_meanwhile_is_listed(room, pairs, tmp_path) -> None:
    from qtpy.QtCore import Qt

    from docbin_napari.plugin.finetune.finetune_widget import TrainOnMyPairs
    from docbin_napari.plugin.settings import remember
    from docbin_napari.plugin.signals import PAIR_NEWS

    widget = room.widget
    widget.collections.item(0).setCheckState(Qt.CheckState.Unchecked)
    write_pair(pairs / "train" / "maps", "page", *striped_page(3))
    PAIR_NEWS.saved.emit(pairs)
    room.wait(lambda: not widget._pairs.busy)
    assert [summary.collection.path.name for summary in widget.collections.ticked()] == ["maps"]
    remember(datasets=str(pairs))
    other = TrainOnMyPairs(room.viewer, asks=room.ask)
    assert other.folder.value == pairs, "where pairs were saved last"
    room.wait(lambda: not other._pairs.busy)
    widget.folder.value = pairs / "test"
    room.wait(lambda: not widget._pairs.busy)
    assert "never learnt from" in widget.status.value


def test_pairs_that_cannot_be_asked_do_not_keep_the_panel_from_opening(room, tmp_path) -> None:
    from docbin_napari.plugin.finetune.finetune_widget import TrainOnMyPairs
    from docbin_napari.plugin.settings import remember

    remember(datasets=str(tmp_path / ("x" * 300)))
    assert TrainOnMyPairs(room.viewer, asks=room.ask).folder.value is None


def test_refusals_say_what_to_do(room, tmp_path) -> None:
    widget = room.widget
    widget.name_field.value = "tiny"
    assert not widget.train.enabled
    assert "already a model “tiny”" in widget.status.value
    widget.name_field.value = "a/b"
    assert "cannot be the name" in widget.status.value
    widget.folder.value = tmp_path / "models"
    room.wait(lambda: not widget._pairs.busy)
    assert str(tmp_path / "models") in widget.status.value
    assert not widget.train.enabled
