"""Score predictions page by page for ``docbin evaluate``: masks, a classical method or a model.

Predictions are matched with ground truth by folder and by the name before the suffix.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from docbin_napari.batch.made_from import read_words
from docbin_napari.cli.console import Console, UsageError, table, usage_errors
from docbin_napari.cli.evaluate import THERE, EvaluateCommand
from docbin_napari.inference.classical import BASELINES
from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import InferenceError, predict_with
from docbin_napari.io.errors import FileError, MaskError, PageError
from docbin_napari.io.mask import level_of, read_ground_truth
from docbin_napari.io.page import (
    GROUND_TRUTH_FOLDER,
    RESULTS_FOLDER,
    find_pages,
    natural_key,
    read_pages,
)
from docbin_napari.io.paths import (
    atomic_path,
    is_plain_file,
    resolved,
    same_name,
    shown,
    writing_trouble,
)
from docbin_napari.metrics.rates import f_measure
from docbin_napari.metrics.scores import PageScores, score_page
from docbin_napari.model.engine import DeviceError, EngineConfig
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import ModelError, ModelInfo
from docbin_napari.report.evaluation import COLUMNS, Evaluation, Judged, cells

if TYPE_CHECKING:
    from docbin_napari.report.evaluation_page import EvaluationPage

_STRANGE = 30.0
_INSTALL = 'pip install "docbin-napari[report]"'
_INVERTED = (
    "shows light writing on dark ground; light and dark were exchanged there for the network"
)


@dataclass(frozen=True)
class MatchedPage:
    """One page to evaluate.

    Parameters
    ----------
    name : str
        Name of the page, with its collection in front where there are several.
    prediction : Path
        The predicted mask, or the page itself where a baseline is to be run.
    ground_truth : Path
        The ground truth.
    """

    name: str
    prediction: Path
    ground_truth: Path


Judge = Callable[[MatchedPage], Judged]
"""Reads or computes the ink of a page; raises a FileError if that cannot be done."""


@dataclass(frozen=True)
class Matches:
    """All pages to evaluate, and what could not be matched.

    Parameters
    ----------
    pages : list of MatchedPage
        The pages.
    without_prediction : list of Path
        Ground truth that has no prediction.
    without_ground_truth : list of Path
        Predictions that have no ground truth.
    """

    pages: list[MatchedPage] = field(default_factory=list)
    without_prediction: list[Path] = field(default_factory=list)
    without_ground_truth: list[Path] = field(default_factory=list)


def evaluate(options: EvaluateCommand, console: Console) -> int:
    """Evaluate, and print or write the figures.

    Parameters
    ----------
    options : EvaluateCommand
        What to evaluate.
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
    runs = options.baseline is not None or options.model is not None
    matches = match_files(options.predictions, options.ground_truth, pages=runs)
    title, model, judge = _choose_judge(options)
    report = None if options.report is None else _begin_report(title, model)
    troubles: list[str] = []

    def complain(line: str) -> None:
        troubles.append(shown(line))
        console.complain(troubles[-1])

    for path in matches.without_prediction:
        complain(f"no prediction for {path}")
    for path in matches.without_ground_truth:
        complain(f"no ground truth for {path}")
    scores: dict[str, PageScores] = {}
    for match in tqdm(matches.pages, unit="page", leave=False, disable=not console.shows_bars):
        try:
            scores[match.name], remark = _score(match, judge, report)
        except FileError as error:
            complain(f"failed: {error}")
        except (ValueError, MemoryError) as error:
            lacking = isinstance(error, MemoryError)
            reason = "there is not enough memory for this page" if lacking else error
            complain(f"failed: {match.prediction}: {reason}")
        else:
            if remark:
                complain(f"warning: {remark}")
    if not scores:
        raise UsageError(_nothing(options, matches))
    figures = Evaluation(scores)
    _show(options, figures, report.as_html(figures, troubles) if report else "", console)
    return 1 if matches.without_prediction or len(scores) < len(matches.pages) else 0


def match_files(predictions: Path, ground_truth: Path, *, pages: bool = False) -> Matches:
    """Match predictions with their ground truth.

    Parameters
    ----------
    predictions : Path
        A mask; a folder of masks, or one with a folder ``auto_bin``; or a folder of such folders.
    ground_truth : Path
        A mask; a folder of masks, or a collection with a folder ``fg_mask``; or a folder of
        collections.
    pages : bool
        Whether `predictions` are the pages themselves, so that ``auto_bin`` is not searched.

    Returns
    -------
    Matches
        In natural order.

    Raises
    ------
    UsageError
        If a path is missing, a file is given with a folder, two files of a folder have the same
        name before the suffix, or the pages themselves are given for their masks.
    """
    for path in (predictions, ground_truth):
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
    if predictions.is_dir() != ground_truth.is_dir():
        raise UsageError(f"give two files or two folders, not {predictions} and {ground_truth}")
    if predictions.is_file():
        return Matches([MatchedPage(shown(predictions.stem), predictions, ground_truth)])
    matches = Matches()
    for collection, masks in _ground_truth_folders(ground_truth).items():
        folder = predictions / collection
        if not pages:
            folder = _folder_of_results(folder, masks)
        truths = _by_name(masks)
        guesses = _by_name(folder, wanted=truths)
        prefix = f"{collection}/" if collection else ""
        for name, truth in truths.items():
            if name in guesses:
                matches.pages.append(MatchedPage(shown(prefix + name), guesses[name], truth))
            else:
                matches.without_prediction.append(truth)
        alone = (path for name, path in guesses.items() if name not in truths)
        matches.without_ground_truth.extend(alone)
    return matches


def _ground_truth_folders(root: Path) -> dict[str, Path]:
    """Find folders of masks by the collection they belong to; "" where there is only one."""
    if (root / GROUND_TRUTH_FOLDER).is_dir():
        return {"": root / GROUND_TRUTH_FOLDER}
    collections = {
        masks.parent.name: masks
        for masks in sorted(root.glob(f"*/{GROUND_TRUTH_FOLDER}"), key=natural_key)
        if masks.is_dir()
    }
    return collections or {"": root}


def _folder_of_results(folder: Path, masks: Path) -> Path:
    """Choose the folder, or ``auto_bin`` in it; refuse that of the pages that masks belong to."""
    if (folder / RESULTS_FOLDER).is_dir():
        return folder / RESULTS_FOLDER
    if masks.name == GROUND_TRUTH_FOLDER and folder.is_dir() and masks.parent.samefile(folder):
        raise UsageError(
            f"{folder}: these are the pages, not masks of them: run docbin binarize first, "
            "or judge a method on the pages with --baseline or --model"
        )
    return folder


def _by_name(folder: Path, wanted: Iterable[str] | None = None) -> dict[str, Path]:
    """List files by their name before the suffix, but not the probabilities beside masks."""
    found: dict[str, Path] = {}
    for path in find_pages(folder) if folder.is_dir() else []:
        name = same_name(path.stem)
        clash = found.setdefault(name, path)
        if clash != path and (wanted is None or name in wanted):
            raise UsageError(f"{clash} and {path} have the same name: keep one of them")
    beside = {f"{name}_probability" for name in found}
    return {name: path for name, path in found.items() if name not in beside}


def _choose_judge(options: EvaluateCommand) -> tuple[str, ModelInfo | None, Judge]:
    """Choose what is judged, in words and as a model, and how the ink of a page is obtained."""
    if options.baseline is not None:
        method = partial(_run_baseline, options.baseline)
        return f"the method of {options.baseline.capitalize()}", None, method
    if options.model is None:
        return f"masks in {options.predictions}", None, _read_mask
    engine = EngineConfig(options.engine, options.precision)
    with usage_errors(DeviceError), usage_errors(ModelError, prefix=f"--model {options.model}: "):
        network = load_model(options.model, options.device, engine)
    title = f"model {network.info.name}, preset {options.preset}"
    return title, network.info, partial(_run_model, network, PRESETS[options.preset])


def _read_mask(match: MatchedPage) -> Judged:
    """Read a mask, and its probability if it lies beside it."""
    ink = read_ground_truth(match.prediction).ink
    return Judged(ink, _probability_beside(match.prediction, ink.shape))


def _probability_beside(mask: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Read ``NAME_probability`` beside a mask; None, with a warning, where it is of no use."""
    path = mask.with_stem(f"{mask.stem}_probability")
    if not is_plain_file(path):
        return None
    if (read_words(mask) or {}).get("probability") is False:
        trouble = f"{path}: its mask was written later, without --probability; left out"
    else:
        try:
            probability = _only_page(path)[..., 0]
        except PageError as error:
            trouble = f"{error}; the mask beside it is judged without it"
        else:
            if probability.shape == shape:
                return probability
            trouble = f"{path}: it is of another size than its mask; left out"
    warnings.warn(trouble, stacklevel=2)
    return None


def _run_baseline(name: str, match: MatchedPage) -> Judged:
    """Run a classical method on a page."""
    pixels = _only_page(match.prediction)
    return Judged(BASELINES[name](pixels), pixels=pixels)


def _run_model(network: InkModel, config: InferenceConfig, match: MatchedPage) -> Judged:
    """Run a network on a page, as ``docbin binarize`` runs it."""
    pixels = _only_page(match.prediction)
    reader = PageReader.of(pixels, network, config, file=match.prediction)
    if reader.inverted:
        warnings.warn(f"{match.prediction}: {_INVERTED}", stacklevel=2)
    probability = np.zeros(pixels.shape[:2], np.uint8)
    try:
        for _ in predict_with(reader, config, probability):
            pass
    except InferenceError as error:
        raise PageError(match.prediction, str(error)) from error
    return Judged(probability >= level_of(network.threshold), probability, pixels)


def _only_page(path: Path) -> NDArray[np.uint8]:
    """Read a file that must have a single page."""
    page = next(read_pages(path))
    if page.count > 1:
        raise PageError(path, f"one page is needed here, but this file holds {page.count}")
    return page.pixels


def _read_scan(match: MatchedPage) -> NDArray[np.uint8] | None:
    """Read the page beside the folder of a mask, if it is there: its pictures are optional."""
    beside = (match.ground_truth, GROUND_TRUTH_FOLDER), (match.prediction, RESULTS_FOLDER)
    with suppress(FileError):
        for mask, folder in beside:
            for page in find_pages(mask.parent.parent) if mask.parent.name == folder else ():
                if same_name(page.stem) == same_name(mask.stem) and page.suffix.lower() != ".pdf":
                    return _only_page(page)
    return None


def _score(
    match: MatchedPage, judge: Judge, report: EvaluationPage | None
) -> tuple[PageScores, str]:
    """Compute the figures of a page, and a remark on one of the files if they are strange."""
    truth = read_ground_truth(match.ground_truth)
    if not truth.labelled.any():
        raise MaskError(match.ground_truth, "no pixel is labelled, so nothing can be judged by it")
    judged = judge(match)
    scores = score_page(judged.ink, truth.ink, truth.labelled)
    if report is not None:
        report.add(match.name, scores, judged, truth, partial(_read_scan, match))
    if not truth.ink.any():
        return scores, f"{match.ground_truth}: it has no ink, so that only false ink counts"
    exchanged = partial(f_measure, ~judged.ink, truth.ink, truth.labelled)
    if scores.f_measure < _STRANGE and exchanged() > 100 - _STRANGE:
        # The one of the two in which most of the page is ink.
        wrong = match.ground_truth if truth.ink.mean() > judged.ink.mean() else match.prediction
        return scores, f"{wrong}: ink and background look exchanged: black must be ink"
    return scores, ""


def _nothing(options: EvaluateCommand, matches: Matches) -> str:
    """Explain why there is no figure at all."""
    if matches.pages:
        return "there is no page to evaluate: each of them failed, see above"
    return (
        f"there is no page to evaluate: no file of {options.predictions} has the name of a mask of "
        f"{options.ground_truth}. Masks are searched in it, in its fg_mask and in "
        "COLLECTION/fg_mask"
    )


def _begin_report(title: str, model: ModelInfo | None) -> EvaluationPage:
    try:
        from docbin_napari.report.evaluation_page import EvaluationPage
    except ImportError as error:
        raise UsageError(f"--report: {error.name} is missing: {_INSTALL}") from error
    return EvaluationPage(title, model)


def _show(options: EvaluateCommand, figures: Evaluation, html: str, console: Console) -> None:
    """Write the files that are wanted; print the table unless one of them is printed."""
    wanted = (
        (options.csv, figures.as_csv()),
        (options.json, figures.as_json()),
        (options.report, html),
    )
    texts = {str(path): text for path, text in wanted if path is not None}
    printed = texts.pop("-", None)
    console.say(*(_as_table(figures) if printed is None else printed.rstrip("\n").split("\n")))
    for path, text in texts.items():
        _write(Path(path), text, overwrite=path != str(options.report) or options.overwrite)


def _write(path: Path, text: str, *, overwrite: bool) -> None:
    form: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    try:
        if path.is_relative_to("/dev") or path.is_fifo():
            # A device or a pipe, such as /dev/stdout, takes text; it must not be replaced.
            path.write_text(text, **form)
            return
        with atomic_path(resolved(path), overwrite=overwrite) as temporary:
            temporary.write_text(text, **form)
    except FileExistsError as error:
        raise UsageError(THERE.format(path)) from error
    except OSError as error:
        raise UsageError(f"{path}: {writing_trouble(error)}") from error


def _as_table(figures: Evaluation) -> list[str]:
    """Format a header, a line for each page and one for the mean."""
    mean = figures.mean
    name = "mean of 1 page" if mean.pages == 1 else f"mean of {mean.pages} pages"
    rows = [["page", *(heading for heading, _, _ in COLUMNS.values())]]
    rows += [[page, *cells(scores)] for page, scores in figures.pages.items()]
    lines = table([*rows, [name, *cells(mean)]])
    if mean.perfect_pages:
        number = "1 page is" if mean.perfect_pages == 1 else f"{mean.perfect_pages} pages are"
        lines.append(f"{number} perfect; in the mean PSNR that counts as 100 dB")
    if mean.blank_pages:
        number = "1 page has" if mean.blank_pages == 1 else f"{mean.blank_pages} pages have"
        lines.append(
            f"{number} no ink in the ground truth, so that only false ink counts, "
            f"{mean.worst_false_ink:.3f} % on the worst page"
        )
    return lines
