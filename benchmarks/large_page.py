"""TIFF pages of any size, written without ever being in memory.

Strategy: the page is one drawn sheet of writing, repeated each way. So a page of 400 Mpix has as
much ink on a square centimetre as one of 4 Mpix, and takes as long for each pixel; and any rows or
any tile of it are cut out of the sheet.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import tifffile

Layout = Literal["stripped", "tiled"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
_ROWS = 64
_TILE = 256


def write_large_page(path: Path, sheet: np.ndarray, side: int, layout: Layout) -> None:
    """Write a square page, deflated.

    Parameters
    ----------
    path : Path
        The TIFF file.
    sheet : ndarray
        uint8 (H, W, 3), RGB, repeated over the page.
    side : int
        Of the page, pixels.
    layout : {"stripped", "tiled"}
        Strips of 64 rows, or tiles of 256².
    """
    pieces = _strips if layout == "stripped" else _tiles
    shape = {"rowsperstrip": _ROWS} if layout == "stripped" else {"tile": (_TILE, _TILE)}
    tifffile.imwrite(
        path,
        # tifffile takes single strips only when they are compressed already.
        (zlib.compress(piece.tobytes(), level=1) for piece in pieces(_repeated(sheet), side)),
        shape=(side, side, 3),
        dtype=np.uint8,
        photometric="rgb",
        compression="deflate",
        # The compressed size, which would decide, is not known beforehand.
        bigtiff=side * side * 3 > 2**31,
        **shape,
    )


_Cut = Callable[[int, int, int, int], np.ndarray]


def _repeated(sheet: np.ndarray) -> _Cut:
    def cut(top: int, left: int, height: int, width: int) -> np.ndarray:
        rows = np.arange(top, top + height) % sheet.shape[0]
        columns = np.arange(left, left + width) % sheet.shape[1]
        return sheet[rows[:, None], columns]

    return cut


def _strips(cut: _Cut, side: int) -> Iterator[np.ndarray]:
    for top in range(0, side, _ROWS):
        yield cut(top, 0, min(_ROWS, side - top), side)


def _tiles(cut: _Cut, side: int) -> Iterator[np.ndarray]:
    for top in range(0, side, _TILE):
        for left in range(0, side, _TILE):
            yield cut(top, left, _TILE, _TILE)
