"""Blend the logits of overlapping windows into the probability of a page."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from docbin_napari.inference.windows import AxisWindows
from docbin_napari.model.calibration import Calibration


class ProbabilitySink(Protocol):
    """What a page's probability is written to: an array, or what takes regions as one does.

    Regions come band by band from top to bottom, in each band from left to right, and every
    pixel exactly once.
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
        self._row = 0
        self._sums = np.zeros((rows.size, self.width), np.float32)

    def add(self, logits: np.ndarray, row: int, chosen: range) -> None:
        """Blend the logits of some windows in.

        Parameters
        ----------
        logits : ndarray
            float32 (N, H, W); overwritten.
        row : int
            Which row of windows; rows come in order.
        chosen : range
            Which N windows of the row.
        """
        if row != self._row:
            self._move_up(self._rows.starts[row] - self._rows.starts[self._row])
            self._row = row
        logits *= self._rows.weights[row][:, None]
        logits *= self._columns.weights[chosen.start : chosen.stop, None]
        for index, weighted in zip(chosen, logits, strict=True):
            left = self._columns.starts[index]
            self._sums[:, left : left + self._columns.size] += weighted

    def write(self, out: ProbabilitySink, row: int, chosen: range) -> tuple[slice, slice]:
        """Write what became final with these windows.

        Parameters
        ----------
        out : ndarray or ProbabilitySink
            Float32 or uint8 (H, W).
        row : int
            Which row of windows.
        chosen : range
            Which windows of the row.

        Returns
        -------
        (slice, slice)
            Rows and columns that were written.
        """
        left, right = self._columns.final(chosen[0]), self._columns.final(chosen[-1])
        rows, columns = self._rows.final(row), slice(left.start, right.stop)
        finished = self._sums[: rows.stop - rows.start, columns]
        probability = self._calibration.probability(finished)
        if out.dtype == np.uint8:
            probability *= 255
            probability = np.rint(probability, out=probability).astype(np.uint8)
        out[rows, columns] = probability
        return rows, columns

    def _move_up(self, by: int) -> None:
        self._sums[:-by] = self._sums[by:].copy()
        self._sums[-by:] = 0
