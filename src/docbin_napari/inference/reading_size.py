"""Choose the size in which a page is read, and read windows in it.

Strategy: a network reads strokes best that are as wide as those that it has learnt from. Pages
whose edges are soft are read in half of their size as well. Pages whose strokes are thinner than
2.8 pixels are enlarged. Rows of the page say which may be so thin, and only these are given to the
network: it reads the places with the most strokes, and the ink it finds there is measured. Faded
ink that is enlarged can look like print-through, so a page stays as it is where the network would
lose ink by it. Other pages cost a few milliseconds. A model that has learnt from a few pages leaves
the choice to its base, so that it reads pages as large as it has learnt from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from docbin_napari.features.strips import EVERY
from docbin_napari.features.stroke_width import width_along_rows, width_of_ink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.features.survey import PageSurvey
    from docbin_napari.io.row_source import RowSource

    Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    InkFinder = Callable[[NDArray[np.uint8]], NDArray[np.bool_]]

PageSize = Literal["own", "half", "double"]
"""own: windows as they are; half: in half of their size, too; double: enlarged."""

SPAN: dict[PageSize, float] = {"own": 1.0, "half": 2.0, "double": 0.5}
"""Pixels of a page that stride and context of a network reach over, for one of its own."""

_MAYBE_THIN, _THIN = 2.75, 2.8
_SURELY_NOT_THIN = 1.3 * _THIN
_LEAST_INK_LEFT = 0.85
_PLACES = 4
_PLACE_WIDTH = 576


def choose_size(
    pixels: RowSource, survey: PageSurvey, find_ink: Callable[[PageSize], InkFinder]
) -> PageSize:
    """Choose the size for a page.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB, dark writing on light ground.
    survey : PageSurvey
        Of these pixels.
    find_ink : callable
        Gives, for a size, a function from uint8 (H, W, 3) to ink, bool (H, W).

    Returns
    -------
    {"own", "half", "double"}
        The size.
    """
    if survey.is_soft:
        return "half"
    if width_along_rows(survey.strokes) >= _MAYBE_THIN:
        return "own"
    places = [np.asarray(pixels[rows])[:, columns] for rows, columns in _densest(survey)]
    try:
        return "double" if _is_thin(places, find_ink) else "own"
    except RuntimeError:
        # What hinders the network is reported, or helped, where it reads the page.
        return "own"


def _is_thin(
    places: Sequence[NDArray[np.uint8]], find_ink: Callable[[PageSize], InkFinder]
) -> bool:
    """Whether the ink that the network finds is thin, and does not vanish when enlarged."""
    own: list[NDArray[np.bool_]] = []
    for ink in map(find_ink("own"), places):
        own.append(ink)
        if width_of_ink(own) >= _SURELY_NOT_THIN:
            return False
    if width_of_ink(own) >= _THIN:
        return False
    enlarged = list(map(find_ink("double"), places))
    return _area(enlarged) >= _LEAST_INK_LEFT * _area(own)


def _densest(survey: PageSurvey) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of up to four places of the page with the most strokes."""
    found = []
    for strip, strokes in zip(survey.strips, survey.strokes, strict=True):
        reached = np.concatenate([[0], strokes.sum(0).cumsum()])
        width = min(_PLACE_WIDTH, strokes.shape[1])
        within = reached[width:] - reached[:-width]
        left = int(within.argmax())
        columns = slice(strip.left + left, strip.left + left + width)
        top = strip.rows.start
        found.append((int(within[left]), slice(top, top + EVERY * len(strokes)), columns))
    found.sort(key=lambda place: place[0], reverse=True)
    for _, rows, columns in found[:_PLACES]:
        yield rows, columns


def _area(masks: Sequence[NDArray[np.bool_]]) -> int:
    return sum(int(mask.sum()) for mask in masks)


_SHARE_OF_HALF = 0.75
"""Weight of the logits in half of the size: the best of 0, 0.5, 0.75 and 1 on soft pages."""

# Weights of the neighbours of a pixel, from before to behind, for the first of the two pixels that
# it becomes; for the second they are reversed.
_LINEAR = (0.25, 0.75, 0.0)
_CUBIC = (-0.03515625, 0.26171875, 0.87890625, -0.10546875, 0.0)


def read_in_size(
    network: Network, windows: NDArray[np.uint8], size: PageSize
) -> NDArray[np.float32]:
    """Run a network on windows in a size.

    Parameters
    ----------
    network : callable
        From windows to logits, float32 (N, H, W).
    windows : ndarray
        uint8 (N, H, W, 3), RGB.
    size : {"own", "half", "double"}
        half weighs the logits in half of the size three to one against those in the own
        size, at five quarters of the cost. double takes means over pairs of pixels each way,
        at four times the cost.

    Returns
    -------
    ndarray
        Logits, float32 (N, H, W).
    """
    if size == "double":
        enlarged = _doubled(windows.astype(np.float32), _CUBIC)
        return _halved(network(np.clip(np.rint(enlarged), 0, 255).astype(np.uint8)))
    logits = network(windows)
    if size == "half":
        coarse = network(np.rint(_halved(windows)).astype(np.uint8))
        logits += np.float32(_SHARE_OF_HALF) * (_doubled(coarse, _LINEAR) - logits)
    return logits


def _halved(values: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over pairs of rows and columns, float32 (N, H / 2, W / 2, ...)."""
    rows = values[:, ::2].astype(np.float32) + values[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4)


def _doubled(values: NDArray[np.float32], weights: tuple[float, ...]) -> NDArray[np.float32]:
    """Twice as many rows and columns, (N, 2 H, 2 W, ...); beyond the ends the last is repeated."""
    for axis in (1, 2):
        values = _doubled_along(values, axis, weights)
    return values


def _doubled_along(
    values: NDArray[np.float32], axis: int, weights: tuple[float, ...]
) -> NDArray[np.float32]:
    reach, length = len(weights) // 2, values.shape[axis]
    beyond = [(reach, reach) if number == axis else (0, 0) for number in range(values.ndim)]
    padded = np.pad(values, beyond, mode="edge")
    halves = [
        sum(
            np.float32(weight) * np.take(padded, np.arange(length) + start, axis)
            for start, weight in enumerate(chosen)
            if weight
        )
        for chosen in (weights, weights[::-1])
    ]
    shape = list(values.shape)
    shape[axis] *= 2
    return np.stack(halves, axis=axis + 1).reshape(shape)
