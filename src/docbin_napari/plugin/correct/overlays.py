"""Draw over the page: the outline of a region, and specks to remove."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes

from docbin_napari.plugin.layers.canvas import camera_of, plane_to_world
from docbin_napari.plugin.layers.choosing import OVERLAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer
    from napari.utils.transforms import Affine
    from numpy.typing import NDArray

    from docbin_napari.correction.region import Point


_EDGE = "#00a0ff"
_LEAST_LINE = 2.0  # pixels of the screen
OUTLINE_NAME, SPECKS_NAME = "Region (correction)", "Specks to remove"
PLACE_NAME = "Doubtful place"
_PLACE_EDGE = "#ff9900"


class Overlays:
    """Two layers that are added when they are first needed, and added again if removed.

    Parameters
    ----------
    viewer : ViewerModel
        Where they are added; the selection stays as it is.

    Attributes
    ----------
    placing : bool
        True while a layer is being added: the selection changes for a moment.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._outline: Shapes | None = None
        self._specks: Labels | None = None
        self._place: Shapes | None = None
        self.placing = False

    def show_outline(self, labels: Labels, page: int, points: Sequence[Point]) -> None:
        """Draw a closed line, given by rows and columns of a page."""
        corners = np.asarray(points, float)
        if len(corners) < 3:
            return
        self._outline = self._there(self._outline, OUTLINE_NAME)
        self._draw(self._outline, labels, page, (corners, _EDGE))

    def show_place(self, labels: Labels, page: int, place: tuple[slice, slice]) -> None:
        """Draw a frame round a place of a page, given by its rows and columns."""
        rows, columns = place
        top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
        frame = np.array([(top, left), (top, right), (bottom, right), (bottom, left)], float) - 0.5
        self._place = self._there(self._place, PLACE_NAME)
        self._draw(self._place, labels, page, (frame, _PLACE_EDGE))

    def fit_lines(self) -> None:
        """Keep lines as thin as they were when the page is shown larger or smaller."""
        for layer in (self._outline, self._place):
            if layer is not None and layer in self._viewer.layers and len(layer.data):
                width = self._line(layer.affine)
                if not np.isclose(layer.edge_width[0], width, rtol=0.02):
                    layer.edge_width = width

    def _there(self, layer: Shapes | None, name: str) -> Shapes:
        """The layer, added if it is not in the viewer."""
        if layer is None or layer not in self._viewer.layers:
            layer = Shapes(name=name, ndim=2, metadata={OVERLAY: True})
            self._add(layer)
        return layer

    def _draw(
        self, layer: Shapes, labels: Labels, page: int, line: tuple[NDArray[np.float64], str]
    ) -> None:
        corners, colour = line
        with self._quiet():
            layer.affine = plane_to_world(labels, page)
            layer.data = []
            layer.add(
                [corners],
                shape_type="polygon",
                edge_color=colour,
                face_color="transparent",
                edge_width=self._line(layer.affine),
            )
            layer.selected_data = set()
            layer.visible = True

    def _line(self, affine: Affine) -> float:
        """Width of a line in pixels of the page: always the same on the screen."""
        pixel = float(np.sqrt(abs(np.linalg.det(affine.linear_matrix))))
        return float(_LEAST_LINE / (pixel * camera_of(self._viewer).zoom))

    def show_specks(
        self, labels: Labels, page: int, corner: tuple[int, int], specks: NDArray[np.bool_]
    ) -> None:
        """Highlight pixels of a rectangle whose upper left pixel is `corner`."""
        data = specks.astype(np.uint8)
        if self._specks is None or self._specks not in self._viewer.layers:
            style: dict[str, Any] = {"colormap": {0: "transparent", 1: _EDGE, None: _EDGE}}
            self._specks = Labels(
                data, name=SPECKS_NAME, opacity=1, metadata={OVERLAY: True}, **style
            )
            self._add(self._specks)
        matrix = plane_to_world(labels, page)
        matrix[:2, 2] += matrix[:2, :2] @ np.asarray(corner, float)
        with self._quiet():
            self._specks.data = data
            self._specks.affine = matrix
            self._specks.visible = True

    def hide_specks(self) -> None:
        """Show no specks any more."""
        if self._specks is not None and self._specks in self._viewer.layers:
            self._specks.data = np.zeros((1, 1), np.uint8)
            self._specks.visible = False

    def hide(self) -> None:
        """Show neither outline nor specks any more."""
        for layer in (self._outline, self._place):
            if layer is not None and layer in self._viewer.layers:
                layer.visible = False
        self.hide_specks()

    def remove(self) -> None:
        """Take both layers out of the viewer."""
        for layer in (self._outline, self._specks, self._place):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._outline = self._specks = self._place = None

    def _add(self, layer: Layer) -> None:
        with self._quiet():
            self._viewer.add_layer(layer)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Leave the selection as it was."""
        selection = self._viewer.layers.selection
        active = selection.active
        self.placing = True
        try:
            yield
        finally:
            if active is not None and selection.active is not active:
                selection.active = active
            self.placing = False
