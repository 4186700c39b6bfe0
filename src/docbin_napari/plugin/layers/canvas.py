"""Convert between canvas and page: pointer, visible part, camera; keep what drew them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer
    from numpy.typing import NDArray

_SHARE_OF_CANVAS, _SHARE_OF_PAGE = 0.6, 0.95


def keep_programs() -> None:
    """Keep what was compiled for the graphics card to draw a layer when the layer is removed.

    The OpenGL of Mesa 22 (Debian 12, Ubuntu 22.04), in software at least, ends the process in the
    drawing after a program was deleted while other layers stay: with napari 0.9.2 alone, some ten
    pages that follow each other are enough. A kept program takes about half a megabyte there.
    """
    if sys.platform == "linux":
        from vispy.gloo.glir import GlirProgram  # type: ignore[import-untyped]

        GlirProgram.delete = lambda program: None


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


def visible_part(layer: Image | Labels) -> tuple[slice, slice]:
    """Tell which rows and columns of a page are on the canvas."""
    low, high = np.asarray(layer.corner_pixels)[:, -2:]
    data, factor = layer.data, 1.0
    if layer.multiscale:  # Corners are those of the level that is shown.
        data, factor = layer.data[0], float(layer.downsample_factors[layer.data_level][-1])
    colours = int(bool(getattr(layer, "rgb", False)))
    height, width = data.shape[data.ndim - 2 - colours : data.ndim - colours]
    first = [int(max(0, value * factor)) for value in low]
    last = [int((value + 1) * factor) for value in high]
    rows, columns = (
        slice(min(start, side), max(min(start, side), min(stop, side)))
        for start, stop, side in zip(first, last, (height, width), strict=True)
    )
    return rows, columns


def plane_to_world(layer: Layer, page: int) -> NDArray[np.float64]:
    """Give the affine matrix from rows and columns of a page to the canvas.

    Parameters
    ----------
    layer : Layer
        The layer.
    page : int
        Place in the stack, from 0.

    Returns
    -------
    ndarray
        float64 (3, 3).
    """
    before = [page] * (layer.ndim - 2)
    points = [
        np.asarray(layer.data_to_world((*before, *point)), float)[-2:]
        for point in ((0, 0), (1, 0), (0, 1))
    ]
    matrix = np.eye(3)
    matrix[:2, 0] = points[1] - points[0]
    matrix[:2, 1] = points[2] - points[0]
    matrix[:2, 2] = points[0]
    return matrix


def show_whole(viewer: ViewerModel, image: Image) -> None:
    """Bring a whole page to the canvas."""
    height, width = image.data.shape[:2]
    centre_on(viewer, image, 0, (slice(0, height), slice(0, width)), _SHARE_OF_PAGE)


def centre_on(
    viewer: ViewerModel,
    layer: Layer,
    page: int,
    place: tuple[slice, slice],
    share: float = _SHARE_OF_CANVAS,
) -> None:
    """Bring a rectangle of a page to the middle of the canvas, large enough to correct it.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    layer : Layer
        The layer.
    page : int
        Place in the stack, from 0.
    place : (slice, slice)
        Rows and columns.
    share : float
        How much of the canvas it takes.
    """
    matrix = plane_to_world(layer, page)
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
    camera.zoom = float(share * np.min(np.array(canvas_size(viewer)) / size))
    middle = (low + high) / 2
    if viewer.dims.displayed[-1] < viewer.dims.displayed[-2]:
        middle = middle[::-1]
    camera.center = (0.0, float(middle[0]), float(middle[1]))
