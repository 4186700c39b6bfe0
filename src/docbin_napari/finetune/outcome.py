"""Outcome of a fine-tuning: base, path of the new model, header and verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docbin_napari.finetune.config import FinetuneConfig
from docbin_napari.finetune.judge import Figures
from docbin_napari.model.registry import (
    ModelError,
    ModelInfo,
    built_in_folder,
    find_model,
    user_model_folder,
)
from docbin_napari.train.model_output import OutputError, checked_output

HELD_OUT, TEST = "held-out FM", "test FM"
_SAME = 0.05
_HURT = 0.5


class FinetuneError(Exception):
    """A fine-tuning cannot begin or go on."""


@dataclass(frozen=True)
class Outcome:
    """A finished fine-tuning.

    Parameters
    ----------
    model : ModelInfo
        The new model.
    held_out : Figures, optional
        On the held-out part of the own pages; none where there was too little to hold out.
    test : Figures, optional
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
    held_out: Figures | None
    test: Figures | None
    better: bool | None
    verdict: str
    picture: Path | None = None


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
        What to tell the user; empty where it is the model itself.

    Raises
    ------
    ModelError
        If there is no such model, or its base is gone.
    """
    info, note = find_model(name), ""
    seen: set[Path] = set()
    while "base" in info.header:
        if info.path in seen:
            raise ModelError(f"{info.path}: it says that it was made from itself")
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


def new_model_path(config: FinetuneConfig) -> Path:
    """File of the new model.

    Parameters
    ----------
    config : FinetuneConfig
        With the name of the output.

    Returns
    -------
    Path
        Free, or a model of the user's that may be replaced.

    Raises
    ------
    FinetuneError
        If it is taken, or its folder cannot be written to.
    """
    try:
        return checked_output(config.output, config.overwrite)
    except OutputError as error:
        raise FinetuneError(str(error)) from error


def header_of(
    config: FinetuneConfig,
    base: ModelInfo,
    pages: tuple[str, ...],
    changes: Mapping[str, Any],
) -> dict[str, Any]:
    """What the file of a fine-tuned model says about it.

    Parameters
    ----------
    config : FinetuneConfig
        The settings; those that are no paths are stored.
    base : ModelInfo
        Where it started.
    pages : tuple of str
        What it learnt from.
    changes : mapping
        More entries, such as ``threshold`` and ``steps``.

    Returns
    -------
    dict
        For `save_model`.
    """
    hidden = {"collections", "test", "replay_from", "output", "start", "longer", "overwrite"}
    hidden.add("title")
    recipe = {name: value for name, value in asdict(config).items() if name not in hidden}
    listed = ", ".join(pages[:4]) + (f" and {len(pages) - 4} more" if pages[4:] else "")
    known = base.path.parent in (built_in_folder(), user_model_folder())
    return {
        "threshold": base.threshold,
        "calibration": base.header.get("calibration", {}),
        "title": config.title or f"{base.name}, trained on {_count(len(pages), 'own page')}",
        "training_data": f"{base.training_data}; then {listed}",
        "base": {
            "name": base.name if known else str(base.path.resolve()),
            "sha256": hashlib.sha256(base.path.read_bytes()).hexdigest(),
        },
        "pages": list(pages),
        "recipe": recipe,
        "seed": config.seed,
        **changes,
    }


def stored_figures(held_out: Figures | None, test: Figures | None) -> dict[str, float]:
    """Figures for the header, before and after.

    Parameters
    ----------
    held_out, test : Figures, optional
        As in `Outcome`.

    Returns
    -------
    dict
        Name to percent.

    Examples
    --------
    >>> stored_figures(Figures(80, 85, 2), None)
    {'held-out FM before': 80, 'held-out FM': 85}
    """
    stored = {}
    for name, figures in ((HELD_OUT, held_out), (TEST, test)):
        if figures is not None:
            stored[f"{name} before"] = round(figures.before, 2)
            stored[name] = round(figures.after, 2)
    return stored


def is_better(held_out: Figures | None) -> bool | None:
    """Whether the held-out part is read better; None where nothing is held out."""
    return None if held_out is None else held_out.gain > _SAME


def verdict(name: str, base: str, held_out: Figures | None, test: Figures | None) -> str:
    """Say in plain words what a fine-tuning brought.

    Parameters
    ----------
    name, base : str
        The new model and the one it started from.
    held_out, test : Figures, optional
        As in `Outcome`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> verdict("mine", "general-1", Figures(80, 85, 2), None)
    'mine is better on your pages: FM 80.00 before, 85.00 after (held-out part).'
    >>> verdict("mine", "general-1", Figures(80, 79, 2), None)
    'mine is not better on your pages: FM 80.00 before, 79.00 after (held-out part). Stay with general-1.'
    """  # noqa: E501
    if held_out is None:
        words = f"Nothing was held out, so nobody knows whether {name} is better."
    else:
        figures = f"FM {held_out.before:.2f} before, {held_out.after:.2f} after (held-out part)"
        better = is_better(held_out)
        words = f"{name} is {'' if better else 'not '}better on your pages: {figures}."
        if not better:
            words += f" Stay with {base}."
    if test is not None:
        figures = f"FM {test.before:.2f} before, {test.after:.2f} after"
        words += f" On {_count(test.pages, 'other page')}: {figures}."
        if test.gain < -_HURT:
            words += f" It reads such pages worse; use {base} for them."
    return words


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
