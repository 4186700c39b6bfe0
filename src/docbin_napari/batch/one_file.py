"""Binarize one file of a batch: read its pages, compute them, write the results.

Strategy: the work on a file is a generator of events, so that whoever drives it can show them, or
stop by not asking for the next. A page is decoded, read and kept in bands of rows: large ones are
decoded as far as the windows have come, and results wait packed until they are written, in a thread
of their own while the network goes on. Files appear under their names when they are complete, so
whatever ends the work, the next batch goes on where it stopped.

Errors become one line a file. The network is loaded when the first page needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from docbin_napari.batch.events import (
    Event,
    FileEnd,
    FileFailed,
    FileSkipped,
    FileWritten,
    PageProgress,
)
from docbin_napari.batch.made_from import OTHER_RECIPE, MadeFrom, fingerprint, read_words
from docbin_napari.batch.packed_page import InkCollector, PackedPage
from docbin_napari.io.errors import FileError, PageError
from docbin_napari.io.mask import write_mask
from docbin_napari.io.page import Page, read_pages
from docbin_napari.io.paths import is_plain_file
from docbin_napari.io.probability import write_probability

if TYPE_CHECKING:
    from docbin_napari.batch.batch_model import BatchModel
    from docbin_napari.batch.jobs import Job, OutputConfig, PageOutputs

Resolution = tuple[float, float] | None
Result = TypeVar("Result")
Work = Generator[PageProgress, None, Result]
"""A computation that yields its progress and returns its result."""

_LOG = logging.getLogger(__name__)


@dataclass
class OpenFile:
    """A file whose first page is decoded, or that needs nothing more.

    Parameters
    ----------
    job : Job
        The file.
    pages : iterator of Page
        Its pages; the later ones are decoded when they are asked for.
    end : FileEnd, optional
        What became of the file, if that is known already.
    """

    job: Job
    pages: Iterator[Page] = field(default_factory=lambda: iter(()))
    end: FileEnd | None = None


@dataclass
class _Notes:
    """What is found out about a file while its pages are computed, and its results on their way."""

    writer: Executor
    written: list[Path] = field(default_factory=list)
    inverted: list[int] = field(default_factory=list)
    remarks: dict[str, None] = field(default_factory=dict)
    writing: Future[None] | None = None

    def write(self, outputs: PageOutputs, *contents: Any) -> None:
        """Begin to write results; wait before until the last ones are written."""
        if self.writing is not None:
            self.writing.result()
        self.writing = self.writer.submit(_write, outputs, *contents)
        self.written += outputs.paths

    def end(self, job: Job) -> FileEnd:
        """Wait until all is written, and say what became of the file."""
        try:
            if self.writing is None:
                return FileSkipped(job.source)
            self.writing.result()
        except Exception as error:
            return _failure(error, job)
        inverted, remarks = tuple(self.inverted), tuple(self.remarks)
        return FileWritten(job.source, tuple(self.written), inverted, remarks)


@dataclass(frozen=True)
class FileBinarizer:
    """Binarizes the files of a batch, one after the other.

    Parameters
    ----------
    model : BatchModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.
    """

    model: BatchModel
    config: OutputConfig

    def run(self, job: Job, writer: Executor) -> Generator[Event, None, None]:
        """Binarize one file; what is wrong with it becomes an event.

        Parameters
        ----------
        job : Job
            One of the plan.
        writer : Executor
            Encodes and writes the results.

        Yields
        ------
        PageProgress, FileWritten, FileSkipped, FileFailed
            One of the last three at the end.

        Raises
        ------
        ModelError, DeviceError
            If the model cannot be loaded.
        """
        end = yield from self.compute(self.open(job), writer)
        yield end.result()

    def open(self, job: Job) -> OpenFile:
        """Begin with a file: look whether it is to be done, and decode its first page.

        Parameters
        ----------
        job : Job
            One of the plan.

        Returns
        -------
        OpenFile
            For `compute`.
        """
        if (end := self.known_end(job)) is not None:
            return OpenFile(job, end=end)
        with suppress(OSError):
            # Before it is read: who replaces it meanwhile gets a result that is not up to date.
            job = replace(job, seen=fingerprint(job.source))
        try:
            pages = read_pages(
                job.source,
                dpi=self.config.dpi,
                pixel_limit=self.config.pixel_limit,
                in_bands=True,
                password=self.config.password,
            )
            return OpenFile(job, _resumed([next(pages)], pages))
        except Exception as error:
            return OpenFile(job, end=_failure(error, job))

    def known_end(self, job: Job) -> FileSkipped | FileFailed | None:
        """Say what becomes of a file that need not be read.

        Parameters
        ----------
        job : Job
            One of the plan.

        Returns
        -------
        FileSkipped, FileFailed or None
            None if it has to be read; one of many pages may turn out to be done then.
        """
        if job.problem:
            return FileFailed(job.source, job.problem)
        try:
            done = self._is_done(job.outputs(), job, 0 if job.suffix == ".tiff" else 1)
        except PageError as error:
            return _failure(error, job)
        return FileSkipped(job.source) if done else None

    def compute(self, file: OpenFile, writer: Executor) -> Work[Future[FileEnd]]:
        """Run the network over the pages of a file.

        Parameters
        ----------
        file : OpenFile
            From `open`.
        writer : Executor
            Encodes and writes the results.

        Yields
        ------
        PageProgress
            While it runs.

        Returns
        -------
        Future of FileEnd
            Done when all is written.

        Raises
        ------
        ModelError, DeviceError
            If the model cannot be loaded.
        """
        job, end, notes = file.job, file.end, _Notes(writer)
        if end is None:
            work = self._whole_file if job.suffix == ".tiff" else self._single_pages
            try:
                yield from work(job, _checked(file), notes)
            except (FileError, OSError, MemoryError) as error:
                end = _failure(error, job)
        return writer.submit(lambda: end or notes.end(job))

    def _made(self, job: Job, page: int) -> MadeFrom:
        return MadeFrom(job.source, page, self.config.dpi, self.model.recipe, job.seen)

    def _is_done(self, outputs: PageOutputs, job: Job, page: int) -> bool:
        """Whether the results of a page are there, and made from it as they would be now.

        Raises
        ------
        PageError
            If they belong to another file that is still there, or were made with another model.
        """
        standing = self._made(job, page).standing(outputs)
        if standing == "other source":
            kept = read_words(outputs.mask) or {}
            name, number = str(kept.get("source", "")), kept.get("page")
            whose = name if number in (0, 1) else f"page {number} of {name}"
            if name != job.source.name and is_plain_file(job.source.parent / Path(name).name):
                reason = f"its result {outputs.mask} would replace that of {whose}"
                raise PageError(job.source, f"{reason}: use two --output, or rename one of them")
        if standing == "other recipe" and not self.config.overwrite:
            raise PageError(job.source, f"{outputs.mask.name} is {OTHER_RECIPE}")
        return standing == "done" and not self.config.overwrite

    def _single_pages(self, job: Job, pages: Iterator[Page], notes: _Notes) -> Work[None]:
        """Write each page to files of its own."""
        for page in pages:
            outputs = job.outputs(page.index, page.count)
            if owner := job.rivals.get(outputs.mask.name):
                raise PageError(job.source, f"its result would replace that of {owner}")
            if not self._is_done(outputs, job, page.index + 1):
                ink, probability = yield from self._compute(page, job, notes)
                made = self._made(job, page.index + 1)
                notes.write(outputs, ink, probability, page.dpi, made)
                del ink, probability
            # Or this name would hold the page while the next one is decoded.
            del page

    def _whole_file(self, job: Job, pages: Iterator[Page], notes: _Notes) -> Work[None]:
        """Write all pages to one file when the last is done; until then they wait packed."""
        masks: list[PackedPage] = []
        probabilities: list[PackedPage] = []
        resolutions: list[Resolution] = []
        for page in pages:
            resolutions.append(page.dpi)
            ink, probability = yield from self._compute(page, job, notes)
            masks.append(ink)
            if probability is not None:
                probabilities.append(probability)
            del page
        notes.write(job.outputs(), masks, probabilities, resolutions, self._made(job, 0))

    def _compute(
        self, page: Page, job: Job, notes: _Notes
    ) -> Work[tuple[PackedPage, PackedPage | None]]:
        """Compute the ink of a page, and keep the probability where it is wanted."""
        from docbin_napari.inference.page_reader import PageReader
        from docbin_napari.inference.predict import predict_with
        from docbin_napari.inference.window_reader import InferenceError

        notes.remarks.update(dict.fromkeys(page.remarks))
        model, config = self.model.load(), self.model.inference
        height, width = page.pixels.shape[:2]
        result = InkCollector(
            (height, width), self.model.lowest(), keep_probability=job.probability
        )
        place = (page.source, page.index + 1, page.count)
        with _defects(page.source):
            try:
                reader = PageReader.of(page.pixels, model, config)
                if reader.inverted and config.invert == "auto":
                    notes.inverted.append(page.index + 1)
                for progress in predict_with(reader, config, result):
                    yield PageProgress(*place, progress.done, progress.total)
            except InferenceError as error:
                raise PageError(page.source, str(error)) from error
        return result.ink, result.probability


def _resumed(first: list[Page], pages: Iterator[Page]) -> Iterator[Page]:
    """Put the first page before the others, without holding it when it is taken."""
    yield first.pop()
    yield from pages


def _checked(file: OpenFile) -> Iterator[Page]:
    """Let what no decoder should raise end this file alone."""
    with _defects(file.job.source):
        yield from file.pages


def _write(
    outputs: PageOutputs,
    ink: PackedPage | list[PackedPage],
    probability: PackedPage | list[PackedPage] | None,
    dpi: Resolution | list[Resolution],
    made: MadeFrom,
) -> None:
    """Write the probability first: the mask under its name says that the page is done."""
    with _defects(made.source):
        if outputs.probability is not None and probability is not None:
            write_probability(outputs.probability, probability, dpi=dpi)
        write_mask(outputs.mask, ink, dpi=dpi, texts=made.texts())


@contextmanager
def _defects(source: Path) -> Iterator[None]:
    """Turn a defect of this program, or of a library, into an error of the file that met it."""
    try:
        yield
    except (FileError, OSError, MemoryError):
        raise
    except Exception as error:
        raise _defect(source, error) from error


def _defect(source: Path, error: Exception) -> PageError:
    words = " ".join(str(error).split())
    return PageError(source, f"unexpected {type(error).__name__}: {words}")


def _failure(error: Exception, job: Job) -> FileFailed:
    """Put an error into one line that need not name the file again.

    A defect of this program that one file meets is named as such: the others do not wait for it.
    """
    if isinstance(error, MemoryError):
        reason = "there is not enough memory for this page"
    elif isinstance(error, FileError) and error.path == job.source:
        reason = error.reason
    else:
        reason = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, FileError | OSError):
            _LOG.debug("%s was not done", job.source, exc_info=error)
            reason = _defect(job.source, error).reason
    return FileFailed(job.source, reason)
