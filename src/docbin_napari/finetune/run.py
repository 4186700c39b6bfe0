"""What a fine-tuning has in its hands, what it tells, and which weights it keeps."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from docbin_napari.features.page_look import read_looks
from docbin_napari.finetune.config import FinetuneConfig
from docbin_napari.finetune.few_pages import FewPages
from docbin_napari.finetune.judge import Figures, Judge
from docbin_napari.finetune.learner import Learner
from docbin_napari.finetune.outcome import (
    FinetuneError,
    Outcome,
    header_of,
    is_better,
    stored_figures,
)
from docbin_napari.finetune.replay import MixedWindows
from docbin_napari.io.atomic import writing_trouble
from docbin_napari.model.registry import ModelInfo
from docbin_napari.model.weights import load_network, save_model
from docbin_napari.train.model_output import unfinished_path

Stage = Literal["reading", "drawing", "training", "measuring", "done"]


@dataclass(frozen=True)
class FinetuneReport:
    """News of a fine-tuning.

    Parameters
    ----------
    stage : {"reading", "drawing", "training", "measuring", "done"}
        What is being done.
    step : int
        Steps done.
    share : float
        Share of the budget that is spent, 0 to 1.
    minutes : float
        Time since the beginning.
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
        What the user should know; empty mostly.
    outcome : Outcome, optional
        The finished model, in the last report. The last report has none where it was stopped
        before anything was learnt.
    """

    stage: Stage
    step: int = 0
    share: float = 0.0
    minutes: float = 0.0
    loss: float = math.nan
    learning_rate: float = 0.0
    validation: float | None = None
    before: float | None = None
    best: float | None = None
    note: str = ""
    outcome: Outcome | None = None


@dataclass
class Best:
    """The weights that are kept."""

    before: float | None
    after: float | None = None
    weights: dict[str, Tensor] | None = None
    step: int = 0
    looks_since: int = 0

    def offer(self, weights: dict[str, Tensor], f_measure: float | None, step: int) -> bool:
        """Keep weights that are better than all so far, or the last ones if nobody can tell."""
        self.looks_since += 1
        if self.after is not None and f_measure is not None and f_measure <= self.after:
            return False
        self.weights, self.after, self.step, self.looks_since = weights, f_measure, step, 0
        return True


@dataclass
class Clock:
    """How much of the budget is spent."""

    config: FinetuneConfig
    began: float = field(default_factory=time.monotonic)

    @property
    def minutes(self) -> float:
        """Since the beginning."""
        return (time.monotonic() - self.began) / 60

    def share(self, step: int) -> float:
        """Share of time or steps, 0 to 1."""
        if self.config.minutes:
            return min(self.minutes / self.config.minutes, 1.0)
        return min(step / self.config.steps, 1.0)


@dataclass
class Run:
    """What a fine-tuning has in its hands."""

    config: FinetuneConfig
    path: Path
    base: ModelInfo
    few: FewPages
    judge: Judge
    learner: Learner
    windows: MixedWindows
    best: Best
    clock: Clock

    def report(self, stage: Stage, **news: Any) -> FinetuneReport:
        """News with what is always said."""
        best = self.best
        known = FinetuneReport(
            stage,
            self.learner.steps,
            self.clock.share(self.learner.steps),
            self.clock.minutes,
            before=best.before,
            best=best.after,
        )
        return replace(known, **news)

    def figures(self) -> Figures | None:
        """On the held-out part."""
        if self.best.before is None or self.best.after is None:
            return None
        return Figures(self.best.before, self.best.after, self.judge.pages)

    def look(self) -> float | None:
        """Measure the weights of this moment; the best lie on the disk from then on."""
        weights = self.learner.weights()
        figure = self.judge.held_out(weights) if self.judge.can_tell else None
        if self.best.offer(weights, figure, self.learner.steps):
            self.write(unfinished_path(self.path), self.header())
        return figure

    def header(self, **changes: Any) -> dict[str, Any]:
        """What the file of the best weights says about them."""
        figures = self.figures()
        minutes = round(self.clock.minutes, 1)
        told = {
            "steps": self.best.step,
            "minutes": minutes,
            "better": is_better(figures),
            "figures": stored_figures(figures, None),
            **self.judge.own,
            **self.domain(),
        }
        return header_of(self.config, self.base, self.few.pages, {**told, **changes})

    def domain(self) -> dict[str, Any]:
        """Which pages the new model reads itself, for its file."""
        if not self.config.ratio:
            return {}
        try:
            others = read_looks(self.base.header)
        except ValueError as error:
            raise FinetuneError(f"{self.base.path}: {error}") from error
        known = replace(self.few.familiar, others=others, ratio=self.config.ratio)
        return {"pages_known": known.to_header()}

    def write(self, path: Path, header: dict[str, Any]) -> ModelInfo:
        """Write the best weights."""
        assert self.best.weights is not None
        network = load_network(self.base)
        network.load_state_dict(self.best.weights)
        try:
            return save_model(path, network, header)
        except OSError as error:
            raise FinetuneError(f"{path}: {writing_trouble(error)}") from error
