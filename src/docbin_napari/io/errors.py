"""Errors that name the file and what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

from docbin_napari.io.paths import shown


class FileError(Exception):
    """A file or folder that cannot be read or written.

    Parameters
    ----------
    path : path-like
        The file or folder.
    reason : str
        What is wrong, in words for the person who chose the file.

    Examples
    --------
    >>> str(FileError("page.png", "the file is empty"))
    'page.png: the file is empty'
    """

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{shown(self.path)}: {shown(self.reason)}"


class PageError(FileError):
    """A page that cannot be read."""


class MaskError(FileError):
    """A mask that cannot be read or written."""


class LabelNumbersError(MaskError):
    """A mask that holds the numbers of labels, as annotation tools write them.

    Its reason is the problem and, after a semicolon, what to do.
    """


class PairError(FileError):
    """Pages and ground truth that do not belong together."""


class DraftError(FileError):
    """Unsaved work that cannot be kept or read again."""
