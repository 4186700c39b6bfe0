"""Find the range of values that a page uses; numpy only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ENOUGH = 1 / 8
"""Share of its range that the values of a page must use so that the range is taken as it is."""
_OUTLIERS = 1e-4
_BRIGHT_SPOTS = 1e-3
_MOST_OUTLIERS = 1 << 12
_SMALLEST_FILL, _FEW_GRAYS = 1 / 200, 16
"""Share of the pixels of a page from which one value may be a frame, and how many values may be
labels or black and white alone."""
_FEWEST_IN_A_ROW = 32
_NOISE_ALONE = 12
"""A page whose values reach over fewer steps of its noise than this is empty: white noise
reaches over 8, that of a blurred picture over 11, the faintest writing over 30."""


def value_limits(bands: Iterable[NDArray[Any]]) -> tuple[float, float]:
    """Find the values that become black and white, one rule for all but bool and 8 bits.

    Strategy: a file of 16 bits may hold 10, 12 or 14, or a narrow range anywhere; taken for
    the whole range it would be nearly one gray. So the range that is used is measured: isolated
    outliers (hot pixels, rows and columns) are taken out by medians of three, and one pixel in ten
    thousand at both ends does not count, nor one in a thousand that is far brighter than all others
    (hot spots). Nor does a frame or a block of one value, if the rest of the page lies in less than
    half of the range. The range that the kind of value has is halved as long as its upper
    half is empty: as many bits as are used. Where the used part is at least an eighth of what is
    left, that range is taken, so that a faded page stays faded; else the used part is. What is
    noise from end to end is an empty page and is not stretched.

    Parameters
    ----------
    bands : iterable of ndarray, shape (H, W) or (H, W, C)
        The page, band by band; alpha (the last of 2 or 4 channels) does not count.

    Returns
    -------
    (float, float)
        The values that become 0 and 255. A page of one single value outside the range of its
        kind becomes white.

    Examples
    --------
    >>> import numpy as np
    >>> value_limits([np.array([[3.0, np.nan]]), np.array([[7.0, np.inf]])])
    (3.0, 7.0)
    >>> value_limits([np.array([[0, 60_000]], np.uint16)])
    (0.0, 65535.0)
    >>> value_limits([np.array([[80, 3900]], np.uint16)])
    (0.0, 4095.0)
    """
    used = _used_range(bands)
    if used is None:
        return 0.0, 1.0
    low, high, noise, kind = used
    whole = _range_of_kind(low, high, kind)
    span = high - low
    if whole is not None and (low == high or span >= _ENOUGH * (whole[1] - whole[0])):
        return whole
    if low == high:
        # One single value says nothing about ink: the page is taken as empty paper.
        return low - max(1.0, abs(low)), low
    if 0 < noise < math.inf and span < _NOISE_ALONE * noise:
        return whole or (high - span / _ENOUGH, high)
    return low, high


def _range_of_kind(low: float, high: float, kind: str) -> tuple[float, float] | None:
    """The range in which values of a kind lie: 0 to 1, or at least eight bits.

    It is halved while its upper half is empty.
    """
    if low < 0 or (kind == "f" and high > 1):
        return None
    if kind == "f":
        return 0.0, 2.0 ** math.ceil(math.log2(high)) if high else 1.0
    return 0.0, 2.0 ** max(8, math.ceil(math.log2(high + 1))) - 1


@np.errstate(invalid="ignore")  # Differences of infinite values.
def _used_range(bands: Iterable[NDArray[Any]]) -> tuple[float, float, float, str] | None:
    """The ends of the values without outliers, how rough the page is, and the kind of values."""
    kind, noise, count = "u", math.inf, 0
    bottom, top = _End(), _End()
    for band in map(colours_of, bands):
        kind = band.dtype.kind
        values = band
        if band.ndim >= 2 and band.shape[1] >= _FEWEST_IN_A_ROW:
            wide = band.astype(np.int64) if kind in "iu" else band
            noise = min(noise, float(np.median(np.abs(np.diff(wide[::4], axis=1)))))
            values = _median_of_three(band[:, :-2], band[:, 1:-1], band[:, 2:])
            if len(values) > 2:
                values = _median_of_three(values[:-2], values[1:-1], values[2:])
        bottom.add(values)
        top.add(-values.astype(np.float64))
        count += int(np.isfinite(values).sum()) if kind == "f" else values.size
    if not count:
        return None
    low, high = _without_outliers(bottom.kept(), top.kept(), count)
    grays = len(np.unique(bottom.others)) + len(np.unique(top.others))
    for end in (bottom, top, bottom) if grays > _FEW_GRAYS else ():
        if end.is_fill(count):
            left, right = (e.others if e is end else e.kept() for e in (bottom, top))
            without = _without_outliers(left, right, count - end.count)
            if without[1] - without[0] < (high - low) / 2:
                end.count, (low, high) = 0, without
    return low, high, noise, kind


class _End:
    """The smallest values of a page: all pixels that have the very smallest, and some others."""

    def __init__(self) -> None:
        self.value, self.others = math.inf, np.empty(0)
        self.count = self._rows = self._runs = 0

    def add(self, band: NDArray[Any]) -> None:
        """Take the smallest values of some rows, (H, ...); those that are not finite are not."""
        values = band[np.isfinite(band)] if band.dtype.kind == "f" else band.ravel()
        if not values.size:
            return
        if (least := float(values.min())) < self.value:
            self.others, self.value = self.kept(), least
            self.count = self._rows = self._runs = 0
        found = band == self.value
        if found.any():
            self.count += int(found.sum())
            self._rows += int(found.any(axis=1).sum())
            self._runs += int(found[:, 0].sum()) + int((found[:, 1:] > found[:, :-1]).sum())
        if len(self.others) == _MOST_OUTLIERS:
            values = values[values < self.others[-1]]
        values = values[values > self.value].astype(np.float64)
        if len(values) > _MOST_OUTLIERS:
            values = np.partition(values, _MOST_OUTLIERS)[:_MOST_OUTLIERS]
        self.others = np.sort(np.concatenate([self.others, values]))[:_MOST_OUTLIERS]

    def kept(self) -> NDArray[np.float64]:
        """The smallest values in their order, no more than are ever passed over."""
        same = np.full(min(self.count, _MOST_OUTLIERS), self.value)
        return np.concatenate([same, self.others])[:_MOST_OUTLIERS]

    def is_fill(self, count: int) -> bool:
        """Whether the smallest value is a frame or a block in a page of `count` values: no ink.

        Writing, and paper around it, begin anew many times in a row.
        """
        least = max(_FEWEST_IN_A_ROW, _SMALLEST_FILL * count)
        return least <= self.count < count / 2 and self._runs <= 4 * self._rows


def _without_outliers(
    from_bottom: NDArray[np.float64], from_top: NDArray[np.float64], count: int
) -> tuple[float, float]:
    """The ends of `count` values, of which the smallest, and the largest with - before, are given.

    Both are sorted; one pixel in ten thousand is passed over, and spots far brighter than others.
    """
    passed = int(count * _OUTLIERS)
    low = float(from_bottom[min(passed, len(from_bottom) - 1)])
    spots = -from_top[: int(count * _BRIGHT_SPOTS) + 1]
    far = np.flatnonzero(-np.diff(spots) > (spots[0] - low) / 2)
    passed = max(passed, far[-1] + 1 if far.size else 0)
    high = -float(from_top[min(passed, len(from_top) - 1)])
    return min(low, high), max(low, high)


def _median_of_three(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> NDArray[Any]:
    middle: NDArray[Any] = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return middle


def colours_of(band: NDArray[Any]) -> NDArray[Any]:
    """Give the channels of a band, (H, W) or (H, W, C), that are not alpha."""
    return band[..., :-1] if band.ndim == 3 and band.shape[2] in (2, 4) else band
