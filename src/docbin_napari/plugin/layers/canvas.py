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
    # Corners are those of the level that is shown.
    factor = float(layer.downsample_factors[layer.data_level][-1])
    low, high = np.asarray(layer.corner_pixels)[:, -2:]
    rows, columns = (
        slice(*np.clip([int(first * factor), int((last + 1) * factor)], 0, side).tolist())
        for first, last, side in zip(low, high, layer.level_shapes[0][-2:], strict=True)
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
    origin, down, right = (
        np.asarray(layer.data_to_world((*before, *point)), float)[-2:]
        for point in ((0, 0), (1, 0), (0, 1))
    )
    return np.vstack([np.column_stack([down - origin, right - origin, origin]), [0, 0, 1]])


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
    corners = np.array(
        [
            [row - 0.5, column - 0.5, 1]
            for row in (place[0].start, place[0].stop)
            for column in (place[1].start, place[1].stop)
        ]
    )
    world = (corners @ plane_to_world(layer, page).T)[:, :2]
    low, high = world.min(axis=0), world.max(axis=0)
    camera = camera_of(viewer)
    size = np.maximum(high - low, 1e-9)
    camera.zoom = float(share * np.min(np.array(canvas_size(viewer)) / size))
    middle = (low + high) / 2
    if viewer.dims.displayed[-1] < viewer.dims.displayed[-2]:
        middle = middle[::-1]
    camera.center = (0.0, float(middle[0]), float(middle[1]))
