"""Work in threads: load the network, read pages, compute them."""

from __future__ import annotations

import importlib
import logging
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from docbin_napari.io.errors import PageError
from docbin_napari.io.page import read_pages
from docbin_napari.io.paths import is_plain_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.inference.inference_config import InferenceConfig
    from docbin_napari.inference.predict import Progress
    from docbin_napari.inference.windows import Box
    from docbin_napari.io.rgb import RowSource
    from docbin_napari.plugin.layers.ink_result import InkResult
    from docbin_napari.plugin.layers.page_source import PageSource

    Loader = Callable[[str, str], "PageEngine"]

_LOG = logging.getLogger(__name__)


class PageEngine:
    """A network that is ready to run; on a GPU, loading it imports torch, which takes seconds.

    Parameters
    ----------
    model, device : str
        Names, as `load_model` takes them.

    Attributes
    ----------
    device : str
        Where it runs and why, one sentence.
    """

    def __init__(self, model: str, device: str) -> None:
        from docbin_napari.model.ink_model import load_model

        self._model = load_model(model, device)
        found = self._model.device
        self.device = f"{found.name}, {found.dtype} ({found.reason})"

    def predict(
        self,
        pixels: RowSource,
        config: InferenceConfig,
        out: NDArray[np.uint8],
        first: Box | None = None,
        file: Path | None = None,
    ) -> Iterator[Progress]:
        """Fill `out` with a page of a file as `docbin_napari.inference.predict.predict` does."""
        from docbin_napari.inference.predict import predict

        return predict(pixels, self._model.for_file(file), config, out, first)

    def preview(
        self, pixels: RowSource, config: InferenceConfig, file: Path | None = None
    ) -> NDArray[np.uint8] | None:
        """Read a page once, at half its size, for a preview.

        Returns
        -------
        ndarray or None
            uint8 (H, W): ink probability times 255; None for a page that appears window by
            window, and where the first window is there as soon.
        """
        from docbin_napari.inference.predict import glance

        return glance(pixels, self._model.for_file(file), config)


@dataclass(frozen=True)
class RunJob:
    """One press on Run.

    Parameters
    ----------
    source : PageSource
        The pages of the image.
    pages : tuple of int
        Which of them, from 0.
    result : InkResult
        Where probability and labels go.
    model, device : str
        Names, as `load_model` takes them.
    config : InferenceConfig
        Windows, overlap, symmetries.
    file : Path or None
        The file the image came from; None if that is not known.
    first : (slice, slice) or None
        Rows and columns of the first of the pages that are on the canvas: they are computed first.
    dpi_known : bool
        Whether the resolution of the file need not be looked up.
    """

    source: PageSource
    pages: tuple[int, ...]
    result: InkResult
    model: str
    device: str
    config: InferenceConfig
    file: Path | None = None
    first: Box | None = None
    dpi_known: bool = False


@dataclass(frozen=True)
class Ready:
    """The network is loaded; `device` says where it runs, `dpi` what the file says."""

    device: str
    dpi: tuple[float, float] | None


@dataclass(frozen=True)
class Begun:
    """A page that has a result is computed again, or left alone: it was corrected meanwhile."""

    page: int
    corrected: bool


@dataclass(frozen=True)
class Computed:
    """A region of a page was written, or at least some windows have passed."""

    page: int
    progress: Progress


@dataclass(frozen=True, eq=False)
class Preview:
    """What a page will look like, uint8 (H, W): ink probability times 255."""

    page: int
    probability: NDArray[np.uint8]


@dataclass(frozen=True)
class Failed:
    """The run ended early; `message` is for the user."""

    message: str


def begin(work: Callable[..., Any], *arguments: Any, **heard: Any) -> Any:
    """Begin work in the background, in a worker of napari that reports no error by itself.

    Parameters
    ----------
    work : callable
        A function, or a generator function.
    *arguments
        Of the work.
    **heard
        What is called at each signal of the worker: ``yielded``, ``returned``, ``finished``…

    Returns
    -------
    WorkerBase
        Already started.
    """
    from napari.qt.threading import create_worker

    return create_worker(work, *arguments, _ignore_errors=True, _connect=heard)


def import_ahead(*modules: str) -> None:
    """Import modules in the background, so that their first use does not wait for it."""

    def work() -> None:
        for module in modules:
            importlib.import_module(module)

    threading.Thread(target=work, name="docbin-import", daemon=True).start()


def make_units_ahead() -> None:
    """Make the registry of units in the background: else napari's first layer waits for it.

    Nothing changes where napari, or anybody, has made or chosen one meanwhile.
    """
    import pint
    from pint.registry import LazyRegistry

    application: Any = pint.application_registry
    lazy = application.get()

    def use(registry: Any) -> None:
        if application.get() is lazy and isinstance(lazy, LazyRegistry):
            application.set(registry)

    if isinstance(lazy, LazyRegistry):  # it becomes another class when it is first used
        begin(lambda: pint.UnitRegistry(on_redefinition="raise"), returned=use)


def run(
    job: RunJob, load: Loader = PageEngine
) -> Iterator[Ready | Begun | Preview | Computed | Failed]:
    """Do a job, step by step; stop by not asking for the next item.

    Nothing is raised. napari's generator workers swallow every RuntimeError, and all
    errors of torch are RuntimeErrors: neither ``errored`` nor ``finished`` would be
    emitted and the widget would wait for ever. So errors are yielded.

    A page keeps its earlier result until it could be read and the network begins with it.

    Parameters
    ----------
    job : RunJob
        What to do.
    load : callable
        Makes the engine.

    Yields
    ------
    Ready, Begun, Preview, Computed or Failed
        `Failed` is the last one.
    """
    where = ""
    try:
        engine = load(job.model, job.device)
        yield Ready(engine.device, resolution_in(None if job.dpi_known else job.file))
        for page in job.pages:
            where = f"Page {page + 1}: " if len(job.pages) > 1 else ""
            again = job.result.has(page)
            for event in _compute(job, page, engine):
                if again:
                    corrected, again = job.result.was_edited(page), False
                    yield Begun(page, corrected)
                    if corrected:
                        break
                    job.result.reset(page)
                yield event
    except Exception as error:
        yield Failed(where + logged(error, "the run ended early"))


def _compute(job: RunJob, page: int, engine: PageEngine) -> Iterator[Preview | Computed]:
    """Compute a page; nothing is written before the first item."""
    pixels, plane = job.source.read(page), job.result.probability_plane(page)
    first = job.first if page == job.pages[0] else None
    if first is not None and (preview := engine.preview(pixels, job.config, job.file)) is not None:
        yield Preview(page, preview)
    for progress in engine.predict(pixels, job.config, plane, first, job.file):
        yield Computed(page, progress)


def readable(error: Exception) -> str:
    """Put an error into words for a notification.

    Parameters
    ----------
    error : Exception
        Anything that was raised.

    Returns
    -------
    str
        The own text of errors of this package; with the kind of error before it for others.

    Examples
    --------
    >>> readable(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    text = str(error).strip()
    if type(error).__module__.startswith("docbin_napari."):
        return text
    if isinstance(error, MemoryError):
        return "There is not enough memory for this page."
    kind = type(error).__name__
    return f"{kind}: {text.splitlines()[0]}" if text else kind


def logged(error: Exception, what: str) -> str:
    """Make an error readable; one that this package did not foresee goes to the log as well."""
    if not type(error).__module__.startswith("docbin_napari."):
        _LOG.error(what, exc_info=error)
    return readable(error)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an error to the user instead of raising it."""
    from napari.utils.notifications import show_error

    try:
        yield
    except Exception as error:
        show_error(readable(error))


def resolution_in(file: Path | None, page: int = 1) -> tuple[float, float] | None:
    """Read the dots per inch (x, y) of a page, from 1, that napari opened itself: it drops them."""
    return None if file is None else resolutions_in(file, page - 1, page - 1).get(page - 1)


def resolutions_in(file: Path, first: int, last: int) -> dict[int, tuple[float, float] | None]:
    """Read those of several pages, from 0, in one go, up to a damaged one."""
    found: dict[int, tuple[float, float] | None] = {}
    with suppress(PageError):
        if is_plain_file(file):
            for page in islice(read_pages(file, in_bands=True, first=first), last - first + 1):
                found[page.index] = page.dpi
    return found
