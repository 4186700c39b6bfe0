"""``docbin binarize``: files and folders of pages to masks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from docbin_napari.batch.jobs import (
    ClusterConfig,
    ClusterError,
    Job,
    OutputConfig,
    plan_jobs,
)
from docbin_napari.cli.console import Console, UsageError, option, setting
from docbin_napari.cli.progress import BatchReport
from docbin_napari.inference.inference_config import (
    PRESETS,
    ChosenSize,
    InferenceConfig,
    Invert,
    PresetName,
    Symmetries,
)
from docbin_napari.model.engine import DeviceError, EngineConfig, EngineName, Precision
from docbin_napari.model.model_file import DEFAULT_MODEL, ModelError

if TYPE_CHECKING:
    from docbin_napari.batch.jobs import Event

_PRESET = "that of the preset"
_WORKERS = "one a GPU, else as CPU and memory allow"
_reading, _engine, _files, _cluster = (
    partial(setting, config)
    for config in (InferenceConfig, EngineConfig, OutputConfig, ClusterConfig)
)


def _describe_presets() -> str:
    views = ", ".join(f"{name} {config.symmetries}" for name, config in PRESETS.items())
    return f"How thoroughly pages are read. Views of each window that are averaged: {views}."


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
    preset: Annotated[PresetName, option(_describe_presets())] = "balanced"
    overlap: Annotated[float | None, _reading("overlap", "SHARE", _PRESET)] = None
    symmetries: Annotated[Symmetries | None, _reading("symmetries", "{1,2,4,8}", _PRESET)] = None
    tolerance: Annotated[float | None, _reading("tolerance", "SHARE", _PRESET)] = None
    window: Annotated[int | None, _reading("window", "PIXELS", _PRESET)] = None
    batch: Annotated[int | None, _reading("batch", "WINDOWS", _PRESET)] = None
    invert: Annotated[Invert, _reading("invert", "{auto,never,always}")] = InferenceConfig.invert
    size: Annotated[ChosenSize, _reading("size", "{auto,own,half,double}")] = InferenceConfig.size
    edge_level: Annotated[float | None, _reading("edge_level", "LEVEL", "the model's own")] = None
    threshold: Annotated[float | None, option(metavar="PROBABILITY", default="the model's own")] = (
        None
    )
    model: Annotated[str, option(metavar="NAME|FILE")] = DEFAULT_MODEL
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    engine: Annotated[EngineName, _engine("engine", "{auto,openvino,torch}")] = EngineConfig.engine
    precision: Annotated[Precision, _engine("precision", "{auto,int8,bf16,f32}")] = (
        EngineConfig.precision
    )
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
        self._check()
        self.inference_config()
        self.engine_config()
        cluster = self.cluster_config()
        passed_over: list[Path] = []
        jobs = plan_jobs(self.paths, self.output_config(), passed_over)
        events = self._events(jobs, cluster, console)
        with BatchReport(console, len(jobs), passed_over) as report, closing(events):
            for event in events:
                report.show(event)
        return 1 if report.failed else 0

    def inference_config(self) -> InferenceConfig:
        """Apply the single options to the preset.

        Returns
        -------
        InferenceConfig
            The settings of the network.

        Raises
        ------
        UsageError
            If one of them is out of range.
        """
        given = {field.name: getattr(self, field.name) for field in fields(InferenceConfig)}
        chosen = {name: value for name, value in given.items() if value is not None}
        try:
            return replace(PRESETS[self.preset], **chosen)
        except ValueError as error:
            name, _, trouble = str(error).partition(" ")
            raise UsageError(f"--{name.replace('_', '-')} {trouble}") from error

    def engine_config(self) -> EngineConfig:
        """Collect the options about what runs the network.

        Returns
        -------
        EngineConfig
            Engine, number format and threads.

        Raises
        ------
        UsageError
            If one of them is out of range.
        """
        try:
            return EngineConfig(self.engine, self.precision, self.threads)
        except ValueError as error:
            raise UsageError(f"--{error}") from error

    def output_config(self) -> OutputConfig:
        """Collect the options about files.

        Returns
        -------
        OutputConfig
            What is read and where the results go.
        """
        return OutputConfig(
            **{field.name: getattr(self, field.name) for field in fields(OutputConfig)}
        )

    def cluster_config(self) -> ClusterConfig | None:
        """Collect the options about a cluster.

        Returns
        -------
        ClusterConfig or None
            None if the work is done in this process.

        Raises
        ------
        UsageError
            If they do not go together.
        """
        if self.dask is None:
            if self.workers is not None:
                raise UsageError("--workers goes with --dask local")
            return None
        try:
            return ClusterConfig(self.dask, self.workers, self.device)
        except ValueError as error:
            raise UsageError(f"--{error}") from error

    def _events(
        self, jobs: list[Job], cluster: ClusterConfig | None, console: Console
    ) -> Generator[Event, None, None]:
        """Find the model, also where nothing is left to do, and do the work."""
        # Imported late: these bring numpy, and with the model its engine: no help text needs them.
        from docbin_napari.batch.made_from import describe_model, done_otherwise

        settings, output = self.inference_config(), self.output_config()
        name, device, engine = self.model, self.device, self.engine_config()
        try:
            model = describe_model(name, device, settings, self.threshold, engine)
            if trouble := done_otherwise(jobs, output, model.recipe):
                raise UsageError(trouble)
            if cluster is None:
                from docbin_napari.batch.binarizer import binarize_files

                yield from binarize_files(jobs, model, output)
            else:
                from docbin_napari.batch.dask_client import binarize_on_cluster

                yield from binarize_on_cluster(jobs, model, output, cluster, console.say)
        except ModelError as error:
            raise UsageError(f"--model {self.model}: {error}") from error
        except DeviceError as error:
            raise UsageError(str(error)) from error
        except ClusterError as error:
            raise UsageError(f"--dask {self.dask}: {error}") from error

    def _check(self) -> None:
        if not self.paths:
            raise UsageError("name at least one file or folder with pages")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"--threshold must lie between 0 and 1, not {self.threshold}")
        if not 1 <= self.dpi <= 10_000:
            raise UsageError(f"--dpi must lie between 1 and 10000, not {self.dpi}")
        if self.pixel_limit < 1:
            raise UsageError(f"--pixel-limit must be positive, not {self.pixel_limit}")
