"""Plot calibration and precision over recall as SVG, without a library.

Colours are CSS variables of the page that the plots stand in, so they follow light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docbin_napari.metrics.curves import PrecisionRecall, ReliabilityBin

_SIDE = 320.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 58.0, 14.0, 18.0, 48.0
_BARS = 64.0
_MARKED = (0.1, 0.3, 0.5, 0.7, 0.9)
_NEAR = 15.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Frame:
    """Axes from `low` to 1 both ways, drawn into a square.

    Parameters
    ----------
    low : float
        Where both axes begin.
    across, up : str
        What they show.
    """

    low: float
    across: str
    up: str

    def place(self, x: float, y: float) -> Point:
        """Where a point lies in the picture."""
        share_x, share_y = ((value - self.low) / (1 - self.low) for value in (x, y))
        return _LEFT + share_x * _SIDE, _TOP + (1 - share_y) * _SIDE

    def line(self, points: Iterable[Point], kind: str) -> str:
        """A line through points."""
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.place(*point) for point in points))
        return f'<polyline class="{kind}" points="{places}"/>'

    def dot(self, point: Point, kind: str, radius: float, words: str) -> str:
        """A dot that says in words what it stands for."""
        x, y = self.place(*point)
        return (
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">'
            f"<title>{escape(words)}</title></circle>"
        )

    def axes(self, below: float = 0.0) -> str:
        """Border, grid, numbers and titles; `below` leaves room under the square."""
        parts = [f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}"/>']
        for step in range(6):
            value = self.low + (1 - self.low) * step / 5
            x, y = self.place(value, value)
            foot = _TOP + _SIDE + below
            number = f"{value:.2f}".rstrip("0").rstrip(".")
            if 0 < step < 5:
                both = f"M{x:.1f} {_TOP}v{_SIDE}M{_LEFT} {y:.1f}h{_SIDE}"
                parts.append(f'<path class="grid" d="{both}"/>')
            parts.append(_text(x, foot + 16, number, "middle"))
            parts.append(_text(_LEFT - 7, y + 4, number, "end"))
        middle = _TOP + _SIDE / 2
        parts.append(_text(_LEFT + _SIDE / 2, foot + 38, self.across, "middle"))
        turned = f'transform="rotate(-90 16 {middle})" '
        parts.append(_text(16, middle, self.up, "middle", turned))
        return "".join(parts)


def reliability_plot(bins: Sequence[ReliabilityBin], words: str) -> str:
    """Draw the share of ink over the probability of ink, and how many pixels lie where.

    Parameters
    ----------
    bins : sequence of ReliabilityBin
        From `ProbabilityCounts.reliability`.
    words : str
        What the plot shows, for those who do not see it.

    Returns
    -------
    str
        An ``svg`` element.
    """
    frame = Frame(0.0, "probability of ink", "share that is ink")
    parts = [frame.axes(_BARS + 12), frame.line([(0, 0), (1, 1)], "ideal")]
    parts.append(frame.line([(each.probability, each.ink) for each in bins], "curve"))
    parts += [
        frame.dot(
            (each.probability, each.ink),
            "curve-dot",
            4,
            f"probability {each.low:.2f} to {each.high:.2f}: mean {each.probability:.3f}, "
            f"{each.ink:.3f} of {each.pixels:,} pixels is ink",
        )
        for each in bins
    ]
    parts.append(_pixel_bars(bins))
    return _svg("".join(parts), _BARS + 12, words)


def precision_recall_plot(curve: PrecisionRecall, threshold: float | None, words: str) -> str:
    """Draw precision over recall, with some thresholds marked.

    Parameters
    ----------
    curve : PrecisionRecall
        From `ProbabilityCounts.precision_recall`.
    threshold : float or None
        The one that was used, 0 to 1.
    words : str
        What the plot shows, for those who do not see it.

    Returns
    -------
    str
        An ``svg`` element.
    """
    marks = [(value, _at(curve, value)) for value in _MARKED]
    used = None if threshold is None else _at(curve, threshold)
    low = min(min(point) for point in (*(point for _, point in marks), *([used] if used else [])))
    frame = Frame(max(0.0, math.floor(low * 10 - 0.5) / 10), "recall", "precision")
    points = [
        (float(recall), float(precision))
        for recall, precision in zip(curve.recall, curve.precision, strict=True)
        if recall >= frame.low and precision >= frame.low
    ]
    parts = [frame.axes(), frame.line(points, "curve"), *_marks(frame, marks)]
    if used is not None and threshold is not None:
        words_here = f"threshold {threshold:.2f}: precision {used[1]:.3f}, recall {used[0]:.3f}"
        parts.append(frame.dot(used, "used-dot", 6, words_here))
    return _svg("".join(parts), 0.0, words)


def _marks(frame: Frame, marks: Sequence[tuple[float, Point]]) -> list[str]:
    """Dots at some thresholds, with numbers where they do not cover each other."""
    parts, last = [], None
    for value, point in marks:
        words = f"threshold {value}: precision {point[1]:.3f}, recall {point[0]:.3f}"
        parts.append(frame.dot(point, "curve-dot", 3.5, words))
        x, y = frame.place(*point)
        if last is None or math.hypot(x - last[0], y - last[1]) >= _NEAR:
            parts.append(_text(x - 8, y + 14, str(value), "end"))
            last = (x, y)
    return parts


def _pixel_bars(bins: Sequence[ReliabilityBin]) -> str:
    """Bars under the plot: number of pixels on a logarithmic scale."""
    most = max(math.log10(each.pixels) for each in bins) or 1.0
    foot = _TOP + _SIDE + 8 + _BARS
    parts = []
    for each in bins:
        high = max(2.0, _BARS * math.log10(each.pixels) / most)
        wide = (each.high - each.low) * _SIDE - 3
        parts.append(
            f'<rect class="bar" x="{_LEFT + each.low * _SIDE + 1.5:.1f}" y="{foot - high:.1f}" '
            f'width="{wide:.1f}" height="{high:.1f}"><title>{each.pixels:,} pixels</title></rect>'
        )
    label = _text(_LEFT - 7, foot - _BARS / 2, "pixels", "end")
    return "".join(parts) + label + _text(_LEFT - 7, foot - _BARS / 2 + 14, "(log)", "end")


def _at(curve: PrecisionRecall, threshold: float) -> Point:
    """Recall and precision at a threshold, rounded up as masks are."""
    index = min(math.ceil(round(threshold * 255, 6)), len(curve.recall) - 1)
    return float(curve.recall[index]), float(curve.precision[index])


def _text(x: float, y: float, words: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def _svg(parts: str, below: float, words: str) -> str:
    wide, high = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BOTTOM + below
    return (
        f'<svg class="plot" role="img" viewBox="0 0 {wide:.0f} {high:.0f}" '
        f'width="{wide:.0f}" height="{high:.0f}" aria-label="{escape(words)}">{parts}</svg>'
    )
