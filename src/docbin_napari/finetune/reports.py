"""Report a fine-tuning: its progress, and its outcome in words and as a picture."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from docbin_napari.finetune.judge import BeforeAfter
from docbin_napari.finetune.learner import cache_folder
from docbin_napari.io.encode import write_pages
from docbin_napari.io.errors import FileError
from docbin_napari.model.model_file import ModelInfo

_HURT = 0.5


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
        better = "better" if held_out.is_better else "not better"
        words = f"{name} is {better} on your pages: {_in_words(held_out)} (held-out part)."
        if not held_out.is_better:
            words += f" Stay with {base}."
    if test is not None:
        words += f" On {counted(test.pages, 'other page')}: {_in_words(test)}."
        if test.gain < -_HURT:
            words += f" It reads such pages worse; use {base} for them."
    return words


def _in_words(figures: BeforeAfter) -> str:
    return f"FM {figures.before:.2f} before, {figures.after:.2f} after"


def counted(number: int, what: str) -> str:
    """Put a number before its noun, singular or plural."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


_HEIGHT = 144
_GAP = 4
_BETWEEN = 128
# Two colours that people who do not see red and green apart can distinguish.
NOW_INK, NOW_PAPER = (0, 90, 220), (255, 120, 0)
LEGEND = "the page, before, after (blue: ink now; orange: no longer ink)"


def before_and_after(
    pixels: NDArray[np.uint8], before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Lay the page and its ink before and after below each other.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3): the page, or a part of it.
    before, after : ndarray
        bool (H, W): its ink.

    Returns
    -------
    ndarray
        uint8 (3 h + 8, W, 3), RGB: of the rows where most has changed, h of them, at most 144.
        In the lowest part, pixels that have become ink are blue, those that are no longer
        ink are orange.

    Examples
    --------
    >>> page = np.full((200, 50, 3), 220, np.uint8)
    >>> nothing, line = np.zeros((200, 50), bool), np.zeros((200, 50), bool)
    >>> line[100, 10:40] = True
    >>> strip = before_and_after(page, nothing, line)
    >>> strip.shape, int((strip == NOW_INK).all(-1).sum())
    ((440, 50, 3), 30)
    """
    height = min(_HEIGHT, len(pixels))
    reached = np.concatenate([[0], (before ^ after).sum(1).cumsum()])
    within = reached[height:] - reached[:-height]
    # Of many such places the middle one: what has changed lies in the middle of the strip.
    best = np.flatnonzero(within == within.max())
    top = int(best[len(best) // 2])
    rows = slice(top, top + height)
    was, now = before[rows], after[rows]
    first, last = _drawn(was), _drawn(now)
    last[now & ~was] = NOW_INK
    last[was & ~now] = NOW_PAPER
    gap = np.full((_GAP, pixels.shape[1], 3), _BETWEEN, np.uint8)
    return np.concatenate([pixels[rows], gap, first, gap, last])


def _drawn(ink: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw ink as black on white, uint8 (H, W, 3)."""
    return np.repeat(np.where(ink, np.uint8(0), np.uint8(255))[..., None], 3, axis=-1)


def keep_strip(name: str, strip: NDArray[np.uint8]) -> Path | None:
    """Write a strip into the cache folder.

    Parameters
    ----------
    name : str
        Name of the model.
    strip : ndarray
        From `before_and_after`.

    Returns
    -------
    Path or None
        A PNG file; None where it could not be written: a training does not fail because of it.
    """
    path = cache_folder() / "before-after" / f"{name}.png"
    with suppress(FileError):
        return write_pages(path, [strip])
    return None


Stage = Literal["reading", "drawing", "judging", "training", "measuring", "done"]
PREPARATION: tuple[Stage, ...] = ("reading", "drawing", "judging")
NOTHING_LEARNT = "Stopped. Nothing has been learnt yet, so no model was written."
_DOING = {
    "reading": "preparing: reading the pairs",
    "drawing": "preparing: pages of other kinds, so that they are not forgotten",
    "judging": "preparing: how well the start reads your pages",
    "measuring": "measuring before and after on other pages",
}


@dataclass(frozen=True)
class FinetuneReport:
    """Progress of a fine-tuning.

    Parameters
    ----------
    stage : {"reading", "drawing", "judging", "training", "measuring", "done"}
        What is being done; the first three are preparation.
    step : int
        Steps done.
    share : float
        Share of the budget that is spent, 0 to 1.
    minutes : float
        Time since the first step.
    pages : int
        Pages to replay that are ready, while they are drawn.
    loss : float
        Mean over the own windows since the last report; NaN where there was no step.
    learning_rate : float
        Of the last step.
    validation : float, optional
        F-measure on the held-out part, percent, when it was just measured.
    before : float, optional
        The same of the start.
    best : float, optional
        The highest so far of what was learnt.
    note : str
        For the user; mostly empty.
    outcome : Outcome, optional
        The finished model, in the last report. The last report has none where it was stopped
        before anything was learnt.
    """

    stage: Stage
    step: int = 0
    share: float = 0.0
    minutes: float = 0.0
    pages: int = 0
    loss: float = math.nan
    learning_rate: float = 0.0
    validation: float | None = None
    before: float | None = None
    best: float | None = None
    note: str = ""
    outcome: Outcome | None = None


def as_json(report: FinetuneReport) -> str:
    """Put a report into one line of JSON.

    Parameters
    ----------
    report : FinetuneReport
        Any.

    Returns
    -------
    str
        An object with the fields of the report that have a value; its ``outcome`` has
        ``name``, ``path``, ``better``, ``verdict``, ``picture``, ``held_out`` and ``test``.

    Examples
    --------
    >>> as_json(FinetuneReport("training", 5, 0.5, 1.0, loss=0.25, learning_rate=1e-3))
    '{"stage": "training", "step": 5, "share": 0.5, "minutes": 1.0, "loss": 0.25, ...
    """
    event = {name: value for name, value in vars(report).items() if value not in (None, "")}
    if not report.pages:
        del event["pages"]
    if math.isnan(report.loss):
        del event["loss"]
    if report.outcome is not None:
        event["outcome"] = _as_dict(report.outcome)
    return json.dumps(event)


def error_as_json(reason: str, kept: str = "") -> str:
    """Put the end of a failed fine-tuning into one line of JSON.

    Parameters
    ----------
    reason : str
        Why, for people.
    kept : str
        Name of the model that the best weights so far became; empty if there is none.

    Returns
    -------
    str
        An object with ``error`` and, if something was kept, ``kept``.

    Examples
    --------
    >>> error_as_json("the disk is full")
    '{"error": "the disk is full"}'
    """
    return json.dumps({"error": reason, **({"kept": kept} if kept else {})})


def as_line(report: FinetuneReport) -> str:
    """Put a report into a line for people.

    Parameters
    ----------
    report : FinetuneReport
        Any.

    Returns
    -------
    str
        One line; several at the end.

    Examples
    --------
    >>> as_line(FinetuneReport("training", 5, 0.5, 1.0, loss=0.25))
    ' 50.0%  step 5  1.0 min  loss 0.2500'
    """
    if report.outcome is not None:
        outcome = report.outcome
        picture = f"\n{outcome.picture}: {LEGEND}" if outcome.picture else ""
        return f"{outcome.verdict}\nwrote {outcome.model.path}{picture}"
    if report.note:
        return report.note
    parts = [] if report.stage in PREPARATION else [f"{report.share:6.1%}"]
    if report.stage in _DOING:
        parts.append(_DOING[report.stage])
    if report.pages:
        parts.append(str(report.pages))
    if report.step:
        parts += [f"step {report.step}", f"{report.minutes:.1f} min"]
    if not math.isnan(report.loss):
        parts.append(f"loss {report.loss:.4f}")
    if report.validation is not None:
        parts.append(f"held-out FM {report.validation:.2f}")
        if report.step and report.before is not None and report.best is not None:
            parts.append(f"(before {report.before:.2f}, best {report.best:.2f})")
        elif not report.step:
            parts.append("before training")
    return "  ".join(parts)


def _as_dict(outcome: Outcome) -> dict[str, Any]:
    figures = {"held_out": outcome.held_out, "test": outcome.test}
    return {
        "name": outcome.model.name,
        "path": str(outcome.model.path),
        "better": outcome.better,
        "verdict": outcome.verdict,
        **({"picture": str(outcome.picture)} if outcome.picture else {}),
        **{name: asdict(value) for name, value in figures.items() if value is not None},
    }
