"""Binarize the files of a batch on this machine; a file that fails does not stop the others.

Strategy: the work on a file is a generator of events, so that whoever drives it can show them, or
stop by not asking for the next. A page is decoded, read and kept in bands of rows: large ones are
decoded as far as the windows have come, and results wait packed until they are written. The network
is never idle for a file: in threads of their own, the next files are opened and their first pages
decoded while it runs, and the last results encoded. Files appear under their names when they are
complete, so whatever ends the work, the next batch goes on where it stopped.

An error becomes one line for its file. The network is loaded when the first page needs it.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from docbin_napari.batch.jobs import (
    Event,
    FileEnd,
    FileFailed,
    FileSkipped,
    FileStarted,
    FileWritten,
    Job,
    OutputConfig,
    PageOutputs,
    PageProgress,
)
from docbin_napari.batch.made_from import BatchModel, MadeFrom, fingerprint, may_be_numbered
from docbin_napari.inference import predict
from docbin_napari.inference.ahead import iterate_ahead, map_ahead, threads
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.io.errors import FileError, PageError
from docbin_napari.io.mask import write_mask, write_probability
from docbin_napari.io.page import Page, read_pages
from docbin_napari.model.engine import usable_threads

Resolution = tuple[float, float] | None
Result = TypeVar("Result")
Work = Generator[PageProgress, None, Result]
"""A computation that yields its progress and returns its result."""

_LOG = logging.getLogger(__name__)
_SHOWN = 3
_MMAP_THRESHOLD, _RETURNED = -3, 4 << 20
"""Parameter of `mallopt` (malloc.h), and its value in bytes."""
_MOST_AHEAD = 8
"""Most files whose first pages wait in memory: as many threads decode them for a fast GPU."""


def binarize_files(
    jobs: Sequence[Job], model: BatchModel, config: OutputConfig
) -> Generator[Event, None, None]:
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
    the written probability gives. While the network is at one file, the next is decoded and the
    last encoded, so that a file may end after the next one has started.
    """
    binarizer = FileBinarizer(replace(model, load=cache(model.load)), config)
    count = max(1, min(usable_threads() // 4, _MOST_AHEAD))
    with threads(count) as readers, threads(1) as page_reader, ThreadPoolExecutor(count) as writer:
        being_written: deque[Future[FileEnd]] = deque()
        try:
            for file in map_ahead(binarizer.open, jobs, readers, count):
                yield FileStarted(file.job.source)
                file.pages = iterate_ahead(file.pages, page_reader)
                being_written.append((yield from binarizer.compute(file, writer)))
                while being_written and (being_written[0].done() or len(being_written) > count):
                    yield being_written.popleft().result()
        except KeyboardInterrupt:
            # What the writer has not finished will still be written, so it counts.
            yield from (file_end.result() for file_end in being_written)
            raise
        yield from (file_end.result() for file_end in being_written)


def _return_large_blocks() -> None:
    """Give freed memory back to the system in blocks of 4 MiB and more.

    By itself the C library of GNU keeps freed blocks of up to 32 MiB for later: a third more memory
    for pages of 100 Mpix, in 24 instead of 25 seconds of the processor. Other libraries have no
    such function.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _RETURNED)


@dataclass
class OpenFile:
    """A file on its way: its first page is decoded, or it needs nothing more.

    Parameters
    ----------
    job : Job
        The file.
    pages : iterator of Page or PageError
        Its pages, or what is wrong with them; the later ones are decoded when they are asked for.
    end : FileEnd, optional
        What became of the file, if that is known already.
    written : list of Path
        Results that are written, or about to be.
    inverted : list of int
        Pages, from 1, that were taken inverted.
    remarks : dict
        What was read in another way than the file says.
    writing : Future, optional
        Done when the last results are written.
    """

    job: Job
    pages: Iterator[Page | PageError] = field(default_factory=lambda: iter(()))
    end: FileEnd | None = None
    written: list[Path] = field(default_factory=list)
    inverted: list[int] = field(default_factory=list)
    remarks: dict[str, None] = field(default_factory=dict)
    writing: Future[None] | None = None

    def write(self, writer: Executor, outputs: PageOutputs, *contents: Any) -> None:
        """Begin to write results as soon as the previous ones are written."""
        if self.writing is not None:
            self.writing.result()
        self.writing = writer.submit(_write, outputs, *contents)
        self.written += outputs.paths

    def finish(self) -> FileEnd:
        """Wait until all is written, and say what became of the file."""
        try:
            if self.writing is not None:
                self.writing.result()
        except Exception as error:
            self.end = _failure(error, self.job)
        notes = tuple(self.inverted), tuple(self.remarks)
        if isinstance(self.end, FileFailed):
            return FileFailed(self.job.source, self.end.reason, *notes)
        if self.end is not None or self.writing is None:
            return FileSkipped(self.job.source)
        return FileWritten(self.job.source, tuple(self.written), *notes)


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

    def __post_init__(self) -> None:
        """Let memory stay level over large pages."""
        _return_large_blocks()

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
        """Begin a file: check whether it has to be done, and decode its first page.

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
            # Before it is read: if it is replaced meanwhile, its result counts as out of date.
            job = replace(job, seen=fingerprint(job.source))
        try:
            pages = self._decoded(job.source)
            # An iterator that has ended lets go of the page, which a list would not.
            return OpenFile(job, chain(iter([next(pages)]), pages))
        except (FileError, OSError, MemoryError) as error:
            return OpenFile(job, end=_failure(error, job))

    def _decoded(self, source: Path) -> Iterator[Page | PageError]:
        """Yield the pages; in the place of a damaged one stands its error.

        An error that names no page is that of the file; how many pages there are, a page says.
        """
        settings = {name: getattr(self.config, name) for name in ("dpi", "pixel_limit", "password")}
        index, count = 0, 0
        while not count or index < count:
            try:
                with _named(source):
                    for page in read_pages(source, in_bands=True, first=index, **settings):
                        index, count = page.index + 1, page.count
                        yield page
                        # Otherwise this name would keep the page while the next one is decoded.
                        del page
                    return
            except PageError as error:
                if not (count or error.reason.startswith(f"page {index + 1}: ")):
                    if index:
                        return
                    raise
                yield error
                index += 1

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
            made = self._made(job, 0 if job.suffix == ".tiff" else 1)
            # The plain name is not looked at where the results may have others.
            done = not may_be_numbered(job) and made.is_done(
                job.outputs(), overwrite=self.config.overwrite
            )
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
        if file.end is None:
            work = self._whole_file if file.job.suffix == ".tiff" else self._single_pages
            try:
                yield from work(file, writer)
            except (FileError, OSError, MemoryError) as error:
                file.end = _failure(error, file.job)
        return writer.submit(file.finish)

    def _made(self, job: Job, page: int) -> MadeFrom:
        return MadeFrom(job.source, page, self.config.dpi, self.model.recipe, job.seen, job.folder)

    def _single_pages(self, file: OpenFile, writer: Executor) -> Work[None]:
        """Write each page to files of its own; one that cannot be read does not stop the others."""
        job, failed, done = file.job, list[str](), False
        for page in file.pages:
            if isinstance(page, PageError):
                failed.append(page.reason)
                continue
            outputs = job.outputs(page.index, page.count)
            if owner := job.rivals.get(outputs.mask.name):
                reason = f"its result would replace that of {owner}: use two --output"
                raise PageError(job.source, reason)
            made = self._made(job, page.index + 1)
            if not made.is_done(outputs, overwrite=self.config.overwrite):
                try:
                    ink, probability = yield from self._compute(page, file)
                except (PageError, MemoryError) as error:
                    where = f"page {page.index + 1}: " if page.count > 1 else ""
                    failed.append(where + _failure(error, job).reason.removeprefix(where))
                    del page
                    continue
                overwrite = self.config.overwrite
                file.write(writer, outputs, ink, probability, page.dpi, made, overwrite)
                del ink, probability
            done = True
            # Otherwise this name would keep the page in memory while the next one is decoded.
            del page
        if failed:
            more = [f"{len(failed) - _SHOWN} more of its pages failed"] * (len(failed) > _SHOWN)
            rest = ["all other pages are done"] * done
            raise PageError(job.source, "; ".join(failed[:_SHOWN] + more + rest))

    def _whole_file(self, file: OpenFile, writer: Executor) -> Work[None]:
        """Write all pages to one file when the last is done; until then they wait packed."""
        pages = []
        for page in file.pages:
            if isinstance(page, PageError):
                raise page
            pages.append((*(yield from self._compute(page, file)), page.dpi))
            del page
        made = self._made(file.job, 0)
        contents = map(list, zip(*pages, strict=True))
        file.write(writer, file.job.outputs(), *contents, made, self.config.overwrite)

    def _compute(self, page: Page, file: OpenFile) -> Work[tuple[PackedPage, PackedPage | None]]:
        """Compute the ink of a page, and keep the probability where it is wanted."""
        model, config = self.model.load(), self.model.inference
        result = InkCollector(
            page.pixels.shape[:2], self.model.lowest(), keep_probability=file.job.probability
        )
        with _named(page.source):
            reader = PageReader.of(page.pixels, model, config, file=page.source)
            for done in predict.predict_with(reader, config, result):
                yield PageProgress(page.source, page.index + 1, page.count, done.done, done.total)
        if reader.inverted and config.invert == "auto":
            file.inverted.append(page.index + 1)
        file.remarks.update(dict.fromkeys(page.remarks))
        return result.ink, result.probability


def _write(
    outputs: PageOutputs,
    ink: PackedPage | list[PackedPage],
    probability: Any,
    dpi: Resolution | list[Resolution],
    made: MadeFrom,
    overwrite: bool,
) -> None:
    """Write the results of a page; the mask comes last, because it marks the page as done.

    Another run may have written results meanwhile: those of the same settings are as good, and
    those of others are not replaced.
    """
    with _named(made.source):
        if made.is_done(outputs, overwrite=overwrite):
            return
        texts = made.texts(probability=outputs.probability is not None)
        if outputs.probability is not None:
            write_probability(outputs.probability, probability, dpi=dpi)
        write_mask(outputs.mask, ink, dpi=dpi, texts=texts)


@contextmanager
def _named(source: Path) -> Iterator[None]:
    """Turn what the network or a bug raises into an error that names the file.

    A bug in this program or in a library is reported as such, and the other files go on.
    """
    try:
        yield
    except (FileError, OSError, MemoryError):
        raise
    except predict.InferenceError as error:
        raise PageError(source, str(error)) from error
    except Exception as error:
        _LOG.debug("%s was not done", source, exc_info=error)
        reason = f"unexpected {type(error).__name__}: {one_line(error)}"
        raise PageError(source, reason) from error


def _failure(error: Exception, job: Job) -> FileFailed:
    """Put an error into one line that need not name the file again."""
    if isinstance(error, MemoryError):
        reason = "there is not enough memory for this page"
    elif isinstance(error, FileError) and error.path == job.source:
        reason = error.reason
    else:
        reason = one_line(error) or type(error).__name__
    return FileFailed(job.source, reason)


def one_line(error: Exception) -> str:
    """Put what an error says into one line."""
    return " ".join(str(error).split())


class PackedPage:
    """Rows of bool or uint8, packed as they come and unpacked as they are read.

    A mask of 400 Mpix takes a few megabytes, so that neither the size of a page nor the number of
    pages that become one file decides how much memory is needed.

    Parameters
    ----------
    width : int
        Pixels of a row.
    dtype : dtype
        bool or uint8.

    Examples
    --------
    >>> page = PackedPage(3, np.dtype(bool))
    >>> page.append(np.eye(3, dtype=bool)[:2])
    >>> page.append(np.eye(3, dtype=bool)[2:])
    >>> page.shape, page[1:].astype(int).tolist()
    ((3, 3), [[0, 1, 0], [0, 0, 1]])
    """

    def __init__(self, width: int, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._width = width
        self._bands: list[bytes] = []
        self._tops = [0]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows so far, and pixels of a row."""
        return self._tops[-1], self._width

    def append(self, rows: NDArray[Any]) -> None:
        """Put rows below those that are there.

        Parameters
        ----------
        rows : ndarray of bool or uint8, shape (N, width)
            They are copied.
        """
        bits = np.packbits(rows) if self.dtype == np.bool_ else np.ascontiguousarray(rows)
        self._bands.append(zlib.compress(bits.data, level=1))
        self._tops.append(self._tops[-1] + len(rows))

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        start, stop, _ = rows.indices(self._tops[-1])
        first = min(bisect_right(self._tops, start), len(self._bands)) - 1
        last = max(first + 1, bisect_left(self._tops, stop))
        above = self._tops[first]
        bands = [self._band(index) for index in range(first, last)]
        return np.concatenate(bands)[start - above : max(stop - above, 0)]

    def _band(self, index: int) -> NDArray[Any]:
        values = np.frombuffer(zlib.decompress(self._bands[index]), np.uint8)
        count = self._tops[index + 1] - self._tops[index]
        if self.dtype == np.bool_:
            values = np.unpackbits(values, count=count * self._width).view(np.bool_)
        return values.reshape(count, self._width)


class InkCollector:
    """Takes the probability of ink where `predict` writes it, and keeps the mask packed.

    Strategy: predict writes a row of windows piece by piece from left to right. Such a band is
    all that is kept unpacked; when it is complete, it is compared with the threshold.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page.
    lowest : int
        Probability in 256 steps from which a pixel is ink.
    keep_probability : bool
        Whether the probability is wanted too.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, int], lowest: int, *, keep_probability: bool) -> None:
        self.shape = shape
        self.ink = PackedPage(shape[1], np.dtype(bool))
        self.probability = PackedPage(shape[1], self.dtype) if keep_probability else None
        self._lowest = lowest
        self._band = np.empty((0, shape[1]), np.uint8)

    def __setitem__(self, region: tuple[slice, slice], values: NDArray[Any]) -> None:
        rows, columns = region
        if len(self._band) != rows.stop - rows.start:
            self._band = np.empty((rows.stop - rows.start, self.shape[1]), np.uint8)
        self._band[:, columns] = values
        if columns.stop == self.shape[1]:
            self.ink.append(self._band >= self._lowest)
            if self.probability is not None:
                self.probability.append(self._band)
