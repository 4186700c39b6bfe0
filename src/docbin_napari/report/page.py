"""Report of an evaluation as one self-contained HTML page.

Strategy: pages are added as they are scored. Of each only its figures stay; probabilities go into
two histograms, and pictures are made for the pages that are the worst so far, and dropped when
worse ones come. So memory does not grow with the number of pages.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Protocol

from docbin_napari.__about__ import __version__
from docbin_napari.metrics.curves import ProbabilityCounts
from docbin_napari.report import tables as parts
from docbin_napari.report.pictures import ErrorPictures, picture_errors
from docbin_napari.report.style import STYLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.io.mask import GroundTruth
    from docbin_napari.metrics import PageScores
    from docbin_napari.model.registry import ModelInfo
    from docbin_napari.report.scores import Figures

WORST_PAGES = 6
"""Pages whose errors are shown."""


@dataclass(frozen=True)
class Judged:
    """The ink that is to be judged on one page.

    Parameters
    ----------
    ink : ndarray of bool, shape (H, W)
        Found ink.
    probability : ndarray of uint8, shape (H, W), optional
        Probability of ink times 255, where it is known.
    pixels : ndarray of uint8, shape (H, W, 3), optional
        The page, RGB, where it was read anyway.
    """

    ink: NDArray[np.bool_]
    probability: NDArray[np.uint8] | None = None
    pixels: NDArray[np.uint8] | None = None


class Evaluated(Protocol):
    """What the report is about."""

    @property
    def title(self) -> str:
        """What is judged, in words."""

    @property
    def model(self) -> ModelInfo | None:
        """The model, if one is run."""

    @property
    def threshold(self) -> float | None:
        """Probability from which a pixel was taken for ink, if it is known."""


@dataclass(order=True, frozen=True)
class _Worst:
    """A page among the worst; the best of them is the first to go."""

    key: tuple[float, int]
    name: str = field(compare=False)
    scores: PageScores = field(compare=False)
    pictures: ErrorPictures = field(compare=False)


class Report:
    """Gathers what a report shows.

    Parameters
    ----------
    evaluated : Evaluated
        What is judged.
    """

    def __init__(self, evaluated: Evaluated) -> None:
        self._evaluated = evaluated
        self._counts = ProbabilityCounts()
        self._with_probability = 0
        self._worst: list[_Worst] = []
        self._added = 0
        self._troubles: list[str] = []

    def add(
        self,
        name: str,
        scores: PageScores,
        judged: Judged,
        truth: GroundTruth,
        read_page: Callable[[], NDArray[np.uint8] | None],
    ) -> None:
        """Add a page.

        Parameters
        ----------
        name : str
            Its name.
        scores : PageScores
            Its figures.
        judged : Judged
            Its ink.
        truth : GroundTruth
            The ground truth, of the same shape.
        read_page : callable
            Gives the page itself, uint8 (H, W, 3), or None; asked only if its errors are shown.
        """
        self._added += 1
        if judged.probability is not None:
            self._counts.add(judged.probability, truth.ink, truth.labelled)
            self._with_probability += 1
        quality = 100 - scores.false_ink if scores.is_blank else scores.f_measure
        key = (-quality, -self._added)
        full = len(self._worst) >= WORST_PAGES
        if not (judged.ink ^ truth.ink)[truth.labelled].any():
            return
        if full and key <= self._worst[0].key:
            return
        from docbin_napari.metrics import error_maps

        errors = error_maps(judged.ink, truth.ink, truth.labelled)
        pixels = judged.pixels if judged.pixels is not None else read_page()
        entry = _Worst(key, name, scores, picture_errors(errors, truth.ink, pixels))
        (heapq.heappushpop if full else heapq.heappush)(self._worst, entry)

    def note(self, trouble: str) -> None:
        """Remember a file that could not be evaluated."""
        self._troubles.append(trouble)

    def as_html(self, figures: Figures) -> str:
        """Make the page.

        Parameters
        ----------
        figures : Figures
            Scores of all pages.

        Returns
        -------
        str
            HTML.
        """
        title = f"Quality of {self._evaluated.title}"
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        sections = [
            f"<header><h1>{escape(title)}</h1>"
            f'<p class="soft">docbin-napari {__version__}, {date}</p></header>',
            parts.means(figures),
            _section(
                "Figures", parts.figures_table(figures) + parts.EXPLANATION + _perfect(figures)
            ),
            *([_section("Not evaluated", parts.lines(self._troubles))] if self._troubles else []),
            _section("Worst pages", self._pictures()),
            _section("Calibration, precision and recall", self._curves()),
        ]
        if self._evaluated.model is not None:
            sections.append(_section("Model", parts.model_card(self._evaluated.model)))
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>"
            + "\n".join(sections)
            + "</body></html>\n"
        )

    def _pictures(self) -> str:
        if not self._worst:
            return "<p>No page has an error.</p>"
        ordered = sorted(self._worst, reverse=True)
        told = (
            f"<p>Lowest FM first, {len(ordered)} of {self._added}. "
            '<span class="missed">Missed strokes are red</span>, <span class="false">false ink '
            'blue</span>, <span class="border">errors at borders orange</span>, over the page in '
            "pale gray; the frame in the whole page is the region beside it.</p>"
        )
        return told + "".join(
            parts.worst_page(page.name, page.scores, page.pictures) for page in ordered
        )

    def _curves(self) -> str:
        if not self._with_probability:
            return (
                "<p>Calibration and the precision–recall curve are left out: they need "
                "probabilities, and only the ink itself was given. Run a model "
                "(<code>docbin evaluate --model NAME</code>), or keep the probabilities beside "
                "the masks (<code>docbin binarize --probability</code>).</p>"
            )
        return parts.curves(self._counts, self._with_probability, self._evaluated.threshold)


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>"


def _perfect(figures: Figures) -> str:
    perfect = figures.mean.perfect_pages
    if not perfect:
        return ""
    return f"<p>Perfect pages, which count as 100 dB in the mean PSNR: {perfect}.</p>"
