"""Show an evaluation as one self-contained HTML page.

Strategy: pages are added as they are scored. Of each only its figures stay; probabilities go into
two histograms, and pictures are made for the pages that are the worst so far, and dropped when
worse ones come. So memory does not grow with the number of pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markdown_it.token import Token
from numpy.typing import NDArray

from docbin_napari.__about__ import __version__
from docbin_napari.io.mask import GroundTruth
from docbin_napari.metrics.calibration_curves import ProbabilityCounts
from docbin_napari.metrics.error_kinds import error_maps
from docbin_napari.metrics.scores import PageScores, mean_scores
from docbin_napari.model.model_file import ModelInfo
from docbin_napari.report.evaluation import COLUMNS, Evaluated, Evaluation, Judged, cells
from docbin_napari.report.pictures import ErrorPictures, picture_errors
from docbin_napari.report.plots import precision_recall_plot, reliability_plot

WORST_PAGES = 6
"""Pages whose errors are shown."""
_PAGE_FIGURES = ("f_measure", "weighted_pseudo_f_measure", "psnr", "drd")
_HEADLINES = (*_PAGE_FIGURES, "skeleton_pseudo_f_measure", "false_ink", "missed")


@dataclass(frozen=True)
class _Worst:
    """A page among the worst, by its quality and the order in which pages came."""

    key: tuple[float, int]
    name: str
    scores: PageScores
    pictures: ErrorPictures


class EvaluationPage:
    """Gathers what the page shows, page by page, and makes it with Jinja2.

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
        key = (quality, self._added)
        full = len(self._worst) >= WORST_PAGES
        perfect = not (judged.ink ^ truth.ink)[truth.labelled].any()
        if perfect or (full and key >= self._worst[-1].key):
            return
        errors = error_maps(judged.ink, truth.ink, truth.labelled)
        pixels = judged.pixels if judged.pixels is not None else read_page()
        self._worst.append(_Worst(key, name, scores, picture_errors(errors, truth.ink, pixels)))
        self._worst = sorted(self._worst, key=lambda page: page.key)[:WORST_PAGES]

    def as_html(self, figures: Evaluation, troubles: Sequence[str]) -> str:
        """Make the page.

        Parameters
        ----------
        figures : Evaluation
            Scores of all pages.
        troubles : sequence of str
            What could not be evaluated, or is strange.

        Returns
        -------
        str
            HTML.
        """
        model = self._evaluated.model
        parts = {
            "title": f"Quality of {self._evaluated.title}",
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "figures": figures,
            "collections": [
                (name, dict(pages)) for name, pages in groupby(figures.pages.items(), _collection)
            ],
            "troubles": troubles,
            "worst": self._worst,
            "added": self._added,
            **self._curves(),
            "version": __version__,
            "columns": COLUMNS,
            "headlines": _HEADLINES,
            "zip": zip,
            "cells": cells,
            "mean_scores": mean_scores,
            "page_figures": _PAGE_FIGURES,
            "model": model,
            **({} if model is None else {"facts": _facts(model), "card": _card(model)}),
        }
        environment = Environment(loader=PackageLoader("docbin_napari", "report"), autoescape=True)
        return environment.get_template("evaluation_page.html.j2").render(parts)

    def _curves(self) -> dict[str, Any]:
        """Make the plots, and the figures that stand beside them."""
        counts, threshold = self._counts, self._evaluated.threshold
        parts: dict[str, Any] = {"counts": counts, "with_probability": self._with_probability}
        if counts.pixels:
            error = counts.expected_calibration_error()
            words = f"Reliability diagram; expected calibration error {error:.2%}"
            parts["calibration_error"] = error
            parts["reliability"] = reliability_plot(counts.reliability(), words)
        if counts.ink.any():
            words = "Precision over recall at thresholds from 0 to 1"
            parts |= {"curve": counts.precision_recall(), "threshold": threshold}
            parts["precision_recall"] = precision_recall_plot(parts["curve"], threshold, words)
        return parts


def _collection(page: tuple[str, PageScores]) -> str:
    return page[0].rpartition("/")[0]


def _facts(info: ModelInfo) -> list[tuple[str, str]]:
    """List what the file of a model says about itself."""
    figures = [
        (name, f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in info.figures.items()
    ]
    return [
        ("name", info.name),
        ("title", info.title),
        ("size", f"{info.size / 2**20:.1f} MiB, {info.parameters:,} parameters"),
        ("threshold", f"{info.threshold:.2f}"),
        ("trained on", info.training_data),
        ("written by", f"docbin-napari {info.version}"),
        *figures,
    ]


def _card(info: ModelInfo) -> str:
    """Convert the card beside a model file to HTML; nothing if there is none."""
    try:
        return markdown_html(info.path.with_suffix(".md").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""


def markdown_html(text: str, level: int = 3) -> str:
    r"""Convert Markdown to HTML that needs nothing from elsewhere.

    Parameters
    ----------
    text : str
        Markdown. Its HTML is shown as text, pictures are left out, and only addresses of the web
        become links.
    level : int
        Level of its highest heading in the page.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> print(markdown_html("# Card\n\nGood for `a < b`."))
    <h3>Card</h3>
    <p>Good for <code>a &lt; b</code>.</p>
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = f"h{min(int(token.tag[1:]) + level - 1, 6)}"
        token.children = list(_web_links(token.children or []))
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html


def _web_links(tokens: Iterable[Token]) -> Iterator[Token]:
    """Keep the words of links that lead to other files, without the link."""
    leads = True
    for token in tokens:
        if token.type == "link_open":
            leads = str(token.attrs["href"]).startswith(("https://", "http://"))
        if leads or token.type not in ("link_open", "link_close"):
            yield token
