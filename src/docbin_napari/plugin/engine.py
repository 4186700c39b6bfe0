"""Work in threads: load the network, read pages, compute them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from docbin_napari.io.page import PageError, read_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.inference.config import InferenceConfig
    from docbin_napari.inference.predict import Progress
    from docbin_napari.io.row_source import RowSource
    from docbin_napari.plugin.layers.ink_result import InkResult
    from docbin_napari.plugin.layers.page_source import PageSource

_LOG = logging.getLogger(__name__)


class Engine(Protocol):
    """A network that is ready to run."""

    @property
    def device(self) -> str:
        """Where it runs and why, one sentence."""

    def predict(
        self, pixels: RowSource, config: InferenceConfig, out: NDArray[np.uint8]
    ) -> Iterator[Progress]:
        """Fill `out` as `docbin_napari.inference.predict.predict` does."""


@dataclass(frozen=True)
class Job:
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
        The file the image came from, to look up its resolution; None if that is known.
    """

    source: PageSource
    pages: tuple[int, ...]
    result: InkResult
    model: str
    device: str
    config: InferenceConfig
    file: Path | None = None


@dataclass(frozen=True)
class Ready:
    """The network is loaded; `device` says where it runs, `dpi` what the file says."""

    device: str
    dpi: tuple[float, float] | None


@dataclass(frozen=True)
class Computed:
    """A region of a page was written, or at least some windows have passed."""

    page: int
    progress: Progress


@dataclass(frozen=True)
class Failed:
    """The run ended early; `message` is for the user."""

    message: str


def load_engine(model: str, device: str) -> Engine:
    """Load a network; imports torch, which takes seconds.

    Parameters
    ----------
    model, device : str
        Names, as `load_model` takes them.

    Returns
    -------
    Engine
        Ready to run.
    """
    from docbin_napari.inference.predict import predict
    from docbin_napari.model.weights import load_model

    ready = load_model(model, device)

    class Loaded:
        device = f"{ready.device.name}, {ready.device.dtype} ({ready.device.reason})"

        def predict(self, pixels: Any, config: InferenceConfig, out: Any) -> Iterator[Progress]:
            return predict(pixels, ready, config, out)

    return Loaded()


def run(
    job: Job, load: Callable[[str, str], Engine] = load_engine
) -> Iterator[Ready | Computed | Failed]:
    """Do a job, step by step; stop by not asking for the next item.

    Nothing is raised. napari's generator workers swallow every RuntimeError, and all
    errors of torch are RuntimeErrors: neither ``errored`` nor ``finished`` would be
    emitted and the widget would wait for ever. So errors are yielded.

    Parameters
    ----------
    job : Job
        What to do.
    load : callable
        Makes the engine.

    Yields
    ------
    Ready, Computed or Failed
        `Failed` is the last one.
    """
    try:
        engine = load(job.model, job.device)
        yield Ready(engine.device, _resolution(job.file))
        for page in job.pages:
            pixels = job.source.read(page)
            for progress in engine.predict(pixels, job.config, job.result.probability_plane(page)):
                yield Computed(page, progress)
    except Exception as error:
        _LOG.exception("the run ended early")
        yield Failed(readable(error))


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


def _resolution(file: Path | None) -> tuple[float, float] | None:
    """Dots per inch (x, y) of a file that napari opened itself, since it drops them."""
    if file is None or not file.is_file():
        return None
    try:
        return next(iter(read_pages(file, in_bands=True))).dpi
    except (PageError, StopIteration):
        return None
