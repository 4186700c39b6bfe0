"""Convert Shapes layers to regions of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Shapes

from docbin_napari.plugin.layers.choosing import is_overlay

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from docbin_napari.correction.reviewed import Reviewed
    from docbin_napari.plugin.layers.page_record import Subject

_CORNERS_OF_ELLIPSE = 200
_SHOWN_SHAPES = 20
_AREAS = ("rectangle", "ellipse", "polygon")


def drawn_shapes(viewer: ViewerModel) -> list[Shapes]:
    """List the layers of shapes that a user drew and sees.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.

    Returns
    -------
    list of Shapes
        From the lowest; without those that the correction tools draw their regions in.
    """
    shapes = [layer for layer in viewer.layers if isinstance(layer, Shapes)]
    return [layer for layer in shapes if layer.visible and not is_overlay(layer)]


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
    """Find the pixels of a page that somebody has looked at.

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
        # Shapes of a flat layer hold for every page of a stack.
        place = image.data_to_world((subject.page, 0, 0))[:missing]
        world = np.hstack([np.tile(place, (len(world), 1)), world])
    points = np.array([image.world_to_data(point) for point in world[:, -image.ndim :]])
    if image.ndim == 3 and round(float(points[0, 0])) != subject.page:
        return None
    rows_and_columns: NDArray[np.float64] = points[:, -2:]
    return rows_and_columns
