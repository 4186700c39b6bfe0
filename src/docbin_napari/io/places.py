"""Asking the file system about paths that it may refuse to speak of."""

from __future__ import annotations

from pathlib import Path


def is_folder(path: Path) -> bool:
    """Whether a path is a folder that can be seen; nothing is raised."""
    try:
        return path.is_dir()
    except OSError:
        return False


def is_plain_file(path: Path) -> bool:
    """Whether a path is a file that can be seen; nothing is raised."""
    try:
        return path.is_file()
    except OSError:
        return False


def missing(path: Path, what: str = "file or folder") -> str:
    """Say why nothing can be had of a path.

    Parameters
    ----------
    path : Path
        Of a file or a folder.
    what : str
        What is looked for.

    Returns
    -------
    str
        In words for the user; empty if it is there. Folders on the way that may not be entered,
        names that are too long and links that lead to themselves are told apart.

    Examples
    --------
    >>> missing(Path("no-such-file"))
    'there is no such file or folder'
    >>> missing(Path("x" * 300))
    'it cannot be looked at (File name too long)'
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no such {what}"
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"
    except ValueError as error:
        return f"it cannot be looked at ({error})"
    return ""


def resolved(path: Path) -> Path:
    """Follow the links of a path; where they lead in a circle, the path as it is.

    Parameters
    ----------
    path : Path
        Of a file or a folder, there or not.

    Returns
    -------
    Path
        Absolute.
    """
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()
