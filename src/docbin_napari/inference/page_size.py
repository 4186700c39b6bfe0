"""Choose the size in which a page is read.

Strategy: a network reads strokes best that are as wide as those that it has learnt from. Pages
whose edges are soft are read in half of their size as well. Pages whose strokes are thinner than
2.8 pixels are enlarged. Rows of the page say which may be so thin, and of these only the network is
asked: it reads the places with the most strokes, and the ink it finds there is measured. Faded ink
that is enlarged can look like print-through, so a page stays as it is where the network would lose
ink by it. Other pages cost a few milliseconds. A model that has learnt from a few pages leaves the
question to its base, so that it reads pages as large as it has learnt from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from docbin_napari.features.softness import is_soft
from docbin_napari.features.strips import SampledStrip, sampled_rows
from docbin_napari.features.stroke_width import stroke_rows, width_along_rows, width_of_ink
from docbin_napari.inference.config import ChosenSize
from docbin_napari.io.row_source import RowSource
from docbin_napari.model.ink_model import InkModel
from docbin_napari.model.sized_look import PageSize

_MAYBE_THIN, _THIN = 2.75, 2.8
_SURELY_NOT_THIN = 1.3 * _THIN
_LEAST_INK_LEFT = 0.85
_PLACES = 4
_PLACE_WIDTH = 576


def page_size(pixels: RowSource, model: InkModel, chosen: ChosenSize) -> PageSize:
    """Choose the size for a page, unless it is chosen already.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB, dark writing on light ground.
    model : InkModel
        Reads the page.
    chosen : {"auto", "own", "half", "double"}
        As in `InferenceConfig`.

    Returns
    -------
    {"own", "half", "double"}
        The size.
    """
    if chosen != "auto":
        return chosen
    strips = sampled_rows(pixels)
    if is_soft(strips):
        return "half"
    strokes = stroke_rows(strips)
    if width_along_rows(strokes) >= _MAYBE_THIN:
        return "own"
    places = [np.asarray(pixels[rows])[:, columns] for rows, columns in _densest(strips, strokes)]
    try:
        return "double" if _is_thin(pixels, model.base, places) else "own"
    except RuntimeError:
        # What hinders the network will be told, or mended, where it reads the page.
        return "own"


def _is_thin(pixels: RowSource, model: InkModel, places: Sequence[np.ndarray]) -> bool:
    """Whether the ink that the network sees is thin, and does not vanish when enlarged."""
    own: list[np.ndarray] = []
    for ink in _ink(model.for_page(pixels), places):
        own.append(ink)
        if width_of_ink(own) >= _SURELY_NOT_THIN:
            return False
    if width_of_ink(own) >= _THIN:
        return False
    enlarged = list(_ink(model.looking_in("double").for_page(pixels), places))
    return _area(enlarged) >= _LEAST_INK_LEFT * _area(own)


def _densest(
    strips: Sequence[SampledStrip], strokes: Sequence[np.ndarray]
) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of up to four places of the page with the most strokes."""
    found = []
    for strip, mask in zip(strips, strokes, strict=True):
        reached = np.concatenate([[0], mask.sum(0).cumsum()])
        width = min(_PLACE_WIDTH, mask.shape[1])
        within = reached[width:] - reached[:-width]
        left = int(within.argmax())
        place = slice(strip.left + left, strip.left + left + width)
        found.append((int(within[left]), strip.rows, place))
    found.sort(key=lambda place: place[0], reverse=True)
    for _, rows, columns in found[:_PLACES]:
        yield rows, columns


def _ink(model: InkModel, places: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """What the network takes for ink in small parts of a page, bool (H, W) each."""
    for pixels in places:
        shape = pixels.shape[:2]
        beyond = [(0, math.ceil(side / model.stride) * model.stride - side) for side in shape]
        whole = np.pad(pixels, (*beyond, (0, 0)), mode="edge")
        logits = model.logits(whole[None])[0, : shape[0], : shape[1]]
        yield np.asarray(logits >= model.calibration.logit(model.threshold))


def _area(masks: Sequence[np.ndarray]) -> int:
    return sum(int(mask.sum()) for mask in masks)
