"""Parts of a report in HTML: tables, pictures, plots and model card."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from docbin_napari.metrics import PageScores, mean_scores
from docbin_napari.report.plots import precision_recall_plot, reliability_plot
from docbin_napari.report.prose import prose
from docbin_napari.report.scores import COLUMNS, cells

if TYPE_CHECKING:
    from docbin_napari.metrics.curves import ProbabilityCounts
    from docbin_napari.model.registry import ModelInfo
    from docbin_napari.report.pictures import ErrorPictures
    from docbin_napari.report.scores import Figures

_HEADLINES = (
    "f_measure",
    "weighted_pseudo_f_measure",
    "skeleton_pseudo_f_measure",
    "psnr",
    "drd",
    "false_ink",
    "missed",
)

EXPLANATION = """<p>Ink is the positive class, and a mean is the mean of the pages, whatever their
size. Higher is better for FM, both pseudo-FM and PSNR; lower is better for DRD and NRM.</p>
<ul>
<li><b>FM</b>: F-measure, the harmonic mean of precision and recall.</li>
<li><b>pFM</b>: the weighted pseudo-F-measure of Ntirogiannis, Gatos and Pratikakis (2013), official
in the DIBCO contests since 2013. A wrong pixel counts by its distance from the contour of the
stroke, so that a border that is off by one pixel costs little.</li>
<li><b>skeleton pFM</b>: the older pseudo-F-measure of the contests of 2008 to 2010, which many
papers print without its kind. Recall is that of the skeletons of the strokes only. The two kinds
are not comparable with each other.</li>
<li><b>PSNR</b>: peak signal-to-noise ratio. <b>DRD</b>: distance reciprocal distortion, errors as
they are seen. <b>NRM</b>: mean of the rates of missed ink and of false ink.</li>
<li><b>border</b>, <b>false ink</b>, <b>missed</b>: errors within 3 pixels of ink, where ground
truths differ; ink away from any true ink; strokes that were not found. Percent of the labelled
pixels, and the FM that each of the last two costs. A page without true ink has only the first
three.</li>
</ul>"""


def means(figures: Figures) -> str:
    """The means of all pages as a row of large numbers."""
    items = "".join(
        f"<li><b>{cell}</b><span>{name}{f', {unit}' if unit else ''}</span></li>"
        for cell, (key, (name, unit, _)) in zip(cells(figures.mean), COLUMNS.items(), strict=True)
        if key in _HEADLINES
    )
    return f'<ul class="means">{items}</ul>'


def figures_table(figures: Figures) -> str:
    """A row for each page; a mean for each collection, where there are several, and for all."""
    titles = "".join(
        f'<th scope="col">{name}{f" ({unit})" if unit else ""}</th>'
        for name, unit, _ in COLUMNS.values()
    )
    groups = [
        (collection, dict(pages))
        for collection, pages in groupby(
            figures.pages.items(), lambda item: item[0].rpartition("/")[0]
        )
    ]
    rows = []
    for collection, pages in groups:
        rows += [_row(name, scores) for name, scores in pages.items()]
        if len(groups) > 1:
            mean = mean_scores(list(pages.values()))
            rows.append(_row(f"{collection}: mean of {_pages(len(pages))}", mean, "mean"))
    rows.append(_row(f"mean of {_pages(len(figures.pages))}", figures.mean, "mean"))
    return (
        f'<div class="wide"><table><thead><tr><th scope="col">page</th>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def worst_page(name: str, scores: PageScores, pictures: ErrorPictures) -> str:
    """Pictures of the errors of one page."""
    row, column = pictures.place
    shown = escape(name)
    told = ", ".join(
        f"{name} {cell}"
        for cell, (key, (name, _, _)) in zip(cells(scores), COLUMNS.items(), strict=True)
        if key in ("f_measure", "weighted_pseudo_f_measure", "psnr", "drd")
    )
    counts = (
        f'<span class="missed">missed strokes {pictures.missed:,}</span>, '
        f'<span class="false">false ink {pictures.false:,}</span>, '
        f'<span class="border">at borders {pictures.border:,}</span> pixels'
    )
    where = f"from row {row}, column {column}"
    return (
        f'<article><h3>{shown}</h3><p>{told}; {counts}</p><div class="pictures">'
        + _figure("whole", pictures.whole, f"Errors on the whole page {name}", "whole page")
        + _figure(
            "region",
            pictures.errors,
            f"Worst region of {name}: missed strokes red, false ink blue, borders orange",
            f"worst region, {where}",
        )
        + _figure("region", pictures.region, f"The same region of {name}", "the page there")
        + "</div></article>"
    )


def curves(counts: ProbabilityCounts, pages: int, threshold: float | None) -> str:
    """The calibration plot and the precision–recall curve."""
    error = counts.expected_calibration_error()
    told = (
        f"<p>All {counts.pixels:,} labelled pixels of {_pages(pages)} together. Expected "
        f"calibration error (ECE, 15 bins of equal width): <b>{error:.2%}</b>.</p>"
    )
    words = f"Reliability diagram; expected calibration error {error:.2%}"
    first = reliability_plot(counts.reliability(), words)
    parts = [
        f"<figure>{first}<figcaption>Calibration: where the line lies on the dashed one, a "
        "probability is what it says. Below: how many pixels have it.</figcaption></figure>"
    ]
    if counts.ink.any():
        curve = counts.precision_recall()
        best = curve.best_threshold
        words = "Precision over recall at thresholds from 0 to 1"
        used = "" if threshold is None else f" The ring is the threshold used, {threshold:.2f}."
        parts.append(
            f"<figure>{precision_recall_plot(curve, threshold, words)}<figcaption>Precision over "
            f"recall; the numbers are thresholds.{used} FM of all pixels together is highest, "
            f"{curve.f_measure.max():.2f}, at {best:.2f}.</figcaption></figure>"
        )
    return told + f'<div class="plots">{"".join(parts)}</div>'


def model_card(info: ModelInfo) -> str:
    """What the model's file says about itself, and the card beside it."""
    facts = [
        ("name", info.name),
        ("title", info.title),
        ("size", f"{info.size / 2**20:.1f} MiB, {info.parameters:,} parameters"),
        ("threshold", f"{info.threshold:.2f}"),
        ("trained on", info.training_data),
        ("written by", f"docbin-napari {info.version}"),
    ]
    facts += [(name, _number(value)) for name, value in info.figures.items()]
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in facts
    )
    card = info.path.with_suffix(".md")
    try:
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    shown = (
        f'<details open><summary>Model card</summary><div class="prose">{prose(text)}</div>'
        "</details>"
        if text
        else '<p class="soft">There is no model card beside the model file.</p>'
    )
    return f'<div class="prose wide"><table><tbody>{rows}</tbody></table></div>{shown}'


def lines(items: Sequence[str]) -> str:
    """A plain list."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _row(name: str, scores: PageScores, kind: str = "") -> str:
    start = f'<tr class="{kind}">' if kind else "<tr>"
    columns = "".join(f"<td>{cell}</td>" for cell in cells(scores))
    return f'{start}<th scope="row">{escape(name)}</th>{columns}</tr>'


def _figure(kind: str, picture: str, words: str, caption: str) -> str:
    return (
        f'<figure class="{kind}"><img src="{picture}" alt="{escape(words)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"
