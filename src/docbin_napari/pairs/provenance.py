"""Record in the mask file where ground truth comes from."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docbin_napari.__about__ import __version__
from docbin_napari.io.encode import read_png_texts

_TOOL = "docbin-napari"
WHOLE_PAGE = "whole page"


@dataclass(frozen=True)
class Provenance:
    """Who made a mask, from what, with what and when.

    Parameters
    ----------
    source : str, optional
        The file of the page, with ``~`` for the home folder.
    page : int, optional
        Page of that file, from 1.
    content : str, optional
        Hash of its pixels as the file holds them, see `docbin_napari.pairs.drafts.content_of`.
    region : str
        What of the page is labelled, in words.
    model : str, optional
        Name of the model that was corrected.
    model_hash : str, optional
        SHA-256 of the model file, hexadecimal.
    who : str, optional
        The person, if he or she wants to be named.
    reviewed : float, optional
        Share of the page that somebody has reviewed, 0 to 1.
    reviewed_windows : bytes, optional
        The windows that somebody has reviewed, as they are kept.
    date : str, optional
        ISO 8601, UTC; now if it is left out.
    version : str
        Version of this program.
    """

    source: str | None = None
    page: int | None = None
    content: str | None = None
    region: str = WHOLE_PAGE
    model: str | None = None
    model_hash: str | None = None
    who: str | None = None
    reviewed: float | None = None
    reviewed_windows: bytes | None = None
    date: str | None = None
    version: str = __version__

    def texts(self) -> dict[str, str]:
        """Give the texts of the PNG file.

        Returns
        -------
        dict of str to str
            Keyword to text; what is not known is left out.

        Examples
        --------
        >>> Provenance(who="Ines", date="2026-11-24T10:00:00Z", version="1").texts()
        {'Software': 'docbin-napari 1', 'Creation Time': '2026-11-24T10:00:00Z',
         'Author': 'Ines', 'docbin region': 'whole page'}
        """
        values = vars(self) | {"date": self.date or now()}
        known = {name: values[name] for name in _FIELDS if values[name] is not None}
        texts = {_FIELDS[name][0]: _FIELDS[name][1](value) for name, value in known.items()}
        return {"Software": f"{_TOOL} {self.version}"} | {
            keyword: text for keyword, text in texts.items() if text
        }


def read_provenance(path: str | os.PathLike[str]) -> Provenance | None:
    """Read where a mask comes from.

    Parameters
    ----------
    path : path-like
        A mask file.

    Returns
    -------
    Provenance or None
        None for a mask that was not saved by this program, or not as PNG. A value
        that was changed to something unreadable is left out.

    Raises
    ------
    MaskError
        If the file cannot be opened.
    """
    texts = read_png_texts(Path(path))
    tool, _, version = texts.get("Software", "").partition(" ")
    if tool != _TOOL:
        return None
    found = {}
    for name, (keyword, _, unpack) in _FIELDS.items():
        with suppress(ValueError):
            if text := texts.get(keyword):
                found[name] = unpack(text)
    return Provenance(**found, version=version)


def now() -> str:
    """Give the current time: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def without_home(path: str | os.PathLike[str]) -> str:
    """Write a path with ``~`` for the home folder, so that shared pairs do not name their user.

    Examples
    --------
    >>> Path(without_home(Path.home() / "scans" / "1.tif")).parts
    ('~', 'scans', '1.tif')
    """
    path = Path(path)
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def folder_key(file: Path) -> str:
    """Give a checksum of the folder of a file: models that are given away show no paths.

    Parameters
    ----------
    file : Path
        It need not exist.

    Returns
    -------
    str
        16 hexadecimal digits, the same for a folder that lies at the same place in another home.
    """
    folder = without_home(file.expanduser().resolve().parent)
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _share(text: str) -> float | None:
    share = float(text)
    return share if 0 <= share <= 1 else None


def _packed(windows: bytes) -> str:
    return base64.b64encode(windows).decode()


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_FIELDS: dict[str, tuple[str, Callable[[Any], str], Callable[[str], Any]]] = {
    "date": ("Creation Time", str, str),
    "who": ("Author", str, str),
    "source": ("docbin source", str, str),
    "page": ("docbin page", str, _whole),
    "content": ("docbin content", str, str),
    "region": ("docbin region", str, str),
    "model": ("docbin model", str, str),
    "model_hash": ("docbin model sha256", str, str),
    "reviewed": ("docbin reviewed", "{:.4f}".format, _share),
    "reviewed_windows": ("docbin reviewed windows", _packed, _unpacked),
}
"""Keyword of each field in the file, how it becomes text, and a value (or a ValueError) again."""
