"""Keep unsaved corrections and ink that was computed ahead; find both again by their page.

Strategy: a page is known by the bytes of its pixels, by its file and by its place in that file.
Each of them stands in the name of a draft, as a hash, so that the drafts of a page are found
without opening others. All labels of every session have a file of their own: two windows with the
same page never write over each other, nor do two layers over one page, and what a crash left stays
until somebody takes or discards it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import secrets
import zipfile
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from docbin_napari.io.errors import DraftError
from docbin_napari.io.paths import (
    atomic_path,
    is_folder,
    missing,
    modified,
    to_disk,
    writing_trouble,
)
from docbin_napari.io.rgb import RowSource, row_bands
from docbin_napari.pairs.provenance import now

DRAFT_FOLDER = ".drafts"
"""Folder inside the data sets that holds unsaved corrections."""
SESSION = secrets.token_hex(4)
"""Letters and digits that no other session has."""
_SUFFIX, _INK_SUFFIX = ".draft", ".ink"
_HEADER = "header.json"
# Labels are long runs of few values: level 1 packs them nearly as well as level 9, much sooner.
_LEVEL = 1
_MOST_PIXELS = 4_000_000_000
_LONGEST_HEADER = 1 << 24


@dataclass(frozen=True)
class PageKey:
    """What a page is known by.

    Parameters
    ----------
    content : str
        Hash of its pixels, see `content_of`.
    source : str
        Its file, absolute; "" for a page that came from no file.
    page : int
        Page of that file, from 1.
    """

    content: str
    source: str = ""
    page: int = 1

    @property
    def name(self) -> str:
        """Part of the names of files that belong to this page."""
        place = f"{self.page}\n{self.source}".encode("utf-8", "surrogateescape")
        return f"{self.content}-{hashlib.blake2b(place, digest_size=6).hexdigest()}"


@dataclass(frozen=True, eq=False)
class Draft:
    """Unsaved corrections of a page.

    Parameters
    ----------
    labels : ndarray, integers, shape (H, W)
        0 background, 1 ink, 2 unlabelled.
    reviewed : bytes, optional
        The windows that somebody has reviewed.
    model : str, optional
        The model whose ink was corrected.
    """

    labels: NDArray[Any]
    reviewed: bytes | None = None
    model: str | None = None


def content_of(pixels: RowSource) -> str:
    """Hash the pixels of a page, band by band.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3).

    Returns
    -------
    str
        24 hexadecimal digits.

    Examples
    --------
    >>> content_of(np.zeros((2, 3, 3), np.uint8)) == content_of(np.zeros((3, 2, 3), np.uint8))
    False
    """
    digest = hashlib.blake2b(repr(tuple(pixels.shape)).encode(), digest_size=12)
    for rows in row_bands(int(pixels.shape[0]), int(pixels.shape[1])):
        digest.update(np.ascontiguousarray(pixels[rows]).data)
    return digest.hexdigest()


def draft_folder(datasets: Path | None) -> Path:
    """Tell where drafts are kept.

    Parameters
    ----------
    datasets : Path or None
        The folder of the data sets, if one is chosen.

    Returns
    -------
    Path
        ``.drafts`` in it if it can be seen; else ``$DOCBIN_DRAFTS``, else a folder of the user.
    """
    if datasets is not None and str(datasets) not in ("", ".") and is_folder(datasets):
        return datasets / DRAFT_FOLDER
    chosen = os.environ.get("DOCBIN_DRAFTS")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("docbin-napari")) / "drafts"


def write_draft(folder: Path, key: PageKey, draft: Draft, writer: str = SESSION) -> Path:
    """Keep the corrections of a page; an earlier draft of the same writer is replaced.

    Parameters
    ----------
    folder : Path
        From `draft_folder`.
    key : PageKey
        The page.
    draft : Draft
        What is to be kept; the labels may be painted on meanwhile.
    writer : str
        Letters and digits that no other session, and nobody else in this one, has.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DraftError
        If it cannot be written.
    """
    reviewed = None if draft.reviewed is None else base64.b64encode(draft.reviewed).decode()
    header = {"source": key.source, "page": key.page, "content": key.content}
    header |= {"model": draft.model, "reviewed": reviewed, "date": now()}
    path = folder / f"{key.name}-{writer}{_SUFFIX}"
    return write_planes(path, header, {"labels": draft.labels})


def read_draft(path: Path) -> Draft:
    """Read corrections again.

    Raises
    ------
    DraftError
        If the file cannot be read, or is damaged.
    """
    header, planes = read_planes(path)
    try:
        packed = header["reviewed"]
        reviewed = None if packed is None else base64.b64decode(packed)
        model = header["model"]
        if model is not None and not isinstance(model, str):
            raise TypeError("a model is a name")
        return Draft(planes["labels"], reviewed, model)
    except (KeyError, ValueError, TypeError) as error:
        raise DraftError(path, "the file is damaged") from error


def find_drafts(folders: Iterable[Path], key: PageKey, writers: Container[str] = ()) -> list[Path]:
    """Find what was left of a page.

    Parameters
    ----------
    folders : iterable of Path
        Where to look; folders that are missing are passed over.
    key : PageKey
        The page.
    writers : container of str
        Those whose drafts are left out, because they are still at work.

    Returns
    -------
    list of Path
        The newest first. Those of the same file, and those of a file with the same pixels
        that is gone: it was moved or given another name.
    """
    found = []
    for folder in dict.fromkeys(folders):
        for path in folder.glob(f"{key.content}-*{_SUFFIX}"):
            at_work = path.stem.rpartition("-")[2] in writers
            if not at_work and (path.name.startswith(key.name) or _is_homeless(path)):
                found.append(path)
    return sorted(found, key=modified, reverse=True)


def _is_homeless(path: Path) -> bool:
    try:
        source = read_planes(path, only_header=True)[0]["source"]
    except (DraftError, KeyError):
        return False
    return isinstance(source, str) and source != "" and bool(missing(Path(source)))


def keep_ink(
    folder: Path, key: PageKey, probability: NDArray[np.uint8], how: str, stamp: str = ""
) -> Path:
    """Write what a model has found; what it had found before is replaced, others stay.

    Parameters
    ----------
    folder : Path
        From `draft_folder`.
    key : PageKey
        The page.
    probability : ndarray, uint8, shape (H, W)
        Ink probability times 255.
    how : str
        Model and preset, to tell whether another run would find the same.
    stamp : str
        Checksum of the model's file: another network may have got its name.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DraftError
        If it cannot be written.
    """
    header = {"how": how, "stamp": stamp}
    return write_planes(_file(folder, key, how), header, {"probability": probability})


def kept_ink(folder: Path, key: PageKey, how: str, stamp: str = "") -> NDArray[np.uint8] | None:
    """Read what a model has found.

    Parameters
    ----------
    folder : Path
        Where it was kept.
    key : PageKey
        The page.
    how, stamp : str
        Model and preset, and the checksum of the model's file.

    Returns
    -------
    ndarray, uint8, shape (H, W), or None
        Ink probability times 255. None if nothing was kept, or the file is damaged: the page
        can be binarized again.
    """
    try:
        header, planes = read_planes(_file(folder, key, how))
        probability = planes["probability"]
        known = header["how"], header.get("stamp", "")
        is_it = probability.dtype == np.uint8 and known == (how, stamp)
    except (DraftError, KeyError):
        return None
    return probability if is_it else None


def _file(folder: Path, key: PageKey, how: str) -> Path:
    digest = hashlib.blake2b(how.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return folder / f"{key.name}-{digest}{_INK_SUFFIX}"


def write_planes(path: Path, header: Mapping[str, Any], planes: Mapping[str, NDArray[Any]]) -> Path:
    """Write arrays, whole or not at all; a file of that name is replaced.

    The arrays are packed band by band, so that no copy of a large page is made. They may
    be written to meanwhile: each pixel is kept as it is when its band is packed.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is missing.
    header : mapping
        What JSON can hold.
    planes : mapping of str to ndarray
        Integers or bool, shape (H, W).

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DraftError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_planes(Path(folder) / "a.draft", {"model": "x"}, {"ink": np.eye(2)})
    ...     header, planes = read_planes(path)
    >>> header["model"], planes["ink"].tolist()
    ('x', [[1.0, 0.0], [0.0, 1.0]])
    """
    kinds = {name: [plane.dtype.str, *plane.shape] for name, plane in planes.items()}
    try:
        with atomic_path(path, own_folder=True) as hidden:
            with zipfile.ZipFile(hidden, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as packed:
                packed.writestr(_HEADER, json.dumps({**header, "planes": kinds}))
                for name, plane in planes.items():
                    with packed.open(name, "w", force_zip64=True) as stream:
                        for rows in row_bands(*plane.shape):
                            stream.write(np.ascontiguousarray(plane[rows]).tobytes())
            to_disk(hidden)
    except OSError as error:
        raise DraftError(path, writing_trouble(error)) from error
    return path


def read_planes(
    path: Path, *, only_header: bool = False
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_planes` wrote.

    Parameters
    ----------
    path : Path
        The file.
    only_header : bool
        Whether the arrays are left out.

    Returns
    -------
    header : dict
        As it was given.
    planes : dict of str to ndarray
        New arrays, which may be written to.

    Raises
    ------
    DraftError
        If the file cannot be read, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            _check_entries(packed)
            header = json.loads(packed.read(_HEADER))
            kinds = header.pop("planes")
            names = () if only_header else kinds
            return header, {name: _plane(packed, name, kinds[name]) for name in names}
    except FileNotFoundError:
        raise DraftError(path, "there is no such file") from None
    except OSError as error:
        raise DraftError(path, f"the file cannot be read ({error.strerror})") from error
    except MemoryError as error:
        raise DraftError(path, "there is not enough memory to read it") from error
    except Exception as error:  # Damaged bytes end in errors of many kinds.
        raise DraftError(path, "the file is damaged") from error


def _check_entries(packed: zipfile.ZipFile) -> None:
    """Refuse what this package does not write: other packing, a header of gigabytes."""
    for entry in packed.infolist():
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{entry.filename} is packed in another way")
    if packed.getinfo(_HEADER).file_size > _LONGEST_HEADER:
        raise ValueError("the header is too long")


def _plane(packed: zipfile.ZipFile, name: str, kind: list[Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(kind[0]), tuple(int(side) for side in kind[1:])
    is_plane = dtype.kind in "buif" and len(shape) == 2 and min(shape) > 0
    if not is_plane or math.prod(shape) > _MOST_PIXELS:
        raise ValueError(f"{name} is no plane")
    plane = np.empty(shape, dtype)
    with packed.open(name) as stream:
        for rows in row_bands(*shape):
            band = stream.read(plane[rows].nbytes)
            plane[rows] = np.frombuffer(band, dtype).reshape(plane[rows].shape)
        if stream.read(1):  # Reads to the end, where the checksum is compared.
            raise ValueError(f"{name} is too long")
    return plane
