"""Make valid file names from user input, and query paths that may be unreadable."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from pathlib import Path

_NOT_IN_NAMES = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]')
_ENDS = re.compile(r"^[\s.]+|[\s.]+$")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST_NAME = 120
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(name: object) -> str:
    r"""Give the one form in which a name stands in messages, tables and reports.

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
        f"is longer than {_LONGEST_NAME} bytes": len(_bytes(name)) > _LONGEST_NAME,
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
        A name that `name_trouble` has nothing against.

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


def file_hash(path: str | os.PathLike[str]) -> str:
    """Compute the SHA-256 of a file, hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
