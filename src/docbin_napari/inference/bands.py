"""Cut windows from bands of rows, and blend their logits into the probability of a page."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.ahead import iterate_ahead
from docbin_napari.inference.windows import AxisWindows
from docbin_napari.model.calibration import Calibration


def strips(
    pixels: Any, rows: AxisWindows, width: int, chosen: range | None = None
) -> Iterator[np.ndarray]:
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
    chosen : range, optional
        Numbers of the rows of windows; all by default.

    Yields
    ------
    ndarray
        uint8 (`rows.size`, `width`, 3). Where windows reach beyond the page, its last row
        and column are repeated.
    """
    tops = rows.starts if chosen is None else rows.starts[chosen.start : chosen.stop]
    found = (_read(pixels, top, rows.size, width) for top in tops)
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


class ProbabilitySink(Protocol):
    """What a page's probability is written to: an array, or what takes regions as one does.

    Regions come band by band from top to bottom, in each band from left to right, unless a part
    was asked for first; and every pixel comes exactly once.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or uint8."""

    def __setitem__(self, region: tuple[slice, slice], values: np.ndarray, /) -> None:
        """Take the values of a region."""


class PageBand:
    """Blended logits of the rows that are not final yet.

    Strategy: the weights of all windows add up to one at every pixel, so a blended logit is a
    plain sum. The sums lie in one array as high as a window; when the next row of windows begins,
    what it does not touch has been written, and the rest moves up.

    Parameters
    ----------
    rows, columns : AxisWindows
        The windows of the page along its axes.
    calibration : Calibration
        From logits to probabilities.
    """

    def __init__(self, rows: AxisWindows, columns: AxisWindows, calibration: Calibration) -> None:
        self.width = columns.starts[-1] + columns.size
        self._rows, self._columns = rows, columns
        self._calibration = calibration
        self._row: int | None = None
        self._sums = np.zeros((rows.size, self.width), np.float32)

    def add(self, logits: np.ndarray, row: int, chosen: range) -> None:
        """Blend the logits of some windows in.

        Parameters
        ----------
        logits : ndarray
            float32 (N, H, W); overwritten.
        row : int
            Which row of windows; rows come in order, from any first one.
        chosen : range
            Which N windows of the row.
        """
        if self._row is not None and row != self._row:
            self._move_up(self._rows.starts[row] - self._rows.starts[self._row])
        self._row = row
        logits *= self._rows.weights[row][:, None]
        logits *= self._columns.weights[chosen.start : chosen.stop, None]
        for index, weighted in zip(chosen, logits, strict=True):
            left = self._columns.starts[index]
            self._sums[:, left : left + self._columns.size] += weighted

    def write(self, out: ProbabilitySink, rows: slice, columns: slice) -> None:
        """Write a region that became final with the windows that were added last.

        Parameters
        ----------
        out : ndarray or ProbabilitySink
            Float32 or uint8 (H, W).
        rows, columns : slice
            The region, in the row of windows that was added last.
        """
        assert self._row is not None
        top = self._rows.starts[self._row]
        finished = self._sums[rows.start - top : rows.stop - top, columns]
        probability = self._calibration.probability(finished)
        if out.dtype == np.uint8:
            probability *= 255
            probability = np.rint(probability, out=probability).astype(np.uint8)
        out[rows, columns] = probability

    def _move_up(self, by: int) -> None:
        self._sums[:-by] = self._sums[by:].copy()
        self._sums[-by:] = 0
