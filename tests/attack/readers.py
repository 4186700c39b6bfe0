"""Give a file to what reads it in the program; only its own errors may come out."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from tests.attack.inputs import HOW, KEY, letter

from docbin_napari.io.errors import FileError
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.page import read_pages
from docbin_napari.io.rgb import row_bands
from docbin_napari.model.model_file import ModelError, find_model, list_models
from docbin_napari.pairs.drafts import kept_ink, read_draft
from docbin_napari.pairs.importing import import_pairs
from docbin_napari.pairs.provenance import read_provenance
from docbin_napari.pairs.source import match_pairs, open_source
from docbin_napari.pairs.work_list import open_list

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

OWN_ERRORS = (FileError, ModelError)
_MOST_PAGES = 40


def read(kind: str, path: Path) -> bool:
    """Read a file as the program does.

    Parameters
    ----------
    kind : str
        One of `tests.attack.inputs.KINDS`.
    path : Path
        The file, alone in its folder.

    Returns
    -------
    bool
        Whether it was read; False where the program refused it in its own words.

    Raises
    ------
    Exception
        Anything else that came out: a fault of the program.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _READERS[kind](path)
    except OWN_ERRORS:
        return False
    return True


def pixels_of(path: Path) -> list[NDArray[np.uint8]]:
    """All pages of a file, decoded."""
    return [
        np.concatenate([page.pixels[rows] for rows in row_bands(*page.pixels.shape[:2])])
        for page in islice(read_pages(path), _MOST_PAGES)
    ]


def _page(path: Path) -> None:
    for in_bands in (False, True):
        for page in islice(read_pages(path, in_bands=in_bands), _MOST_PAGES):
            for rows in row_bands(*page.pixels.shape[:2]):
                assert page.pixels[rows].dtype == np.uint8


def _mask(path: Path) -> None:
    read_provenance(path)
    read_ground_truth(path)


def _zip(path: Path) -> None:
    around = path.parent / "around"
    with open_source(path) as source:
        matches = match_pairs(source.images).matches
        list(import_pairs(source, matches, around / "into"))
    outside = [entry for entry in around.glob("*") if entry.name != "into"]
    assert not outside, f"{outside} lies outside of the collection"


def _model(path: Path) -> None:
    from docbin_napari.model.ink_model import load_model

    unreadable: list[ModelError] = []
    list_models(unreadable)
    find_model(path)
    model = load_model(str(path), "cpu")
    assert 0 <= model.threshold <= 1


def _state(path: Path) -> None:
    from docbin_napari.plugin.settings import draft_places, remembered

    if path.suffix == ".draft":
        draft = read_draft(path)
        assert draft.labels.ndim == 2
    elif path.suffix == ".ink":
        kept_ink(path.parent, KEY, HOW)
    elif path.name == "panels.json":
        assert all(isinstance(value, str) for value in remembered().values())
        draft_places(None)
    else:
        letter().save(path.with_name("page.png"))
        listed = open_list(path.parent, path.parent)
        assert listed.entries


_READERS: dict[str, Callable[[Path], None]] = {
    "page": _page,
    "mask": _mask,
    "zip": _zip,
    "model": _model,
    "state": _state,
}
