"""``python -m docbin_napari.train``: pairs in, a model file out; alone or under torchrun.

With ``--finetune`` an existing model learns from a few pages; see `docbin_napari.cli.finetune`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import tyro

from docbin_napari.cli import finetune
from docbin_napari.cli.signals import stopped_by_signals
from docbin_napari.io.atomic import writing_trouble
from docbin_napari.io.errors import FileError
from docbin_napari.model.device import DeviceError
from docbin_napari.model.registry import ModelError
from docbin_napari.train.config import TrainConfig
from docbin_napari.train.distributed import Ranks, RanksError, join
from docbin_napari.train.loop import Report, train
from docbin_napari.train.model_output import OutputError, checked_output
from docbin_napari.train.state import CheckpointError, unfinished_run

_REFUSED = (
    *(FileError, OSError, CheckpointError, DeviceError, ModelError, OutputError, RanksError),
    ValueError,
)
_DESCRIPTION = (
    "What to train on, for how long and how. With --finetune first, a model learns from a few "
    "pages instead: see --finetune --help."
)
_COLUMNS = ("step", "minutes", "loss", "learning_rate", "f_measure", "false_ink")


def main(arguments: list[str] | None = None) -> int:
    """Train a model as the command line says.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; those of the process by default. With ``--finetune``
        among them a model learns from a few pages.

    Returns
    -------
    int
        0 when the model was written, 1 when something stopped the training.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if "--finetune" in given:
        rest = [argument for argument in given if argument != "--finetune"]
        return finetune.main(rest, _say, _complain)
    config = _settings(arguments)
    ranks = join()
    code = _run(config, ranks)
    if code == 0:
        ranks.leave()
    return code


def _say(line: str) -> None:
    print(line, flush=True)


def _complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _settings(arguments: list[str] | None) -> TrainConfig:
    """Read the command line; only one process of each machine says what is wrong with it."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        return tyro.cli(
            TrainConfig,
            args=arguments,
            prog="python -m docbin_napari.train",
            description=_DESCRIPTION,
        )
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return tyro.cli(TrainConfig, args=arguments)
    except SystemExit:
        # Not as a failure: torchrun would then end the process that is about to say it.
        raise SystemExit(0) from None


def _run(config: TrainConfig, ranks: Ranks) -> int:
    if not ranks.is_first:
        warnings.simplefilter("ignore")
    stop = threading.Event()
    try:
        with stopped_by_signals(stop):
            if ranks.is_first:
                _begin(config)
            done = _tell(train(config, ranks, stop.is_set), config, ranks)
    except _REFUSED as error:
        of = "" if ranks.alone else f"{ranks.name}: "
        refusal = f"error: {of}{_in_words(error)}"
        ranks.tell(lambda: print(refusal, file=sys.stderr, flush=True))
        return 1
    except KeyboardInterrupt:
        ranks.tell(lambda: print(f"stopped at once; {_go_on(config)}", flush=True))
        return 1
    except Exception:
        if ranks.alone:
            raise
        failure = f"error: {ranks.name}:\n{traceback.format_exc()}"
        ranks.tell(lambda: print(failure, file=sys.stderr, flush=True))
        return 1
    if not done:
        ranks.tell(lambda: print(f"stopped; {_go_on(config)}", flush=True))
    return 0 if done else 1


def _begin(config: TrainConfig) -> None:
    """Look whether the model and the folder of the run can be written, and spoil nothing there."""
    checked_output(config.output, config.overwrite or config.resume)
    there = next(
        folder for folder in (config.run, *config.run.absolute().parents) if folder.exists()
    )
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise OutputError(
            f"{config.run}: this folder cannot be made or written to; choose another --run"
        )
    fresh = not (config.resume or config.overwrite)
    if fresh and unfinished_run(config.run / "checkpoint.pt"):
        raise CheckpointError(
            f"{config.run}: there is a run that is not finished: --resume goes on with it, "
            "--overwrite begins anew, and another --run leaves it alone"
        )


def _tell(reports: Iterator[Report], config: TrainConfig, ranks: Ranks) -> bool:
    """Print and keep the news; whether the training ran to its end."""
    done, log, anew = False, config.run / "log.csv", not config.resume
    for report in reports:
        done = report.model is not None
        if ranks.is_first:
            if anew:
                # Not before there is something to put in the place of another run's log.
                log.unlink(missing_ok=True)
            anew = False
            _log(log, report)
            print(_line(report), flush=True)
    return done


def _go_on(config: TrainConfig) -> str:
    if unfinished_run(config.run / "checkpoint.pt"):
        return f"--resume goes on from the checkpoint in {config.run}"
    return "there is no checkpoint yet to go on from"


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, FileError):
        return f"{error.filename or 'the system'}: {writing_trouble(error)}"
    return str(error)


def _line(report: Report) -> str:
    parts = [
        f"{report.share:6.1%}",
        f"step {report.step}",
        f"{report.minutes:.1f} min",
    ]
    if not math.isnan(report.loss):
        parts.append(f"loss {report.loss:.4f}")
    if report.validation:
        parts.append(f"validation FM {report.validation.f_measure:.2f}")
        parts.append(f"false ink {report.validation.false_ink:.3f} %")
        parts += [f"{name} {value:.2f}" for name, value in report.validation.collections.items()]
    if report.model:
        parts.append(f"wrote {report.model.path}")
    return "  ".join(parts)


def _log(path: Path, report: Report) -> None:
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
