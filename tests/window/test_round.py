"""One whole round as a person plays it: open, binarize, correct, save, train, run, compare."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_erosion

from docbin_napari.drawing.archives import choose_archive
from docbin_napari.drawing.generator import SyntheticPage, draw_archive_page
from docbin_napari.finetune.stages import TEST
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.model_file import find_model
from docbin_napari.pairs.pair import find_pairs, write_pair

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.window

# The back of these pages shows through, and the built-in weights take it for ink.
ARCHIVE, SEED, SHAPE = "through", 101, (560, 600)
BACK = ((200, 245), (380, 460), (552, 592))
STAMP = ((82, 180), (100, 240), (121, 302))  # what shines through above the first line
LETTER = np.s_[203:228, 137:160]  # the r of the second line
# Steps instead of minutes: the same on every machine.
SHORT = (
    *("--minutes", "0", "--steps", "120", "--batch", "4", "--window", "128"),
    *("--replay-pages", "4", "--validations", "4"),
)


class Round:
    """A viewer, the three widgets as they are opened, and a hand that takes pictures."""

    def __init__(self, viewer: Any, pictures: Path) -> None:
        self.viewer = viewer
        self._pictures = pictures
        self._taken = 0

    def dock(self, name: str) -> Any:
        """Open a widget as the Plugins menu does, and bring it to the front."""
        window = self.viewer.window
        _, widget = window.add_plugin_dock_widget("docbin-napari", name)
        self.front(widget)
        return widget

    def front(self, widget: Any) -> None:
        """Bring a docked widget to the front."""
        widget.native.parent().raise_()
        self.look()

    def look(self, rounds: int = 5) -> None:
        """Let the window live."""
        from qtpy.QtTest import QTest

        for _ in range(rounds):
            QTest.qWait(20)

    def wait(self, done: Callable[[], bool], told: Any, seconds: float = 600) -> None:
        """Wait until something is so; `told` is the line that says what goes on."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"waited in vain; {told.value!r}"
            self.look(1)

    def picture(self, name: str) -> None:
        """Keep a picture of the whole window, also in the folder named by DOCBIN_PICTURES."""
        self.look()
        self._taken += 1
        path = self._pictures / f"round_{self._taken}_{name}.png"
        self.viewer.window.screenshot(str(path), canvas_only=False, flash=False)
        kept = os.environ.get("DOCBIN_PICTURES")
        if kept:
            Path(kept).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)

    def key(self, name: str) -> None:
        """Press and release a key over the canvas."""
        from napari.utils.key_bindings import coerce_keybinding

        handler = self.viewer.window._qt_viewer.canvas._key_map_handler
        handler.press_key(coerce_keybinding(name))
        handler.release_key(coerce_keybinding(name))
        self.look(2)

    def drag(self, *points: tuple[float, float]) -> None:
        """Press the mouse at the first (row, column) of the page, move on, release."""
        canvas = self.viewer.window._qt_viewer.canvas
        mapped = [canvas.view.scene.transform.map([x, y]) for y, x in points]
        places = [(round(m[0] / m[3]), round(m[1] / m[3])) for m in mapped]
        events = canvas._scene_canvas.events
        press = events.mouse_press(
            pos=places[0], button=1, buttons=[1], modifiers=[], type="mouse_press"
        )
        for place in places[1:]:
            events.mouse_move(pos=place, button=1, buttons=[1], modifiers=[], press_event=press)
            self.look(1)
        events.mouse_release(pos=places[-1], button=1, buttons=[], modifiers=[], press_event=press)
        self.look(2)


class Desk(NamedTuple):
    """Two pages of one archive: files of scans, what is on them, and a folder for pairs."""

    pages: list[SyntheticPage]
    scan: Path
    datasets: Path


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A scan to correct, and a page of the same archive that nobody learns from."""
    for name in ("MODELS", "CONFIG", "DRAFTS", "CACHE"):
        monkeypatch.setenv(f"DOCBIN_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    archive = choose_archive(np.random.default_rng(SEED), ARCHIVE)
    # The other side shines through so strongly that the built-in model takes it for ink.
    archive = replace(archive, damage=replace(archive.damage, bleed=1.4, bleed_blur=1.2))
    pages = [
        draw_archive_page(np.random.default_rng((SEED, number)), archive, SHAPE)
        for number in (1, 2)
    ]
    scan = tmp_path / "scans" / "leaf-1.png"
    scan.parent.mkdir()
    Image.fromarray(pages[0].pixels).save(scan, dpi=(300, 300))
    write_pair(tmp_path / "pairs" / "test" / "letters", "leaf-2", pages[1].pixels, pages[1].ink)
    return Desk(pages, scan, tmp_path / "pairs")


@pytest.fixture
def play(the_viewer: Any, desk: Desk, tmp_path: Path) -> Round:
    """The window, large enough for page and widget."""
    the_viewer.window.resize(1400, 940)
    return Round(the_viewer, tmp_path)


def test_one_whole_round(play: Round, desk: Desk) -> None:
    truth = desk.pages[0].ink
    play.viewer.open(str(desk.scan))
    binarizer = binarize(play)
    ink = play.viewer.layers["Ink of leaf-1"]
    first = ink.data.copy()
    assert f_measure(first == 1, truth) < 60, "the page is too easy to show anything"

    corrector = correct(play, ink)
    corrected = ink.data == 1
    assert f_measure(corrected, truth) > f_measure(first == 1, truth) + 20

    pair = save(play, corrector, desk.datasets)
    assert np.array_equal(read_ground_truth(pair.ground_truth).ink, corrected)

    trained = train(play, desk.datasets)
    model = trained._session.ending.model
    assert model == "letters-1"
    assert "On 1 other page: FM" in trained.status.value
    figures = find_model(model).header["figures"]
    assert figures[TEST] > figures[f"{TEST} before"] + 10, "what was corrected helps other pages"
    assert model in binarizer.model.choices
    chosen = binarizer.model.value == model
    assert chosen == trained._session.ending.better, "only a better model is chosen by itself"

    trained.run_here.native.click()
    play.wait(lambda: not binarizer._session.running, binarizer.status)
    play.front(binarizer)
    assert binarizer.status.value.startswith("Done in")
    assert binarizer.model.value == model
    assert np.array_equal(ink.data == 1, corrected), "the corrections are left alone"
    newest = play.viewer.layers[-1]
    assert newest is not ink
    assert newest.metadata["model"] == model
    better = f_measure(newest.data == 1, truth)
    assert better > f_measure(first == 1, truth) + 10
    play.picture("new_model")
    next_page(play, desk, binarizer, trained)


def next_page(play: Round, desk: Desk, binarizer: Any, trained: Any) -> None:
    """Open a page that nobody has corrected: the new model reads it better than the old one."""
    scan = desk.scan.with_name("leaf-2.png")
    Image.fromarray(desk.pages[1].pixels).save(scan, dpi=(300, 300))
    figures = []
    for model in ("general-1", trained._session.ending.model):
        play.viewer.layers.clear()
        play.viewer.open(str(scan))
        binarizer.model.value = model
        binarizer.run.native.click()
        play.wait(lambda: binarizer.run.enabled, binarizer.status)
        found = play.viewer.layers["Ink of leaf-2"].data == 1
        figures.append(f_measure(found, desk.pages[1].ink))
    play.picture("next_page")
    assert figures[1] > figures[0] + 10, figures


def binarize(play: Round) -> Any:
    """Find the ink with the built-in model."""
    widget = play.dock("Binarize document")
    widget.preset.value, widget.device.value = "fast", "cpu"
    play.picture("page")
    widget.run.native.click()
    play.wait(lambda: widget.run.enabled, widget.status)
    assert widget.status.value.startswith("Done in"), widget.status.value
    play.picture("binarized")
    return widget


def correct(play: Round, ink: Any) -> Any:
    """Take away what shines through, one letter too many, and paint that letter again."""
    widget = play.dock("Correct and save training pairs")
    assert widget.ink.value is ink
    play.viewer.reset_view()
    play.look()
    for corners in (BACK, STAMP):
        play.key("T")
        play.drag(*corners)
        widget.here.value = 1.0
        play.look()
        play.key("T")
    assert not (ink.data[205:550, 250:590] == 1).any()
    assert not (ink.data[84:120, 182:300] == 1).any()
    play.picture("region")
    letter = ink.data[LETTER] == 1
    play.key("K")
    middle = binary_erosion(letter, np.ones((3, 3)))
    play.drag(np.argwhere(middle)[0] + (LETTER[0].start, LETTER[1].start))
    assert (ink.data[LETTER] == 1).sum() < 0.5 * letter.sum(), "a slip: the letter is gone"
    play.key("I")
    ink.brush_size = 14
    for row in range(LETTER[0].start, LETTER[0].stop, 8):
        play.drag((row, LETTER[1].start), (row, LETTER[1].stop))
    assert ((ink.data[LETTER] == 1) & letter).sum() > 0.8 * letter.sum()
    play.key("I")
    widget.area.value, widget.specks.value = "Whole page", 100
    play.wait(lambda: widget.remove_specks.enabled, widget.status)
    play.picture("specks")
    widget.remove_specks.native.click()
    return widget


def save(play: Round, corrector: Any, datasets: Path) -> Any:
    """Save the whole page as a pair of a new collection."""
    panel = corrector.saving
    panel.datasets.value = datasets
    panel.new.value = "letters"
    play.look()
    assert panel.save.enabled, panel.status.value
    panel.save.native.click()
    play.wait(lambda: panel._worker is None, panel.status)
    play.picture("saved")
    (pair,) = find_pairs(datasets / "train" / "letters")
    return pair


def train(play: Round, datasets: Path) -> Any:
    """Learn from the pair in a process of its own."""
    widget = play.dock("Train on my pairs")
    widget.folder.value = datasets
    play.wait(lambda: not widget._pairs.busy, widget.status)
    widget.device.value = "cpu"
    widget.more = SHORT
    assert widget.train.enabled, widget.status.value
    play.picture("before_training")
    widget.train.native.click()
    session = widget._session
    play.wait(lambda: not session.running, widget.status)
    play.picture("trained")
    assert not session.ending.failed, widget.status.value
    return widget
