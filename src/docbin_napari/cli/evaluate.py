"""``docbin evaluate``: measure masks against ground truth, by page and on average."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from docbin_napari.cli.console import Console, UsageError, option, setting
from docbin_napari.inference.inference_config import PresetName
from docbin_napari.io.page import PAGE_SUFFIXES
from docbin_napari.io.paths import resolved
from docbin_napari.model.engine import DeviceName, EngineConfig, EngineName, Precision

THERE = "{}: this file is already there; choose another name or add --overwrite"
_OF_MODEL = ("preset", "device", "engine", "precision")
_FILE = option(metavar="FILE", default="not written; - prints it")


@dataclass(frozen=True)
class EvaluateCommand:
    """Compare masks with ground truth: FM, pFM, skeleton pFM, PSNR, DRD, NRM, kinds of error.

    Give two folders, in which files are matched by their name before the suffix, or two files.
    Pixels that the ground truth leaves unlabelled (gray 128) count nowhere. pFM is the weighted
    pseudo-F-measure, official in the DIBCO contests since 2013; skeleton pFM is the older kind.
    Errors within 3 pixels of ink (border), ink away from any true ink (false ink) and strokes that
    were not found (missed) are counted apart, in percent of the labelled pixels and by the FM that
    they cost. A page without true ink counts with its false ink only.

    Parameters
    ----------
    predictions : Path
        The masks to judge: a folder of them, a folder of pages with a folder auto_bin, or one
        file. With --baseline or --model: the pages.
    ground_truth : Path
        The ground truth: a folder of masks, a collection with a folder fg_mask, a folder of
        such collections, or one file.
    baseline : {"otsu", "sauvola"}, optional
        Judge this classical method, run on the pages, instead of masks.
    model : str, optional
        Judge this model, run on the pages, instead of masks: a name that docbin models lists,
        or a .safetensors file.
    preset : {"fast", "balanced", "best"}
        How thoroughly the model reads.
    device : {"auto", "cpu", "cuda", "mps"}
        Where the model runs.
    engine, precision : optional
        What runs the model, and in which number format; see `EngineConfig`.
    csv : Path, optional
        Write the figures as CSV.
    json : Path, optional
        Write the figures as JSON; those that are infinite or undefined as null.
    report : Path, optional
        Write a page in HTML that shows the figures, the worst pages with their errors, and, where
        probabilities are known, calibration and the precision-recall curve.
    overwrite : bool
        Replace a report that is already there.
    """

    predictions: Annotated[Path, tyro.conf.Positional, option(metavar="PREDICTIONS|IMAGES")]
    ground_truth: Annotated[Path, tyro.conf.Positional, option(metavar="GROUND_TRUTH")]
    baseline: Annotated[
        Literal["otsu", "sauvola"] | None, option(metavar="{otsu,sauvola}", default="judge masks")
    ] = None
    model: Annotated[str | None, option(metavar="NAME|FILE", default="judge masks")] = None
    preset: PresetName = "balanced"
    device: DeviceName = "auto"
    engine: Annotated[EngineName, setting(EngineConfig, "engine")] = EngineConfig.engine
    precision: Annotated[Precision, setting(EngineConfig, "precision")] = EngineConfig.precision
    csv: Annotated[Path | None, _FILE] = None
    json: Annotated[Path | None, _FILE] = None
    report: Annotated[Path | None, _FILE] = None
    overwrite: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Evaluate, and print or write the figures.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code: 0, or 1 if a page could not be evaluated or had no prediction.

        Raises
        ------
        UsageError
            If the paths do not fit together.
        """
        # Imported late: it brings numpy, which no help text needs.
        from docbin_napari.cli.scoring import evaluate

        self._check()
        return evaluate(self, console)

    def _check(self) -> None:
        """Refuse what does not go together, before hours of work."""
        files = [path for path in (self.csv, self.json, self.report) if path is not None]
        for path in files:
            if path.is_dir():
                raise UsageError(f"{path}: a folder of this name exists; choose another name")
            if path.suffix.lower() in PAGE_SUFFIXES:
                raise UsageError(f"{path}: this is the name of an image; choose another name")
        if len({resolved(path) for path in files}) < len(files):
            raise UsageError("--csv, --json and --report: give each a file of its own")
        if self.baseline is not None and self.model is not None:
            raise UsageError("--baseline and --model exclude each other: judge one at a time")
        changed = any(getattr(self, name) != getattr(EvaluateCommand, name) for name in _OF_MODEL)
        if self.model is None and changed:
            raise UsageError("--preset, --device, --engine and --precision go with --model")
        if self.report is not None and not self.overwrite and self.report.exists():
            raise UsageError(THERE.format(self.report))
