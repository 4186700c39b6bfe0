"""Convert between canvas and page: pointer, visible part, camera, shapes; keep GPU programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.plugin.layers import page_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer, Shapes
    from numpy.typing import NDArray

    from docbin_napari.correction.reviewed import Reviewed
    from docbin_napari.plugin.layers.page_record import Subject

_SHARE_OF_CANVAS, _SHARE_OF_PAGE = 0.6, 0.95
_CORNERS_OF_ELLIPSE = 200
_SHOWN_SHAPES = 20
_AREAS = ("rectangle", "ellipse", "polygon")


def keep_programs() -> None:
    """Keep the compiled GPU programs of a layer when the layer is removed.

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


def show_whole(viewer: ViewerModel, image: Image, cells: int = 1) -> None:
    """Bring a whole page to the canvas, or to each of some cells of napari's grid, side by side."""
    height, width = page_source.page_source(image).shape[-2:]
    centre_on(viewer, image, 0, (slice(0, height), slice(0, width)), _SHARE_OF_PAGE, cells)


def centre_on(
    viewer: ViewerModel,
    layer: Layer,
    page: int,
    place: tuple[slice, slice],
    share: float = _SHARE_OF_CANVAS,
    cells: int = 1,
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
        How much of the canvas, or of a cell of it, it takes.
    cells : int
        Of napari's grid, side by side.
    """
    rows, columns = ((part.start - 0.5, part.stop - 0.5) for part in place)
    corners = np.array([(row, column, 1) for row in rows for column in columns])
    world = (corners @ plane_to_world(layer, page).T)[:, :2]
    low, high = world.min(axis=0), world.max(axis=0)
    camera = camera_of(viewer)
    drawn_on = getattr(viewer, "canvas", None)  # Since napari 0.9.
    screen = np.array(viewer._canvas_size if drawn_on is None else drawn_on.size) / (1, cells)
    camera.zoom = float(share * np.min(screen / np.maximum(high - low, 1e-9)))
    middle = (low + high) / 2
    if viewer.dims.displayed[-1] < viewer.dims.displayed[-2]:
        middle = middle[::-1]
    camera.center = (0.0, float(middle[0]), float(middle[1]))


def shapes_region(shapes: Shapes, subject: Subject) -> tuple[NDArray[np.bool_], str]:
    """Find the pixels of a page that lie in the shapes of a layer.

    Lines and paths have no area and are passed over, and so are shapes on other pages of
    a stack. Shapes may lie anywhere in the world: they are brought to the page's pixels.

    Parameters
    ----------
    shapes : Shapes
        Rectangles, ellipses, polygons.
    subject : Subject
        The page.

    Returns
    -------
    region : ndarray
        bool (H, W).
    words : str
        The same in words, for the provenance of a pair.
    """
    from skimage.draw import polygon

    region = np.zeros(subject.plane().shape, np.bool_)
    boxes = []
    for corners, kind in zip(shapes.data, shapes.shape_type, strict=True):
        if kind not in _AREAS:
            continue
        world = np.array([shapes.data_to_world(corner) for corner in _outline(corners, kind)])
        points = _on_page(world, subject)
        if points is None:
            continue
        rows, columns = points.T
        inside = polygon(rows, columns, region.shape)  # type: ignore[no-untyped-call]
        if inside[0].size:
            region[inside] = True
            boxes.append(
                f"rows {inside[0].min()} to {inside[0].max()}, "
                f"columns {inside[1].min()} to {inside[1].max()}"
            )
    more = f"; and {len(boxes) - _SHOWN_SHAPES} more" if boxes[_SHOWN_SHAPES:] else ""
    return region, f"{len(boxes)} shapes: {'; '.join(boxes[:_SHOWN_SHAPES])}{more}"


def reviewed_region(reviewed: Reviewed) -> tuple[NDArray[np.bool_], str]:
    """Find the pixels of a page that somebody has reviewed.

    Parameters
    ----------
    reviewed : Reviewed
        Of the page.

    Returns
    -------
    region : ndarray
        bool (H, W).
    words : str
        The same in words.
    """
    height, width = reviewed.shape
    region = reviewed.grid.repeat(reviewed.window, axis=0).repeat(reviewed.window, axis=1)
    words = f"reviewed windows of {reviewed.window} pixels, {reviewed.share:.0%} of the page"
    return region[:height, :width], words


def _outline(corners: Any, kind: str) -> NDArray[np.float64]:
    """Corners of a shape; an ellipse is stored as the four of the box round it."""
    box: NDArray[np.float64] = np.asarray(corners, float)
    if kind != "ellipse":
        return box
    one, other = (box[1] - box[0]) / 2, (box[3] - box[0]) / 2
    angles = np.linspace(0, 2 * np.pi, _CORNERS_OF_ELLIPSE, endpoint=False)[:, None]
    round_it: NDArray[np.float64] = np.cos(angles) * one + np.sin(angles) * other
    return box.mean(axis=0) + round_it  # type: ignore[no-any-return, unused-ignore]


def _on_page(world: NDArray[np.float64], subject: Subject) -> NDArray[np.float64] | None:
    """Rows and columns on the page; None for a shape that lies on another one."""
    image = subject.image
    missing = image.ndim - world.shape[1]
    if missing > 0:
        # Shapes of a flat layer apply to every page of a stack.
        place = image.data_to_world((subject.page, 0, 0))[:missing]
        world = np.hstack([np.tile(place, (len(world), 1)), world])
    points = np.array([image.world_to_data(point) for point in world[:, -image.ndim :]])
    if image.ndim == 3 and round(float(points[0, 0])) != subject.page:
        return None
    rows_and_columns: NDArray[np.float64] = points[:, -2:]
    return rows_and_columns
