"""Many files, one after the other, whatever happens to single ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from docbin_napari.inference.events import Event, FileStarted
from docbin_napari.inference.outputs import Job, OutputConfig
from docbin_napari.inference.treatment import BatchModel, FileTreatment

__all__ = ["BatchModel", "binarize_files", "owners_of"]


def binarize_files(jobs: Sequence[Job], model: BatchModel, config: OutputConfig) -> Iterator[Event]:
    """Binarize the pages of many files.

    Parameters
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    model : BatchModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.

    Yields
    ------
    FileStarted, PageProgress, FileWritten, FileSkipped, FileFailed
        For each file one of the last three at its end.

    Raises
    ------
    ModelError, DeviceError
        If the model cannot be loaded: then no page could be computed.

    Notes
    -----
    The probability is kept in 256 steps, and thresholded so: a mask is exactly what thresholding
    the written probability gives.
    """
    loading_once = replace(model, load=cache(model.load))
    treatment = FileTreatment(loading_once, config, owners_of(jobs))
    for number, job in enumerate(jobs, start=1):
        yield FileStarted(job.source, number, len(jobs))
        yield from treatment.treat(job)


def owners_of(jobs: Sequence[Job]) -> dict[Path, Path]:
    """Tell whose each planned mask is.

    Parameters
    ----------
    jobs : sequence of Job
        From `plan_jobs`.

    Returns
    -------
    dict
        Path of a mask to the file that it comes from.
    """
    return {job.outputs().mask: job.source for job in jobs}
