"""Write files so that a reader sees the whole new file or none of it."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def atomic_path(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary file in the same folder and rename it when all went well.

    Missing folders are made. The temporary file is hidden, has the suffix of `path`
    and the usual permissions, and is removed if the block raises.

    Parameters
    ----------
    path : Path
        The file that is to appear.
    overwrite : bool
        Whether a file of that name may be replaced.

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
    temporary = path.with_name(f".{path.stem[:80]}-{secrets.token_hex(6)}{path.suffix}")
    # Made by hand: the files of the tempfile module can be read by their owner only.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        if overwrite:
            temporary.replace(path)
        else:
            _move_to_free_name(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
    if error.errno == errno.ENOTDIR:
        return "a file stands where its folder should be; choose another folder"
    if error.errno == errno.EISDIR:
        return "a folder of this name exists; choose another name"
    return f"the file cannot be written ({error.strerror or error}); choose another folder"
