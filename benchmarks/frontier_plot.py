"""The plot of quality over speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which people who see fewer colours tell apart; shapes say it twice.
_LOOKS = {1: ("#0072B2", "o"), 2: ("#E69F00", "s"), 4: ("#009E73", "^"), 8: ("#CC79A7", "D")}
_FILLS = ("full", "none", "left", "top")
_GRAY = "#555555"


@dataclass(frozen=True)
class Point:
    """One setting as it was measured.

    Parameters
    ----------
    variant : str
        The model, and what else has a line of its own.
    symmetries : int
        1, 2, 4 or 8.
    overlap : float
        Share of a window's side.
    rate : float
        Mpix/s.
    f_measure : float
        Percent, mean over the pages.
    preset : str
        Name of the preset that this is; empty if it is none.
    """

    variant: str
    symmetries: int
    overlap: float
    rate: float
    f_measure: float
    preset: str = ""


def write_plot(path: Path, points: Sequence[Point], best: Sequence[Point], title: str) -> None:
    """Draw all points, the line of the best ones, and the names of the presets.

    Parameters
    ----------
    path : Path
        The file; its suffix says which kind, such as ``.svg``.
    points : sequence of Point
        All settings.
    best : sequence of Point
        Those on the frontier, in the order of their rate.
    title : str
        Above the plot.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Text stays text, and the same figures give the same file.
    look = {"svg.fonttype": "none", "svg.hashsalt": "docbin-napari", "font.size": 10}
    with mpl.rc_context(look):
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        axes = figure.add_subplot()
        _draw_points(axes, points)
        line = [(point.rate, point.f_measure) for point in best]
        axes.plot(*zip(*line, strict=True), "--", color=_GRAY, lw=1.2, zorder=1, label="frontier")
        for point in points:
            if point.preset:
                _name(axes, point)
        axes.set_xscale("log")
        _number_plainly(axes, [point.rate for point in points])
        axes.set_xlabel("Mpix of page per second (logarithmic); right is faster")
        axes.set_ylabel("F-measure, %; up is better")
        axes.set_title(title, fontsize=9)
        axes.grid(visible=True, which="both", color="#e5e5e5", lw=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.12, y=0.15)
        figure.legend(
            loc="outside right upper",
            fontsize=8,
            frameon=False,
            title="symmetries;\none mark an overlap",
            title_fontsize=8,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_points(axes: Axes, points: Sequence[Point]) -> None:
    variants = list(dict.fromkeys(sorted(point.variant for point in points)))
    for variant in variants:
        for symmetries, (colour, marker) in _LOOKS.items():
            chosen = [p for p in points if (p.variant, p.symmetries) == (variant, symmetries)]
            if not chosen:
                continue
            chosen.sort(key=lambda point: point.overlap)
            label = str(symmetries) if len(variants) == 1 else f"{symmetries}, {variant}"
            axes.plot(
                [point.rate for point in chosen],
                [point.f_measure for point in chosen],
                color=colour,
                marker=marker,
                fillstyle=_FILLS[variants.index(variant) % len(_FILLS)],
                lw=0.7,
                ms=7,
                label=label,
            )


def _name(axes: Axes, point: Point) -> None:
    """Ring a preset and write its name beside it."""
    place = (point.rate, point.f_measure)
    axes.plot(*place, "o", ms=14, mfc="none", mec="black", mew=1.3)
    axes.annotate(
        point.preset,
        place,
        xytext=(0, -19),
        textcoords="offset points",
        ha="center",
        fontweight="bold",
    )


def _number_plainly(axes: Axes, rates: Sequence[float]) -> None:
    """Numbers such as 0.5 and 20 instead of powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    wide = max(rates) / min(rates) > 100
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if not wide else (1.0, 3.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
