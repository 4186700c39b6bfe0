"""Convert between canvas and page: pointer, visible part, camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Labels
    from numpy.typing import NDArray

_SHARE_OF_CANVAS = 0.6


def camera_of(viewer: ViewerModel) -> Any:
    """Give the camera, under its name before and since napari 0.9."""
    scene = getattr(viewer, "scene", None)
    return viewer.camera if scene is None else scene.camera


def canvas_size(viewer: ViewerModel) -> tuple[float, float]:
    """Tell height and width of the canvas, screen pixels."""
    canvas = getattr(viewer, "canvas", None)
    height, width = viewer._canvas_size if canvas is None else canvas.size
    return float(height), float(width)


def lies_flat(viewer: ViewerModel) -> bool:
    """Tell whether the canvas shows rows and columns of pages, in two dimensions."""
    last = [viewer.dims.ndim - 2, viewer.dims.ndim - 1]
    return viewer.dims.ndisplay == 2 and sorted(viewer.dims.displayed) == last


def point_on(labels: Labels, position: Sequence[float]) -> tuple[float, float]:
    """Find the row and column of the labels under a point of the world."""
    row, column = labels.world_to_data(position)[-2:]
    return float(row), float(column)


def visible_part(labels: Labels) -> tuple[slice, slice]:
    """Tell which rows and columns of the labels are on the canvas."""
    low, high = np.asarray(labels.corner_pixels)[:, -2:]
    height, width = labels.data.shape[-2:]
    first, last = (int(max(0, value)) for value in low), (int(value) + 1 for value in high)
    rows, columns = (
        slice(min(start, side), max(min(start, side), min(stop, side)))
        for start, stop, side in zip(first, last, (height, width), strict=True)
    )
    return rows, columns


def plane_to_world(labels: Labels, page: int) -> NDArray[np.float64]:
    """Give the affine matrix from rows and columns of a page to the canvas.

    Parameters
    ----------
    labels : Labels
        The layer.
    page : int
        Place in the stack, from 0.

    Returns
    -------
    ndarray
        float64 (3, 3).
    """
    before = [page] * (labels.ndim - 2)
    points = [
        np.asarray(labels.data_to_world((*before, *point)), float)[-2:]
        for point in ((0, 0), (1, 0), (0, 1))
    ]
    matrix = np.eye(3)
    matrix[:2, 0] = points[1] - points[0]
    matrix[:2, 1] = points[2] - points[0]
    matrix[:2, 2] = points[0]
    return matrix


def look_at(viewer: ViewerModel, labels: Labels, page: int, place: tuple[slice, slice]) -> None:
    """Bring a rectangle of a page to the middle of the canvas, large enough to correct it.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    labels : Labels
        The layer.
    page : int
        Place in the stack, from 0.
    place : (slice, slice)
        Rows and columns.
    """
    matrix = plane_to_world(labels, page)
    corners = np.array(
        [
            [row, column, 1]
            for row in (place[0].start - 0.5, place[0].stop - 0.5)
            for column in (place[1].start - 0.5, place[1].stop - 0.5)
        ]
    )
    world = (corners @ matrix.T)[:, :2]
    low, high = world.min(axis=0), world.max(axis=0)
    camera = camera_of(viewer)
    size = np.maximum(high - low, 1e-9)
    camera.zoom = float(_SHARE_OF_CANVAS * np.min(np.array(canvas_size(viewer)) / size))
    middle = (low + high) / 2
    if viewer.dims.displayed[-1] < viewer.dims.displayed[-2]:
        middle = middle[::-1]
    camera.center = (0.0, float(middle[0]), float(middle[1]))
