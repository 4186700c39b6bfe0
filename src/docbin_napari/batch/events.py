"""Events of a batch, for the command line or another caller to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileStarted:
    """A file is being read.

    Parameters
    ----------
    source : Path
        The file.
    number, total : int
        Its place in the batch, from 1, and the number of files.
    """

    source: Path
    number: int
    total: int


@dataclass(frozen=True)
class PageProgress:
    """A part of a page is done.

    Parameters
    ----------
    source : Path
        The file.
    page, pages : int
        The page in the file, from 1, and the number of its pages.
    done, total : int
        Windows times symmetries of this page that are done, and all of them.
    """

    source: Path
    page: int
    pages: int
    done: int
    total: int


@dataclass(frozen=True)
class FileWritten:
    """All results of a file are written.

    Parameters
    ----------
    source : Path
        The file.
    outputs : tuple of Path
        What was written, without what had been there already.
    inverted : tuple of int
        Pages, from 1, that look like light writing on dark ground and were taken inverted.
    remarks : tuple of str
        What was read in another way than the file says, each once.
    """

    source: Path
    outputs: tuple[Path, ...]
    inverted: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileSkipped:
    """All results of a file had been there already.

    Parameters
    ----------
    source : Path
        The file.
    """

    source: Path


@dataclass(frozen=True)
class FileFailed:
    """A file could not be finished; the batch goes on with the next.

    Parameters
    ----------
    source : Path
        The file.
    reason : str
        What is wrong, in one line.
    """

    source: Path
    reason: str


FileEnd = FileWritten | FileSkipped | FileFailed
"""How a file can end."""
Event = FileStarted | PageProgress | FileEnd
"""What a batch reports while it runs."""
