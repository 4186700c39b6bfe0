"""Record in the mask file where ground truth comes from."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from docbin_napari.__about__ import __version__
from docbin_napari.io.png import read_png_texts

if TYPE_CHECKING:
    import os

_TOOL = "docbin-napari"
_KEYWORDS = {
    "date": "Creation Time",
    "who": "Author",
    "source": "docbin source",
    "page": "docbin page",
    "region": "docbin region",
    "model": "docbin model",
    "model_hash": "docbin model sha256",
    "reviewed": "docbin reviewed",
    "reviewed_windows": "docbin reviewed windows",
}
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
    region : str
        What of the page is labelled, in words.
    model : str, optional
        Name of the model that was corrected.
    model_hash : str, optional
        SHA-256 of the model file, hexadecimal.
    who : str, optional
        The person, if he or she wants to be named.
    reviewed : float, optional
        Share of the page that somebody has looked at, 0 to 1.
    reviewed_windows : bytes, optional
        The windows that somebody has looked at, as they are kept.
    date : str, optional
        ISO 8601, UTC; now if it is left out.
    version : str
        Version of this program.
    """

    source: str | None = None
    page: int | None = None
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
        packed = self.reviewed_windows
        values = {
            **vars(self),
            "date": self.date or now(),
            "reviewed": None if self.reviewed is None else f"{self.reviewed:.4f}",
            "reviewed_windows": None if packed is None else base64.b64encode(packed).decode(),
        }
        texts = {"Software": f"{_TOOL} {self.version}"}
        for field, keyword in _KEYWORDS.items():
            if values[field] not in (None, ""):
                texts[keyword] = str(values[field])
        return texts


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
    found = {field: texts.get(keyword) for field, keyword in _KEYWORDS.items()}
    return Provenance(
        source=found["source"],
        page=_whole(found["page"]),
        region=found["region"] or WHOLE_PAGE,
        model=found["model"],
        model_hash=found["model_hash"],
        who=found["who"],
        reviewed=_share(found["reviewed"]),
        reviewed_windows=_unpacked(found["reviewed_windows"]),
        date=found["date"],
        version=version,
    )


def now() -> str:
    """Tell the time: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def without_home(path: str | os.PathLike[str]) -> str:
    """Write a path with ``~`` for the home folder: pairs are given away, names of users are not.

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


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else None


def _share(text: str | None) -> float | None:
    try:
        share = float(text or "")
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _unpacked(text: str | None) -> bytes | None:
    try:
        return None if text is None else base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
