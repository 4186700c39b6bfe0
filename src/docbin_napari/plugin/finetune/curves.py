"""Pictures of a training: loss and F-measure as curves, a strip of a page before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

from docbin_napari.plugin.finetune.finetune_session import Curves

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEIGHT = 150
_SMOOTHING = 0.9
_WORDS = (
    "A strip of one of your pages that was held out: the page, its ink before, its ink after.\n"
    "Blue: ink now. Orange: no longer ink."
)


@dataclass(frozen=True)
class Palette:
    """Colours of the drawing, as Qt reads them."""

    text: str
    grid: str
    line: str
    faint: str
    start: str


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
    pairs = zip(QColor(text).getRgb()[:3], QColor(background).getRgb()[:3], strict=True)
    mixed = QColor(*(round(a + (b - a) * 0.75) for a, b in pairs)).name()
    if QColor(background).lightness() > 127:
        return Palette(text, mixed, "#0a5cb8", "#a8c8ea", "#a86a00")
    return Palette(text, mixed, "#5aaeff", "#33587d", "#f5b800")


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
        style = self.palette()  # Of napari's theme.
        colours = palette_of(style.windowText().color().name(), style.window().color().name())
        curves, half = self._curves, self.height() / 2
        end = max([*(time for time, _ in curves.losses + curves.looks), 1 / 60])
        figures = [figure for _, figure in curves.looks]
        figures += [] if curves.before is None else [curves.before]
        low, high = _span(figures, least=1.0)
        chart = _Chart(painter, colours, end, (low, min(high, 100.0)))
        chart.frame(QRectF(0, 0, self.width(), half), "FM on the held-out part, %")
        if curves.before is not None:
            chart.level(curves.before, "before")
        chart.curve(curves.looks, colours.line, dots=True)
        losses = [loss for _, loss in curves.losses]
        chart = _Chart(painter, colours, end, _span(losses, least=0.01))
        chart.frame(QRectF(0, half, self.width(), half), "Loss", "minutes")
        chart.curve(curves.losses, colours.faint)
        chart.curve(_smooth(curves.losses), colours.line)
        painter.end()


class _Chart:
    """One chart, of values between the two of `span`, and times from 0 to `end`."""

    def __init__(
        self, painter: QPainter, palette: Palette, end: float, span: tuple[float, float]
    ) -> None:
        self._painter, self._palette, self._end, self._span = painter, palette, end, span

    def frame(self, place: QRectF, title: str, unit: str = "") -> None:
        """Draw title, axes and what stands at them."""
        painter, metrics = self._painter, self._painter.fontMetrics()
        line, ascent = metrics.height(), metrics.ascent()
        texts = [_figure(value, self._span) for value in self._span]
        left = max(metrics.horizontalAdvance(text) for text in texts) + 10
        self._area = place.adjusted(left, line + 6, -8, -line - 8)
        for value, text in zip(self._span, texts, strict=True):
            y, x = self._point(0, value).y(), self._area.left() - metrics.horizontalAdvance(text)
            painter.setPen(QPen(QColor(self._palette.grid), 1))
            painter.drawLine(QPointF(self._area.left(), y), QPointF(self._area.right(), y))
            painter.setPen(QColor(self._palette.text))
            painter.drawText(QPointF(x - 5, y + ascent / 2 - 1), text)
        painter.drawText(QPointF(place.left() + 2, place.top() + ascent + 1), title)
        y, last = self._area.bottom() + ascent + 4, f"{self._end:.1f} {unit}".strip()
        painter.drawText(QPointF(self._area.left(), y), "0")
        painter.drawText(QPointF(self._area.right() - metrics.horizontalAdvance(last), y), last)

    def level(self, value: float, name: str) -> None:
        """Draw a dashed line across, with its name."""
        painter, metrics = self._painter, self._painter.fontMetrics()
        painter.setPen(QPen(QColor(self._palette.start), 1.2, Qt.PenStyle.DashLine))
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
        self._painter.setBrush(Qt.BrushStyle.NoBrush)

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


def _figure(value: float, span: tuple[float, float]) -> str:
    digits = 1 if span[1] - span[0] >= 1 else 2 if span[1] - span[0] >= 0.1 else 3
    return f"{value:.{digits}f}"


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
