"""Match predictions with ground truth by folder and by the name before the suffix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from docbin_napari.cli.console import UsageError
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, RESULTS_FOLDER, find_pages, natural_key
from docbin_napari.io.paths import same_name, shown


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


@dataclass(frozen=True)
class Matches:
    """All pages to evaluate, and what could not be matched.

    Parameters
    ----------
    pages : tuple of MatchedPage
        The pages.
    without_prediction : tuple of Path
        Ground truth that has no prediction.
    without_ground_truth : tuple of Path
        Predictions that have no ground truth.
    """

    pages: tuple[MatchedPage, ...]
    without_prediction: tuple[Path, ...] = ()
    without_ground_truth: tuple[Path, ...] = ()


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
        return Matches((MatchedPage(shown(predictions.stem), predictions, ground_truth),))
    found = []
    for collection, masks in _ground_truth_folders(ground_truth).items():
        folder = _prediction_folder(predictions / collection, pages)
        if not pages and _are_pages(folder, masks):
            raise UsageError(
                f"{folder}: these are the pages, not masks of them: run docbin binarize first, "
                "or judge a method on the pages with --baseline or --model"
            )
        found.append(_match_folders(folder, masks, collection))
    return Matches(
        tuple(page for matches in found for page in matches.pages),
        tuple(path for matches in found for path in matches.without_prediction),
        tuple(path for matches in found for path in matches.without_ground_truth),
    )


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


def _prediction_folder(folder: Path, pages: bool) -> Path:
    inside = folder / RESULTS_FOLDER
    return inside if not pages and inside.is_dir() else folder


def _are_pages(folder: Path, masks: Path) -> bool:
    """Return whether a folder is the one whose pages the masks belong to."""
    return masks.name == GROUND_TRUTH_FOLDER and folder.is_dir() and masks.parent.samefile(folder)


def _match_folders(predictions: Path, masks: Path, collection: str) -> Matches:
    truths = _by_name(masks)
    guesses = _without_probabilities(_by_name(predictions, wanted=truths))
    prefix = f"{collection}/" if collection else ""
    return Matches(
        tuple(
            MatchedPage(shown(prefix + name), guesses[name], truth)
            for name, truth in truths.items()
            if name in guesses
        ),
        tuple(path for name, path in truths.items() if name not in guesses),
        tuple(path for name, path in guesses.items() if name not in truths),
    )


def _by_name(folder: Path, wanted: Iterable[str] | None = None) -> dict[str, Path]:
    """List the files of a folder by their name before the suffix."""
    found: dict[str, Path] = {}
    for path in find_pages(folder) if folder.is_dir() else []:
        name = same_name(path.stem)
        clash = found.setdefault(name, path)
        if clash != path and (wanted is None or name in wanted):
            raise UsageError(f"{clash} and {path} have the same name: keep one of them")
    return found


def _without_probabilities(files: dict[str, Path]) -> dict[str, Path]:
    """Leave out the probabilities that are written beside masks."""
    return {
        name: path
        for name, path in files.items()
        if not (name.endswith("_probability") and name.removesuffix("_probability") in files)
    }
