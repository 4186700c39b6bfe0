"""Draw over the page: the outline of a region, a doubtful place, and specks to remove."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes

from docbin_napari.plugin.layers.canvas import camera_of, plane_to_world
from docbin_napari.plugin.layers.choosing import OVERLAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari.components import ViewerModel
    from napari.layers import Layer
    from napari.utils.transforms import Affine
    from numpy.typing import ArrayLike, NDArray

    from docbin_napari.correction.region import Point
    from docbin_napari.plugin.layers.page_record import Subject


_EDGE, _PLACE_EDGE = "#00a0ff", "#ff9900"
_LEAST_LINE = 2.0  # pixels of the screen
OUTLINE_NAME, SPECKS_NAME = "Region (correction)", "Specks to remove"
PLACE_NAME = "Doubtful place"


class Overlays:
    """Layers that are added when they are first needed, and added again if removed.

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
        self._layers: dict[str, Any] = {}
        self.placing = False

    def show_outline(self, subject: Subject, points: Sequence[Point]) -> None:
        """Draw a closed line, given by rows and columns of a page."""
        if len(points) >= 3:
            self._draw(OUTLINE_NAME, _EDGE, subject, points)

    def show_place(self, subject: Subject, place: tuple[slice, slice]) -> None:
        """Draw a frame round a place of a page, given by its rows and columns."""
        rows, columns = place
        top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
        frame = np.array([(top, left), (top, right), (bottom, right), (bottom, left)], float) - 0.5
        self._draw(PLACE_NAME, _PLACE_EDGE, subject, frame)

    def show_specks(
        self, subject: Subject, corner: tuple[int, int], specks: NDArray[np.bool_]
    ) -> None:
        """Highlight pixels of a rectangle whose upper left pixel is `corner`."""
        matrix = plane_to_world(subject.labels, subject.page)
        matrix[:2, 2] += matrix[:2, :2] @ np.asarray(corner, float)
        data = specks.astype(np.uint8)
        style: dict[str, Any] = {"colormap": {0: "transparent", 1: _EDGE, None: _EDGE}}
        with self._quiet():
            layer = self._provide(SPECKS_NAME, lambda: Labels(data, opacity=1, **style))
            layer.data = data
            layer.affine = matrix
            layer.visible = True

    def fit_lines(self) -> None:
        """Keep lines as thin as they were when the page is shown larger or smaller."""
        for layer in self._present().values():
            if isinstance(layer, Shapes) and len(layer.data):
                width = self._line(layer.affine)
                if not np.isclose(layer.edge_width[0], width, rtol=0.02):
                    layer.edge_width = width

    def hide(self, *names: str) -> None:
        """Hide the overlays of these names; all of them if none is given."""
        for name, layer in self._present().items():
            if not names or name in names:
                if name == SPECKS_NAME:
                    layer.data = np.zeros((1, 1), np.uint8)
                layer.visible = False

    def _draw(self, name: str, colour: str, subject: Subject, line: ArrayLike) -> None:
        with self._quiet():
            layer = self._provide(name, lambda: Shapes(ndim=2))
            layer.affine = plane_to_world(subject.labels, subject.page)
            layer.data = []
            layer.add(
                [np.asarray(line, float)],
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

    def _present(self) -> dict[str, Any]:
        """Those that nobody has removed; they may have got other names."""
        return {name: one for name, one in self._layers.items() if one in self._viewer.layers}

    def _provide(self, name: str, make: Callable[[], Layer]) -> Any:
        """The overlay of a name, added if it is not in the viewer."""
        if name not in self._present():
            layer = make()
            layer.name, layer.metadata = name, {OVERLAY: True}
            self._layers[name] = self._viewer.add_layer(layer)
        return self._layers[name]

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
