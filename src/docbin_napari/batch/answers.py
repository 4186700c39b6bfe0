"""Answers of the workers of a cluster about the files that were sent to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from docbin_napari.__about__ import __version__
from docbin_napari.batch.cluster import ClusterError
from docbin_napari.batch.events import FileFailed
from docbin_napari.batch.orders import End, Order
from docbin_napari.batch.worker import UnfitWorkerError


@dataclass(frozen=True)
class Started:
    """A worker has begun with a file.

    Parameters
    ----------
    number : int
        The file.
    worker : str
        Address of the worker.
    """

    number: int
    worker: str


@dataclass(frozen=True)
class Ended:
    """A file has come to its end.

    Parameters
    ----------
    number, attempt : int
        The file, and how often it had been sent.
    end : FileWritten, FileSkipped, FileFailed or None
        What became of it; None if the worker was told to stop.
    """

    number: int
    attempt: int
    end: End | None


@dataclass(frozen=True)
class GivenUp:
    """The scheduler sends a file to no worker any more, because several were lost with it.

    Parameters
    ----------
    number, attempt : int
        The file, and how often it had been sent.
    worker : str
        Address of the last one.
    workers : int
        How many there were.
    """

    number: int
    attempt: int
    worker: str
    workers: int


@dataclass(frozen=True)
class Refused:
    """The whole batch cannot go on.

    Parameters
    ----------
    reason : str
        Why, for the user.
    """

    reason: str


News = Started | Ended | GivenUp | Refused


def news_of_error(order: Order, attempt: int, error: Exception) -> Ended | Refused:
    """Tell a worker that can do no file at all from a file that meets a defect.

    Parameters
    ----------
    order : Order
        What was sent.
    attempt : int
        How often.
    error : Exception
        What came back.

    Returns
    -------
    Ended or Refused
        The end of the file, or of the batch.
    """
    text = f"{type(error).__name__}: {one_line(error)}"
    if isinstance(error, UnfitWorkerError):
        return Refused(str(error))
    unknown = isinstance(error, ImportError | AttributeError) and "docbin_napari" in text
    if unknown or "deserializ" in text:
        return Refused(
            f"the scheduler or a worker has no docbin-napari {__version__}: install this version "
            f"in the environment of all of them ({text})"
        )
    return Ended(
        order.number,
        attempt,
        FileFailed(order.job.source, f"unexpected error on a worker ({text})"),
    )


def check_versions(answers: Mapping[str, object]) -> set[str]:
    """Compare the versions of workers with that of this machine.

    Parameters
    ----------
    answers : mapping
        Address of a worker to what `version_here` gave there, or to the error that came instead.

    Returns
    -------
    set of str
        The workers that are fit; one that is gone already is left out.

    Raises
    ------
    ClusterError
        If one has another version, or none.
    """
    fit = set()
    for worker, answer in answers.items():
        found = answer
        if isinstance(answer, Exception) and not isinstance(answer, OSError):
            found = f"not installed, or of another version ({one_line(answer)})"
        if isinstance(found, str) and found != __version__:
            raise ClusterError(
                f"docbin-napari is {found} on the worker {worker}, {__version__} on this "
                "machine: install the same version everywhere"
            )
        if found == __version__:
            fit.add(worker)
    return fit


def one_line(error: Exception) -> str:
    """Put the words of an error into one line.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
        Its text, spaces instead of line breaks.
    """
    return " ".join(str(error).split())
