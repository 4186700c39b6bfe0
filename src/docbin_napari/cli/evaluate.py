"""``docbin evaluate``: measure masks against ground truth, by page and on average."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from docbin_napari.cli.console import Console, UsageError, option, setting, table
from docbin_napari.cli.models import load_chosen
from docbin_napari.inference.inference_config import PRESETS, PresetName
from docbin_napari.io.paths import shown
from docbin_napari.model.engine import EngineConfig, EngineName, Precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.cli.mask_matching import MatchedPage, Matches
    from docbin_napari.cli.predictions import InkSource
    from docbin_napari.io.mask import GroundTruth
    from docbin_napari.metrics import PageScores
    from docbin_napari.report.evaluation import Evaluation
    from docbin_napari.report.evaluation_page import EvaluationPage

_FILE = option(metavar="FILE", default="not written; - prints it")
_PRESET: PresetName = "balanced"
_DEVICE = "auto"
_STRANGE = 30.0
_INSTALL = 'pip install "docbin-napari[report]"'
_THERE = "{}: this file is already there; choose another name or add --overwrite"


@dataclass(frozen=True)
class EvaluateCommand:
    """Compare masks with ground truth: FM, pFM, skeleton pFM, PSNR, DRD, NRM, kinds of error.

    Give two folders, in which files are matched by their name before the suffix, or two files.
    Pixels that the ground truth leaves unlabelled (gray 128) count nowhere. pFM is the weighted
    pseudo-F-measure, official in the DIBCO contests since 2013; skeleton pFM is the older kind.
    Errors within 3 pixels of ink (border), ink away from any true ink (false ink) and strokes that
    were not found (missed) are counted apart, in percent of the labelled pixels and by the FM that
    they cost. A page without true ink counts with its false ink only.

    Parameters
    ----------
    predictions : Path
        The masks to judge: a folder of them, a folder of pages with a folder auto_bin, or one
        file. With --baseline or --model: the pages.
    ground_truth : Path
        The ground truth: a folder of masks, a collection with a folder fg_mask, a folder of
        such collections, or one file.
    baseline : {"otsu", "sauvola"}, optional
        Judge this classical method, run on the pages, instead of masks.
    model : str, optional
        Judge this model, run on the pages, instead of masks: a name that docbin models lists,
        or a .safetensors file.
    preset : {"fast", "balanced", "best"}
        How thoroughly the model reads.
    device : {"auto", "cpu", "cuda", "mps"}
        Where the model runs.
    engine, precision : optional
        What runs the model, and with which numbers; see `EngineConfig`.
    csv : Path, optional
        Write the figures as CSV.
    json : Path, optional
        Write the figures as JSON; those that are infinite or undefined as null.
    report : Path, optional
        Write a page in HTML that shows the figures, the worst pages with their errors, and, where
        probabilities are known, calibration and the precision-recall curve.
    overwrite : bool
        Replace a report that is already there.
    """

    predictions: Annotated[Path, tyro.conf.Positional, option(metavar="PREDICTIONS|IMAGES")]
    ground_truth: Annotated[Path, tyro.conf.Positional, option(metavar="GROUND_TRUTH")]
    baseline: Annotated[
        Literal["otsu", "sauvola"] | None,
        option(metavar="{otsu,sauvola}", default="judge masks"),
    ] = None
    model: Annotated[str | None, option(metavar="NAME|FILE", default="judge masks")] = None
    preset: PresetName = _PRESET
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    engine: Annotated[EngineName, setting(EngineConfig, "engine", "{auto,openvino,torch}")] = (
        EngineConfig.engine
    )
    precision: Annotated[Precision, setting(EngineConfig, "precision", "{auto,int8,bf16,f32}")] = (
        EngineConfig.precision
    )
    csv: Annotated[Path | None, _FILE] = None
    json: Annotated[Path | None, _FILE] = None
    report: Annotated[Path | None, _FILE] = None
    overwrite: Annotated[bool, option(default="-")] = False

    def run(self, console: Console) -> int:
        """Evaluate, and print or write the figures.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code: 0, or 1 if a page could not be evaluated or had no prediction.

        Raises
        ------
        UsageError
            If the paths do not fit together.
        """
        # Imported late: they bring numpy, which no help text needs.
        from docbin_napari.cli.mask_matching import match_files
        from docbin_napari.report.evaluation import Evaluation

        self._check()
        pages = self.baseline is not None or self.model is not None
        matches = match_files(self.predictions, self.ground_truth, pages=pages)
        source = self._source()
        report = self._begin_report(source)
        troubles = _Troubles(console, report)
        for line in _unmatched(matches):
            troubles.add(line)
        figures = Evaluation(dict(self._score(matches, source, troubles)))
        failed = len(matches.pages) - len(figures.pages) + len(matches.without_prediction)
        if not figures.pages:
            raise UsageError(self._nothing(matches))
        self._show(figures, report, console)
        return 1 if failed else 0

    def _nothing(self, matches: Matches) -> str:
        """Explain why there is no figure at all."""
        if matches.pages:
            return "there is no page to evaluate: each of them failed, see above"
        return (
            "there is no page to evaluate: no file of "
            f"{self.predictions} has the name of a mask of {self.ground_truth}. Masks are "
            "searched in it, in its fg_mask and in COLLECTION/fg_mask"
        )

    def _check(self) -> None:
        """Refuse what does not go together, before hours of work."""
        for path in (self.csv, self.json):
            if path is not None and path.is_dir():
                raise UsageError(f"{path}: a folder of this name exists; choose another name")
        if self.baseline is not None and self.model is not None:
            raise UsageError("--baseline and --model exclude each other: judge one at a time")
        runs = self.preset, self.device, self._engine_config()
        if self.model is None and runs != (_PRESET, _DEVICE, EngineConfig()):
            raise UsageError("--preset, --device, --engine and --precision go with --model")
        if self.report is None or str(self.report) == "-":
            return
        if self.report.is_dir():
            raise UsageError(f"{self.report}: a folder of this name exists; choose another name")
        if self.report.exists() and not self.overwrite:
            raise UsageError(_THERE.format(self.report))

    def _engine_config(self) -> EngineConfig:
        return EngineConfig(self.engine, self.precision)

    def _source(self) -> InkSource:
        """Choose what is judged."""
        from docbin_napari.cli.predictions import BaselineMethod, Masks, RunModel

        if self.baseline is not None:
            return BaselineMethod(self.baseline)
        if self.model is None:
            return Masks(self.predictions)
        network = load_chosen(self.model, self.device, self._engine_config())
        return RunModel(network, PRESETS[self.preset], self.preset)

    def _begin_report(self, source: InkSource) -> EvaluationPage | None:
        if self.report is None:
            return None
        try:
            from docbin_napari.report.evaluation_page import EvaluationPage
        except ImportError as error:
            raise UsageError(f"--report: {error.name} is missing: {_INSTALL}") from error
        return EvaluationPage(source)

    def _score(
        self, matches: Matches, source: InkSource, troubles: _Troubles
    ) -> Iterator[tuple[str, PageScores]]:
        """Score page by page; name what cannot be scored."""
        from tqdm import tqdm

        from docbin_napari.io.errors import FileError

        hidden = not troubles.console.shows_bars
        for match in tqdm(matches.pages, unit="page", leave=False, disable=hidden):
            try:
                scores, remark = _score_page(match, source, troubles.report)
            except FileError as error:
                troubles.add(f"failed: {error}")
            except ValueError as error:
                troubles.add(f"failed: {match.prediction}: {error}")
            else:
                if remark:
                    troubles.add(f"{match.prediction}: {remark}")
                yield match.name, scores

    def _show(self, figures: Evaluation, report: EvaluationPage | None, console: Console) -> None:
        """Write the files that are wanted; print the table unless one of them is printed."""
        texts = [
            (path, text())
            for path, text in (
                (self.csv, figures.as_csv),
                (self.json, figures.as_json),
                (self.report, partial(report.as_html, figures) if report else str),
            )
            if path is not None
        ]
        printed = [text for path, text in texts if str(path) == "-"]
        for text in printed or [_as_table(figures)]:
            console.say(text.rstrip("\n"))
        for path, text in texts:
            if str(path) != "-":
                _write(path, text, overwrite=path != self.report or self.overwrite)


@dataclass(frozen=True)
class _Troubles:
    """Prints what could not be evaluated at once, and adds it to the report."""

    console: Console
    report: EvaluationPage | None

    def add(self, line: str) -> None:
        line = shown(line)
        self.console.complain(line)
        if self.report is not None:
            self.report.note(line)


def _score_page(
    match: MatchedPage, source: InkSource, report: EvaluationPage | None
) -> tuple[PageScores, str]:
    """Compute the figures of a page, and a remark if they are strange."""
    from docbin_napari.io.errors import MaskError
    from docbin_napari.io.mask import read_ground_truth
    from docbin_napari.metrics import score_page

    truth = read_ground_truth(match.ground_truth)
    if not truth.labelled.any():
        raise MaskError(match.ground_truth, "no pixel is labelled, so nothing can be judged by it")
    judged = source.judge(match)
    scores = score_page(judged.ink, truth.ink, truth.labelled)
    if report is not None:
        report.add(match.name, scores, judged, truth, partial(_read_scan, match))
    remark = ""
    if not truth.ink.any():
        remark = "its ground truth has no ink, so only its false ink counts"
    elif scores.f_measure < _STRANGE and _f_measure(~judged.ink, truth) > 100 - _STRANGE:
        remark = "ink and background look exchanged: black must be ink"
    return scores, remark


def _f_measure(ink: NDArray[np.bool_], truth: GroundTruth) -> float:
    from docbin_napari.metrics import f_measure

    return f_measure(ink, truth.ink, truth.labelled)


def _read_scan(match: MatchedPage) -> NDArray[np.uint8] | None:
    """Read the page behind a mask, if it is there: its pictures are no duty."""
    from docbin_napari.cli.predictions import find_scan, only_page
    from docbin_napari.io.errors import FileError

    try:
        path = find_scan(match)
        return None if path is None else only_page(path)
    except FileError:
        return None


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    from docbin_napari.io.paths import atomic_path, writing_trouble

    try:
        with atomic_path(path, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")
    except FileExistsError as error:
        raise UsageError(_THERE.format(path)) from error
    except OSError as error:
        raise UsageError(f"{path}: {writing_trouble(error)}") from error


def _as_table(figures: Evaluation) -> str:
    """A header, a line for each page and one for the mean."""
    from docbin_napari.report.evaluation import COLUMNS, cells

    mean = figures.mean
    name = "mean of 1 page" if mean.pages == 1 else f"mean of {mean.pages} pages"
    rows = [["page", *(heading for heading, _, _ in COLUMNS.values())]]
    rows += [[page, *cells(scores)] for page, scores in figures.pages.items()]
    lines = table([*rows, [name, *cells(mean)]])
    if mean.perfect_pages:
        number = "1 page is" if mean.perfect_pages == 1 else f"{mean.perfect_pages} pages are"
        lines += f"\n{number} perfect; in the mean PSNR that counts as 100 dB"
    if mean.blank_pages:
        number = "1 page has" if mean.blank_pages == 1 else f"{mean.blank_pages} pages have"
        lines += (
            f"\n{number} no ink in the ground truth and only count with the false ink, "
            f"{mean.worst_false_ink:.3f} % on the worst page"
        )
    return lines


def _unmatched(matches: Matches) -> Iterator[str]:
    yield from (f"no prediction for {path}" for path in matches.without_prediction)
    yield from (f"no ground truth for {path}" for path in matches.without_ground_truth)
