"""Plan the windows of a page, cut them, and blend their logits into its probability.

Strategy: a window grid is a product of rows and columns. Along an axis all windows have
one size, the smallest that covers the page with the overlap asked for: a page slightly
larger than a window is not cut into two almost full ones. Which share of the page is
computed twice depends on how its sides divide, so windows get the width and
height that cost the least work, and no more pixels than a square window.
Where two windows overlap, both ends are within reach of a cut border, so the weights
change from one window to the other in the middle of the overlap, over a short smooth
ramp. The weights of all windows add up to one at every pixel: the blended logit is a
plain sum, and a region is final as soon as the next window begins beyond it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.ahead import iterate_ahead
from docbin_napari.model.ink_model import Calibration

Box = tuple[slice, slice]
"""Rows and columns of a page, with start and stop."""

_RAMP = 32


@dataclass(frozen=True)
class AxisWindows:
    """Windows along one axis of a page.

    Parameters
    ----------
    length : int
        Pixels of the page along the axis.
    size : int
        Pixels of every window; the last one may reach beyond the page by less
        than the stride of the network.
    starts : tuple of int
        First pixel of each window.
    weights : ndarray
        float32 (windows, size); at each pixel of the page they add up to 1.
    """

    length: int
    size: int
    starts: tuple[int, ...]
    weights: np.ndarray

    def final(self, index: int) -> slice:
        """Give the pixels that are final after a window, but not after the one before."""
        last = index + 1 == len(self.starts)
        stop = self.length if last else min(self.starts[index + 1], self.length)
        return slice(self.starts[index], stop)

    def touching(self, part: slice) -> range:
        """List the numbers of the windows that have a share in some pixels of the page."""
        shares = [
            index
            for index, start in enumerate(self.starts)
            if self.weights[index, max(0, part.start - start) : max(0, part.stop - start)].any()
        ]
        return range(shares[0], shares[-1] + 1) if shares else range(0)

    def decided_by(self, chosen: range) -> slice:
        """Give the pixels of the page in which no other windows than these have a share."""
        start, stop = 0, self.length
        if chosen.start > 0:
            before = chosen.start - 1
            start = self.starts[before] + int(np.flatnonzero(self.weights[before])[-1]) + 1
        if chosen.stop < len(self.starts):
            stop = self.starts[chosen.stop] + int(np.flatnonzero(self.weights[chosen.stop])[0])
        return slice(start, stop)


def plan_axis(length: int, window: int, overlap: float, stride: int) -> AxisWindows:
    """Lay windows along one axis.

    Parameters
    ----------
    length : int
        Pixels of the page along the axis, at least 1.
    window : int
        Largest size of a window, pixels.
    overlap : float
        Share of the largest size that neighbours have in common, at least; windows
        always move on by a stride at least.
    stride : int
        Starts and sizes are multiples of it.

    Returns
    -------
    AxisWindows
        The plan.

    Raises
    ------
    ValueError
        If the window is smaller than two strides.

    Examples
    --------
    >>> plan_axis(1000, 512, 0.125, 16).starts
    (0, 320, 624)
    >>> plan_axis(100, 512, 0.125, 16).size
    112
    """
    largest = window // stride * stride
    if largest < 2 * stride:
        raise ValueError(f"a window of {window} pixels is too small for this network: enlarge it")
    return _plan(length, largest, _up(math.ceil(overlap * window), stride), stride)


def plan_page(
    shape: tuple[int, int], window: int, overlap: float, stride: int
) -> tuple[AxisWindows, AxisWindows]:
    """Choose the sides of the windows so that as little as possible is computed twice.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page, pixels.
    window : int
        Side of a square that holds as many pixels as a window may; the sides of windows are at
        least half of it, widths at most twice. Only a window that is as high as the page
        is higher than it: memory grows with the height of a row of windows.
    overlap : float
        Share of that side that neighbours have in common, at least.
    stride : int
        Starts and sizes are multiples of it.

    Returns
    -------
    (AxisWindows, AxisWindows)
        Along the height and along the width.

    Raises
    ------
    ValueError
        As `plan_axis`.

    Examples
    --------
    >>> rows, columns = plan_page((2600, 1900), 1216, 0.08, 128)
    >>> len(rows.starts), rows.size, len(columns.starts), columns.size
    (4, 768, 1, 1920)
    """
    height, width = shape
    square = plan_axis(height, window, overlap, stride), plan_axis(width, window, overlap, stride)
    shared = _up(math.ceil(overlap * window), stride)
    least = max(window // 2 // stride, 2) * stride
    plans = [square]
    for side in range(least, 2 * window + 1, stride):
        columns = _plan(width, side, shared, stride)
        high = min(window**2 // columns.size, 2 * window) // stride * stride
        if high < height:
            high = min(high, window // stride * stride)
        if high >= least:
            plans.append((_plan(height, high, shared, stride), columns))
    return min(plans, key=work)


def work(plan: tuple[AxisWindows, AxisWindows]) -> int:
    """Count the pixels that windows compute, two at a time: one that is left over counts twice.

    Parameters
    ----------
    plan : (AxisWindows, AxisWindows)
        Along the height and along the width.

    Returns
    -------
    int
        Pixels. A page of one window counts once, since all cores compute that.
    """
    rows, columns = plan
    windows = len(rows.starts) * len(columns.starts)
    return (windows + (windows % 2 if windows > 1 else 0)) * rows.size * columns.size


def _plan(length: int, largest: int, shared: int, stride: int) -> AxisWindows:
    """Lay windows of at most one size along an axis; all sizes are multiples of the stride."""
    shared = min(shared, largest - stride)
    padded = _up(length, stride)
    count = 1 if padded <= largest else math.ceil((padded - shared) / (largest - shared))
    size = _up(math.ceil((padded + (count - 1) * shared) / count), stride)
    step = (padded - size) / max(count - 1, 1)
    starts = tuple(round(index * step / stride) * stride for index in range(count))
    return AxisWindows(length, size, starts, _weights(starts, size))


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _weights(starts: tuple[int, ...], size: int) -> np.ndarray:
    """Share of each window: what has faded in with it and not yet with its successor."""
    positions = np.array(starts)[:, None] + np.arange(size) + 0.5
    shared = [before + size - start for before, start in itertools.pairwise(starts)]
    ramp = max(min([_RAMP, *shared]), 1)
    weights = np.ones(positions.shape)
    for index, pixels in enumerate(shared, start=1):
        middle = starts[index] + pixels / 2
        weights[index] = _fade_in(positions[index] - middle, ramp)
        weights[index - 1] -= _fade_in(positions[index - 1] - middle, ramp)
    return weights.astype(np.float32)


def _fade_in(distance: np.ndarray, ramp: int) -> np.ndarray:
    """0 before the ramp about distance 0, 1 behind it, smooth at both ends."""
    share = np.clip(distance / ramp + 0.5, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def strips(pixels: Any, rows: AxisWindows, chosen: range) -> Iterator[NDArray[np.uint8]]:
    """Read a page from top to bottom, for one row of windows after the other.

    What still has to be decoded is decoded in a thread, while the network runs.

    Parameters
    ----------
    pixels : array_like
        uint8 (H, W, 3); anything that gives arrays when sliced by rows and columns.
    rows : AxisWindows
        From `plan_axis`.
    chosen : range
        Numbers of the rows of windows.

    Yields
    ------
    ndarray
        uint8 (`rows.size`, W, 3), of fewer rows where windows reach beyond the page.
    """
    starts = (rows.starts[row] for row in chosen)
    found = (np.asarray(pixels[top : top + rows.size]) for top in starts)
    with ThreadPoolExecutor(1) as thread:
        yield from iterate_ahead(found, thread)


def cut(
    strip: NDArray[np.uint8], height: int, columns: AxisWindows, chosen: range
) -> NDArray[np.uint8]:
    """Cut windows from a strip.

    Parameters
    ----------
    strip : ndarray
        uint8 (H, W, 3).
    height : int
        Of the windows, at least H.
    columns : AxisWindows
        From `plan_axis`.
    chosen : range
        Numbers of the windows.

    Returns
    -------
    ndarray
        (N, `height`, `columns.size`, 3). Where windows reach beyond the strip, its last row and
        column are repeated; a single window within it is not copied.
    """
    windows = []
    for index in chosen:
        left = columns.starts[index]
        window = strip[:, left : left + columns.size]
        missing = height - window.shape[0], columns.size - window.shape[1]
        if any(missing):
            window = np.pad(window, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        windows.append(window)
    return windows[0][None] if len(windows) == 1 else np.stack(windows)


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
        self._rows, self._columns, self._calibration = rows, columns, calibration
        self._row: int | None = None
        self._sums = np.zeros((rows.size, columns.starts[-1] + columns.size), np.float32)

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
            down = self._rows.starts[row] - self._rows.starts[self._row]
            self._sums[:-down] = self._sums[down:].copy()
            self._sums[-down:] = 0
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


@dataclass(frozen=True)
class WindowPart:
    """Windows that are computed in one go.

    Parameters
    ----------
    down, across : AxisWindows
        The windows of the page along its axes.
    rows : range
        Which rows of windows.
    batches : list of range
        Which windows of each row, batch by batch.
    box : (slice, slice)
        The rectangle of the page in which they alone have a share.
    """

    down: AxisWindows
    across: AxisWindows
    rows: range
    batches: list[range]
    box: Box

    def order(self) -> list[tuple[int, range]]:
        """List the row and the numbers of the windows of each batch."""
        return [(row, chosen) for row in self.rows for chosen in self.batches]

    def windows(self, pixels: Any) -> Iterator[tuple[int, range, NDArray[np.uint8]]]:
        """Read the windows from the page: their row, their numbers and their pixels."""
        found = strips(pixels, self.down, self.rows)
        for row, strip in zip(self.rows, found, strict=True):
            for chosen in self.batches:
                yield row, chosen, cut(strip, self.down.size, self.across, chosen)

    def final(self, row: int, chosen: range) -> Box:
        """Give the rows and columns that are final after a batch, but not before it."""
        rows, columns = self.box
        left, right = self.across.final(chosen[0]).start, self.across.final(chosen[-1]).stop
        top, bottom = self.down.final(row).start, self.down.final(row).stop
        bottom = rows.stop if row == self.rows[-1] else min(bottom, rows.stop)
        right = columns.stop if chosen == self.batches[-1] else min(right, columns.stop)
        return slice(max(top, rows.start), bottom), slice(max(left, columns.start), right)


def plan_parts(
    rows: AxisWindows, columns: AxisWindows, most: int, first: Box | None
) -> list[WindowPart]:
    """Divide the windows of a page: those that are needed first, then all of them.

    Parameters
    ----------
    rows, columns : AxisWindows
        From `plan_page`.
    most : int
        Windows in a batch.
    first : (slice, slice), optional
        Rows and columns of the page that are wanted before the others.

    Returns
    -------
    list of WindowPart
        One or two.
    """
    every, count = range(len(rows.starts)), len(columns.starts)
    batches = [range(left, min(left + most, count)) for left in range(0, count, most)]
    page = slice(0, rows.length), slice(0, columns.length)
    whole = WindowPart(rows, columns, every, batches, page)
    if first is None:
        return [whole]
    needed, across = rows.touching(first[0]), columns.touching(first[1])
    chosen = [one for one in batches if one.start < across.stop and across.start < one.stop]
    if not needed or not chosen or (needed == every and chosen == batches):
        return [whole]
    decided = columns.decided_by(range(chosen[0].start, chosen[-1].stop))
    return [WindowPart(rows, columns, needed, chosen, (rows.decided_by(needed), decided)), whole]


def without(region: Box, hole: Box) -> list[Box]:
    """Cut a rectangle of a page into those that lie outside of another one."""
    rows, columns = region
    top, bottom = max(rows.start, hole[0].start), min(rows.stop, hole[0].stop)
    left, right = max(columns.start, hole[1].start), min(columns.stop, hole[1].stop)
    if top >= bottom or left >= right:
        found = [region]
    else:
        middle = slice(top, bottom)
        found = [
            (slice(rows.start, top), columns),
            (middle, slice(columns.start, left)),
            (middle, slice(right, columns.stop)),
            (slice(bottom, rows.stop), columns),
        ]
    return [box for box in found if all(side.start < side.stop for side in box)]
