"""Compute the two kinds of pseudo-F-measure, weighted and of the skeleton, and the weights.

Weights of ink and background are distances of pixels from the contour, relative to the width of
their stroke or gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import thin

from docbin_napari.metrics.components import Components, neighbourhoods
from docbin_napari.metrics.rates import BoolArray, compare, precision
from docbin_napari.metrics.thinning import STEPS, skeleton_of, steps_in

OUTSIDE = 250
_FARTHEST = 2.0


def weighted_pseudo_f_measure(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Compute the weighted pseudo-F-measure, official in the DIBCO contests since 2013.

    ``200 P R / (P + R)`` with ``R = sum(RW on hits) / sum(RW on ink)`` and
    ``P = sum(1 + PW on hits) / sum(1 + PW on predicted ink)``. RW grows from the contour of a
    stroke to its middle and is normalized by the local stroke width, so a stroke drawn too thin
    costs little and a broken one the same whatever its width. PW is up to 2 where false ink would
    make strokes grow or merge, and 0 far from the ink and on it. The weights are those of the
    official generator. The *skeleton* kind (contests of 2008 to 2010) is another metric: the two
    differ by more than most claimed improvements and must not be compared.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out. In the ground truth they are background when the
        weights are made, and no prediction counts there.

    Returns
    -------
    float
        Percent. 0 without a weighed hit: where either array is without ink, or the prediction has
        only pixels of the contour. 100 where both are without ink. A ground truth of one pixel
        has all of its weight there.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Notes
    -----
    The official generator depends on the order of the pixels (thinning, ties between pixels, and
    a neighbour that it reads at the wrong place), and this function follows it. So turning both
    arrays can change the result a little.

    Time and memory grow with the page: 50 to 70 bytes for each pixel of a page of writing, up to
    110 where it is full of specks. Components are worked on in groups, so what is on the page
    hardly matters, unless the boxes of many components lie inside each other.

    References
    ----------
    .. [1] K. Ntirogiannis, B. Gatos, I. Pratikakis, "Performance evaluation methodology for
       historical document image binarization", 2013, doi:10.1109/TIP.2012.2219550

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((16, 24), dtype=bool)
    >>> bar[6:9, 3:21] = True
    >>> thinner = bar.copy()
    >>> thinner[6] = False
    >>> weighted_pseudo_f_measure(thinner, bar)
    100.0
    """
    comparison = compare(prediction, ground_truth, labelled)
    predicted, truth = comparison.predicted, comparison.truth
    if not truth.any() or not predicted.any():
        return 0.0 if truth.any() or predicted.any() else 100.0
    recall_weights, precision_weights = weight_maps(truth)
    hits = predicted & truth
    weight = float(recall_weights[truth].sum(dtype=np.float64))
    found = float(recall_weights[hits].sum(dtype=np.float64))
    if found == 0:
        return 0.0
    cost = float(precision_weights[predicted].sum(dtype=np.float64))
    share_found = found / weight
    share_right = int(np.count_nonzero(hits)) / (int(np.count_nonzero(predicted)) + cost)
    return 200 * share_right * share_found / (share_right + share_found)


def skeleton_pseudo_f_measure(
    prediction: BoolArray, ground_truth: BoolArray, labelled: BoolArray | None = None
) -> float:
    """Compute the skeleton pseudo-F-measure, as in the contests of 2008 to 2010.

    The recall is taken on the skeleton of the ground truth, so that a stroke drawn too thin
    costs nothing as long as its middle is there: ``200 P R / (P + R)`` with the plain precision
    P and ``R = |S and prediction| / |S|``, S the thinned ground truth. The *weighted* kind
    (official since 2013, doi:10.1109/TIP.2012.2219550) is another metric: the two differ by more
    than most claimed improvements and must not be compared.

    Parameters
    ----------
    prediction, ground_truth : ndarray of bool, shape (H, W)
        Predicted ink and ink of the ground truth.
    labelled : ndarray of bool, shape (H, W), optional
        Pixels where it is False are left out, before the ground truth is thinned.

    Returns
    -------
    float
        Percent. 0 without a hit on the skeleton, but 100 where both arrays are without ink.

    Raises
    ------
    ValueError
        If the arrays are not bool ``(H, W)`` of one shape, or no pixel is labelled.

    Notes
    -----
    `skimage.morphology.thin` [1]_ does not turn with the page, so turning both arrays can change
    the result a little.

    References
    ----------
    .. [1] Z. Guo, R. W. Hall, "Parallel thinning with two-subiteration algorithms", 1989,
       doi:10.1145/62065.62074
    .. [2] B. Gatos, K. Ntirogiannis, I. Pratikakis, "ICDAR 2009 document image binarization
       contest (DIBCO 2009)", 2009, doi:10.1109/ICDAR.2009.246

    Examples
    --------
    >>> import numpy as np
    >>> bar = np.zeros((9, 20), dtype=bool)
    >>> bar[3:6, 2:18] = True
    >>> middle_line = np.zeros_like(bar)
    >>> middle_line[4, 2:18] = True
    >>> skeleton_pseudo_f_measure(middle_line, bar)
    100.0
    """
    comparison = compare(prediction, ground_truth, labelled)
    if not comparison.truth.any():
        return 0.0 if comparison.predicted.any() else 100.0
    # Thinning passes over all it is given.
    [box] = ndimage.find_objects(comparison.truth.view(np.uint8))
    skeleton: BoolArray = thin(comparison.truth[box])  # type: ignore[no-untyped-call]
    found = int(np.count_nonzero(skeleton & comparison.predicted[box]))
    recall = 100 * found / int(np.count_nonzero(skeleton))
    of_all = precision(prediction, ground_truth, labelled)
    return 2 * of_all * recall / (of_all + recall) if recall and of_all else 0.0


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
    region = _region(ink, strokes)
    distance = np.where(ink, 0, OUTSIDE).astype(np.uint8)
    distance[region] = strokes.depth[region] % 256
    distance[region & _fills_box(strokes.depth, components)] = 0
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
    region = np.zeros(ink.shape, dtype=bool)
    margins = 2 * strokes.widths[1:, None]
    boxes = strokes.components.boxes + margins * (-1, 1, -1, 1)
    for top, bottom, left, right in np.maximum(boxes, 0).tolist():
        region[top:bottom, left:right] = True
    return region & ~ink


def _fills_box(depth: NDArray[np.int32], components: Components) -> BoolArray:
    """Whether a growing square about a pixel is its component's box before it meets the contour.

    Sides of the box on the border of the page are reached early; the others all at once.
    """
    height, width = depth.shape
    rows, columns = np.arange(height, dtype=np.int32)[:, None], np.arange(width, dtype=np.int32)
    sides = np.pad(components.boxes - (0, 1, 0, 1), ((1, 0), (0, 0))).astype(np.int32).T
    radius = np.zeros(depth.shape, dtype=np.int32)
    low = np.full(depth.shape, np.iinfo(np.int32).max)
    places, borders = (rows, rows, columns, columns), (0, height - 1, 0, width - 1)
    for side, place, border in zip(sides, places, borders, strict=True):
        own = side[components.labels]
        gap = np.abs(place - own)
        np.maximum(radius, gap, out=radius)
        np.minimum(low, gap, out=low, where=own != border)
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


def usable(distance: NDArray[np.uint8]) -> BoolArray:
    """Find the pixels whose distance means something."""
    return (distance > 0) & (distance < OUTSIDE)


def distance_to(sites: BoolArray) -> NDArray[np.int32]:
    """Compute the chessboard distance to the nearest site; there must be one."""
    distance: NDArray[np.int32] = ndimage.distance_transform_cdt(~sites, "chessboard")
    return distance


def seeded_skeleton(area: BoolArray, components: Components) -> BoolArray:
    """Thin an area to its skeleton; components without a pixel in it get one near their mean.

    Parameters
    ----------
    area : ndarray of bool, shape (H, W)
        What is thinned.
    components : Components
        The components that must have a skeleton.

    Returns
    -------
    ndarray of bool, shape (H, W)
        The skeleton. As in the official generator, a seed can lie outside its component.
    """
    skeleton = skeleton_of(area)
    labels = components.labels
    bare = np.ones(len(components.boxes) + 1, dtype=bool)
    bare[labels[skeleton]] = False
    bare[0] = False
    height, width = labels.shape
    for label in np.flatnonzero(bare).tolist():
        top, bottom, left, right = components.boxes[label - 1].tolist()
        rows, columns = np.nonzero(labels[top:bottom, left:right] == label)
        row, column = top + int(rows.sum()) // len(rows), left + int(columns.sum()) // len(columns)
        if row + 1 < height and column + 1 < width and labels[row + 1, column + 1] > 0:
            row, column = row + 1, column + 1
        skeleton[row, column] = True
    return skeleton


def raise_ridges(
    distance: NDArray[np.uint8], skeleton: BoolArray, components: Components
) -> NDArray[np.uint8]:
    """Add 1 on the skeleton where all four neighbours are as far; in place, in raster order.

    Parameters
    ----------
    distance : ndarray of uint8, shape (H, W)
        Distance to the contour; beyond the page the nearest pixel of it counts.
    skeleton : ndarray of bool, shape (H, W)
        Where ridges can be.
    components : Components
        Pixels outside them are left alone.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        The distances with raised ridges.
    """
    # Only pixels above and to the left can have changed before: the others are compared at once.
    right, below = _next(distance)
    level = (distance == right) & (distance == below)
    candidates = level & skeleton & usable(distance) & (components.labels > 0)
    raised = np.ascontiguousarray(distance)
    value, width = raised.ravel().data, distance.shape[1]
    for pixel in np.flatnonzero(candidates).tolist():
        own = value[pixel]
        above = value[pixel - width] if pixel >= width else own
        left = value[pixel - 1] if pixel % width else own
        if above == left == own:
            value[pixel] = own + 1
    return raised


def normalize(
    distance: NDArray[np.uint8],
    skeleton: BoolArray,
    contour: BoolArray | None,
    components: Components,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Compute the divisor of a distance, so that strokes of every width weigh the same.

    Parameters
    ----------
    distance : ndarray of uint8, shape (H, W)
        Distance to the contour.
    skeleton : ndarray of bool, shape (H, W)
        Skeleton of the components.
    contour : ndarray of bool, shape (H, W), or None
        Pixels of the contour; None if it is outside the components.
    components : Components
        Components of ink or of background.

    Returns
    -------
    norm, factor : ndarray of int32, shape (H, W)
        The divisor at usable pixels, 0 if there is none; the factor of each skeleton pixel.
    """
    factor = _factors(distance, skeleton, contour, components)
    _extend_to_ends(factor, skeleton, components)
    norm = np.zeros(distance.shape, dtype=np.int32)
    for near in neighbourhoods(components, skeleton, usable(distance)):
        places = near.on_page(near.layers[0])
        product = distance[places].astype(np.int32) * factor[places]
        norm[near.on_page(near.targets)] = near.largest_of_sites(product)
    _smooth(norm, usable(distance) & (components.labels > 0))
    return norm, factor


def _factors(
    distance: NDArray[np.uint8],
    skeleton: BoolArray,
    contour: BoolArray | None,
    components: Components,
) -> NDArray[np.int32]:
    """Compute the factor of each skeleton pixel, set by the last pixel it is nearest to.

    The last is the one in the component that begins last, and there in raster order.
    """
    across = distance_to(skeleton) % 256
    across[skeleton] = 1
    if contour is not None:
        across[skeleton & contour] = 0
    factor = skeleton.astype(np.int32)
    written_by = np.zeros(distance.shape, dtype=np.int32)
    for near in neighbourhoods(components, skeleton, usable(distance)):
        last = near.last_target()
        rows, columns = near.on_page(near.layers[0])
        newer = (last > 0) & (near.owners > written_by[rows, columns])
        places = rows[newer], columns[newer]
        written_by[places] = near.owners[newer]
        ridge = distance[places].astype(np.int32)
        factor[places] = ridge + (across[near.on_page(last[newer])] >= ridge)
    return factor


def _extend_to_ends(factor: NDArray[np.int32], skeleton: BoolArray, components: Components) -> None:
    """Give the ends of the skeleton the factor of their only neighbour, plus 1; in place."""
    clamped = np.pad(skeleton, 1, mode="edge").ravel()
    width = skeleton.shape[1]
    steps = steps_in(width + 2)
    rows, columns = np.nonzero(skeleton & (components.labels > 0))
    padded = (rows + 1) * (width + 2) + columns + 1
    around = np.array([clamped[padded + step] for step in steps])
    ends = np.flatnonzero(around.sum(axis=0) == 1)
    ends = ends[np.argsort(components.labels[rows[ends], columns[ends]], kind="stable")]
    height = skeleton.shape[0]
    value = factor.ravel()
    for end in ends.tolist():
        row, column = int(rows[end]), int(columns[end])
        direction = int(np.argmax(around[:, end]))
        down, across = STEPS[direction]
        other_row = min(max(row + down, 0), height - 1)
        other_column = min(max(column + across, 0), width - 1)
        if (down, across) == (1, 1):
            # The official generator reads this one neighbour from the left edge of the page.
            other_column = 1 if column + 1 < width else 0
        other = int(value[other_row * width + other_column])
        if other > 0:
            value[row * width + column] = other + 1


def _smooth(norm: NDArray[np.int32], inside: BoolArray) -> None:
    """Give pixels that differ from all four neighbours the value of the left one; in place."""
    right, below = _next(norm)
    differs = (right > 0) & (below > 0) & (norm != right) & (norm != below) & inside
    # A pixel of the first row or column is its own neighbour, and does not differ from itself.
    differs[0] = False
    differs[:, 0] = False
    value, width = norm.ravel().data, norm.shape[1]
    for pixel in np.flatnonzero(differs).tolist():
        own, above, left = value[pixel], value[pixel - width], value[pixel - 1]
        if above and left and own not in (above, left):
            value[pixel] = left


def _next(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Right and lower neighbour of each pixel; on the edge, the pixel itself."""
    beyond = np.pad(array, (0, 1), mode="edge")
    return beyond[:-1, 1:], beyond[1:, :-1]
