"""``python -m docbin_napari.train``: pairs in, a model file out."""

from __future__ import annotations

import csv
import math
import sys
from pathlib import Path

import tyro

from docbin_napari.io.pairs import PairError
from docbin_napari.model.device import DeviceError
from docbin_napari.model.registry import ModelError
from docbin_napari.train.config import TrainConfig
from docbin_napari.train.loop import Report, train
from docbin_napari.train.state import CheckpointError

_COLUMNS = ("step", "minutes", "loss", "learning_rate", "f_measure")


def main(arguments: list[str] | None = None) -> int:
    """Train a model as the command line says.

    Parameters
    ----------
    arguments : list of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 when the model was written, 1 when something stopped the training.
    """
    config = tyro.cli(TrainConfig, args=arguments, prog="python -m docbin_napari.train")
    try:
        for report in train(config):
            _log(config.run / "log.csv", report)
            print(_line(report), flush=True)
    except (PairError, CheckpointError, DeviceError, ModelError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped; --resume goes on from the last checkpoint in {config.run}")
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
