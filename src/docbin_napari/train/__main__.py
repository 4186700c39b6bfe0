"""``python -m docbin_napari.train``: pairs in, a model file out; alone or under torchrun.

With ``--finetune`` an existing model learns from a few pages; see `finetune_command`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import sys
import traceback
import warnings
from pathlib import Path

import tyro

from docbin_napari.io.pairs import PairError
from docbin_napari.model.device import DeviceError
from docbin_napari.model.registry import ModelError
from docbin_napari.train import finetune_command
from docbin_napari.train.config import TrainConfig
from docbin_napari.train.distributed import Ranks, RanksError, join
from docbin_napari.train.loop import Report, train
from docbin_napari.train.state import CheckpointError

_REFUSED = (PairError, CheckpointError, DeviceError, ModelError, RanksError, ValueError)
_DESCRIPTION = (
    "What to train on, for how long and how. With --finetune first, a model learns from a few "
    "pages instead: see --finetune --help."
)
_COLUMNS = ("step", "minutes", "loss", "learning_rate", "f_measure")


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
        return finetune_command.main(rest, _say, _complain)
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
    try:
        for report in train(config, ranks):
            if ranks.is_first:
                _log(config.run / "log.csv", report)
                print(_line(report), flush=True)
    except _REFUSED as error:
        of = "" if ranks.alone else f"{ranks.name}: "
        refusal = f"error: {of}{error}"
        ranks.tell(lambda: print(refusal, file=sys.stderr, flush=True))
        return 1
    except KeyboardInterrupt:
        stopped = f"stopped; --resume goes on from the last checkpoint in {config.run}"
        ranks.tell(lambda: print(stopped, flush=True))
        return 1
    except Exception:
        if ranks.alone:
            raise
        failure = f"error: {ranks.name}:\n{traceback.format_exc()}"
        ranks.tell(lambda: print(failure, file=sys.stderr, flush=True))
        return 1
    return 0


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
        figure = f"{report.validation.f_measure:.3f}" if report.validation else ""
        row = [report.step, f"{report.minutes:.2f}", f"{report.loss:.5f}"]
        writer.writerow([*row, f"{report.learning_rate:.6f}", figure])


if __name__ == "__main__":
    sys.exit(main())
