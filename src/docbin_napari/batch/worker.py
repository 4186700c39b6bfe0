"""Carry out an order on a worker of a cluster; knows nothing of Dask.

Strategy: the worker reads the page and writes the result itself, by the rules of every batch, so
a file that is done twice, because a worker was thought dead, is still one whole file. The network
stays in the process, known by the content of its file: a model file that changes while workers
live is another model.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from docbin_napari.__about__ import __version__
from docbin_napari.batch.events import Event, FileFailed
from docbin_napari.batch.one_file import BatchModel, FileTreatment
from docbin_napari.batch.orders import End, Order, SentModel, model_digest
from docbin_napari.model.registry import ModelError, find_model

if TYPE_CHECKING:
    from docbin_napari.model.engine import EngineConfig
    from docbin_napari.model.weights import InkModel

_MOST_MODELS = 2

_models: dict[tuple[str, str, EngineConfig | None], InkModel] = {}
_models_lock = Lock()
_gpu_lock = Lock()
_stopped: set[str] = set()


class UnfitWorkerError(Exception):
    """A worker cannot do any file of the batch: it sees other files or has another version."""


def fulfil(order: Order, place: str) -> End | None:
    """Treat the file of an order.

    Parameters
    ----------
    order : Order
        From the machine that runs the batch.
    place : str
        Address of this worker, for messages.

    Returns
    -------
    FileWritten, FileSkipped, FileFailed or None
        What became of the file; None if the batch was stopped meanwhile.

    Raises
    ------
    UnfitWorkerError
        If no file of the batch can be done here.
    """
    _check(order, place)
    if not _sees(order.job.source, Path.exists):
        reason = f"worker {place} does not see this file: are its folders shared by all machines?"
        return FileFailed(order.job.source, reason)
    if order.run in _stopped:
        return None
    with ExitStack() as held:
        load = cache(partial(_take, order.model, place, held))
        model = BatchModel(load, order.model.inference, order.model.threshold, order.model.recipe)
        treatment = FileTreatment(model, order.config, order.owners)
        events = cast("Generator[Event, None, None]", treatment.treat(order.job))
        # Closing it between two windows drops the file and leaves nothing half written.
        with closing(events):
            for event in events:
                if isinstance(event, End):
                    return event
                if order.run in _stopped:
                    break
    return None


def version_here() -> str:
    """Version of docbin-napari in this process."""
    return __version__


def stop(run: str) -> None:
    """Let this process drop the files of a batch as soon as it can.

    Parameters
    ----------
    run : str
        Identifies the batch.
    """
    _stopped.add(run)


def dask_setup(worker: Any) -> None:
    """Prepare a process of a cluster that this program started; Dask calls it by this name.

    Ctrl-C reaches every process of a terminal. Workers leave it to the one that started them,
    which lets them finish cleanly. What they would print belongs to nobody.

    Parameters
    ----------
    worker : distributed.Worker
        The worker of this process; not used.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _check(order: Order, place: str) -> None:
    """Refuse what would fail for every file, or write results where nobody finds them."""
    if order.version != __version__:
        raise UnfitWorkerError(
            f"worker {place} has docbin-napari {__version__}, this machine {order.version}: "
            "install the same version everywhere"
        )
    for folder in (order.job.source.parent, order.job.folder):
        if not _sees(folder, Path.is_dir):
            raise UnfitWorkerError(
                f"worker {place} does not see the folder {folder}: pages and results must lie "
                "under the same path on all machines (a shared file system)"
            )


def _sees(path: Path, test: Callable[[Path], bool]) -> bool:
    try:
        return test(path)
    except OSError:
        return False


def _take(sent: SentModel, place: str, held: ExitStack) -> InkModel:
    """Take the network of this process; on a GPU, for one file at a time."""
    key = (sent.digest, sent.device, sent.engine)
    with _models_lock:
        if key not in _models:
            while len(_models) >= _MOST_MODELS:
                del _models[next(iter(_models))]
            _models[key] = _load(sent, place)
        model = _models[key]
    if model.device.name != "cpu":
        held.enter_context(_gpu_lock)
    return model


def _load(sent: SentModel, place: str) -> InkModel:
    try:
        if model_digest(find_model(sent.name).path) != sent.digest:
            raise UnfitWorkerError(
                f"worker {place}: the file of the model {sent.name} is not the one of the machine "
                "that sends the pages, or was changed meanwhile"
            )
        return _load_in(sent, place)
    except (ModelError, OSError) as error:
        raise UnfitWorkerError(
            f"worker {place} cannot load the model, whose file must lie under the same path on "
            f"all machines: {error}"
        ) from error


def _load_in(sent: SentModel, place: str) -> InkModel:
    from docbin_napari.model.device import DeviceError
    from docbin_napari.model.weights import load_model

    try:
        return load_model(sent.name, sent.device, sent.engine)
    except DeviceError as error:
        raise UnfitWorkerError(f"worker {place}, --device {sent.device}: {error}") from error
