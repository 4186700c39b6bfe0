"""Write files so that a reader sees the whole new file or none of it."""

from __future__ import annotations

import errno
import math
import os
import re
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_JUST_MADE, _LIST_AGAIN, _SURELY_LEFT = 2.0, 60.0, 86_400.0
"""Seconds."""
_MOST_LISTED = 256
_LISTED: dict[Path, tuple[float, list[str]]] = {}
_TEMPORARY = re.compile(r"\..*-[0-9a-f]{12}(\..*)?")


@contextmanager
def atomic_path(path: Path, *, overwrite: bool = True, own_folder: bool = False) -> Iterator[Path]:
    """Give a temporary file in the same folder and rename it when all went well.

    Missing folders are made. The temporary file is hidden, has the suffix of `path`
    and the usual permissions, and is removed if the block raises.

    Parameters
    ----------
    path : Path
        The file that is to appear.
    overwrite : bool
        Whether a file of that name may be replaced.
    own_folder : bool
        Whether nobody else writes into this folder, so that what killed runs left of other files
        is removed, too: needed where no later file has the same name.

    Yields
    ------
    Path
        The file to write to, empty.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is False; it is left as it was.
    OSError
        If folder or file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "new" / "page.txt"
    ...     with atomic_path(path) as temporary:
    ...         _ = temporary.write_text("ink")
    ...     [entry.name for entry in path.parent.iterdir()]
    ['page.txt']
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        # Keeps FileExistsError for the file itself.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
    remove_leftovers(path, all_names=own_folder)
    temporary = path.with_name(f".{path.stem[:80]}-{secrets.token_hex(6)}{path.suffix}")
    # Made by hand: the files of the tempfile module can be read by their owner only.
    held = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    if fcntl is None:
        os.close(held)  # Windows renames no file that is open.
    else:
        _lock(held)
    try:
        yield temporary
        if overwrite:
            temporary.replace(path)
        else:
            _move_to_free_name(temporary, path)
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)  # A full disk does not say of which file it speaks.
        raise
    finally:
        if fcntl is not None:
            os.close(held)  # The lock ends here.
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path, all_names: bool = False) -> None:
    """Remove the temporary files of runs that were killed while they wrote a file.

    Strategy: a file that is being written is locked, and the lock ends with its process. So one
    that can be locked belongs to nobody, unless it was made a moment ago. Where a system has no
    locks, or they do not reach another machine, only what is a day old is removed.

    Parameters
    ----------
    path : Path
        The file that they would have become.
    all_names : bool
        Whether those of other files of that folder are removed, too.
    """
    # Twice where what writes the temporary file makes one of its own.
    stem, suffix = re.escape(path.stem[:80]), re.escape(path.suffix)
    own = re.compile(rf"\.{{1,2}}{stem}(-[0-9a-f]{{12}}){{1,2}}{suffix}")
    own = _TEMPORARY if all_names else own
    for name in filter(own.fullmatch, _hidden_in(path.parent)):
        with suppress(OSError):
            entry = path.with_name(name)
            age = time.time() - entry.stat().st_mtime
            if age > _SURELY_LEFT or (age > _JUST_MADE and _nobody_holds(entry)):
                entry.unlink()


def _hidden_in(folder: Path) -> list[str]:
    """Names that temporary files may have; a folder is listed once a minute, not for each file."""
    listed, names = _LISTED.get(folder, (-math.inf, []))
    if time.monotonic() - listed > _LIST_AGAIN:
        try:
            found = (entry.name for entry in folder.iterdir())
            names = [name for name in found if _TEMPORARY.fullmatch(name)]
        except OSError:
            names = []
        if len(_LISTED) >= _MOST_LISTED:
            _LISTED.clear()
        _LISTED[folder] = time.monotonic(), names
    return names


def _nobody_holds(path: Path) -> bool:
    if fcntl is None:
        return False
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _lock(handle: int) -> None:
    """Say that somebody writes here, where the file system can."""
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _move_to_free_name(temporary: Path, path: Path) -> None:
    """Rename unless the name is taken; a hard link does both in one step."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.replace(path)


def to_disk(path: Path) -> None:
    """Wait until a file or folder is on the disk, so that a power cut does not take it.

    Parameters
    ----------
    path : Path
        A file that was written, or a folder in which files were renamed.

    Raises
    ------
    OSError
        If a file cannot be brought to the disk, for instance since it is full. Folders
        are only tried: not every system can.
    """
    if path.is_dir():
        with suppress(OSError):
            _sync(path, os.O_RDONLY)
    else:
        _sync(path, os.O_RDWR)


def _sync(path: Path, mode: int) -> None:
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def writing_trouble(error: OSError) -> str:
    """Say what to do about a file that could not be written.

    Parameters
    ----------
    error : OSError
        What the operating system said.

    Returns
    -------
    str
        A reason for a `MaskError` or a `PairError`.

    Examples
    --------
    >>> writing_trouble(OSError(errno.ENOSPC, "No space left on device"))
    'there is no room on the disk; make some or choose another folder'
    """
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "this folder may not be written to; choose another one or change its permissions"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "there is no room on the disk; make some or choose another folder"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a file stands where its folder should be; choose another folder"
    if error.errno == errno.EISDIR:
        return "a folder of this name exists; choose another name"
    return f"the file cannot be written ({error.strerror or error}); choose another folder"
