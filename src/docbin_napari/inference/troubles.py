"""What went wrong with a file, in one line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from docbin_napari.inference.events import FileFailed
from docbin_napari.io.errors import FileError, PageError

if TYPE_CHECKING:
    from pathlib import Path

    from docbin_napari.inference.outputs import Job

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
