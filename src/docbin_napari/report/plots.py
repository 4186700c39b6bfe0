"""Plot calibration and precision over recall with matplotlib, as SVG that lies in the page.

Strategy: matplotlib writes colours into the picture. Those that stand for a variable of the page's
style sheet are replaced by it, so that the plots follow light and dark.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from docbin_napari.io.mask import level_of
from docbin_napari.metrics.calibration_curves import PrecisionRecall, ReliabilityBin

_COLOURS = {"words": "#000001", "soft": "#000002", "line": "#000003", "curve": "#000004"}
_COLOURS |= {"used": "#000005"}
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _COLOURS["soft"],
    "axes.labelcolor": _COLOURS["words"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.size": 10,
    "grid.color": _COLOURS["line"],
    "text.color": _COLOURS["words"],
    "xtick.color": _COLOURS["soft"],
    "xtick.labelcolor": _COLOURS["words"],
    "ytick.color": _COLOURS["soft"],
    "ytick.labelcolor": _COLOURS["words"],
    "svg.fonttype": "none",
    "svg.hashsalt": "docbin",
}
_MARKED = (0.1, 0.3, 0.5, 0.7, 0.9)
_NEAR = 0.045


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
    titles: dict[str, str] = {}
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 5.6), layout="constrained")
        axes, bars = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
        axes.plot((0, 1), (0, 1), "--", color=_COLOURS["soft"], linewidth=1)
        across = [each.probability for each in bins]
        axes.plot(across, [each.ink for each in bins], color=_COLOURS["curve"])
        for each in bins:
            _dot(axes, (each.probability, each.ink), titles, f"probability {each.low:.2f} to "
                 f"{each.high:.2f}: mean {each.probability:.3f}, {each.ink:.3f} of "
                 f"{each.pixels:,} pixels is ink")  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is ink", box_aspect=1)
        bars.bar(
            [each.low for each in bins],
            [each.pixels for each in bins],
            [0.9 * (each.high - each.low) for each in bins],
            align="edge",
            color=_COLOURS["curve"],
            alpha=0.5,
            log=True,
        )
        bars.set(xlabel="probability of ink", ylabel="pixels", ylim=(0.5, None), box_aspect=0.2)
        return _svg(figure, words, titles)


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
    titles: dict[str, str] = {}
    used = () if threshold is None else (threshold,)
    points = {value: _at(curve, value) for value in (*_MARKED, *used)}
    low = max(0.0, math.floor(min(map(min, points.values())) * 10 - 0.5) / 10)
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 5.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(curve.recall, curve.precision, color=_COLOURS["curve"])
        named = math.inf, math.inf
        for value in _MARKED:
            point = points[value]
            _dot(axes, point, titles, _words(value, point))
            # Numbers are left out where they would cover each other.
            if math.dist(point, named) >= _NEAR * (1 - low):
                named = point
                axes.annotate(f"{value}", point, (-6, -12), textcoords="offset points", ha="right")
        for value in used:
            _dot(axes, points[value], titles, _words(value, points[value]), ring=True)
        axes.set(xlim=(low, 1), ylim=(low, 1), aspect="equal", xlabel="recall", ylabel="precision")
        return _svg(figure, words, titles)


def _words(threshold: float, point: tuple[float, float]) -> str:
    return f"threshold {threshold:.2f}: precision {point[1]:.3f}, recall {point[0]:.3f}"


def _at(curve: PrecisionRecall, threshold: float) -> tuple[float, float]:
    """Recall and precision at a threshold, rounded up as masks are."""
    index = min(level_of(threshold), len(curve.recall) - 1)
    return float(curve.recall[index]), float(curve.precision[index])


def _dot(
    axes: Axes, point: tuple[float, float], titles: dict[str, str], words: str, ring: bool = False
) -> None:
    """Draw a dot that says in words what it stands for."""
    name = f"{'ring' if ring else 'dot'}-{len(titles)}"
    titles[name] = words
    style: dict[str, Any] = {"color": _COLOURS["curve"], "markersize": 6}
    if ring:
        style = {"mec": _COLOURS["used"], "mfc": "none", "mew": 1.8, "markersize": 9}
    axes.plot(*point, "o", gid=name, clip_on=False, **style)


def _svg(figure: Figure, words: str, titles: Mapping[str, str]) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = svg.replace("<svg ", f'<svg class="plot" role="img" aria-label="{escape(words)}" ', 1)
    for name, colour in _COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    for name, title in titles.items():
        svg = svg.replace(f'<g id="{name}">', f'<g id="{name}"><title>{escape(title)}</title>')
    return svg
