"""Where the logits of overlapping windows become the probability of a page."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

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
    device : str
        Where the sums lie: where the logits are computed.
    """

    def __init__(
        self, rows: AxisWindows, columns: AxisWindows, calibration: Calibration, device: str = "cpu"
    ) -> None:
        self.width = columns.starts[-1] + columns.size
        self._rows, self._columns = rows, columns
        self._calibration = calibration
        self._row = 0
        self._sums = torch.zeros(rows.size, self.width, device=device)
        self._down = torch.from_numpy(rows.weights).to(device)
        self._across = torch.from_numpy(columns.weights).to(device)

    def add(self, logits: Tensor, row: int, chosen: range) -> None:
        """Blend the logits of some windows in.

        Parameters
        ----------
        logits : Tensor
            float32 (N, H, W).
        row : int
            Which row of windows; rows come in order.
        chosen : range
            Which N windows of the row.
        """
        if row != self._row:
            self._move_up(self._rows.starts[row] - self._rows.starts[self._row])
            self._row = row
        weighted = logits.to(self._sums.device) * self._down[row][:, None]
        for index, window in zip(chosen, weighted, strict=True):
            left = self._columns.starts[index]
            # Multiplied and added in one go, in place.
            region = self._sums[:, left : left + self._columns.size]
            region.addcmul_(window, self._across[index].expand_as(window))

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
            probability = probability.mul_(255).round_().to(torch.uint8)
        out[rows, columns] = probability.cpu().numpy()
        return rows, columns

    def _move_up(self, by: int) -> None:
        self._sums[:-by] = self._sums[by:].clone()
        self._sums[-by:] = 0
