"""Map of a page: doubt as shade, reviewed windows as tint, the view as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSizeF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QTransform
from qtpy.QtWidgets import QSizePolicy, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from docbin_napari.correction.reviewed import Reviewed

_PAPER, _DOUBT, _REVIEWED = (244, 241, 234), (196, 60, 20), (70, 160, 90)
_FRAME = "#00a0ff"
_HEIGHT = 150


def colours(doubt: NDArray[np.float64] | None, reviewed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Paint a grid of windows.

    Parameters
    ----------
    doubt : ndarray or None
        As `docbin_napari.correction.reviewed.doubt_grid`; shown relative to its greatest value.
    reviewed : ndarray
        bool, the same size.

    Returns
    -------
    ndarray
        uint8 (rows, columns, 3), RGB.
    """
    shade = np.zeros(reviewed.shape) if doubt is None else doubt / max(float(doubt.max()), 1e-9)
    paper, dark = np.array(_PAPER, float), np.array(_DOUBT, float)
    picture = paper + shade[..., None] * (dark - paper)
    tint = np.array(_REVIEWED, float)
    picture = np.where(reviewed[..., None], 0.35 * picture + 0.65 * tint, picture)
    painted: NDArray[np.uint8] = np.rint(picture).astype(np.uint8)
    return painted


class DoubtMap(QWidget):  # type: ignore[misc, unused-ignore]
    """Shows the map of a page.

    Parameters
    ----------
    clicked : callable
        Gets the row and the column in the grid of the window that was clicked.
    """

    def __init__(self, clicked: Callable[[int, int], None]) -> None:
        super().__init__()
        self._clicked = clicked
        self._shown: tuple[NDArray[np.uint8], Reviewed, tuple[slice, slice]] | None = None
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "Map of the page. The darker a window, the more the network doubts; green is "
            "reviewed; the frame is what you see. Click to go there."
        )
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_page(
        self, doubt: NDArray[np.float64] | None, reviewed: Reviewed, view: tuple[slice, slice]
    ) -> None:
        """Show a page.

        Parameters
        ----------
        doubt : ndarray or None
            Of each window; None where nothing is known of it.
        reviewed : Reviewed
            The grid.
        view : (slice, slice)
            Rows and columns of the page that are on the canvas.
        """
        self._shown = colours(doubt, reviewed.grid), reviewed, view
        self.update()

    def clear(self) -> None:
        """Show no page."""
        self._shown = None
        self.update()

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draw windows and frame."""
        if self._shown is None:
            return
        picture, reviewed, (down, across) = self._shown
        (height, width), side = reviewed.shape, reviewed.window
        rows, columns = picture.shape[:2]
        pixels = picture.tobytes()
        image = QImage(pixels, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
        place = self._place_of(reviewed.shape)
        seen = QRectF(QPointF(across.start, down.start), QPointF(across.stop, down.stop))
        frame = place.mapRect(seen).adjusted(1, 1, -1, -1)
        frame.setSize(frame.size().expandedTo(QSizeF(3, 3)))
        painter = QPainter(self)
        painter.setClipRect(place.mapRect(QRectF(0, 0, width, height)))
        # Windows at the right and lower edge are smaller on the page than in the grid.
        painter.drawImage(place.mapRect(QRectF(0, 0, columns * side, rows * side)), image)
        painter.setPen(QPen(QColor(_FRAME), 2))
        painter.drawRect(frame)
        painter.end()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """Name the window under the pointer."""
        if self._shown is None:
            return
        reviewed = self._shown[1]
        point = self._place_of(reviewed.shape).inverted()[0].map(event.position())
        row, column = int(point.y() // reviewed.window), int(point.x() // reviewed.window)
        rows, columns = reviewed.grid.shape
        if 0 <= row < rows and 0 <= column < columns:
            self._clicked(row, column)

    def _place_of(self, shape: tuple[int, int]) -> QTransform:
        """Where the pixels of a page lie in the widget: in the middle, as large as fits."""
        height, width = shape
        scale = min(self.width() / width, self.height() / height)
        left, top = (self.width() - width * scale) / 2, (self.height() - height * scale) / 2
        return QTransform(scale, 0, 0, scale, left, top)
