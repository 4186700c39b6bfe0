"""Cut windows from strips of rows that are as high as a window."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.inference.ahead import iterate_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from docbin_napari.inference.windows import AxisWindows


def strips(pixels: Any, rows: AxisWindows, width: int) -> Iterator[np.ndarray]:
    """Read a page from top to bottom, for one row of windows after the other.

    What still has to be decoded is decoded in a thread, while the network runs.

    Parameters
    ----------
    pixels : array_like
        uint8 (H, W, 3); anything that gives arrays when sliced by rows and columns.
    rows : AxisWindows
        From `plan_axis`.
    width : int
        Columns that are wanted; at least W.

    Yields
    ------
    ndarray
        uint8 (`rows.size`, `width`, 3). Where windows reach beyond the page, its last row
        and column are repeated.
    """
    found = (_read(pixels, top, rows.size, width) for top in rows.starts)
    if isinstance(pixels, np.ndarray):
        yield from found
        return
    with ThreadPoolExecutor(1) as thread:
        yield from iterate_ahead(found, thread)


def cut(strip: NDArray[np.uint8], columns: AxisWindows, chosen: range) -> NDArray[np.uint8]:
    """Cut windows from a strip.

    Parameters
    ----------
    strip : ndarray
        uint8 (H, W, 3).
    columns : AxisWindows
        From `plan_axis`.
    chosen : range
        Numbers of the windows.

    Returns
    -------
    ndarray
        (N, H, `columns.size`, 3); a single window is not copied.
    """
    windows = [
        strip[:, columns.starts[index] : columns.starts[index] + columns.size] for index in chosen
    ]
    return windows[0][None] if len(windows) == 1 else np.stack(windows)


def _read(pixels: Any, top: int, height: int, width: int) -> np.ndarray:
    strip = np.asarray(pixels[top : top + height])
    missing = ((0, height - strip.shape[0]), (0, width - strip.shape[1]), (0, 0))
    return np.pad(strip, missing, mode="edge") if missing != ((0, 0),) * 3 else strip
