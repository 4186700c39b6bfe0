"""``python -m docbin_napari.train --finetune``: the settings, the ways to stop it, its end.

Strategy: a widget starts this program with ``--json`` and holds its standard input. A line
there stops it, and so does the end of that input, because the widget is gone then: nothing
goes on unseen. The line "keep" lets it go on alone; it says nothing from then on.
"""

from __future__ import annotations

import _thread
import os
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from docbin_napari.cli.signals import stopped_by_signals
from docbin_napari.finetune.config import FinetuneConfig
from docbin_napari.finetune.finetune import NOTHING_LEARNT, finetune
from docbin_napari.finetune.judge import Stopped
from docbin_napari.finetune.outcome import FinetuneError
from docbin_napari.finetune.reports import as_json, as_line, error_as_json
from docbin_napari.finetune.run import PREPARATION, FinetuneReport
from docbin_napari.inference.predict import InferenceError
from docbin_napari.io.errors import FileError
from docbin_napari.model.device import DeviceError
from docbin_napari.model.registry import ModelError
from docbin_napari.pairs.pair import GROUND_TRUTH_FOLDER, PairError, find_pairs
from docbin_napari.train.model_output import (
    NameInUseError,
    OutputError,
    checked_output,
    rescue,
    reserved,
    unfinished_path,
)

Say = Callable[[str], None]
_REFUSED = (FileError, FinetuneError, ModelError, DeviceError, InferenceError, ValueError)
_PROGRAM = "python -m docbin_napari.train --finetune"


@dataclass(frozen=True)
class _Command:
    """Let a model learn from a few labelled pages.

    Parameters
    ----------
    config : FinetuneConfig
        From what, how and for how long.
    json : bool
        Print one JSON object a line, and stop at a line on standard input.
    """

    config: Annotated[FinetuneConfig, tyro.conf.arg(name="")]
    json: bool = False


def main(arguments: Sequence[str], say: Say, complain: Say) -> int:
    """Fine-tune a model as the command line says.

    Parameters
    ----------
    arguments : sequence of str
        Those after ``--finetune``.
    say, complain : callable
        Print a line to standard output, and to standard error.

    Returns
    -------
    int
        0 when a model was written, 1 otherwise.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        complain("error: a fine-tuning runs in one process: start it without torchrun")
        return 1
    try:
        command = tyro.cli(_Command, args=list(arguments), prog=_PROGRAM)
    except ValueError as error:
        complain(f"error: {error}")
        return 1
    config, voice = command.config, _Voice(say, complain, command.json)
    stop = Stop()
    if not config.test:
        try:
            config = replace(config, test=other_pages_beside(config.collections))
        except PairError as error:
            voice.error(f"{error} (these pages would be measured before and after)", None)
            return 1
    with stopped_by_signals(stop):
        if command.json:
            threading.Thread(target=_listen, args=(stop,), daemon=True).start()
        return _run(config, stop, voice)


def other_pages_beside(collections: Sequence[Path]) -> tuple[Path, ...]:
    """Find pairs that show what becomes of other pages: ``test`` beside ``train``.

    Parameters
    ----------
    collections : sequence of Path
        What is learnt from.

    Returns
    -------
    tuple of Path
        Folders ``test`` that lie beside a folder ``train`` of these paths and hold pairs.

    Raises
    ------
    PairError
        If one of them holds masks, but not all of them belong to a page.
    """
    found: dict[Path, None] = {}
    for folder in collections:
        place = folder.resolve()
        for parent in (place, *place.parents):
            if parent.name == "train":
                found[parent.with_name("test")] = None
                break
    return tuple(folder for folder in found if _has_pairs(folder))


def _has_pairs(folder: Path) -> bool:
    holds_masks = any(folder.glob(f"**/{GROUND_TRUTH_FOLDER}/*"))
    return holds_masks and bool(find_pairs(folder))


@dataclass(frozen=True)
class _Voice:
    """How news and errors are told."""

    say: Say
    complain: Say
    json: bool

    def report(self, report: FinetuneReport) -> None:
        self._print(as_json(report) if self.json else as_line(report))

    def error(self, reason: str, kept: Path | None) -> None:
        if self.json:
            self._print(error_as_json(reason, kept.stem if kept else ""))
            return
        self.complain(f"error: {reason}")
        if kept:
            self.complain(f"the best weights so far are kept as {kept}")

    def _print(self, line: str) -> None:
        try:
            self.say(line)
        except BrokenPipeError:
            _fall_silent()  # Who listened is gone; what was learnt is written all the same.


class Stop(threading.Event):
    """What is asked between steps; while nothing has been learnt, setting it ends at once."""

    def __init__(self) -> None:
        super().__init__()
        self.preparing = False

    def set(self) -> None:
        """Called in the main thread by a signal; raises `Stopped` while preparing."""
        super().set()
        if self.preparing and threading.current_thread() is threading.main_thread():
            self.preparing = False
            raise Stopped


def _run(config: FinetuneConfig, stop: Stop, voice: _Voice) -> int:
    """Tell what happens; whatever ends it, the best weights so far become a model."""
    try:
        path = checked_output(config.output, config.overwrite)
        with reserved(path) as left:
            if left is not None:
                voice.complain(f"an earlier training broke off; what it had learnt is {left}")
            return _run_alone(config, path, stop, voice)
    except (NameInUseError, OutputError) as error:
        voice.error(str(error), None)
        return 1


def _run_alone(config: FinetuneConfig, path: Path, stop: Stop, voice: _Voice) -> int:
    outcome = None
    try:
        stop.preparing = not stop.is_set()
        for report in finetune(config, stop.is_set):
            stop.preparing = report.stage in PREPARATION and not stop.is_set()
            voice.report(report)
            outcome = report.outcome
    except Stopped:
        unfinished_path(path).unlink(missing_ok=True)
        voice.report(FinetuneReport("done", note=NOTHING_LEARNT))
    except _REFUSED as error:
        voice.error(str(error), rescue(path))
        return 1
    except KeyboardInterrupt:
        voice.error("stopped at once", rescue(path))
        return 1
    except Exception as error:
        stop.preparing = False
        voice.complain(traceback.format_exc())
        voice.error(f"{type(error).__name__}: {error}", rescue(path))
        return 1
    return 0 if outcome is not None else 1


def _listen(stop: Stop) -> None:
    """Wait for a line on standard input, or for its end."""
    # Not through sys.stdin: Python could not end while a thread waits in it.
    heard = b""
    while b"\n" not in heard:
        more = os.read(0, 100)
        if not more:
            break
        heard += more
    if heard.strip() == b"keep":
        _fall_silent()
    else:
        stop.set()
        if stop.preparing:
            # A page that is being read or drawn is not waited for.
            _thread.interrupt_main()


def _fall_silent() -> None:
    """Send what is still said nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
