"""Map of a page: doubt as shade, reviewed windows as tint, the view as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen
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
        rows, columns = picture.shape[:2]
        pixels = np.ascontiguousarray(picture).tobytes()
        image = QImage(pixels, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
        frame, scale = self._frame(reviewed.shape)
        # Windows at the right and lower edge are smaller on the page than in the grid.
        whole = columns * reviewed.window * scale, rows * reviewed.window * scale
        painter = QPainter(self)
        painter.setClipRect(frame)
        painter.drawImage(QRectF(frame.left(), frame.top(), *whole), image)
        painter.setPen(QPen(QColor(_FRAME), 2))
        painter.drawRect(
            QRectF(
                frame.left() + across.start * scale + 1,
                frame.top() + down.start * scale + 1,
                max(3.0, (across.stop - across.start) * scale - 2),
                max(3.0, (down.stop - down.start) * scale - 2),
            )
        )
        painter.end()

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """Name the window under the pointer."""
        if self._shown is None:
            return
        reviewed = self._shown[1]
        frame, scale = self._frame(reviewed.shape)
        row = int((event.position().y() - frame.top()) / scale // reviewed.window)
        column = int((event.position().x() - frame.left()) / scale // reviewed.window)
        rows, columns = reviewed.grid.shape
        if 0 <= row < rows and 0 <= column < columns:
            self._clicked(row, column)

    def _frame(self, shape: tuple[int, int]) -> tuple[QRectF, float]:
        """Where a page of a shape lies in the widget, with its own proportions, and its scale."""
        height, width = shape
        scale = min(self.width() / width, self.height() / height)
        left, top = (self.width() - width * scale) / 2, (self.height() - height * scale) / 2
        return QRectF(left, top, width * scale, height * scale), scale
