"""Pictures of a training: loss and F-measure as curves, a strip of a page before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from docbin_napari.plugin.finetune.finetune_session import Curves

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 250
_SMOOTHING = 0.9
_WORDS = (
    "A strip of one of your pages that was held out: the page, its ink before, its ink after.\n"
    "Blue: ink now. Orange: no longer ink."
)


@dataclass(frozen=True)
class Palette:
    """Colours of the drawing, as Qt reads them."""

    text: str = "#dddddd"
    grid: str = "#555555"
    line: str = "#4fa3ff"
    faint: str = "#2f5f8f"
    start: str = "#f5b800"


def palette_of(text: str, background: str) -> Palette:
    """Choose colours that can be read on a background.

    Parameters
    ----------
    text, background : str
        Colours of the window, ``#rrggbb``.

    Returns
    -------
    Palette
        For a light or a dark window.

    Examples
    --------
    >>> palette_of("#000000", "#ffffff").line
    '#0a5cb8'
    """
    light = QColor(background).lightness() > 127
    mixed = _mixed(QColor(text), QColor(background), 0.75)
    if light:
        return Palette(text, mixed, "#0a5cb8", "#a8c8ea", "#a86a00")
    return Palette(text, mixed, "#5aaeff", "#33587d", "#f5b800")


def _mixed(one: QColor, other: QColor, share: float) -> str:
    pairs = zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)
    return QColor(*(round(a + (b - a) * share) for a, b in pairs)).name()


class CurvesView(QWidget):
    """Two small charts over time: F-measure on the held-out part, and loss."""

    def __init__(self) -> None:
        super().__init__()
        self._curves = Curves()
        self._palette = Palette()
        self.setMinimumHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.setAccessibleName("Loss and F-measure of the training")

    def show_curves(self, curves: Curves) -> None:
        """Draw these."""
        self._curves = curves
        self.update()

    def set_palette(self, palette: Palette) -> None:
        """Draw in these colours from now on."""
        self._palette = palette
        self.update()

    def paintEvent(self, _: Any) -> None:  # noqa: N802
        """Draw both charts."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = painter.font()
        font.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
        painter.setFont(font)
        half = self.height() / 2
        curves = self._curves
        times = [time for time, _ in curves.losses + curves.looks]
        end = max([*times, 1 / 60])
        chart = _Chart(painter, self._palette, end)
        above = QRectF(0, 0, self.width(), half)
        figures = [figure for _, figure in curves.looks]
        figures += [] if curves.before is None else [curves.before]
        low, high = _span(figures, least=1.0)
        chart.frame(above, "FM on the held-out part, %", "", (low, min(high, 100.0)))
        if curves.before is not None:
            chart.level(curves.before, "before")
        chart.curve(curves.looks, self._palette.line, dots=True)
        losses = curves.losses
        below = QRectF(0, half, self.width(), half)
        chart.frame(below, "Loss", "minutes", _span([loss for _, loss in losses], least=0.01))
        chart.curve(losses, self._palette.faint)
        chart.curve(_smooth(losses), self._palette.line)
        painter.end()


class _Chart:
    """One chart after the other, with a common axis of time."""

    def __init__(self, painter: QPainter, palette: Palette, end: float) -> None:
        self._painter = painter
        self._palette = palette
        self._end = end
        self._area = QRectF()
        self._low, self._high = 0.0, 1.0

    def frame(self, place: QRectF, title: str, below: str, span: tuple[float, float]) -> None:
        """Draw title, axes and what stands at them."""
        painter, metrics = self._painter, self._painter.fontMetrics()
        line = metrics.height()
        left = max(metrics.horizontalAdvance(_figure(value, span)) for value in span) + 10
        self._low, self._high = span
        self._area = QRectF(
            place.left() + left, place.top() + line + 6, place.width() - left - 8,
            place.height() - 2 * line - 14,
        )  # fmt: skip
        painter.setPen(QColor(self._palette.text))
        painter.drawText(QPointF(place.left() + 2, place.top() + metrics.ascent() + 1), title)
        painter.setPen(QPen(QColor(self._palette.grid), 1))
        for value in span:
            y = self._point(0, value).y()
            painter.drawLine(QPointF(self._area.left(), y), QPointF(self._area.right(), y))
        painter.setPen(QColor(self._palette.text))
        for value in span:
            text = _figure(value, span)
            x = self._area.left() - metrics.horizontalAdvance(text) - 5
            painter.drawText(QPointF(x, self._point(0, value).y() + metrics.ascent() / 2 - 1), text)
        y = self._area.bottom() + metrics.ascent() + 4
        painter.drawText(QPointF(self._area.left(), y), "0")
        last = f"{self._end:.1f} {below}".strip()
        x = self._area.right() - metrics.horizontalAdvance(last)
        painter.drawText(QPointF(x, y), last)

    def level(self, value: float, name: str) -> None:
        """Draw a dashed line across, with its name."""
        painter = self._painter
        painter.setPen(QPen(QColor(self._palette.start), 1.2, Qt.PenStyle.DashLine))
        start, end = self._point(0, value), self._point(self._end, value)
        painter.drawLine(start, end)
        metrics = painter.fontMetrics()
        above = start.y() - metrics.height() > self._area.top()
        y = start.y() - 3 if above else start.y() + metrics.ascent() + 2
        painter.drawText(QPointF(start.x() + 3, y), name)

    def curve(
        self, points: Sequence[tuple[float, float]], colour: str, *, dots: bool = False
    ) -> None:
        """Draw a curve."""
        if not points:
            return
        places = [self._point(time, value) for time, value in points]
        self._painter.setPen(QPen(QColor(colour), 1.6))
        self._painter.drawPolyline(QPolygonF(places))
        if dots:
            self._painter.setBrush(QColor(colour))
            for place in places:
                self._painter.drawEllipse(place, 2.5, 2.5)
            self._painter.setBrush(Qt.BrushStyle.NoBrush)

    def _point(self, time: float, value: float) -> QPointF:
        area = self._area
        up = (value - self._low) / (self._high - self._low)
        return QPointF(
            area.left() + area.width() * time / self._end, area.bottom() - area.height() * up
        )


def _span(values: Sequence[float], least: float) -> tuple[float, float]:
    """Lowest and highest value that a chart shows, with some room."""
    if not values:
        return 0.0, least
    low, high = float(np.min(values)), float(np.max(values))
    room = max((high - low) * 0.1, least / 2)
    return low - room, high + room


def _figure(value: float, span: tuple[float, float]) -> str:
    digits = 1 if span[1] - span[0] >= 1 else 2 if span[1] - span[0] >= 0.1 else 3
    return f"{value:.{digits}f}"


def _smooth(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A moving average, so that the way of a noisy loss is seen."""
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
        left = (self.width() - size.width()) / 2
        painter.drawPixmap(
            QRectF(left, 0, size.width(), size.height()),
            self._picture,
            QRectF(self._picture.rect()),
        )
        painter.end()
