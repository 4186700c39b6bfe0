"""Distance of pixels from the contour relative to the width of their stroke or gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy import ndimage

from docbin_napari.metrics.components import neighbourhoods
from docbin_napari.metrics.thinning import skeleton_of, steps_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.metrics.components import Components
    from docbin_napari.metrics.confusion import BoolArray

OUTSIDE = 250
_Number = TypeVar("_Number", np.uint8, np.int32)


def usable(distance: NDArray[np.uint8]) -> BoolArray:
    """Pixels whose distance means something."""
    return (distance > 0) & (distance < OUTSIDE)


def distance_to(sites: BoolArray) -> NDArray[np.int32]:
    """Chessboard distance to the nearest site; there must be one."""
    distance: NDArray[np.int32] = ndimage.distance_transform_cdt(~sites, "chessboard")
    return distance


def seeded_skeleton(area: BoolArray, components: Components) -> BoolArray:
    """Skeleton of an area; components without a pixel in it get one near their mean.

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
    rows, columns = np.nonzero(bare[labels])
    if not len(rows):
        return skeleton
    of = labels[rows, columns]
    count = np.bincount(of)
    found = np.flatnonzero(count)
    row, column = (
        np.bincount(of, weights=places)[found].astype(np.int64) // count[found]
        for places in (rows, columns)
    )
    height, width = labels.shape
    next_row, next_column = np.minimum(row + 1, height - 1), np.minimum(column + 1, width - 1)
    shifted = (row + 1 < height) & (column + 1 < width) & (labels[next_row, next_column] > 0)
    skeleton[np.where(shifted, next_row, row), np.where(shifted, next_column, column)] = True
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
    """What a distance has to be divided by, so that strokes of every width weigh the same.

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
    """Factor of each skeleton pixel, set by the last pixel it is nearest to.

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
        down, across = _DIRECTIONS[direction]
        other_row = min(max(row + down, 0), height - 1)
        other_column = min(max(column + across, 0), width - 1)
        if (down, across) == (1, 1):
            # The official generator reads this one neighbour from the left edge of the page.
            other_column = 1 if column + 1 < width else 0
        other = int(value[other_row * width + other_column])
        if other > 0:
            value[row * width + column] = other + 1


_DIRECTIONS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


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


def _next(array: NDArray[_Number]) -> tuple[NDArray[_Number], NDArray[_Number]]:
    """Right and lower neighbour of each pixel; on the edge, the pixel itself."""
    return (
        np.concatenate([array[:, 1:], array[:, -1:]], axis=1),
        np.concatenate([array[1:], array[-1:]], axis=0),
    )
