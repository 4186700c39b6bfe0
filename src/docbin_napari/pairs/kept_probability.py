"""Keep the ink probability of pages that were binarized ahead."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.plane_file import read_planes, write_planes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from docbin_napari.pairs.drafts import PageKey

_SUFFIX = ".ink"


@dataclass(frozen=True, eq=False)
class KeptInk:
    """What a model has found on a page.

    Parameters
    ----------
    probability : ndarray, uint8, shape (H, W)
        Ink probability times 255.
    how : str
        Model and preset, to tell whether another run would find the same.
    """

    probability: NDArray[np.uint8]
    how: str


def keep_ink(folder: Path, key: PageKey, ink: KeptInk) -> Path:
    """Write what a model has found; what it had found before is replaced, others stay.

    Parameters
    ----------
    folder : Path
        From `docbin_napari.pairs.drafts.draft_folder`.
    key : PageKey
        The page.
    ink : KeptInk
        What was found.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DraftError
        If it cannot be written.
    """
    header = {"how": ink.how}
    return write_planes(_file(folder, key, ink.how), header, {"probability": ink.probability})


def kept_ink(folder: Path, key: PageKey, how: str) -> KeptInk | None:
    """Read what a model has found.

    Parameters
    ----------
    folder : Path
        Where it was kept.
    key : PageKey
        The page.
    how : str
        Model and preset.

    Returns
    -------
    KeptInk or None
        None if nothing was kept, or the file is damaged: the page can be binarized again.
    """
    try:
        header, planes = read_planes(_file(folder, key, how))
        ink = KeptInk(planes["probability"], str(header["how"]))
    except (DraftError, KeyError, TypeError, ValueError):
        return None
    return ink if ink.probability.dtype == np.uint8 and ink.how == how else None


def _file(folder: Path, key: PageKey, how: str) -> Path:
    digest = hashlib.blake2b(how.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    return folder / f"{key.name}-{digest}{_SUFFIX}"
