"""Binarize one file in a process of a cluster; knows nothing of Dask.

Strategy: the worker reads the page and writes the result itself, by the rules of every batch, so
a file that is done twice, because a worker was thought dead, is still one whole file. The network
stays in the process, known by the content of its file.
"""

from __future__ import annotations

import os
import platform
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from docbin_napari.__about__ import __version__
from docbin_napari.batch.binarizer import FileBinarizer
from docbin_napari.batch.jobs import ClusterError, FileEnd, FileFailed
from docbin_napari.io.paths import is_folder, missing
from docbin_napari.model.engine import DeviceError
from docbin_napari.model.model_file import ModelError

if TYPE_CHECKING:
    from docbin_napari.batch.jobs import Job, OutputConfig
    from docbin_napari.batch.made_from import BatchModel
    from docbin_napari.model.ink_model import InkModel

GPUS = "DOCBIN_GPUS"
"""Environment variable: the GPUs that the workers of this machine take in turns."""

_gpu_lock = RLock()
_stopped: set[str] = set()


def binarize_file(
    job: Job, model: BatchModel, config: OutputConfig, run: str, version: str = __version__
) -> FileEnd | None:
    """Binarize one file.

    Parameters
    ----------
    job : Job
        The file; its paths are absolute.
    model : BatchModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.
    run : str
        Identifies the batch.
    version : str
        Version of docbin-napari on the machine that runs the batch.

    Returns
    -------
    FileWritten, FileSkipped, FileFailed or None
        What became of the file; None if the batch was stopped meanwhile.

    Raises
    ------
    ClusterError
        If no file of the batch can be done here.
    """
    place = f"the worker on {platform.node()}"
    _check(job, version, place)
    if missing(job.source):
        reason = f"{place} does not see this file: are its folders shared by all machines?"
        return FileFailed(job.source, reason)
    end: Any = None
    with ExitStack() as stack:
        writer = stack.enter_context(ThreadPoolExecutor(1))

        def load() -> InkModel:
            network = model.load()
            if network.device.name != "cpu":
                # Files of several threads go through one GPU one after the other.
                stack.enter_context(_gpu_lock)
            return network

        binarizer = FileBinarizer(replace(model, load=load), config)
        # Closing it between two windows drops the file and leaves nothing half written.
        events = stack.enter_context(closing(binarizer.run(job, writer)))
        try:
            while run not in _stopped and not isinstance(end, FileEnd):
                end = next(events)
        except (ModelError, DeviceError) as error:
            raise ClusterError(
                f"{place} cannot load the model, whose file must lie under the same path on all "
                f"machines: {error}"
            ) from error
    return end if isinstance(end, FileEnd) else None


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
        The worker of this process; its name is its number, from 0.
    """
    if gpus := os.environ.get(GPUS):
        names = gpus.split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = names[int(worker.name) % len(names)].strip()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _check(job: Job, version: str, place: str) -> None:
    """Refuse what would fail for every file, or write results where nobody finds them."""
    if version != __version__:
        raise ClusterError(
            f"{place} has docbin-napari {__version__}, this machine {version}: "
            "install the same version everywhere"
        )
    for folder in (job.source.parent, job.folder):
        if not is_folder(folder):
            raise ClusterError(
                f"{place} does not see the folder {folder}: pages and results must lie "
                "under the same path on all machines (a shared file system)"
            )
