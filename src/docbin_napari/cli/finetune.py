"""``docbin finetune``: the settings, the ways to stop it, its end.

Strategy: a widget starts this program with ``--json`` and keeps its standard input open. A line
there stops it, and so does the end of that input, because the widget is gone then: nothing
goes on unseen. The line "keep" lets it go on alone; it prints nothing from then on.
"""

from __future__ import annotations

import _thread
import os
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from docbin_napari.cli.console import Console, option
from docbin_napari.cli.interrupts import stopped_by_signals
from docbin_napari.cli.train import REFUSED, explained
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.train.train_config import Stopped, TrainingError

if TYPE_CHECKING:
    from docbin_napari.finetune.reports import FinetuneReport


@dataclass(frozen=True)
class FinetuneCommand:
    """Train a model on a few corrected pages.

    Parameters
    ----------
    config : FinetuneConfig
        From what, how and for how long.
    json : bool
        Print one JSON object a line, and stop at a line on standard input.
    """

    config: Annotated[FinetuneConfig, tyro.conf.arg(name="")]
    json: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Fine-tune a model, and print the progress.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            0 when a model was written, 1 otherwise.
        """
        from docbin_napari.io.errors import PairError
        from docbin_napari.train.model_output import checked_output, reserved

        config, printer, stop = self.config, _Printer(console, self.json), StopRequest()
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            printer.error("a fine-tuning runs in one process: start it without torchrun")
            return 1
        try:
            if not config.test:
                config = replace(config, test=other_pages_beside(config.collections))
            path = checked_output(config.output, config.overwrite)
            with stopped_by_signals(stop), reserved(path) as left:
                if left is not None:
                    console.complain(f"an earlier training broke off; its best weights are {left}")
                if self.json:
                    threading.Thread(target=_listen, args=(stop,), daemon=True).start()
                return _finetune(config, path, stop, printer)
        except PairError as error:
            printer.error(f"{error} (these pages would be measured before and after)")
        except TrainingError as error:
            printer.error(str(error))
        return 1


def other_pages_beside(collections: Sequence[Path]) -> tuple[Path, ...]:
    """Find pairs that show what becomes of other pages: ``test`` beside ``train``.

    Parameters
    ----------
    collections : sequence of Path
        What is learnt from.

    Returns
    -------
    tuple of Path
        Folders ``test`` that lie beside a folder ``train`` of these paths and have pairs.

    Raises
    ------
    PairError
        If one of them has masks, but not all of them belong to a page.
    """
    from docbin_napari.io.page import GROUND_TRUTH_FOLDER
    from docbin_napari.pairs.pair import find_pairs

    found: dict[Path, None] = {}
    for folder in collections:
        path = folder.resolve()
        for parent in (path, *path.parents):
            if parent.name == "train":
                found[parent.with_name("test")] = None
                break
    return tuple(
        folder
        for folder in found
        if any(folder.glob(f"**/{GROUND_TRUTH_FOLDER}/*")) and find_pairs(folder)
    )


@dataclass(frozen=True)
class _Printer:
    """Prints reports and errors as lines for people or as JSON for programs."""

    console: Console
    json: bool

    def report(self, report: FinetuneReport) -> None:
        from docbin_napari.finetune.reports import as_json, as_line

        self._print(as_json(report) if self.json else as_line(report))

    def error(self, reason: str, kept: Path | None = None) -> None:
        from docbin_napari.finetune.reports import error_as_json

        if self.json:
            self._print(error_as_json(reason, kept.stem if kept else ""))
            return
        self.console.complain(f"error: {reason}")
        if kept:
            self.console.complain(f"the best weights so far are kept as {kept}")

    def _print(self, line: str) -> None:
        try:
            self.console.say(line)
        except BrokenPipeError:
            _fall_silent()  # The reader is gone; what was learnt is written all the same.


class StopRequest(threading.Event):
    """Is set to stop between steps; while nothing has been learnt, setting it ends at once."""

    def __init__(self) -> None:
        super().__init__()
        self.preparing = False

    def set(self) -> None:
        """Ask to stop; raises `Stopped` in the main thread, where signals come, while preparing."""
        super().set()
        if self.preparing and threading.current_thread() is threading.main_thread():
            self.preparing = False
            raise Stopped


def _finetune(config: FinetuneConfig, path: Path, stop: StopRequest, printer: _Printer) -> int:
    """Print the reports; whatever ends it, the best weights so far become a model."""
    from docbin_napari.finetune.reports import NOTHING_LEARNT, PREPARATION, FinetuneReport
    from docbin_napari.finetune.stages import finetune
    from docbin_napari.inference.predict import InferenceError
    from docbin_napari.train.model_output import rescue, unfinished_path

    outcome = None
    try:
        stop.preparing = not stop.is_set()
        for report in finetune(config, stop.is_set):
            stop.preparing = report.stage in PREPARATION and not stop.is_set()
            printer.report(report)
            outcome = report.outcome
    except Stopped:
        unfinished_path(path).unlink(missing_ok=True)
        printer.report(FinetuneReport("done", note=NOTHING_LEARNT))
    except (*REFUSED, InferenceError) as error:
        printer.error(explained(error), rescue(path))
        return 1
    except KeyboardInterrupt:
        printer.error("stopped at once", rescue(path))
        return 1
    except Exception as error:
        stop.preparing = False
        printer.console.complain(traceback.format_exc())
        printer.error(f"{type(error).__name__}: {error}", rescue(path))
        return 1
    return 0 if outcome is not None else 1


def _listen(stop: StopRequest) -> None:
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
    """Redirect both outputs to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
