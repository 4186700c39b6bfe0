"""A viewer with a real window, the widget in it, and a hand that waits and takes pictures."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docbin_napari.model.model_file import ModelInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PICTURES = "DOCBIN_PICTURES"
CHILD = "DOCBIN_WINDOW_CHILD"
STATUS = pytest.StashKey[int]()
DONE = pytest.StashKey[dict[str, list[pytest.TestReport]]]()


class Gate:
    """Holds the engine at one window until it is opened."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, number: int) -> None:
        if number == self.at:
            self.reached.set()
            assert self.open.wait(120)


@dataclass
class Bench:
    """A viewer, the widget docked in it, and what napari told its user."""

    viewer: Any
    widget: Any
    engine: Any
    errors: list[str] = field(default_factory=list)

    def wait(self, done: Callable[[], bool], seconds: float = 120) -> None:
        """Let the window live until something is so."""
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, f"waited in vain; status: {self.widget.status.value!r}"
            QApplication.processEvents()
            time.sleep(0.005)

    def press(self, button: Any) -> None:
        """Click a button of the widget as a user does."""
        button.native.click()

    def run_to_the_end(self) -> None:
        """Press Run and wait until it can be pressed again."""
        self.press(self.widget.run)
        self.wait(lambda: self.widget.run.enabled)

    def start_and_hold(self, at: int = 6) -> Gate:
        """Press Run and wait until the engine stands at one of the 12 windows."""
        gate = self.engine.before = Gate(at)
        self.press(self.widget.run)
        self.wait(gate.reached.is_set)
        self.wait(lambda: f"{at - 1} of 12" in self.widget.status.value)
        return gate

    def look(self) -> None:
        """Let the window draw what was done so far."""
        from qtpy.QtWidgets import QApplication

        for _ in range(3):
            QApplication.processEvents()

    def settle(self) -> None:
        """Wait until nothing is left to do."""
        self.wait(lambda: not self.widget._timer.isActive())

    def picture(self, name: str) -> None:
        """Keep a picture of the whole window in the folder named by DOCBIN_PICTURES."""
        folder = os.environ.get(PICTURES)
        if folder:
            self.look()
            Path(folder).mkdir(parents=True, exist_ok=True)
            path = str(Path(folder) / f"{name}.png")
            self.viewer.window.screenshot(path, canvas_only=False, flash=False)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run the window tests of a file in a process of their own.

    A crash in the drawing shall not take other tests with it: those that it kept from running, and
    those that are marked as `alone`, get a process each.
    """
    no_display = sys.platform == "linux" and not os.environ.get("DISPLAY")
    if os.environ.get(CHILD) or no_display or not item.get_closest_marker("window"):
        return None
    done = item.session.stash.setdefault(DONE, {})
    if item.nodeid not in done:
        done.update(run_in_child(_together_with(item)))
    if item.nodeid not in done:
        item.config.pluginmanager.getplugin("terminalreporter").write_line(
            f"The process of its file had ended: {item.nodeid} has one of its own."
        )
        done.update(run_in_child([item]))
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in done[item.nodeid]:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    # What pytest's own protocol does last: leave the folders that the next test does not share.
    item.session._setupstate.teardown_exact(nextitem)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Hand every report of a child process to the process that started it."""
    report = yield
    if os.environ.get(CHILD):
        told = item.config.hook.pytest_report_to_serializable(config=item.config, report=report)
        with Path(os.environ[CHILD]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told, default=str) + "\n")
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the tests of a child process went."""
    session.config.stash[STATUS] = int(exitstatus)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End a child process here.

    The viewer is closed and everything is told. Python would now delete what is left of Qt in any
    order, and some of these processes crash in that.
    """
    if os.environ.get(CHILD):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash.get(STATUS, 1))


def _together_with(item: pytest.Item) -> list[pytest.Item]:
    """Give the tests that share a process with this one."""
    if item.get_closest_marker("alone"):
        return [item]
    return [
        other
        for other in item.session.items
        if other.path == item.path
        and other.get_closest_marker("window")
        and not other.get_closest_marker("alone")
    ]


def run_in_child(items: list[pytest.Item]) -> dict[str, list[pytest.TestReport]]:
    """Run tests in a child process.

    Parameters
    ----------
    items : list of Item
        Tests of one file.

    Returns
    -------
    dict
        Name of each test that ran to its reports. A test in which the process ended is given as
        failed where it was the only one, and left out otherwise, with those that follow it.
    """
    first, hook = items[0], items[0].config.hook
    command = [sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "--no-header"]
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "reports"
        told.touch()
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *(item.nodeid for item in items)],
            cwd=first.config.rootpath,
            env={**os.environ, CHILD: str(told)},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        lines = told.read_text(encoding="utf-8").splitlines()
    reports: dict[str, list[pytest.TestReport]] = {}
    for line in lines:
        report = hook.pytest_report_from_serializable(config=first.config, data=json.loads(line))
        if isinstance(report.longrepr, list):  # of a skipped test; JSON knows no tuples
            report.longrepr = tuple(report.longrepr)
        reports.setdefault(report.nodeid, []).append(report)
    whole = {name: found for name, found in reports.items() if found[-1].when == "teardown"}
    if len(items) == 1 and first.nodeid not in whole:
        message = f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        call = pytest.CallInfo.from_call(lambda: pytest.fail(message, pytrace=False), when="call")
        whole[first.nodeid] = [pytest.TestReport.from_item_and_call(first, call)]
    return whole


@pytest.fixture(autouse=True)
def nothing_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What panels remember is that of the test alone."""
    monkeypatch.setenv("DOCBIN_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def the_viewer(qapp: Any) -> Iterator[Any]:
    """A viewer with a real window."""
    import napari

    from docbin_napari.plugin.layers.canvas import keep_programs

    keep_programs()  # tests remove layers before there is a list of pages, too
    viewer = napari.Viewer(show=True)
    yield viewer
    with contextlib.suppress(RuntimeError):  # a test may have closed it
        viewer.close()


@pytest.fixture
def bench(the_viewer: Any, fake_engine: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The widget in a window, with a made-up engine and two made-up models."""
    from napari.utils.notifications import notification_manager

    from docbin_napari.plugin.binarize import binarize_fields
    from docbin_napari.plugin.binarize.binarize_widget import BinarizeDocument

    models = [
        ModelInfo(name, Path(f"{name}.safetensors"), 1, {"threshold": threshold, "title": "t"})
        for name, threshold in (("general-1", 0.5), ("faint", 0.2))
    ]
    monkeypatch.setattr(binarize_fields, "list_models", lambda: models)
    widget = BinarizeDocument(the_viewer, load=fake_engine.load)
    the_viewer.window.add_dock_widget(widget, name="Binarize document")
    bench = Bench(the_viewer, widget, fake_engine)

    def note(notification: Any) -> None:
        bench.errors.append(str(notification.message))

    notification_manager.notification_ready.connect(note)
    yield bench
    notification_manager.notification_ready.disconnect(note)
    fake_engine.before = lambda number: None
    bench.wait(lambda: not widget._session.running)
