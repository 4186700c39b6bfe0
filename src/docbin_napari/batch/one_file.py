"""Binarize one file of a batch: read its pages, compute them, write the results.

Strategy: the work on a file is a generator of events, so that whoever drives it can show them, or
stop by not asking for the next. A page is decoded, read and kept in bands of rows: large ones are
decoded as far as the windows have come, and results wait packed until the page, or the last page of
a file that becomes one TIFF, is done. Files appear under their names when they are complete, so
whatever ends the work, the next batch goes on where it stopped.

Errors become one line a file. The network is loaded when the first page needs it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from docbin_napari.batch.events import (
    Event,
    FileFailed,
    FileSkipped,
    FileWritten,
    PageProgress,
)
from docbin_napari.batch.jobs import Job, OutputConfig, PageOutputs
from docbin_napari.batch.made_from import OTHER_RECIPE, MadeFrom, Recipe, read_words
from docbin_napari.batch.packed_page import InkCollector, PackedPage
from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.inverted import InvertedRows, is_to_be_inverted
from docbin_napari.io.errors import FileError, PageError
from docbin_napari.io.mask import write_mask
from docbin_napari.io.page import Page, read_pages
from docbin_napari.io.paths import is_plain_file
from docbin_napari.io.probability import write_probability

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.batch.jobs import Job
    from docbin_napari.model.weights import InkModel

Resolution = tuple[float, float] | None
Result = TypeVar("Result")
Work = Generator[PageProgress, None, Result]
"""A computation that yields its progress and returns its result."""
Finish = Callable[[], Event]
"""Does what is left to do with a file, and tells what became of it."""
Rest = tuple[tuple[Path, ...], Callable[[], None]]
"""Files that are, or will be, written, and what writes those that are not."""


@dataclass
class OpenFile:
    """A file whose first page is decoded, or that needs nothing more.

    Parameters
    ----------
    job : Job
        The file.
    pages : iterator of Page
        Its pages; the later ones are decoded when they are asked for.
    end : Event, optional
        What became of the file, if that is known already.
    """

    job: Job
    pages: Iterator[Page] = field(default_factory=lambda: iter(()))
    end: Event | None = None


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
        finish = yield from self.compute(self.open(job))
        yield finish()

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
        if job.problem:
            return OpenFile(job, end=FileFailed(job.source, job.problem))
        try:
            if self._is_done(job.outputs(), job, 0 if job.suffix == ".tiff" else 1):
                return OpenFile(job, end=FileSkipped(job.source))
        except PageError as error:
            return OpenFile(job, end=failure(error, job))
        dpi, limit = self.config.dpi, self.config.pixel_limit
        try:
            password = self.config.password
            pages = read_pages(
                job.source, dpi=dpi, pixel_limit=limit, in_bands=True, password=password
            )
            first = next(pages)
        except Exception as error:
            return OpenFile(job, end=failure(error, job))
        return OpenFile(job, _resumed([first], pages))

    def compute(self, file: OpenFile) -> Generator[PageProgress, None, Finish]:
        """Run the network over the pages of a file.

        Parameters
        ----------
        file : OpenFile
            From `open`.

        Yields
        ------
        PageProgress
            While it runs.

        Returns
        -------
        callable
            Writes what is not yet written and gives the last event. May be called in a thread.

        Raises
        ------
        ModelError, DeviceError
            If the model cannot be loaded.
        """
        job, end = file.job, file.end
        if end is not None:
            return lambda: end
        work = self._whole_file if job.suffix == ".tiff" else self._single_pages
        inverted: list[int] = []
        remarks: dict[str, None] = {}
        # A map keeps no page while the next one is decoded.
        pages = map(partial(self._with_dark_writing, inverted), _noting(file, remarks))
        try:
            written, write = yield from work(job, pages)
        except (FileError, OSError, MemoryError) as error:
            failed = failure(error, job)
            return lambda: failed

        def finish() -> Event:
            try:
                write()
            except Exception as error:
                return failure(error, job)
            if not written:
                return FileSkipped(job.source)
            return FileWritten(job.source, written, tuple(inverted), tuple(remarks))

        return finish

    def _with_dark_writing(self, inverted: list[int], page: Page) -> Page:
        """Exchange light and dark of a page where that is to be done, and remember it."""
        invert = self.model.inference.invert
        if not is_to_be_inverted(page.pixels, invert):
            return page
        if invert == "auto":
            inverted.append(page.index + 1)
        return replace(page, pixels=cast("NDArray[np.uint8]", InvertedRows(page.pixels)))

    def _made(self, job: Job, page: int) -> MadeFrom:
        return MadeFrom(job.source, page, self.config.dpi, self.model.recipe)

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

    def _single_pages(self, job: Job, pages: Iterator[Page]) -> Work[Rest]:
        """Each page to files of its own: the rest is to write the last one."""
        written: list[Path] = []
        write: Callable[[], None] = _nothing
        try:
            for page in pages:
                pending, write = write, _nothing
                pending()
                outputs = job.outputs(page.index, page.count)
                self._refuse_taken(outputs, job)
                if not self._is_done(outputs, job, page.index + 1):
                    made = self._made(job, page.index + 1)
                    result = yield from self._compute(page, job)
                    kept = (result.ink, result.probability)
                    write = partial(_write, outputs, *kept, page.dpi, made)
                    del kept
                    written += outputs.paths
                    del result
                # Or these names would hold the pages while the next one is decoded.
                del page, pending
        except (FileError, OSError, MemoryError):
            # The page before the one that cannot be read is computed, and must not be lost.
            write()
            raise
        return tuple(written), write

    def _whole_file(self, job: Job, pages: Iterator[Page]) -> Work[Rest]:
        """All pages to one file when the last is done; until then they wait packed."""
        masks: list[PackedPage] = []
        probabilities: list[PackedPage] = []
        resolutions: list[Resolution] = []
        for page in pages:
            resolutions.append(page.dpi)
            result = yield from self._compute(page, job)
            masks.append(result.ink)
            if result.probability is not None:
                probabilities.append(result.probability)
            del page, result
        outputs = job.outputs()
        made = self._made(job, 0)
        return outputs.paths, partial(_write, outputs, masks, probabilities, resolutions, made)

    def _compute(self, page: Page, job: Job) -> Work[InkCollector]:
        """Compute the ink of a page, and keep the probability where it is wanted."""
        from docbin_napari.inference.predict import InferenceError, predict

        model = self.model.load()
        height, width = page.pixels.shape[:2]
        # What there is to invert is inverted already.
        config = replace(self.model.inference, invert="never")
        result = InkCollector(
            (height, width), self.model.lowest(), keep_probability=job.probability
        )
        place = (page.source, page.index + 1, page.count)
        try:
            for progress in predict(page.pixels, model, config, result):
                yield PageProgress(*place, progress.done, progress.total)
        except InferenceError as error:
            raise PageError(page.source, str(error)) from error
        except (OSError, MemoryError):
            raise
        except Exception as error:
            raise defect(page.source, error) from error
        return result

    def _refuse_taken(self, outputs: PageOutputs, job: Job) -> None:
        """Refuse a name that only now, when pages are counted, turns out to be another file's."""
        owner = self.owners.get(outputs.mask, job.source)
        if owner != job.source:
            raise PageError(job.source, f"its result would replace that of {owner}")


def _resumed(first: list[Page], pages: Iterator[Page]) -> Iterator[Page]:
    """Put the first page before the others, without holding it when it is taken."""
    yield first.pop()
    yield from pages


def _nothing() -> None:
    """Nothing is left to be written."""


def _write(
    outputs: PageOutputs,
    ink: PackedPage | list[PackedPage],
    probability: PackedPage | list[PackedPage] | None,
    dpi: Resolution | list[Resolution],
    made: MadeFrom,
) -> None:
    """Write the probability first: the mask under its name says that the page is done."""
    if outputs.probability is not None and probability is not None:
        write_probability(outputs.probability, probability, dpi=dpi)
    write_mask(outputs.mask, ink, dpi=dpi, texts=made.texts())


def _noting(file: OpenFile, remarks: dict[str, None]) -> Iterator[Page]:
    """Keep the remarks on pages; let what no decoder should raise end this file alone."""
    try:
        for page in file.pages:
            remarks.update(dict.fromkeys(page.remarks))
            yield page
            # Or this name would hold the page while the next one is decoded.
            del page
    except (FileError, OSError, MemoryError):
        raise
    except Exception as error:
        raise defect(file.job.source, error) from error


_LOG = logging.getLogger(__name__)


def defect(source: Path, error: Exception) -> PageError:
    """Tell of a defect of this program, or of a library, that a file has met."""
    words = " ".join(str(error).split())
    return PageError(source, f"unexpected {type(error).__name__}: {words}")


def failure(error: Exception, job: Job) -> FileFailed:
    """Put an error into one line that need not name the file again.

    A defect of this program that one file meets is told as such: the others do not wait for it.
    """
    if isinstance(error, MemoryError):
        reason = "there is not enough memory for this page"
    elif isinstance(error, FileError) and error.path == job.source:
        reason = error.reason
    else:
        reason = " ".join(str(error).split()) or type(error).__name__
        if not isinstance(error, FileError | OSError):
            _LOG.debug("%s was not done", job.source, exc_info=error)
            reason = defect(job.source, error).reason
    return FileFailed(job.source, reason)


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
    recipe : Recipe, optional
        What results keep of it, to know whether they are done; nothing by default.
    """

    load: Callable[[], InkModel]
    inference: InferenceConfig
    threshold: float | None = None
    recipe: Recipe | None = None

    def lowest(self) -> int:
        """Probability in 256 steps from which a pixel is ink."""
        threshold = self.load().threshold if self.threshold is None else self.threshold
        # Rounded, so that a threshold of 51/255 does not become 51.00000000000001.
        return math.ceil(round(threshold * 255, 6))
