"""Settings of a cluster and its errors; loads neither Dask nor numpy."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docbin_napari.batch.jobs import Job

LOCAL = "local"
_TALKERS = ("asyncio", "bokeh", "distributed", "tornado")


class ClusterError(Exception):
    """The cluster cannot do this batch; what is written stays, and is skipped the next time."""


@dataclass(frozen=True)
class ClusterConfig:
    """Which Dask cluster does the work.

    Parameters
    ----------
    dask : str
        Send the files to a Dask cluster: the address of its scheduler, such as
        tcp://node1:8786, or "local" to start one on this machine.
    workers : int, optional
        Processes that "local" starts.

    Raises
    ------
    ValueError
        If the address is empty, or `workers` is given for an address or below 1.

    Examples
    --------
    >>> ClusterConfig("local", workers=4).is_local
    True
    """

    dask: str
    workers: int | None = None

    def __post_init__(self) -> None:
        if not self.dask.strip():
            raise ValueError('dask must be the address of a scheduler, or "local"')
        if self.workers is not None and not self.is_local:
            raise ValueError("workers goes with --dask local only: a cluster brings its own")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")

    @property
    def is_local(self) -> bool:
        """Whether the cluster is started here and ends with the batch."""
        return self.dask == LOCAL


def remove_leftovers(job: Job) -> None:
    """Remove the hidden files of a worker that was killed while it wrote a result.

    Only for a file that no worker is busy with any more.

    Parameters
    ----------
    job : Job
        The file whose results they would have become.
    """
    # Named by `docbin_napari.io.atomic`: a dot, 80 characters of the name at most, a random number.
    rest = r"(_\d{3,})?(_probability)?" if len(job.name) <= 60 else ".*"
    hidden = re.compile(rf"\.{re.escape(job.name[:80])}{rest}-[0-9a-f]{{12}}\{job.suffix}")
    with suppress(OSError):
        for path in job.folder.iterdir():
            if hidden.fullmatch(path.name):
                path.unlink(missing_ok=True)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Keep Dask's log away from the terminal; what matters becomes an error or an event."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _TALKERS]
    with ExitStack() as stack:
        # Each by its name: Dask gives several of them a handler of their own.
        for logger in map(logging.getLogger, {*names, *_TALKERS}):
            stack.callback(setattr, logger, "handlers", logger.handlers)
            stack.callback(setattr, logger, "propagate", logger.propagate)
            logger.handlers = []
            logger.propagate = logger.name not in _TALKERS
            if not logger.propagate:
                logger.addHandler(logging.NullHandler())
        yield
