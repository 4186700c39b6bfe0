"""Show a strip of a page before and after a training."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QPainter, QPixmap
from qtpy.QtWidgets import QSizePolicy, QWidget

_HEIGHT = 250
_WORDS = (
    "A strip of one of your pages that was held out: the page, its ink before, its ink after.\n"
    "Blue: ink now. Orange: no longer ink."
)


class StripView(QWidget):
    """A picture that keeps its proportions."""

    def __init__(self) -> None:
        super().__init__()
        self._picture = QPixmap()
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.setAccessibleName("A strip of a page before and after the training")
        self.setToolTip(_WORDS)

    @property
    def has_picture(self) -> bool:
        """Whether there is something to show."""
        return not self._picture.isNull()

    def show_file(self, path: str) -> None:
        """Show a picture; one that cannot be read leaves the place empty."""
        self._picture = QPixmap(path) if path else QPixmap()
        self.update()

    def paintEvent(self, _: Any) -> None:  # noqa: N802
        """Draw the picture as large as there is room, at the top."""
        if self._picture.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = self._picture.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left = (self.width() - size.width()) / 2
        painter.drawPixmap(
            QRectF(left, 0, size.width(), size.height()),
            self._picture,
            QRectF(self._picture.rect()),
        )
        painter.end()
