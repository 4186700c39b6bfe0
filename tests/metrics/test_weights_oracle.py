"""The weight maps against a slow, direct reading of their definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import gaussian_filter

from docbin_napari.metrics.pseudo_f_measure import weight_maps

AROUND = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
# fmt: off
STAIRS = {
    5, 13, 14, 20, 22, 23, 29, 52, 53, 54, 55, 61, 65, 67, 69, 71,
    77, 79, 80, 83, 84, 86, 88, 89, 91, 92, 94, 97, 99, 101, 103, 109,
    111, 113, 115, 116, 118, 121, 123, 133, 141, 149, 151, 157, 181, 183, 189, 191,
    197, 205, 208, 209, 211, 212, 214, 216, 217, 219, 220, 222, 224, 229, 237, 239,
    244, 246, 251, 254,
}
# fmt: on


def at(array, row, column):
    height, width = array.shape
    return bool(array[row, column]) if 0 <= row < height and 0 <= column < width else False


def clamped(array, row, column):
    height, width = array.shape
    return array[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]


def flood(array):
    """Labels by flood fill, in raster order of the first pixels, and inclusive boxes."""
    labels, boxes = np.zeros(array.shape, dtype=int), []
    for start in map(tuple, np.argwhere(array)):
        if labels[start]:
            continue
        labels[start] = len(boxes) + 1
        found, stack = [start], [start]
        while stack:
            row, column = stack.pop()
            for down, across in AROUND:
                place = row + down, column + across
                if at(array, *place) and not labels[place]:
                    labels[place] = labels[start]
                    stack.append(place)
                    found.append(place)
        rows, columns = zip(*found, strict=True)
        boxes.append((min(rows), max(rows), min(columns), max(columns)))
    return labels, boxes


def in_order(labels, boxes):
    """Pixels of component after component, row by row."""
    for number, (top, bottom, left, right) in enumerate(boxes, 1):
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if labels[row, column] == number:
                    yield (row, column), boxes[number - 1]


def neighbours(array, row, column):
    return [at(array, row + down, column + across) for down, across in AROUND]


def is_deletable(ring, triples):
    starts = sum(not ring[i - 1] and ring[i] for i in range(8))
    cut = any(all(ring[i] for i in triple) for triple in triples)
    return 2 <= sum(ring) <= 6 and starts == 1 and not cut


def thinned_by_hand(area):
    thinned = area.copy()
    quiet = 0
    while quiet < 2:
        for triples in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            places = map(tuple, np.argwhere(thinned))
            doomed = [p for p in places if is_deletable(neighbours(thinned, *p), triples)]
            for place in doomed:
                thinned[place] = False
            quiet = 0 if doomed else quiet + 1
    changed = True
    while changed:
        changed = False
        for place in map(tuple, np.argwhere(thinned)):
            code = sum(there << bit for bit, there in enumerate(neighbours(thinned, *place)))
            if code in STAIRS:
                thinned[place] = False
                changed = True
    return thinned


def skeleton_by_hand(area, labels, boxes):
    skeleton = thinned_by_hand(area)
    bare = [i for i in range(1, len(boxes) + 1) if not skeleton[labels == i].any()]
    for number in bare:
        row, column = (int(places.sum()) // len(places) for places in np.nonzero(labels == number))
        place = row + 1, column + 1
        skeleton[place if at(labels > 0, *place) else (row, column)] = True
    return skeleton


def chessboard(sites):
    places = np.argwhere(sites)
    rows, columns = np.indices(sites.shape)
    distances = [np.maximum(abs(rows - row), abs(columns - column)) for row, column in places]
    return np.min(distances, axis=0) if distances else np.full(sites.shape, 10**6)


def ring(place, box, sites):
    """Sites on the first ring, clamped to the box, that has any."""
    (row, column), (top, bottom, left, right) = place, box
    radius = 0
    while True:
        low, high = max(row - radius, top), min(row + radius, bottom)
        first, last = max(column - radius, left), min(column + radius, right)
        hits = [
            (r, c)
            for r in range(low, high + 1)
            for c in range(first, last + 1)
            if (r in (low, high) or c in (first, last)) and sites[r, c]
        ]
        if hits or (low, high, first, last) == (top, bottom, left, right):
            return hits
        radius += 1


def is_usable(value):
    return 1 <= value <= 249


def ridges(distance, skeleton, labels, boxes):
    for (row, column), _ in in_order(labels, boxes):
        own = distance[row, column]
        sides = [clamped(distance, row + d, column + a) for d, a in AROUND[::2]]
        if is_usable(own) and skeleton[row, column] and all(side == own for side in sides):
            distance[row, column] += 1


def factors_by_hand(distance, skeleton, contour, labels, boxes):
    across = chessboard(skeleton) % 256
    across[skeleton] = 1
    across[skeleton & contour] = 0
    factor = skeleton.astype(int)
    for place, box in in_order(labels, boxes):
        if is_usable(distance[place]):
            for hit in ring(place, box, skeleton):
                factor[hit] = distance[hit] + (across[place] >= distance[hit])
    return factor


def extend_ends_by_hand(factor, skeleton, labels, boxes):
    height, width = factor.shape
    for (row, column), _ in in_order(labels, boxes):
        near = [(d, a) for d, a in AROUND if clamped(skeleton, row + d, column + a)]
        if skeleton[row, column] and len(near) == 1:
            down, across = near[0]
            other = factor[
                min(max(row + down, 0), height - 1), min(max(column + across, 0), width - 1)
            ]
            if (down, across) == (1, 1):
                other = factor[min(row + 1, height - 1), 1 if column + 1 < width else 0]
            if other > 0:
                factor[row, column] = other + 1


def normalized_by_hand(distance, skeleton, contour, labels, boxes):
    factor = factors_by_hand(distance, skeleton, contour, labels, boxes)
    extend_ends_by_hand(factor, skeleton, labels, boxes)
    norm = np.zeros(distance.shape, dtype=int)
    for place, box in in_order(labels, boxes):
        if is_usable(distance[place]):
            hits = ring(place, box, skeleton)
            norm[place] = max((distance[hit] * factor[hit] for hit in hits), default=0)
    for (row, column), _ in in_order(labels, boxes):
        sides = [clamped(norm, row + d, column + a) for d, a in AROUND[::2]]
        if is_usable(distance[row, column]) and all(sides) and norm[row, column] not in sides:
            norm[row, column] = sides[3]
    return factor, norm


def fills(place, box, shape, depth):
    """Whether the growing square is the box at a radius below the depth."""
    (row, column), (top, bottom, left, right) = place, box
    for radius in range(depth):
        square = max(row - radius, 0), min(row + radius, shape[0] - 1)
        square += max(column - radius, 0), min(column + radius, shape[1] - 1)
        if square == (top, bottom, left, right):
            return True
    return False


def recall_by_hand(ink, contour, depth, labels, boxes):
    """Weights of recall, and of each piece its width and where paper near it counts."""
    skeleton = skeleton_by_hand(ink, labels, boxes)
    distance = np.where(ink, depth, 0)
    distance[contour & skeleton] = 1
    ridges(distance, skeleton, labels, boxes)
    factor, norm = normalized_by_hand(distance, skeleton, contour, labels, boxes)
    weights = np.divide(distance, norm, out=np.zeros(ink.shape), where=norm > 0)

    widths, region = [0], np.zeros_like(ink)
    for number, (top, bottom, left, right) in enumerate(boxes, 1):
        own = factor[(labels == number) & skeleton]
        widths.append(2 * (int(own.sum()) // len(own)) if len(own) else 0)
        margin = 2 * widths[-1]
        region[
            max(top - margin, 0) : bottom + margin + 1, max(left - margin, 0) : right + margin + 1
        ] = True
    return weights, widths, region


def weights_by_hand(ink):
    labels, boxes = flood(ink)
    contour = np.zeros_like(ink)
    for row, column in np.argwhere(ink):
        contour[row, column] = not all(at(ink, row + d, column + a) for d, a in AROUND[::2])
    depth = chessboard(contour)
    recall_weights, widths, region = recall_by_hand(ink, contour, depth, labels, boxes)

    ground, ground_boxes = flood(~ink)
    inner = ~ink
    inner[[0, -1]] = False
    inner[:, [0, -1]] = False
    skeleton = skeleton_by_hand(inner, ground, ground_boxes)
    distance = np.where(ink, 0, 250)
    for place, box in in_order(ground, ground_boxes):
        if region[place]:
            distance[place] = 0 if fills(place, box, ink.shape, depth[place]) else depth[place]
    ridges(distance, skeleton, ground, ground_boxes)
    _, norm = normalized_by_hand(distance, skeleton, np.zeros_like(ink), ground, ground_boxes)
    gap = np.floor(np.sqrt(norm) + 0.5).astype(int)

    reach, merging = np.full(ink.shape, -1), np.zeros_like(ink)
    for place, box in in_order(ground, ground_boxes):
        hits = ring(place, box, contour) if is_usable(distance[place]) else []
        if hits:
            reach[place] = max(widths[labels[hit]] for hit in hits)
            adjacent = len({labels[hit] for hit in hits}) > 1
            merging[place] = adjacent and distance[place] <= reach[place] and gap[place] != 0
    to_merge = chessboard(merging)
    precision_weights = np.zeros(ink.shape)
    for row, column in np.argwhere(reach >= np.maximum(distance, 0)):
        room = reach[row, column] - distance[row, column]
        near = room > 0 and to_merge[row, column] <= room
        narrow = near and gap[row, column] < reach[row, column]
        divisor = gap[row, column] if narrow else reach[row, column]
        if divisor:
            precision_weights[row, column] = min(2, distance[row, column] / divisor)
    return recall_weights, precision_weights


def assert_maps_agree(ink):
    if not ink.any():
        return
    for ours, theirs in zip(weight_maps(ink), weights_by_hand(ink), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=13)))
@settings(max_examples=150)
def test_any_small_mask(ink):
    assert_maps_agree(ink)


@st.composite
def blots(draw):
    """Strokes and blots of some thickness, with nested boxes, closed loops and specks."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = random.random((draw(st.integers(5, 34)), draw(st.integers(5, 34))))
    smooth = gaussian_filter(noise, draw(st.sampled_from([0.6, 1, 1.5, 2.5])))
    ink = smooth > np.quantile(smooth, draw(st.sampled_from([0.3, 0.5, 0.7, 0.9])))
    return ink ^ (random.random(ink.shape) < draw(st.sampled_from([0, 0.01, 0.05])))


@given(blots())
@settings(max_examples=40, deadline=None)
def test_blots(ink):
    assert_maps_agree(ink)


def test_frames_within_frames():
    ink = np.zeros((40, 44), dtype=bool)
    for inset, thickness in ((1, 2), (6, 3), (12, 1), (16, 2)):
        ink[inset : 40 - inset, inset : 44 - inset] = True
        hollow = inset + thickness
        ink[hollow : 40 - hollow, hollow : 44 - hollow] = False
    assert_maps_agree(ink)
