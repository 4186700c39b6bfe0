"""Figures as they are shown and kept: one table on the screen, one row each in a CSV file."""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch

from docbin_napari import __version__

COLUMNS = (
    "date",
    "hardware",
    "torch",
    "docbin-napari",
    "benchmark",
    "settings",
    "what",
    "quantity",
    "unit",
    "median",
    "lowest",
    "highest",
    "rounds",
)


@dataclass(frozen=True)
class Journal:
    """The CSV file that the figures of one run are appended to.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing.
    benchmark : str
        Name of the benchmark.
    hardware : str
        As `hardware.hardware` names it.
    settings : str
        What holds for all figures of the run: model, size of the page.
    """

    path: Path | None
    benchmark: str
    hardware: str
    settings: str
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def __post_init__(self) -> None:
        """Find out before hours of measuring whether the figures can be kept."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            self._append(COLUMNS)
        with self.path.open(encoding="utf-8", newline="") as file:
            found = tuple(next(csv.reader(file), ()))
        if found != COLUMNS:
            raise SystemExit(
                f"{self.path}: this file has other columns than a benchmark writes; "
                "choose a new name for --csv"
            )

    def add(self, what: str, quantity: str, unit: str, values: Sequence[float]) -> None:
        """Append the figures of all rounds as one row.

        Parameters
        ----------
        what : str
            What was measured: a preset, a peer.
        quantity, unit : str
            Such as ``"rate"`` and ``"Mpix/s"``.
        values : sequence of float
            One value a round, at least one.
        """
        figures = (statistics.median(values), min(values), max(values))
        common = (self.date, self.hardware, torch.__version__, __version__)
        row = (*common, self.benchmark, self.settings, what, quantity, unit)
        self._append((*row, *(f"{figure:.6g}" for figure in figures), str(len(values))))

    def _append(self, row: Sequence[str]) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file).writerow(row)


def print_header(cells: Sequence[str]) -> None:
    """First two lines of a table."""
    print_row(cells)
    print_row(["---"] * len(cells))


def print_row(cells: Iterable[str]) -> None:
    """One line of a table, at once, since the next one may take minutes."""
    print(f"| {' | '.join(cells)} |", flush=True)


def figure(value: float) -> str:
    """A value with three digits that count.

    Examples
    --------
    >>> figure(104.85), figure(9.298), figure(0.00118), figure(0)
    ('105', '9.30', '0.00118', '0')
    """
    if not value:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def span(values: Sequence[float]) -> str:
    """Lowest and highest of some values.

    Examples
    --------
    >>> span([2.0, 1.0, 3.0])
    '1.00–3.00'
    """
    return f"{figure(min(values))}–{figure(max(values))}"
