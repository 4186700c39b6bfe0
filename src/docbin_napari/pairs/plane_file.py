"""Store the arrays of a page in one small file: a zip of deflated bytes."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.atomic import atomic_path, to_disk, writing_trouble
from docbin_napari.io.errors import DraftError
from docbin_napari.io.rgb import row_bands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_HEADER = "header.json"
# Labels are long runs of few values: level 1 packs them nearly as well as level 9, much sooner.
_LEVEL = 1
_MOST_PIXELS = 4_000_000_000
_LONGEST_HEADER = 1 << 24


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


def read_header(path: Path) -> dict[str, Any]:
    """Read what `write_planes` was given as header, without the arrays.

    Raises
    ------
    DraftError
        If the file cannot be read, or is damaged.
    """
    return _read(path, with_planes=False)[0]


def read_planes(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_planes` wrote.

    Parameters
    ----------
    path : Path
        The file.

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
    return _read(path, with_planes=True)


def _read(path: Path, with_planes: bool) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        with zipfile.ZipFile(path) as packed:
            _check_entries(packed)
            header = json.loads(packed.read(_HEADER))
            kinds = header.pop("planes")
            names = kinds if with_planes else ()
            return header, {name: _plane(packed, name, kinds[name]) for name in names}
    except FileNotFoundError:
        raise DraftError(path, "there is no such file") from None
    except OSError as error:
        raise DraftError(path, f"the file cannot be read ({error.strerror})") from error
    except MemoryError as error:
        raise DraftError(path, "there is not enough memory to read it") from error
    except (ValueError, LookupError, TypeError, AttributeError, EOFError, OverflowError) as error:
        raise DraftError(path, "the file is damaged") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
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
    if dtype.hasobject or len(shape) != 2 or min(shape) < 0 or math.prod(shape) > _MOST_PIXELS:
        raise ValueError(f"{name} is no plane")
    plane = np.empty(shape, dtype)
    with packed.open(name) as stream:
        for rows in row_bands(*shape):
            band = stream.read(plane[rows].nbytes)
            plane[rows] = np.frombuffer(band, dtype).reshape(plane[rows].shape)
        if stream.read(1):  # Reads to the end, where the checksum is compared.
            raise ValueError(f"{name} is too long")
    return plane
