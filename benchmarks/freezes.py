"""How long the window does not answer, step by step of a working day in napari.

Strategy: a timer of the event loop ticks every few milliseconds. What lies between two ticks is a
freeze: nothing is drawn and no key is heard. Beside the time on the clock stands the time that the
main thread computed in it: on a busy machine the rest is waiting for a turn. A bar above 0.3 s of
computing is what a person feels.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from records import Journal, print_header, print_row

if TYPE_CHECKING:
    from collections.abc import Callable

_TICK_MILLISECONDS = 5


class Beat:
    """Ticks in the event loop and remembers the longest freeze of a step."""

    def __init__(self, profiled: str = "") -> None:
        from qtpy.QtCore import QTimer

        self._profiled = profiled
        self._last = time.perf_counter(), time.thread_time()
        self._worst = (0.0, 0.0)
        self._timer = QTimer()
        self._timer.setInterval(_TICK_MILLISECONDS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self.steps: list[tuple[str, float, float]] = []

    def _tick(self) -> None:
        now = time.perf_counter(), time.thread_time()
        self._worst = max(self._worst, (now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now

    def step(
        self, name: str, work: Callable[[], Any], done: Callable[[], bool] = lambda: True
    ) -> Any:
        """Do something and let the loop live until it is done, and a second longer.

        Parameters
        ----------
        name : str
            Of the step.
        work : callable
            What a click does.
        done : callable
            Whether all that follows from it is over.

        Returns
        -------
        object
            What the work gave.
        """
        from qtpy.QtTest import QTest

        QTest.qWait(300)
        self._worst = (0.0, 0.0)
        profile = cProfile.Profile() if name == self._profiled else None
        if profile is not None:
            profile.enable()
        given = work()
        while True:
            QTest.qWait(50)
            if done():
                break
        QTest.qWait(1000)
        if profile is not None:
            profile.disable()
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        self.steps.append((name, *self._worst))
        return given


def write_scans(folder: Path, count: int, height: int, width: int) -> None:
    """Write pages of one size: light paper, lines of dark strokes."""
    random = np.random.default_rng(1)
    page = np.full((height, width, 3), 225, np.uint8)
    for top in range(100, height - 100, 60):
        for left in range(100, width - 100, 40):
            if random.random() < 0.8:
                page[top : top + 24, left : left + int(random.integers(4, 28))] = 40
    folder.mkdir()
    for number in range(1, count + 1):
        shifted = np.roll(page, 37 * number, axis=0)
        Image.fromarray(shifted).save(
            folder / f"leaf-{number:03}.png", dpi=(300, 300), compress_level=1
        )


def play(place: Path, beat: Beat, viewer: Any) -> None:
    """Go through the day: open, binarize, correct, save, turn pages, a long list."""
    from docbin_napari.plugin.dock import BINARIZE, CORRECT, TRAIN, open_panel

    binarizer = beat.step("open the panel Binarize", lambda: open_panel(viewer, BINARIZE))
    corrector = beat.step("open the panel Correct", lambda: open_panel(viewer, CORRECT))
    beat.step("open the panel Train", lambda: open_panel(viewer, TRAIN))
    open_panel(viewer, BINARIZE)
    scans = place / "scans"
    beat.step("open a page", lambda: viewer.open(str(scans / "leaf-001.png")))
    binarizer.preset.value = "fast"
    beat.step("first Run", binarizer.run.native.click, lambda: binarizer.run.enabled)
    beat.step("second Run", binarizer.run.native.click, lambda: binarizer.run.enabled)

    def move() -> None:
        binarizer.threshold.value = 0.2

    beat.step("move the threshold", move, lambda: not binarizer._timer.isActive())
    export = corrector.export
    export._asks_file = lambda *_: place / "page.png"
    beat.step("save the page", lambda: export.page.changed.emit(True), (place / "page.png").exists)
    corrector.saving.datasets.value = place / "pairs"
    saving = corrector.saving
    beat.step("save the pair", lambda: saving.save.changed.emit(True), lambda: not saving._worker)
    pages, layers = corrector.page_list, viewer.layers
    open_panel(viewer, CORRECT)
    corrector.sections["folder"].fold(False)
    pages.preset.value = "fast"

    def ready(number: int) -> Callable[[], bool]:
        return lambda: f"Ink of leaf-{number:03}.png" in layers and pages._worker is None

    beat.step("open a folder", lambda: pages.folder.choose(scans), ready(1))
    beat.step("turn the page", lambda: pages.turn(1), ready(2))
    beat.step("turn back", lambda: pages.turn(-1), ready(1))
    many = place / "many"
    beat.step(
        "open a folder of 200 pages",
        lambda: pages.folder.choose(many),
        lambda: pages.list.count() == 200 and ready(1)(),
    )
    beat.step("turn a page of 200", lambda: pages.turn(1), ready(2))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--height", type=int, default=3508, help="pixels of a page")
    parser.add_argument("--width", type=int, default=2480)
    parser.add_argument("--profile", default="", help="name of a step to profile")
    parser.add_argument("--csv", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in ("CONFIG", "DRAFTS", "CACHE"):
            os.environ[f"DOCBIN_{name}"] = str(place / name.lower())
        (place / "pairs").mkdir()
        write_scans(place / "scans", 3, options.height, options.width)
        write_scans(place / "many", 200, 400, 300)
        import napari
        from superqt.utils import WorkerBase

        viewer = napari.Viewer()
        viewer.window.resize(1440, 900)
        beat = Beat(options.profile)
        play(place, beat, viewer)
        viewer.close()
        # As napari does when it quits: a worker that outlives the window ends the process.
        WorkerBase.await_workers()
    from docbin_napari.model.engine import load_engine
    from docbin_napari.model.model_file import DEFAULT_MODEL, find_model
    from hardware import hardware

    machine = hardware(load_engine(find_model(DEFAULT_MODEL)).device)
    print(machine)
    journal = Journal(options.csv, "freezes", machine, f"{options.width}x{options.height}")
    print_header(["step", "longest freeze, s", "of it computing, s"])
    for name, clock, computing in beat.steps:
        print_row([name, f"{clock:.2f}", f"{computing:.2f}"])
        journal.add(name, "freeze", "s", [clock])
        journal.add(name, "computing in the freeze", "s", [computing])


if __name__ == "__main__":
    main()
