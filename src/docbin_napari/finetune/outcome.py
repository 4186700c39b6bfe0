"""Describe a fine-tuned model: its start, the header of its file, its figures in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from docbin_napari.features.page_look import read_looks
from docbin_napari.finetune.few_pages import FewPages
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.finetune.judge import BeforeAfter
from docbin_napari.model.ink_model import load_network
from docbin_napari.model.model_file import (
    ModelError,
    ModelInfo,
    built_in_folder,
    find_model,
    user_model_folder,
)
from docbin_napari.train.train_config import TrainingError

HELD_OUT, TEST = "held-out FM", "test FM"
_SAME = 0.05
_HURT = 0.5
# Settings that are paths or names, or stand in the header by themselves.
_NOT_STORED = {
    *("collections", "test", "replay_from", "output"),
    *("start", "longer", "overwrite", "title"),
}


@dataclass(frozen=True)
class Outcome:
    """A finished fine-tuning.

    Parameters
    ----------
    model : ModelInfo
        The new model.
    held_out : BeforeAfter, optional
        On the held-out part of the own pages; none where too little is labelled.
    test : BeforeAfter, optional
        On other pages; none where there were none.
    better : bool, optional
        Whether the new model reads the held-out part better; None where that is not known.
    verdict : str
        The same in words, with figures.
    picture : Path, optional
        A PNG file: a strip of an own page, as it is and as it was read before and after; see
        `before_after`. None where nothing was held out, or it could not be written.
    """

    model: ModelInfo
    held_out: BeforeAfter | None
    test: BeforeAfter | None
    better: bool | None
    verdict: str
    picture: Path | None = None


@dataclass(frozen=True)
class EarlierTraining:
    """A fine-tuning that goes on.

    Parameters
    ----------
    weights : dict
        What it had learnt, before it was taken back towards its start.
    steps : int
        Its steps.
    minutes : float
        Its time.
    """

    weights: dict[str, Tensor]
    steps: int
    minutes: float


def base_of(name: str) -> tuple[ModelInfo, str]:
    """Find the model that a fine-tuning starts from.

    Parameters
    ----------
    name : str
        Name or file of a model.

    Returns
    -------
    base : ModelInfo
        The model itself or, where it is fine-tuned, the one that it came from.
    note : str
        For the user; empty where it is the model itself.

    Raises
    ------
    ModelError
        If there is no such model, or its base is gone.
    """
    info, note = find_model(name), ""
    seen: set[Path] = set()
    while "base" in info.header:
        if info.path in seen:
            raise ModelError(f"{info.path}: its header names itself as its base; choose another")
        seen.add(info.path)
        stored = str(info.header["base"].get("name", ""))
        try:
            base = find_model(stored)
        except ModelError as error:
            raise ModelError(
                f"{info.name} was made from {stored}, and a fine-tuning starts there: {error}"
            ) from error
        note = f"{name} was made from {base.name}: starting from {base.name} on all pairs"
        info = base
    return info, note


def earlier_training(config: FinetuneConfig, base: ModelInfo, digest: str) -> EarlierTraining:
    """Find out how far the model `config.longer` is.

    Parameters
    ----------
    config : FinetuneConfig
        What is asked for now.
    base : ModelInfo
        Where that model started.
    digest : str
        Of the pages to learn from.

    Returns
    -------
    EarlierTraining
        Its weights, steps and time.

    Raises
    ------
    TrainingError
        If that model was not made by a fine-tuning from the very same pairs: parts that
        it has learnt from would be taken for held-out ones.
    """
    info = find_model(config.longer)
    recipe = info.header.get("recipe", {})
    same = [recipe.get(name) == getattr(config, name) for name in ("held_out", "seed")]
    if info.header.get("pages_digest") != digest or not all(same) or not recipe.get("keep"):
        raise TrainingError(
            f"{info.name} cannot be trained longer: its pairs or settings have changed since; "
            "train a new model"
        )
    start, kept = (load_network(each).state_dict() for each in (base, info))
    learnt = {
        name: torch.lerp(start[name], value, 1 / recipe["keep"])
        if value.is_floating_point()
        else value
        for name, value in kept.items()
    }
    return EarlierTraining(learnt, int(info.header["steps"]), float(info.header["minutes"]))


def header_of(
    config: FinetuneConfig, base: ModelInfo, few: FewPages, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Put together the header of a fine-tuned model.

    Parameters
    ----------
    config : FinetuneConfig
        The settings; those that are no paths are stored.
    base : ModelInfo
        Where it started.
    few : FewPages
        What it learnt from.
    changes : mapping
        More entries, such as ``threshold`` and ``steps``.

    Returns
    -------
    dict
        For `save_model`.
    """
    recipe = {name: value for name, value in asdict(config).items() if name not in _NOT_STORED}
    listed = ", ".join(few.pages[:4])
    if len(few.pages) > 4:
        listed += f" and {len(few.pages) - 4} more"
    known = base.path.parent in (built_in_folder(), user_model_folder())
    return {
        "threshold": base.threshold,
        "calibration": base.header.get("calibration", {}),
        "title": config.title or f"{base.name}, trained on {_count(len(few.pages), 'own page')}",
        "training_data": f"{base.training_data}; then {listed}",
        "base": {
            "name": base.name if known else str(base.path.resolve()),
            "sha256": hashlib.sha256(base.path.read_bytes()).hexdigest(),
        },
        "pages": list(few.pages),
        "pages_digest": few.digest,
        "recipe": recipe,
        "seed": config.seed,
        **changes,
    }


def known_pages(config: FinetuneConfig, base: ModelInfo, few: FewPages) -> dict[str, Any]:
    """Describe which pages the new model reads itself, for its header.

    Raises
    ------
    TrainingError
        If the header of the start cannot be read.
    """
    if not config.ratio:
        return {}
    try:
        others = read_looks(base.header)
    except ValueError as error:
        raise TrainingError(f"{base.path}: {error}; choose another --start") from error
    familiar = replace(few.familiar, others=others, ratio=config.ratio)
    return {"pages_known": familiar.to_header()}


def stored_figures(held_out: BeforeAfter | None, test: BeforeAfter | None) -> dict[str, float]:
    """Round the figures before and after for the header.

    Parameters
    ----------
    held_out, test : BeforeAfter, optional
        As in `Outcome`.

    Returns
    -------
    dict
        Name to percent.

    Examples
    --------
    >>> stored_figures(BeforeAfter(80, 85, 2), None)
    {'held-out FM before': 80, 'held-out FM': 85}
    """
    stored = {}
    for name, figures in ((HELD_OUT, held_out), (TEST, test)):
        if figures is not None:
            stored[f"{name} before"] = round(figures.before, 2)
            stored[name] = round(figures.after, 2)
    return stored


def is_better(held_out: BeforeAfter | None) -> bool | None:
    """Return whether the held-out part is read better; None where nothing is held out."""
    return None if held_out is None else held_out.gain > _SAME


def verdict(name: str, base: str, held_out: BeforeAfter | None, test: BeforeAfter | None) -> str:
    """Describe in plain words what a fine-tuning brought.

    Parameters
    ----------
    name, base : str
        The new model and the one it started from.
    held_out, test : BeforeAfter, optional
        As in `Outcome`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> verdict("mine", "general-1", BeforeAfter(80, 85, 2), None)
    'mine is better on your pages: FM 80.00 before, 85.00 after (held-out part).'
    >>> verdict("mine", "general-1", BeforeAfter(80, 79, 2), None)
    'mine is not better on your pages: FM 80.00 before, 79.00 after (held-out part). Stay with general-1.'
    """  # noqa: E501
    if held_out is None:
        words = f"Nothing was held out, so nobody knows whether {name} is better."
    else:
        better = "" if is_better(held_out) else "not "
        words = f"{name} is {better}better on your pages: {_in_words(held_out)} (held-out part)."
        if not is_better(held_out):
            words += f" Stay with {base}."
    if test is not None:
        words += f" On {_count(test.pages, 'other page')}: {_in_words(test)}."
        if test.gain < -_HURT:
            words += f" It reads such pages worse; use {base} for them."
    return words


def _in_words(figures: BeforeAfter) -> str:
    return f"FM {figures.before:.2f} before, {figures.after:.2f} after"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
