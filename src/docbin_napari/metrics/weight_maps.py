"""Weights of ink and background in the weighted pseudo-F-measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from docbin_napari.metrics.components import Components, neighbourhoods
from docbin_napari.metrics.normalization import (
    OUTSIDE,
    distance_to,
    normalize,
    raise_ridges,
    seeded_skeleton,
    usable,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.metrics.confusion import BoolArray

_FARTHEST = 2.0
# Rows computed together where many figures of each pixel are needed: bounds the memory.
_BAND = 64


@dataclass(frozen=True)
class InkStrokes:
    """What is known of the ink before the background is weighed.

    Parameters
    ----------
    components : Components
        The components of the ink.
    contour : ndarray of bool, shape (H, W)
        Ink with background, or the outside of the page, above, below or beside it.
    depth : ndarray of int32, shape (H, W)
        Chessboard distance to the contour, on both sides of it.
    widths : ndarray of int64, shape (components + 1,)
        Stroke width of each component, pixels; 0 for label 0.
    """

    components: Components
    contour: BoolArray
    depth: NDArray[np.int32]
    widths: NDArray[np.int64]


def weight_maps(ink: BoolArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weigh ink for the recall and background for the precision.

    Parameters
    ----------
    ink : ndarray of bool, shape (H, W)
        Ink of the ground truth.

    Returns
    -------
    recall_weights : ndarray of float32, shape (H, W)
        RW: 0 on the background and mostly on the contour. It sums to about 1 across a stroke.
    precision_weights : ndarray of float32, shape (H, W)
        PW, 0 to 2: what false ink costs above 1. 0 on the ink and far from it.
    """
    if not ink.any():
        return np.zeros(ink.shape, np.float32), np.zeros(ink.shape, np.float32)
    recall_weights, strokes = _weigh_ink(ink)
    return recall_weights, _weigh_background(ink, strokes)


def _weigh_ink(ink: BoolArray) -> tuple[NDArray[np.float32], InkStrokes]:
    components = Components.of(ink)
    contour = ink & ~ndimage.binary_erosion(ink)
    skeleton = seeded_skeleton(ink, components)
    depth = distance_to(contour)
    distance = np.where(ink, depth % 256, 0).astype(np.uint8)
    distance[contour & skeleton] = 1
    distance = raise_ridges(distance, skeleton, components)
    norm, factor = normalize(distance, skeleton, contour, components)
    labels = components.labels[skeleton]
    number = len(components.boxes) + 1
    total = np.bincount(labels, factor[skeleton], number).astype(np.int64)
    widths = total // np.maximum(np.bincount(labels, minlength=number), 1) * 2
    widths[0] = 0
    return _ratio(distance, norm), InkStrokes(components, contour, depth, widths)


def _weigh_background(ink: BoolArray, strokes: InkStrokes) -> NDArray[np.float32]:
    components = Components.of(~ink)
    inner = ~ink
    inner[[0, -1]] = False
    inner[:, [0, -1]] = False
    skeleton = seeded_skeleton(inner, components)
    distance = np.where(ink, 0, OUTSIDE).astype(np.uint8)
    region = _region(ink, strokes)
    for top in range(0, ink.shape[0], _BAND):
        rows, columns = np.nonzero(region[top : top + _BAND])
        rows += top
        depth = strokes.depth[rows, columns]
        depth[_fills_box(rows, columns, depth, components)] = 0
        distance[rows, columns] = depth % 256
    distance = raise_ridges(distance, skeleton, components)
    norm, _ = normalize(distance, skeleton, None, components)
    gap = np.floor(np.sqrt(norm) + 0.5).astype(np.int32)
    reach, adjacent = _reaches(distance, components, strokes)
    within = (reach >= distance) & (reach > 0)
    narrow = within & adjacent & (gap > 0)
    if narrow.any():
        # Where strokes could grow together, the gap between them counts, not their width.
        room = reach - distance
        near = within & (room > 0) & (distance_to(narrow) <= room) & (gap < reach)
        reach[near] = gap[near]
    reach[~within] = 0
    return np.minimum(_ratio(distance, reach), np.float32(_FARTHEST))


def _region(ink: BoolArray, strokes: InkStrokes) -> BoolArray:
    """Background in the boxes of the components, enlarged by twice their stroke width."""
    height, width = ink.shape
    margin = 2 * strokes.widths[1:]
    top, bottom, left, right = strokes.components.corners().T
    top, left = np.maximum(top - margin, 0), np.maximum(left - margin, 0)
    bottom, right = np.minimum(bottom + margin, height), np.minimum(right + margin, width)
    steps = np.zeros((height + 1, width + 1), dtype=np.int32)
    np.add.at(steps, (top, left), 1)
    np.add.at(steps, (bottom, right), 1)
    np.add.at(steps, (top, right), -1)
    np.add.at(steps, (bottom, left), -1)
    np.cumsum(steps, axis=0, out=steps)
    np.cumsum(steps, axis=1, out=steps)
    return (steps[:-1, :-1] > 0) & ~ink


def _fills_box(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    depth: NDArray[np.int32],
    components: Components,
) -> BoolArray:
    """Whether a growing square about a pixel is its component's box before it meets the contour.

    Sides of the box on the border of the page are reached early; the others all at once.
    """
    height, width = components.labels.shape
    own = components.corners()[components.labels[rows, columns] - 1].astype(np.int32)
    first_row, end_row, first_column, end_column = own.T
    radius = np.zeros(rows.size, dtype=np.int64)
    low = np.full(rows.size, np.iinfo(np.int64).max)
    for gap, border in (
        (rows - first_row, first_row == 0),
        (end_row - 1 - rows, end_row == height),
        (columns - first_column, first_column == 0),
        (end_column - 1 - columns, end_column == width),
    ):
        np.maximum(radius, gap, out=radius)
        np.minimum(low, np.where(border, low, gap), out=low)
    return (radius < depth) & (low >= radius)


def _reaches(
    distance: NDArray[np.uint8], components: Components, strokes: InkStrokes
) -> tuple[NDArray[np.int32], BoolArray]:
    """Largest stroke width at the nearest contour, and whether that is of two components.

    Strategy: components are ranked by stroke width, so the largest rank of the nearest contour
    pixels gives the width, and a smallest rank that is another means a second component.
    """
    order = np.argsort(strokes.widths[1:], kind="stable")
    number = len(order)
    rank = np.zeros(number + 1, dtype=np.int32)
    rank[order + 1] = np.arange(1, number + 1)
    width_of = np.concatenate([[0], strokes.widths[1:][order]]).astype(np.int32)
    reach = np.zeros(distance.shape, dtype=np.int32)
    adjacent = np.zeros(distance.shape, dtype=bool)
    for near in neighbourhoods(components, strokes.contour, usable(distance)):
        ranks = rank[strokes.components.labels[near.on_page(near.layers[0])]]
        high = near.largest_of_sites(ranks)
        low = number + 1 - near.largest_of_sites(number + 1 - ranks)
        places = near.on_page(near.targets)
        reach[places] = width_of[high]
        adjacent[places] = (high > 0) & (high != low)
    return reach, adjacent


def _ratio(distance: NDArray[np.uint8], norm: NDArray[np.int32]) -> NDArray[np.float32]:
    ratio = np.zeros(distance.shape, dtype=np.float32)
    np.divide(distance, norm, out=ratio, where=norm > 0)
    return ratio
