"""Plot calibration and precision over recall with matplotlib, as SVG that lies in the page.

Strategy: matplotlib writes its colours into the picture. They are replaced by those of the page's
style sheet, so that the plots follow light and dark.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from typing import Any

from matplotlib import style
from matplotlib.figure import Figure

from docbin_napari.io.mask import level_of
from docbin_napari.metrics.calibration_curves import PrecisionRecall, ReliabilityBin

_STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "docbin",
}
_COLOURS = {
    "#000000": "currentColor",
    "#b0b0b0": "var(--line)",
    "#1f77b4": "var(--curve)",
    "#d62728": "var(--used)",
}
"""What stands for the colours of matplotlib: words, grid, first and fourth curve."""
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
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(5.2, 5.6), layout="constrained")
        axes, bars = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
        axes.plot((0, 1), (0, 1), "k--", linewidth=1)
        across, up = [each.probability for each in bins], [each.ink for each in bins]
        axes.plot(across, up, "o-", gid="bins", clip_on=False)
        axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is ink", box_aspect=1)
        bars.bar(
            [each.low for each in bins],
            [each.pixels for each in bins],
            [0.9 * (each.high - each.low) for each in bins],
            align="edge",
            alpha=0.5,
            log=True,
        )
        bars.set(xlabel="probability of ink", ylabel="pixels", ylim=(0.5, None), box_aspect=0.2)
        return _svg(figure, words)


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
    used = () if threshold is None else (threshold,)
    points = {value: _at(curve, value) for value in (*_MARKED, *used)}
    low = max(0.0, math.floor(min(map(min, points.values())) * 10 - 0.5) / 10)
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(5.2, 5.2), layout="constrained")
        axes = figure.subplots()
        axes.plot(curve.recall, curve.precision)
        named = math.inf, math.inf
        for value in _MARKED:
            point = points[value]
            axes.plot(*point, "C0o", clip_on=False)
            # Numbers are left out where they would cover each other.
            if math.dist(point, named) >= _NEAR * (1 - low):
                named = point
                axes.annotate(f"{value}", point, (-6, -12), textcoords="offset points", ha="right")
        for value in used:
            ring: dict[str, Any] = {"mec": "C3", "mfc": "none", "mew": 1.8, "markersize": 9}
            axes.plot(*points[value], "o", gid="used", clip_on=False, **ring)
        axes.set(xlim=(low, 1), ylim=(low, 1), aspect="equal", xlabel="recall", ylabel="precision")
        return _svg(figure, words)


def _at(curve: PrecisionRecall, threshold: float) -> tuple[float, float]:
    """Recall and precision at a threshold, rounded up as masks are."""
    index = min(level_of(threshold), len(curve.recall) - 1)
    return float(curve.recall[index]), float(curve.precision[index])


def _svg(figure: Figure, words: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = svg.replace("<svg ", f'<svg class="plot" role="img" aria-label="{escape(words)}" ', 1)
    for colour, of_page in _COLOURS.items():
        svg = svg.replace(colour, of_page)
    return svg
