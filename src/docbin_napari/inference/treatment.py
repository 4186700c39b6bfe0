"""One file of a batch: read its pages, binarize them, write the results.

Strategy: the work on a file is a generator of events, so that whoever drives it can show them,
or stop by not asking for the next. Only one page is in memory: its pixels, one byte a pixel for
the probability and one for the mask. Where all pages of a file go into one TIFF, the finished
ones wait packed. Files appear under their names when they are complete, so whatever ends the
work, the next batch goes on where it stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.events import (
    Event,
    FileFailed,
    FileSkipped,
    FileWritten,
    PageProgress,
)
from docbin_napari.inference.outputs import Job, OutputConfig, PageOutputs
from docbin_napari.inference.page_stack import PageStack
from docbin_napari.io.errors import FileError, PageError
from docbin_napari.io.mask import write_mask, write_probability
from docbin_napari.io.page import Page, read_pages

if TYPE_CHECKING:
    # It loads torch.
    from docbin_napari.model.weights import InkModel

Resolution = tuple[float, float] | None
Result = TypeVar("Result")
Work = Generator[PageProgress, None, Result]
"""A computation that yields its progress and returns its result."""


@dataclass(frozen=True)
class BatchModel:
    """The network of a batch and how it is used.

    Parameters
    ----------
    load : callable
        Gives the `InkModel`. Called once, before the first page that has to be computed, so that
        a batch in which all is done needs no network.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1. By default the model's own.
    """

    load: Callable[[], InkModel]
    inference: InferenceConfig
    threshold: float | None = None

    def find_ink(self, probability: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Compare an 8-bit probability with the threshold."""
        threshold = self.load().threshold if self.threshold is None else self.threshold
        # Rounded, so that a threshold of 51/255 does not become 51.00000000000001.
        lowest = math.ceil(round(threshold * 255, 6))
        ink: NDArray[np.bool_] = probability >= np.uint8(lowest)
        return ink


@dataclass(frozen=True)
class FileTreatment:
    """How each file of a batch is treated.

    Parameters
    ----------
    model : BatchModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.
    owners : mapping
        Path of a planned mask to the file that it comes from.
    """

    model: BatchModel
    config: OutputConfig
    owners: Mapping[Path, Path]

    def treat(self, job: Job) -> Iterator[Event]:
        """Treat one file; what is wrong with it becomes an event.

        Parameters
        ----------
        job : Job
            One of the plan.

        Yields
        ------
        PageProgress, FileWritten, FileSkipped, FileFailed
            One of the last three at the end.

        Raises
        ------
        ModelError, DeviceError
            If the model cannot be loaded.
        """
        if job.problem:
            yield FileFailed(job.source, job.problem)
            return
        if self._is_done(job.outputs()):
            yield FileSkipped(job.source)
            return
        pages = read_pages(job.source, dpi=self.config.dpi, pixel_limit=self.config.pixel_limit)
        write = self._write_one_file if job.suffix == ".tiff" else self._write_page_files
        try:
            written = yield from write(job, pages)
        except (FileError, OSError, MemoryError) as error:
            yield FileFailed(job.source, _reason(error, job.source))
        else:
            yield FileWritten(job.source, written) if written else FileSkipped(job.source)

    def _is_done(self, outputs: PageOutputs) -> bool:
        return outputs.exist and not self.config.overwrite

    def _write_page_files(self, job: Job, pages: Iterator[Page]) -> Work[tuple[Path, ...]]:
        """Write each page to files of its own as soon as it is done."""
        written: list[Path] = []
        for page in pages:
            outputs = job.outputs(page.index, page.count)
            self._refuse_taken(outputs, job)
            if not self._is_done(outputs):
                probability = yield from self._compute(page)
                _write(outputs, self.model.find_ink(probability), probability, page.dpi)
                written += outputs.paths
                del probability
            # Or this name would hold the page while the next one is decoded.
            del page
        return tuple(written)

    def _write_one_file(self, job: Job, pages: Iterator[Page]) -> Work[tuple[Path, ...]]:
        """Write all pages to one file when the last is done."""
        masks, probabilities = PageStack(), PageStack()
        resolutions: list[Resolution] = []
        for page in pages:
            resolutions.append(page.dpi)
            probability = yield from self._compute(page)
            masks.append(self.model.find_ink(probability))
            if job.probability:
                probabilities.append(probability)
            del page, probability
        outputs = job.outputs()
        _write(outputs, masks, probabilities, resolutions)
        return outputs.paths

    def _compute(self, page: Page) -> Work[NDArray[np.uint8]]:
        """Compute the probability of ink in 256 steps."""
        from docbin_napari.inference.predict import InferenceError, predict

        model = self.model.load()
        probability = np.zeros(page.pixels.shape[:2], np.uint8)
        place = (page.source, page.index + 1, page.count)
        try:
            for progress in predict(page.pixels, model, self.model.inference, probability):
                yield PageProgress(*place, progress.done, progress.total)
        except InferenceError as error:
            raise PageError(page.source, str(error)) from error
        return probability

    def _refuse_taken(self, outputs: PageOutputs, job: Job) -> None:
        """Refuse a name that only now, when pages are counted, turns out to be another file's."""
        owner = self.owners.get(outputs.mask, job.source)
        if owner != job.source:
            raise PageError(job.source, f"its result would replace that of {owner}")


def _write(
    outputs: PageOutputs,
    ink: NDArray[np.bool_] | PageStack,
    probability: NDArray[np.uint8] | PageStack,
    dpi: Resolution | list[Resolution],
) -> None:
    """Write the probability first: the mask under its name says that the page is done."""
    if outputs.probability is not None:
        write_probability(outputs.probability, probability, dpi=dpi)
    write_mask(outputs.mask, ink, dpi=dpi)


def _reason(error: Exception, source: Path) -> str:
    """Put an error into one line that need not name the file again."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for this page"
    if isinstance(error, FileError) and error.path == source:
        return error.reason
    return " ".join(str(error).split()) or type(error).__name__
