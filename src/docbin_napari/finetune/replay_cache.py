"""Generated pages for replay, drawn once and kept in the user's cache folder.

Strategy: one file a page, so that the set grows from one training to the next where there was
no time to draw all of it. Files lie in a folder that is named after the version, because another
version may draw other pages; folders of other versions are removed. A file that cannot be read
or written costs the drawing and nothing else.
"""

from __future__ import annotations

import math
import os
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import platformdirs

from docbin_napari.__about__ import __version__
from docbin_napari.drawing.generator import draw_page
from docbin_napari.features.edge_level import edge_level
from docbin_napari.features.survey import PageSurvey
from docbin_napari.io.paths import atomic_path
from docbin_napari.train.dataset import LoadedPair

# Two windows of a training wide. Drawing takes as long as there are pixels.
_SIDE = 512
_ARCHIVES = "all"
_FIRST_SEED = 7_000_000
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def generated_page(seed: int, number: int) -> LoadedPair:
    """Read a page from the cache, or draw and keep it.

    Parameters
    ----------
    seed : int
        Of the fine-tuning.
    number : int
        Number of the page, from 0.

    Returns
    -------
    LoadedPair
        512 pixels high and wide, labelled everywhere.
    """
    path = _folder() / f"{seed}-{number}.npz"
    try:
        return _read(path, number)
    except _DAMAGED:
        drawn = _draw(seed, number)
        with suppress(OSError):
            _write(path, drawn)
        return drawn


def cache_folder() -> Path:
    """Folder of what can be made again: ``$DOCBIN_CACHE``, else the platform's cache folder."""
    chosen = os.environ.get("DOCBIN_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("docbin-napari"))


def _folder() -> Path:
    return cache_folder() / "replay" / f"{__version__}-{_ARCHIVES}-{_SIDE}"


def _draw(seed: int, number: int) -> LoadedPair:
    page = draw_page(_FIRST_SEED + 1000 * seed + number, _SIDE, _SIDE, _ARCHIVES)
    edge = edge_level(page.pixels, page.ink, np.ones_like(page.ink))
    return _pair(number, page.pixels, page.ink, PageSurvey.of(page.pixels).ink, edge)


def _pair(
    number: int,
    pixels: np.ndarray,
    ink: np.ndarray,
    colours: np.ndarray | None,
    edge: float | None,
) -> LoadedPair:
    truth = np.stack([ink, np.ones_like(ink)], axis=-1).astype(np.uint8) * 255
    return LoadedPair(f"generated/{number}", "generated", pixels, truth, colours, edge)


def _read(path: Path, number: int) -> LoadedPair:
    # Opened here: of a damaged file NumPy would leave it open.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        pixels, colours, edge = stored["pixels"], stored["colours"], float(stored["edge"])
        ink = np.unpackbits(stored["ink"], axis=1, count=_SIDE).astype(bool)
    if pixels.shape != (_SIDE, _SIDE, 3) or ink.shape != (_SIDE, _SIDE):
        raise ValueError("a page of another size")
    known = colours if colours.size else None
    return _pair(number, pixels, ink, known, None if math.isnan(edge) else edge)


def _write(path: Path, page: LoadedPair) -> None:
    for other in path.parent.parent.glob("*"):
        if other != path.parent:
            shutil.rmtree(other, ignore_errors=True)
    with atomic_path(path, own_folder=True) as temporary:
        np.savez(
            temporary,
            pixels=page.pixels,
            ink=np.packbits(page.truth[..., 0] > 0, axis=1),
            colours=np.zeros(0, np.float32) if page.ink is None else page.ink,
            edge=np.nan if page.edge is None else page.edge,
        )
