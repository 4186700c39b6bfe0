"""``docbin train`` and ``finetune``, also as ``python -m docbin_napari.train``.

Strategy: a widget starts a fine-tuning with ``--json`` and keeps its standard input open. A line
there stops it, and so does the end of that input, because the widget is gone then: nothing
goes on unseen. The line "keep" lets it go on alone; it prints nothing from then on.
"""

from __future__ import annotations

import _thread
import csv
import errno
import math
import os
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from docbin_napari.cli import in_words, run_command
from docbin_napari.cli.console import Console, option, stopped_by_signals
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.io.errors import FileError, PairError
from docbin_napari.io.page import GROUND_TRUTH_FOLDER
from docbin_napari.io.paths import file_hash, is_plain_file, writing_trouble
from docbin_napari.model.engine import DeviceError
from docbin_napari.model.model_file import ModelError
from docbin_napari.train.model_output import (
    checked_output,
    locked,
    output_path,
    rescue,
    reserved,
    unfinished_path,
)
from docbin_napari.train.train_config import Stopped, TrainConfig, TrainingError

if TYPE_CHECKING:
    from docbin_napari.finetune.reports import FinetuneReport
    from docbin_napari.train.distributed import Ranks
    from docbin_napari.train.loop import TrainReport

REFUSED = (FileError, OSError, TrainingError, DeviceError, ModelError, ValueError)
"""What stops a training with a message and without a traceback."""
_MEMORY = "there is not enough memory: use a smaller --batch or --window, or fewer pages"
_PROGRAM = "python -m docbin_napari.train"
_COLUMNS = ("step", "minutes", "loss", "learning_rate", "f_measure", "false_ink")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m docbin_napari.train``: ``docbin train``, or ``finetune`` with --finetune.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 when a model was written, 1 when something stopped the training, 2 when it could not
        begin as asked for.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if "--finetune" in given:
        given.remove("--finetune")
        return run_command("finetune", given, f"{_PROGRAM} --finetune")
    return run_command("train", given, _PROGRAM)


@dataclass(frozen=True)
class TrainCommand:
    """Train a model on many pairs, alone or under torchrun.

    To train a model on a few pages, use docbin finetune.

    Parameters
    ----------
    config : TrainConfig
        What to train on, for how long and how.
    """

    config: Annotated[TrainConfig, tyro.conf.arg(name="")]

    def run(self, console: Console) -> int:
        """Train, and print the progress.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            0 when the model was written, 1 when something stopped the training, 2 when it could
            not begin as asked for.
        """
        from docbin_napari.train.distributed import join

        config, ranks, stop, done = self.config, join(), threading.Event(), False
        how, reason, code, learnt = "stopped", list[str](), 1, threading.Event()

        def stopped() -> bool:
            learnt.set()  # This is asked after every step.
            return stop.is_set()

        if not ranks.is_first:
            warnings.simplefilter("ignore")
        try:
            with stopped_by_signals(stop):
                done = _train(config, ranks, stopped, console)
        except REFUSED as error:
            reason, code = [in_words(error, writing_trouble)], 1 if learnt.is_set() else 2
        except KeyboardInterrupt:
            how = "stopped at once"
        except Exception as error:
            if _lacks_memory(error):
                reason = [_MEMORY]
            elif ranks.alone:
                raise
            else:
                reason = traceback.format_exc().splitlines()
        if reason:
            where = "error:" if ranks.alone else f"error: {ranks.name}:"
            ranks.report(lambda: console.complain(f"{where} {reason[0]}", *reason[1:]))
            return code
        if not done:
            ranks.report(lambda: _say(console, f"{how}; {_how_to_go_on(config)}"))
            return 1
        ranks.leave()
        return 0


def _lacks_memory(error: Exception) -> bool:
    """Tell whether the memory of the processor or of the GPU has run out."""
    words = re.search("out of memory|tried to allocate", str(error))  # as torch says it
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(words))


def _train(
    config: TrainConfig, ranks: Ranks, stopped: Callable[[], bool], console: Console
) -> bool:
    """Print and log the reports of a training; return whether it ran to its end."""
    from docbin_napari.train.loop import train

    alone: AbstractContextManager[None] = nullcontext()
    if ranks.is_first:
        _check_places(config)
        reason = f"{config.run}: another training runs there: choose another --run"
        alone = locked(config.run, reason)
    done, anew = False, not config.resume
    with alone:
        for report in train(config, ranks, stopped):
            done = report.model is not None
            if ranks.is_first:
                # Not before there is something to replace the log of another run.
                _log(config.run / "log.csv", report, anew)
                anew = False
                _say(console, _line(report))
    return done


def _say(console: Console, *lines: str) -> None:
    """Print lines; where the reader or the terminal is gone, the training goes on in silence."""
    try:
        console.say(*lines)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        _fall_silent()


def _check_places(config: TrainConfig) -> None:
    """Refuse a model or a folder of the run that cannot be written, and change nothing there."""
    from docbin_napari.train.loop import finished_model

    model, path = finished_model(config.checkpoint), output_path(config.output)
    # A run that is finished goes on to replace its own model.
    own = config.resume and is_plain_file(path) and file_hash(path) == model
    checked_output(config.output, config.overwrite or own)
    there = next(
        folder for folder in (config.run, *config.run.absolute().parents) if folder.exists()
    )
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise TrainingError(
            f"{config.run}: this folder cannot be made or written to; choose another --run"
        )
    if not (config.resume or config.overwrite) and model == "":
        raise TrainingError(
            f"{config.run}: there is a run that is not finished: --resume goes on with it, "
            "--overwrite begins anew, and another --run leaves it alone"
        )


def _how_to_go_on(config: TrainConfig) -> str:
    from docbin_napari.train.loop import finished_model

    if finished_model(config.checkpoint) == "":
        return f"--resume goes on from the checkpoint in {config.run}"
    return "there is no checkpoint yet to go on from"


def _line(report: TrainReport) -> str:
    parts = [f"{report.share:6.1%}", f"step {report.step}", f"{report.minutes:.1f} min"]
    if not math.isnan(report.loss):
        parts.append(f"loss {report.loss:.4f}")
    if report.validation:
        parts.append(f"validation FM {report.validation.f_measure:.2f}")
        parts.append(f"false ink {report.validation.false_ink:.3f} %")
        parts += [f"{name} {value:.2f}" for name, value in report.validation.collections.items()]
    if report.model:
        parts.append(f"wrote {report.model.path}")
    return "  ".join(parts)


def _log(path: Path, report: TrainReport, anew: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    anew = anew or not path.exists()
    with path.open("w" if anew else "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if anew:
            writer.writerow(_COLUMNS)
        figures = ["", ""]
        if report.validation:
            figures = [f"{report.validation.f_measure:.3f}", f"{report.validation.false_ink:.4f}"]
        row = [report.step, f"{report.minutes:.2f}", f"{report.loss:.5f}"]
        writer.writerow([*row, f"{report.learning_rate:.6f}", *figures])


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
            0 when a model was written, 2 when it could not begin as asked for, 1 otherwise.
        """
        config, printer, stop = self.config, _Printer(console, self.json), StopRequest()
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            printer.error("a fine-tuning runs in one process: start it without torchrun")
            return 2
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
        return 2


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
    from docbin_napari.pairs.pair import find_pairs

    paths = [folder.resolve() for folder in collections]
    trains = (next((p for p in (path, *path.parents) if p.name == "train"), None) for path in paths)
    found = dict.fromkeys(train.with_name("test") for train in trains if train)
    return tuple(
        folder
        for folder in found
        if any(any(folder.glob(f"{place}{GROUND_TRUTH_FOLDER}/*")) for place in ("", "*/"))
        and find_pairs(folder)
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
        _say(self.console, *line.split("\n"))


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

    outcome, reason, code = None, None, 1
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
        reason, code = in_words(error, writing_trouble), 2 if stop.preparing else 1
    except KeyboardInterrupt:
        reason = "stopped at once"
    except Exception as error:
        stop.preparing, reason = False, _MEMORY
        if not _lacks_memory(error):
            printer.console.complain(*traceback.format_exc().splitlines())
            reason = f"{type(error).__name__}: {error}"
    if reason is not None:
        printer.error(reason, rescue(path))
        return code
    return 0 if outcome is not None else 1


def _listen(stop: StopRequest) -> None:
    """Wait for a line on standard input, or for its end."""
    # Not through sys.stdin: Python could not end while a thread waits in it.
    heard = b""
    for more in iter(lambda: os.read(0, 100), b""):
        heard += more
        if b"\n" in heard:
            break
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
