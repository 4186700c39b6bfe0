"""Train for a few minutes on a GPU, with torch, numpy, scikit-image, Pillow and safetensors only.

    PYTHONPATH=src python scripts/train_on_gpu.py --train PACKED/train --validate PACKED/held_out \
        --start general-1 --minutes 10 --output model.safetensors batch=48 window=512

The full command line is `docbin train`; it needs tyro. All of its settings can be
given here as NAME=VALUE, for example batch=48 window=512 augment.bleed=0.5 weights=mcs=2,narc=2.
"""

from __future__ import annotations

import argparse
import ast
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from docbin_napari.train.loop import train
from docbin_napari.train.train_config import TrainConfig


def main() -> int:
    """Train, and print what is going on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, nargs="+", required=True)
    parser.add_argument("--validate", type=Path, nargs="+", required=True)
    parser.add_argument("--start", default="")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--output", required=True)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE")
    options = parser.parse_args()
    config = TrainConfig(
        tuple(options.train),
        tuple(options.validate),
        options.output,
        minutes=options.minutes,
        start=(options.start,) if options.start else (),
        draw_on_device=True,
        every=1e6,
        overwrite=True,
    )
    for setting in options.settings:
        config = changed(config, *setting.split("=", 1))
    began = time.monotonic()
    for report in train(config):
        rate = report.step * config.batch * config.window**2 / 1e6 / max(60 * report.minutes, 1e-9)
        print(
            f"{time.monotonic() - began:6.0f} s  step {report.step}  loss {report.loss:.4f}  "
            f"{rate:.1f} Mpix/s",
            flush=True,
        )
        if report.validation:
            print(report.validation)
    return 0


def changed(config: TrainConfig, name: str, value: str) -> TrainConfig:
    """Change one setting; `augment.bleed` is one of the augmentation."""
    group, _, field = name.rpartition(".")
    if group:
        part = replace(getattr(config, group), **{field: ast.literal_eval(value)})
        return replace(config, **{group: part})
    parsed: Any = tuple(value.split(",")) if name == "weights" else ast.literal_eval(value)
    return replace(config, **{name: parsed})


if __name__ == "__main__":
    sys.exit(main())
