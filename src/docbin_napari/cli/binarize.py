"""``docbin binarize``: files and folders of pages to masks, with bars on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import tyro

from docbin_napari.batch import jobs
from docbin_napari.batch.jobs import ClusterConfig, OutputConfig
from docbin_napari.cli.console import Console, UsageError, option, setting, usage_errors
from docbin_napari.inference.inference_config import (
    PRESETS,
    ChosenSize,
    InferenceConfig,
    Invert,
    PresetName,
    Symmetries,
)
from docbin_napari.io.paths import shown
from docbin_napari.model.engine import DeviceError, DeviceName, EngineConfig, EngineName, Precision
from docbin_napari.model.model_file import DEFAULT_MODEL, ModelError

Config = TypeVar("Config", InferenceConfig, EngineConfig, OutputConfig, ClusterConfig)

_PRESET = "that of the preset"
_MODELS = "the model's own"
_WORKERS = "one a GPU, else as CPU and memory allow"
_NAMED = 5
_ENDS = {jobs.FileWritten: "written", jobs.FileSkipped: "skipped", jobs.FileFailed: "failed"}
_VIEWS = ", ".join(f"{name} {config.symmetries}" for name, config in PRESETS.items())
_THOROUGHLY = f"How thoroughly pages are read. Views of each window that are averaged: {_VIEWS}."
_reading, _engine, _files, _cluster = (
    partial(setting, config)
    for config in (InferenceConfig, EngineConfig, OutputConfig, ClusterConfig)
)


@dataclass(frozen=True)
class BinarizeCommand:
    """Find the ink of scanned pages and write it as black on white.

    Each page of an image, a TIFF or a PDF becomes a 1-bit mask in a folder auto_bin beside it.
    Files that are already done are skipped. A file that cannot be read is named and does not
    stop the others.

    Parameters
    ----------
    paths : tuple of Path
        Files or folders with pages.
    preset : {"fast", "balanced", "best"}
        How thoroughly pages are read.
    overlap, symmetries, tolerance, window, batch : optional
        Replace single values of the preset; see `InferenceConfig`.
    invert : {"auto", "never", "always"}
        What is done about light writing on dark ground; see `InferenceConfig`.
    size : {"auto", "own", "half", "double"}
        In which size pages are read; see `InferenceConfig`.
    edge_level : float, optional
        How bold strokes are drawn; see `InferenceConfig`.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1.
    model : str
        Name of a model, as docbin models lists them, or a .safetensors file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run the network. auto takes a GPU if there is one.
    engine, precision, threads : optional
        What runs the network, and how; see `EngineConfig`.
    output, format, probability, recursive, overwrite, dpi, pixel_limit, password : optional
        What is read and where the results go; see `OutputConfig`.
    dask, workers : optional
        Where the work is done; see `ClusterConfig`.
    quiet : bool
        Print nothing but errors.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional, option(metavar="PATH...", default="-")]
    preset: Annotated[PresetName, option(_THOROUGHLY)] = "balanced"
    overlap: Annotated[float | None, _reading("overlap", "SHARE", _PRESET)] = None
    symmetries: Annotated[Symmetries | None, _reading("symmetries", "{1,2,4,8}", _PRESET)] = None
    tolerance: Annotated[float | None, _reading("tolerance", "SHARE", _PRESET)] = None
    window: Annotated[int | None, _reading("window", "PIXELS", _PRESET)] = None
    batch: Annotated[int | None, _reading("batch", "WINDOWS", _PRESET)] = None
    invert: Annotated[Invert, _reading("invert")] = InferenceConfig.invert
    size: Annotated[ChosenSize, _reading("size")] = InferenceConfig.size
    edge_level: Annotated[float | None, _reading("edge_level", "LEVEL", _MODELS)] = None
    threshold: Annotated[float | None, option(metavar="PROBABILITY", default=_MODELS)] = None
    model: Annotated[str, option(metavar="NAME|FILE")] = DEFAULT_MODEL
    device: DeviceName = "auto"
    engine: Annotated[EngineName, _engine("engine")] = EngineConfig.engine
    precision: Annotated[Precision, _engine("precision")] = EngineConfig.precision
    threads: Annotated[int, _engine("threads", "N")] = EngineConfig.threads
    output: Annotated[Path | None, _files("output", "DIR", "auto_bin beside each page")] = None
    format: Annotated[Literal["png", "tiff"], _files("format")] = OutputConfig.format
    probability: Annotated[bool, _files("probability", default="-")] = False
    recursive: Annotated[bool, _files("recursive", default="-")] = False
    overwrite: Annotated[bool, _files("overwrite", default="-")] = False
    dpi: Annotated[float, _files("dpi", "DPI")] = OutputConfig.dpi
    pixel_limit: Annotated[int, _files("pixel_limit", "PIXELS")] = OutputConfig.pixel_limit
    password: Annotated[str | None, _files("password", "PASSWORD", "none")] = None
    dask: Annotated[str | None, _cluster("dask", "ADDRESS|local", "no cluster")] = None
    workers: Annotated[int | None, _cluster("workers", "N", _WORKERS)] = None
    quiet: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Binarize, and print what became of each file.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            Exit code: 0, or 1 if some files failed.

        Raises
        ------
        UsageError
            If a value is out of range, or the model, the device or the cluster is not there.
        """
        # Imported late: these import numpy and the engine of the model; no help text needs them.
        from docbin_napari.batch.binarizer import binarize_files
        from docbin_napari.batch.made_from import describe_model, done_otherwise

        output, inference, engine, cluster = self._configs()
        passed_over: list[Path] = []
        files = jobs.plan_jobs(self.paths, output, passed_over)
        with (
            BatchReport(console, len(files), passed_over) as report,
            usage_errors(ModelError, prefix=f"--model {self.model}: "),
            usage_errors(jobs.ClusterError, prefix=f"--dask {self.dask}: "),
            usage_errors(DeviceError),
        ):
            # Also where nothing is left to do.
            model = describe_model(self.model, self.device, inference, self.threshold, engine)
            if trouble := done_otherwise(files, output, model.recipe):
                raise UsageError(trouble)
            if cluster is None:
                events = binarize_files(files, model, output)
            else:
                from docbin_napari.batch.dask_client import binarize_on_cluster

                events = binarize_on_cluster(files, model, output, cluster, console.say)
            with closing(events):
                for event in events:
                    report.show(event)
        return 1 if report.failed else 0

    def _configs(self) -> tuple[OutputConfig, InferenceConfig, EngineConfig, ClusterConfig | None]:
        """Collect the options; refuse what is out of range or does not go together."""
        if not self.paths:
            raise UsageError("name at least one file or folder with pages")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"--threshold must lie between 0 and 1, not {self.threshold}")
        output = self.applied_to(OutputConfig())
        inference = self.applied_to(PRESETS[self.preset])
        engine = self.applied_to(EngineConfig())
        if self.workers is not None and self.dask is None:
            raise UsageError("--workers goes with --dask local")
        cluster = None if self.dask is None else self.applied_to(ClusterConfig("local"))
        return output, inference, engine, cluster

    def applied_to(self, config: Config) -> Config:
        """Replace the values of a configuration by the options that are given.

        Parameters
        ----------
        config : InferenceConfig, EngineConfig, OutputConfig or ClusterConfig
            The configuration as it is.

        Returns
        -------
        InferenceConfig, EngineConfig, OutputConfig or ClusterConfig
            The configuration with the options.

        Raises
        ------
        UsageError
            If a value is out of range.
        """
        given = {field.name: getattr(self, field.name) for field in fields(config)}
        try:
            return replace(config, **{k: value for k, value in given.items() if value is not None})
        except ValueError as error:
            name, _, trouble = str(error).partition(" ")
            raise UsageError(f"--{name.replace('_', '-')} {trouble}") from error


class BatchReport:
    """Shows the events of a batch and sums them up at the end.

    Parameters
    ----------
    console : Console
        Where to show them.
    files : int
        Files in the batch.
    passed_over : sequence of Path
        Files of kinds that are not read, to be named at the end.
    """

    def __init__(self, console: Console, files: int, passed_over: Sequence[Path]) -> None:
        # Imported late, as no help text needs it.
        from tqdm import tqdm

        self._console = console
        self._passed_over = passed_over
        self._remarks = Counter[str]()
        self._ended = Counter[type[jobs.Event]]()
        self._bar = partial(tqdm, dynamic_ncols=True, disable=not console.shows_bars)
        self._files = self._bar(total=files, unit="file")
        self._windows: tqdm[None] | None = None

    @property
    def failed(self) -> int:
        """Number of files that could not be finished."""
        return self._ended[jobs.FileFailed]

    def __enter__(self) -> BatchReport:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for bar in (self._windows, self._files):
            if bar is not None:
                bar.close()
        if error is not None and not issubclass(error, KeyboardInterrupt):
            return
        for remark, number in self._remarks.items():
            if number > 1:
                self._console.complain(f"warning: {number - 1} more files: {remark}")
        if self._passed_over:
            self._console.complain(f"warning: {_not_read(self._passed_over)}")
        self._console.say(", ".join(f"{self._ended[kind]} {word}" for kind, word in _ENDS.items()))

    def show(self, event: jobs.Event) -> None:
        """Show one event.

        Parameters
        ----------
        event : Event
            From `binarize_files` or `binarize_on_cluster`, in any order.
        """
        if type(event) in _ENDS:
            # Before it is printed: a signal may come in between.
            self._ended[type(event)] += 1
        match event:
            case jobs.FileStarted(source):
                # A cluster works on many files at once, so none is named.
                self._files.set_description_str(shown(source.name))
                return
            case jobs.PageProgress():
                if self._windows is None:
                    # Only now: the workers of a cluster do not report how far they are with a page.
                    self._windows = self._bar(unit="window", leave=False)
                if event.done == 0:
                    self._windows.reset(total=event.total)
                    page = f"page {event.page} of {event.pages}" if event.pages > 1 else "page"
                    self._windows.set_description_str(page)
                self._windows.update(event.done - self._windows.n)
                return
            case jobs.FileWritten():
                others = f" and {len(event.outputs) - 1} more" if len(event.outputs) > 1 else ""
                self._say_plainly(f"written: {event.outputs[0]}{others}")
                self._warn(event)
            case jobs.FileSkipped(source):
                self._say_plainly(f"skipped: {source} (already done)")
            case jobs.FileFailed(source, reason):
                self._console.complain(f"failed: {source}: {reason}")
                self._warn(event)
        self._files.update()

    def _warn(self, event: jobs.FileWritten | jobs.FileFailed) -> None:
        """Give the warnings about the pages that were written; one of many files only once."""
        source = event.source
        if event.inverted:
            self._console.complain(f"warning: {source}{_inverted(event.inverted)}")
        for remark in event.remarks:
            self._remarks[remark] += 1
            if self._remarks[remark] == 1:
                self._console.complain(f"warning: {source}: {remark}")

    def _say_plainly(self, line: str) -> None:
        if not self._console.is_terminal:
            self._console.say(line)


def _not_read(paths: Sequence[Path]) -> str:
    what = f"{len(paths)} files are of kinds or suffixes that are"
    if len(paths) == 1:
        what = "1 file is of a kind or suffix that is"
    named = ", ".join(
        path.name + " (a link to a folder)" * path.is_dir() for path in paths[:_NAMED]
    )
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{what} not read: {named}{more}"


def _inverted(pages: tuple[int, ...]) -> str:
    """Say which pages were taken inverted, and how to have it otherwise."""
    named = ", ".join(map(str, pages[:10])) + (" and more" if len(pages) > 10 else "")
    where = "" if pages == (1,) else f", page{'s' if len(pages) > 1 else ''} {named}"
    return (
        f"{where}: shows light writing on dark ground, so light and dark were exchanged there "
        "before the network read it; add --invert never --overwrite if it does not"
    )
