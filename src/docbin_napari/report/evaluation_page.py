"""Show an evaluation as one self-contained HTML page.

Strategy: pages are added as they are scored. Of each only its figures stay; probabilities go into
two histograms, and pictures are made for the pages that are the worst so far, and dropped when
worse ones come. So memory does not grow with the number of pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

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
from docbin_napari.report.evaluation import COLUMNS, Evaluation, Judged, cells
from docbin_napari.report.pictures import ErrorPictures, picture_errors
from docbin_napari.report.plots import precision_recall_plot, reliability_plot

WORST_PAGES = 6
"""Pages whose errors are shown."""


class EvaluationPage:
    """Gathers what the page shows, page by page, and makes it with Jinja2.

    Parameters
    ----------
    title : str
        What is judged, in words.
    model : ModelInfo, optional
        The model, if one is run.
    """

    def __init__(self, title: str, model: ModelInfo | None = None) -> None:
        self._title = title
        self._model = model
        self._counts = ProbabilityCounts()
        self._with_probability = 0
        # By quality and the order in which they came, lowest first.
        self._worst: list[tuple[tuple[float, int], str, PageScores, ErrorPictures]] = []
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
        if perfect or (full and key >= self._worst[-1][0]):
            return
        errors = error_maps(judged.ink, truth.ink, truth.labelled)
        pixels = judged.pixels if judged.pixels is not None else read_page()
        page = key, name, scores, picture_errors(errors, truth.ink, pixels)
        self._worst = sorted([*self._worst, page])[:WORST_PAGES]

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
        environment = Environment(loader=PackageLoader("docbin_napari", "report"), autoescape=True)
        return environment.get_template("evaluation_page.html.j2").render(
            title=f"Quality of {self._title}",
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            version=__version__,
            figures=figures,
            collections=[
                (name, dict(pages)) for name, pages in groupby(figures.pages.items(), _collection)
            ],
            troubles=troubles,
            worst=self._worst,
            added=self._added,
            counts=self._counts,
            with_probability=self._with_probability,
            model=self._model,
            card=_card(self._model),
            columns=COLUMNS,
            cells=cells,
            mean_scores=mean_scores,
            reliability_plot=reliability_plot,
            precision_recall_plot=precision_recall_plot,
            zip=zip,
        )


def _collection(page: tuple[str, PageScores]) -> str:
    return page[0].rpartition("/")[0]


def _card(model: ModelInfo | None) -> str:
    """Convert the card beside a model file to HTML; nothing if there is none."""
    try:
        text = model.path.with_suffix(".md").read_text(encoding="utf-8") if model else ""
    except (OSError, UnicodeDecodeError):
        return ""
    return markdown_html(text)


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
