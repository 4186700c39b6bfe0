"""Pictures of a training: loss and F-measure as curves, a strip of a page before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from docbin_napari.plugin.finetune.finetune_session import Curves

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 150
_SMOOTHING = 0.9
_FAINT = 0.3
# Colours of curve and level on a light and on a dark window.
_ON_LIGHT, _ON_DARK = ("#0a5cb8", "#a86a00"), ("#5aaeff", "#f5b800")
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
_WORDS = (
    "A strip of one of your pages that was held out: the page, its ink before, its ink after.\n"
    "Blue: ink now. Orange: no longer ink."
)


class CurvesView(QWidget):
    """Two small charts over time: F-measure on the held-out part, and loss."""

    def __init__(self) -> None:
        super().__init__()
        self._curves = Curves()
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.setAccessibleName("Loss and F-measure of the training")

    def show_curves(self, curves: Curves) -> None:
        """Draw these."""
        self._curves = curves
        self.update()

    def paintEvent(self, _: Any) -> None:  # noqa: N802
        """Draw both charts."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
        painter.setFont(font)
        is_light = self.palette().window().color().lightness() > 127  # Of napari's theme.
        line, start = _ON_LIGHT if is_light else _ON_DARK
        curves, half, text = self._curves, self.height() / 2, painter.pen()
        end = max([*(time for time, _ in curves.losses + curves.looks), 1 / 60])
        before = [] if curves.before is None else [curves.before]
        low, high = _span([*before, *(figure for _, figure in curves.looks)], least=1.0)
        chart = _Chart(painter, end, (low, min(high, 100.0)))
        chart.frame(QRectF(0, 0, self.width(), half), "FM on the held-out part, %")
        for value in before:
            chart.level(value, "before", start)
        chart.curve(curves.looks, line, dots=True)
        painter.setPen(text)
        chart = _Chart(painter, end, _span([loss for _, loss in curves.losses], least=0.01))
        chart.frame(QRectF(0, half, self.width(), half), "Loss", "minutes")
        painter.setOpacity(_FAINT)
        chart.curve(curves.losses, line)
        painter.setOpacity(1)
        chart.curve(_smooth(curves.losses), line)
        painter.end()


class _Chart:
    """One chart, of values between the two of `span`, and times from 0 to `end`."""

    def __init__(self, painter: QPainter, end: float, span: tuple[float, float]) -> None:
        self._painter, self._end, self._span = painter, end, span

    def frame(self, place: QRectF, title: str, unit: str = "") -> None:
        """Draw title, axes and what stands at them, in the colour of the window's text."""
        painter, metrics = self._painter, self._painter.fontMetrics()
        line, margin = metrics.height(), metrics.horizontalAdvance("-0.000") + 10
        digits = 1 if self._span[1] > 10 else 3
        area = self._area = place.adjusted(margin, line + 6, -8, -line - 8)
        below = QRectF(area.left(), area.bottom() + 4, area.width(), line)
        painter.drawText(place.adjusted(2, 1, 0, 0), _LEFT, title)
        painter.drawText(below, _LEFT, "0")
        painter.drawText(below, _RIGHT, f"{self._end:.1f} {unit}".strip())
        for value in self._span:
            start, end = self._point(0, value), self._point(self._end, value)
            beside = QRectF(place.left(), start.y() - line / 2, margin - 5, line)
            painter.drawText(beside, _RIGHT, f"{value:.{digits}f}")
            painter.setOpacity(_FAINT)
            painter.drawLine(start, end)
            painter.setOpacity(1)

    def level(self, value: float, name: str, colour: str) -> None:
        """Draw a dashed line across, with its name."""
        painter, metrics = self._painter, self._painter.fontMetrics()
        painter.setPen(QPen(QColor(colour), 1.2, Qt.PenStyle.DashLine))
        start = self._point(0, value)
        painter.drawLine(start, self._point(self._end, value))
        above = start.y() - metrics.height() > self._area.top()
        y = start.y() - 3 if above else start.y() + metrics.ascent() + 2
        painter.drawText(QPointF(start.x() + 3, y), name)

    def curve(
        self, points: Sequence[tuple[float, float]], colour: str, *, dots: bool = False
    ) -> None:
        """Draw a curve."""
        places = [self._point(time, value) for time, value in points]
        self._painter.setPen(QPen(QColor(colour), 1.6))
        self._painter.drawPolyline(QPolygonF(places))
        self._painter.setBrush(QColor(colour))
        for place in places if dots else ():
            self._painter.drawEllipse(place, 2.5, 2.5)

    def _point(self, time: float, value: float) -> QPointF:
        area, (low, high) = self._area, self._span
        up = (value - low) / (high - low)
        x = area.left() + area.width() * time / self._end
        return QPointF(x, area.bottom() - area.height() * up)


def _span(values: Sequence[float], least: float) -> tuple[float, float]:
    """Lowest and highest value that a chart shows, with some room."""
    if not values:
        return 0.0, least
    low, high = min(values), max(values)
    room = max((high - low) * 0.1, least / 2)
    return low - room, high + room


def _smooth(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Take a moving average, so that the trend of a noisy loss is seen."""
    smoothed: list[tuple[float, float]] = []
    total = weight = 0.0
    for time, value in points:
        total, weight = total * _SMOOTHING + value, weight * _SMOOTHING + 1
        smoothed.append((time, total / weight))
    return smoothed


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
        left = (self.width() - size.width()) // 2
        painter.drawPixmap(left, 0, size.width(), size.height(), self._picture)
        painter.end()
