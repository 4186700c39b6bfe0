"""The pictures of docs/tutorial.md: a round on generated pages, played by a script.

Strategy: three pages of one made-up archive, whose back shows through. The first is
corrected: some tools are shown with a real mouse on the canvas, the rest of the page is
taken from its exact ground truth. The second is measured only, the third is the next page.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from docbin_napari.plugin.dock import BINARIZE, CORRECT, TRAIN, open_panel

ARCHIVE, SEED, SHAPE = "through", 142, (760, 800)
MINUTES = float(os.environ.get("TUTORIAL_MINUTES", "2"))
LARGEST = 245_000  # bytes of a picture
SPECKS = 60
# Corners of the rectangle round the writing that shines through, (row, column).
THROUGH = ((598, 158), (630, 280), (656, 392))


def make_pictures(folder: Path) -> None:
    """Play the round and write ``tutorial-*.png`` into `folder`."""
    with tempfile.TemporaryDirectory(prefix="tutorial-") as place:
        for name in ("MODELS", "CONFIG", "DRAFTS", "CACHE"):
            os.environ[f"DOCBIN_{name}"] = str(Path(place) / name.lower())
        _Tutorial(Path(place), folder).play()


def _pages() -> list[Any]:
    from docbin_napari.drawing.archives import choose_archive
    from docbin_napari.drawing.generator import draw_archive_page

    archive = choose_archive(np.random.default_rng(SEED), ARCHIVE)
    seeds = [np.random.default_rng((SEED, number)) for number in (1, 2, 3)]
    return [draw_archive_page(seed, archive, SHAPE) for seed in seeds]


class _Tutorial:
    """The window, and what was opened in it."""

    def __init__(self, place: Path, folder: Path) -> None:
        import napari

        from docbin_napari.pairs.pair import write_pair

        self.pages, self.folder, self.datasets = _pages(), folder, place / "pairs"
        self.scans = [place / "scans" / f"leaf-{number}.png" for number in (1, 2, 3)]
        self.scans[0].parent.mkdir()
        for page, scan in zip(self.pages, self.scans, strict=True):
            Image.fromarray(page.pixels).save(scan, dpi=(300, 300))
        measured = self.pages[1]
        write_pair(self.datasets / "test" / "letters", "leaf-2", measured.pixels, measured.ink)
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1280, 900)

    def play(self) -> None:
        """From the first page to the next."""
        self.binarizer = self._dock(BINARIZE)
        self.viewer.open(str(self.scans[0]))
        self._look()
        self._press(self.binarizer.run)
        self._until(lambda: self.binarizer.run.enabled)
        self._picture("1-binarized")
        self._correct()
        self._train()
        self._next_page()
        self.viewer.close()

    def _correct(self) -> None:
        widget = self._dock(CORRECT)
        ink = self.viewer.layers["Ink of leaf-1"]
        self._press(widget.tools["region"])
        self._drag(*THROUGH)
        widget.here.value = 1.0
        self._picture("2-region")
        self._press(widget.tools["region"])
        widget.sections["specks_section"].fold(False)
        self._show(widget, "specks_section")
        widget.area.value, widget.specks.value = "Whole page", SPECKS
        self._until(lambda: widget.remove_specks.enabled)
        self._picture("3-specks")
        self._press(widget.remove_specks)
        ink.data[:] = self.pages[0].ink
        ink.refresh()
        widget.saving.datasets.value = self.datasets
        widget.saving.new.value = "letters"
        self._look()
        self._press(widget.saving.save)
        self._until(lambda: widget.saving._worker is None)
        self._look(60)
        self._show(widget, "pair_section")
        self._picture("4-saved")

    def _train(self) -> None:
        self.trainer = widget = self._dock(TRAIN)
        widget.folder.value = self.datasets
        self._until(lambda: not widget._pairs.busy)
        widget.minutes.value = MINUTES
        self._press(widget.train)
        session = widget._session
        self._until(lambda: not session.running, 60 * MINUTES + 300)
        print(widget.status.value)
        self._look(250)  # until the notifications have gone
        self._picture("5-trained")

    def _next_page(self) -> None:
        """Run the new model from its panel; show the ink of both beside the page."""
        from docbin_napari import binarize
        from docbin_napari.metrics.rates import f_measure

        model = self.trainer._session.ending.model
        self.viewer.layers.clear()
        self.viewer.open(str(self.scans[2]))
        self._press(self.trainer.run_here)
        self._until(lambda: not self.binarizer._session.running)
        page = self.pages[2]
        inks = [binarize(page.pixels, name) for name in ("general-1", model)]
        print([round(f_measure(ink, page.ink), 2) for ink in inks])
        white = np.full((SHAPE[0], 10, 3), 255, np.uint8)
        shown = [np.repeat(np.where(ink, 0, 255)[..., None], 3, 2).astype(np.uint8) for ink in inks]
        row = np.concatenate([page.pixels, white, shown[0], white, shown[1]], axis=1)
        small = Image.fromarray(row).resize((row.shape[1] // 2, row.shape[0] // 2))
        self._write(small, "6-before-after")

    # ---- the hand

    def _dock(self, name: str) -> Any:
        """Open a panel as its menu does, and bring its tab to the front."""
        widget = open_panel(self.viewer, name)
        self._look()
        self.viewer.reset_view()  # the panel has taken room from the page
        return widget

    def _show(self, widget: Any, section: str) -> None:
        """Scroll the panel to one of its sections."""
        self._look()
        widget._scroll.ensureWidgetVisible(widget.sections[section].native)
        bar = widget._scroll.verticalScrollBar()
        bar.setValue(min(bar.maximum(), widget.sections[section].native.y()))
        self._look()

    def _press(self, button: Any) -> None:
        assert button.enabled, button.name
        button.native.click()
        self._look()

    def _look(self, rounds: int = 10) -> None:
        from qtpy.QtTest import QTest

        for _ in range(rounds):
            QTest.qWait(20)

    def _until(self, done: Any, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "waited in vain"
            self._look(1)

    def _drag(self, *points: tuple[float, float]) -> None:
        """Press the mouse at the first (row, column), move over the others, release."""
        canvas = self.viewer.window._qt_viewer.canvas
        mapped = [canvas.view.scene.transform.map([x, y]) for y, x in points]
        places = [(round(m[0] / m[3]), round(m[1] / m[3])) for m in mapped]
        events = canvas._scene_canvas.events
        held = {"button": 1, "modifiers": []}
        press = events.mouse_press(pos=places[0], buttons=[1], type="mouse_press", **held)
        for place in places[1:]:
            events.mouse_move(pos=place, buttons=[1], press_event=press, **held)
            self._look(1)
        events.mouse_release(pos=places[-1], buttons=[], press_event=press, **held)
        self._look()

    def _picture(self, name: str) -> None:
        self._look()
        self._write(Image.fromarray(self.viewer.window.screenshot(canvas_only=False)), name)

    def _write(self, picture: Image.Image, name: str) -> None:
        """Write with as many colours as the size allows."""
        path = self.folder / f"tutorial-{name}.png"
        for colours in (256, 160, 96, 64, 40):
            few = picture.convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE, kmeans=2)
            few.save(path, optimize=True)
            if path.stat().st_size < LARGEST:
                break
        print(path, colours, path.stat().st_size)
