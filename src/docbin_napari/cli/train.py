"""``docbin train`` and ``python -m docbin_napari.train``: pairs in, a model file out."""

from __future__ import annotations

import csv
import math
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from docbin_napari.cli import run_command
from docbin_napari.cli.console import Console
from docbin_napari.cli.interrupts import stopped_by_signals
from docbin_napari.io.errors import FileError
from docbin_napari.io.paths import writing_trouble
from docbin_napari.model.engine import DeviceError
from docbin_napari.model.model_file import ModelError
from docbin_napari.train.train_config import TrainConfig, TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from docbin_napari.train.distributed import Ranks
    from docbin_napari.train.loop import TrainReport

REFUSED = (FileError, OSError, TrainingError, DeviceError, ModelError, ValueError)
"""What stops a training with a message and without a traceback."""
_PROGRAM = "python -m docbin_napari.train"
_COLUMNS = ("step", "minutes", "loss", "learning_rate", "f_measure", "false_ink")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m docbin_napari.train``: ``docbin train``, or with --finetune the other one.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 when a model was written, 1 when something stopped the training.
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
            0 when the model was written, 1 when something stopped the training.
        """
        from docbin_napari.train.distributed import join

        config, ranks, stop, done = self.config, join(), threading.Event(), False
        how = "stopped"
        if not ranks.is_first:
            warnings.simplefilter("ignore")
        try:
            with stopped_by_signals(stop):
                done = _train(config, ranks, stop.is_set, console)
        except REFUSED as error:
            reason = explained(error) if ranks.alone else f"{ranks.name}: {explained(error)}"
            ranks.report(lambda: console.complain(f"error: {reason}"))
            return 1
        except KeyboardInterrupt:
            how = "stopped at once"
        except Exception:
            if ranks.alone:
                raise
            trace = traceback.format_exc()
            ranks.report(lambda: console.complain(f"error: {ranks.name}:\n{trace}"))
            return 1
        if not done:
            ranks.report(lambda: console.say(f"{how}; {_how_to_go_on(config)}"))
            return 1
        ranks.leave()
        return 0


def explained(error: Exception) -> str:
    """Describe why a training cannot begin or go on."""
    if isinstance(error, OSError) and not isinstance(error, FileError):
        return f"{error.filename or 'the system'}: {writing_trouble(error)}"
    return str(error)


def _train(
    config: TrainConfig, ranks: Ranks, stopped: Callable[[], bool], console: Console
) -> bool:
    """Print and log the reports of a training; return whether it ran to its end."""
    from docbin_napari.train.loop import train

    if ranks.is_first:
        _check_places(config)
    done, log, anew = False, config.run / "log.csv", not config.resume
    for report in train(config, ranks, stopped):
        done = report.model is not None
        if ranks.is_first:
            if anew:
                # Not before there is something to replace the log of another run.
                log.unlink(missing_ok=True)
            anew = False
            _log(log, report)
            console.say(_line(report))
    return done


def _check_places(config: TrainConfig) -> None:
    """Refuse a model or a folder of the run that cannot be written, and change nothing there."""
    from docbin_napari.train.model_output import checked_output
    from docbin_napari.train.state import unfinished_run

    checked_output(config.output, config.overwrite or config.resume)
    there = next(
        folder for folder in (config.run, *config.run.absolute().parents) if folder.exists()
    )
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise TrainingError(
            f"{config.run}: this folder cannot be made or written to; choose another --run"
        )
    if not (config.resume or config.overwrite) and unfinished_run(config.checkpoint):
        raise TrainingError(
            f"{config.run}: there is a run that is not finished: --resume goes on with it, "
            "--overwrite begins anew, and another --run leaves it alone"
        )


def _how_to_go_on(config: TrainConfig) -> str:
    from docbin_napari.train.state import unfinished_run

    if unfinished_run(config.checkpoint):
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


def _log(path: Path, report: TrainReport) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(_COLUMNS)
        figures = ["", ""]
        if report.validation:
            figures = [f"{report.validation.f_measure:.3f}", f"{report.validation.false_ink:.4f}"]
        row = [report.step, f"{report.minutes:.2f}", f"{report.loss:.5f}"]
        writer.writerow([*row, f"{report.learning_rate:.6f}", *figures])
