"""Make valid file names, query paths that may be unreadable, and write files atomically."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_ENDS = re.compile(r"^[\s.]+|[\s.]+$")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST_NAME = 120
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(name: object) -> str:
    r"""Give a name in the one form that messages, tables and reports show.

    What could move the cursor, start a line, turn the direction of the text or is no letter at
    all is escaped; letters of all scripts stay.

    Parameters
    ----------
    name : str or path
        Any name, with bytes that are no UTF-8 as Python keeps them.

    Returns
    -------
    str
        One line that every encoding of Unicode can take.

    Examples
    --------
    >>> print(shown("a\nwritten: b\x1b[2J.png"), shown("Übung.png"), shown("caf\udce9"))
    a\nwritten: b\x1b[2J.png Übung.png caf\xe9
    """
    return _UNSAFE.sub(_escaped, str(name))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return found.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def same_name(name: str) -> str:
    """Give the form in which names are compared: composed, as most systems write them.

    Parameters
    ----------
    name : str
        For instance as macOS writes it, with the dots of an Ü apart.

    Returns
    -------
    str
        NFC; the name itself where it is that.
    """
    return unicodedata.normalize("NFC", name)


def name_trouble(name: str) -> str:
    """Say why a name cannot be that of a file or folder.

    What one system allows another may not, and data sets travel: the rules of all of
    them hold. A name never leads out of its folder.

    Parameters
    ----------
    name : str
        Without a suffix.

    Returns
    -------
    str
        The reason, to go on after the name; empty if there is none.

    Examples
    --------
    >>> name_trouble("../letters")
    'has the character /, which file names cannot have'
    >>> name_trouble("Müller, f. 12r")
    ''
    """
    bad = _NOT_IN_NAMES.search(name)
    shown = repr(bad.group())[1:-1].replace("\\\\", "\\") if bad else ""
    rules = {
        "is empty": not name.strip(),
        f"has the character {shown}, which file names cannot have": bad is not None,
        "begins with a dot; such files are hidden": name.startswith("."),
        "begins or ends with a space": name != name.strip(),
        "ends with a dot": name.endswith("."),
        "is the name of a device under Windows": _DEVICES.fullmatch(name) is not None,
        f"is longer than {_LONGEST_NAME} bytes": len(name.encode("utf-8", "replace"))
        > _LONGEST_NAME,
    }
    return next((reason for reason, holds in rules.items() if holds), "")


def clean_name(text: str, instead: str = "page") -> str:
    """Make a name of a file out of any text.

    Parameters
    ----------
    text : str
        For instance the name of a layer.
    instead : str
        What is taken where nothing is left.

    Returns
    -------
    str
        A name that `name_trouble` accepts.

    Examples
    --------
    >>> clean_name("scans/page 1 [2]: verso.")
    'scans_page 1 [2]_ verso'
    """
    name = _ENDS.sub("", _NOT_IN_NAMES.sub("_", text))
    while len(_bytes(name)) > _LONGEST_NAME:
        name = _ENDS.sub("", name[:-1])
    return f"{name}_" if name and _DEVICES.fullmatch(name) else name or instead


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "replace")


def start_of(name: str, most: int = 80) -> str:
    """Cut a name to so many bytes, but no letter of it: names are limited by their bytes.

    Examples
    --------
    >>> start_of("page 文文", 9), start_of("page", 9)
    ('page 文', 'page')
    """
    return os.fsencode(name)[:most].decode("utf-8", "ignore")


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder that can be seen; unlike pathlib, never raise."""
    return os.path.isdir(path)  # noqa: PTH112


def is_plain_file(path: Path) -> bool:
    """Tell whether a path is a file that can be seen; unlike pathlib, never raise."""
    return os.path.isfile(path)  # noqa: PTH113


def modified(path: Path) -> int:
    """Tell when a file was written to, in nanoseconds; 0 for one that cannot be seen."""
    try:
        return path.stat().st_mtime_ns
    except (OSError, ValueError):  # a name that no file can have
        return 0


def missing(path: Path, what: str = "file or folder") -> str:
    """Say why a path cannot be read.

    Parameters
    ----------
    path : Path
        Of a file or a folder.
    what : str
        What is expected there.

    Returns
    -------
    str
        In words for the user; empty if it is there. Folders on the way that may not be entered,
        names that are too long and links that lead to themselves are distinguished.

    Examples
    --------
    >>> missing(Path("no-such-file"))
    'there is no such file or folder'
    >>> missing(Path("x" * 300))
    'it cannot be accessed (File name too long)'
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return f"there is no such {what}"
    except (OSError, ValueError) as error:
        return f"it cannot be accessed ({getattr(error, 'strerror', error)})"
    return ""


def resolved(path: Path) -> Path:
    """Follow the links of a path; unlike pathlib, never raise where they lead in a circle.

    Parameters
    ----------
    path : Path
        Of a file or a folder, there or not.

    Returns
    -------
    Path
        Absolute.
    """
    return Path(os.path.realpath(path))


def file_hash(path: str | os.PathLike[str]) -> str:
    """Compute the SHA-256 of a file, hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_JUST_MADE, _LIST_AGAIN, _SURELY_LEFT = 2.0, 60.0, 86_400.0
"""Seconds."""
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
    temporary = path.with_name(f".{start_of(path.stem)}-{secrets.token_hex(6)}{path.suffix}")
    # Made by hand: the files of the tempfile module can be read by their owner only.
    held = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
    _lock(held)
    if fcntl is None:
        os.close(held)  # Windows renames no file that is open.
    try:
        yield temporary
        if overwrite:
            temporary.replace(path)
        else:
            _move_to_free_name(temporary, path)
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)  # The error of a full disk does not name the file.
        raise
    finally:
        if fcntl is not None:
            os.close(held)  # The lock ends here.
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path, all_names: bool = False) -> None:
    """Remove the temporary files of runs that were killed while they wrote a file.

    Strategy: a file that is being written is locked, and the lock ends with its process. So one
    that can be locked belongs to nobody, unless it was made a moment ago. Where a system has no
    locks, or they do not reach another machine, only what is a day old is removed. Of the
    temporary files of other names, only second links to finished files are removed.

    Parameters
    ----------
    path : Path
        The file that they would have become.
    all_names : bool
        Whether those of other files of that folder are removed, too.
    """
    # Twice where what writes the temporary file makes one of its own.
    stem, suffix = re.escape(start_of(path.stem)), re.escape(path.suffix)
    own = re.compile(rf"\.{{1,2}}{stem}(-[0-9a-f]{{12}}){{1,2}}{suffix}")
    for name in _hidden_in(path.parent, time.monotonic() // _LIST_AGAIN):
        with suppress(OSError):
            entry = path.with_name(name)
            status = entry.stat()
            if not (all_names or status.st_nlink > 1 or own.fullmatch(name)):
                continue
            if is_left(entry):
                entry.unlink()


def is_left(temporary: Path, youngest: float = _JUST_MADE) -> bool:
    """Tell whether nobody writes to a temporary file of `atomic_path` any more.

    Parameters
    ----------
    temporary : Path
        The hidden file.
    youngest : float
        A file that was written to within this many seconds counts as in use.

    Returns
    -------
    bool
        Whether it may be removed.

    Raises
    ------
    OSError
        If it is gone or cannot be opened.
    """
    age = time.time() - temporary.stat().st_mtime
    if age > _SURELY_LEFT or age <= youngest or fcntl is None:
        return age > _SURELY_LEFT
    with temporary.open("r+b") as stream:
        return _lock(stream.fileno())


@lru_cache(maxsize=256)
def _hidden_in(folder: Path, minute: float) -> list[str]:
    """Names that temporary files may have; a folder is listed once a minute, not for each file."""
    try:
        return [path.name for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]
    except OSError:
        return []


def _lock(handle: int) -> bool:
    """Lock a file that is being written; False where another holds it or nothing can be locked."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (AttributeError, OSError):  # Windows has no such locks.
        return False
    return True


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
    is_folder = path.is_dir()
    with suppress(OSError) if is_folder else nullcontext():
        handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
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
