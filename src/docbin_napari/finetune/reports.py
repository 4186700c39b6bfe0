"""Report the progress of a fine-tuning, as lines for people or as JSON for programs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from docbin_napari.finetune.before_after import LEGEND
from docbin_napari.finetune.outcome import Outcome

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
    event: dict[str, Any] = {}
    for field in fields(report):
        value = getattr(report, field.name)
        unknown = value is None or value == "" or (isinstance(value, float) and math.isnan(value))
        unknown |= field.name == "pages" and not value
        if not unknown:
            event[field.name] = value
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
