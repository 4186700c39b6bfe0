"""Fine-tune a model on a few labelled pages.

Strategy: the weights start at a model that reads many kinds of pages and move as little as the own
pages ask for. Windows of other pages are mixed in, the moving average is measured, and a held-out
part of the own pages decides which weights are kept: the best so far, which also lie on the disk,
so that neither Stop nor a crash loses them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from docbin_napari.finetune.before_after import before_and_after, keep_strip
from docbin_napari.finetune.few_pages import FewPages, chosen_pairs, load_few_pages
from docbin_napari.finetune.finetune_config import FinetuneConfig, suited
from docbin_napari.finetune.judge import BeforeAfter, Judge, compare_on_pages, read_ink
from docbin_napari.finetune.learner import FinetuneLearner
from docbin_napari.finetune.outcome import (
    EarlierTraining,
    Outcome,
    base_of,
    earlier_training,
    header_of,
    is_better,
    known_pages,
    stored_figures,
    verdict,
)
from docbin_napari.finetune.replay import MixedWindows, replay_pages
from docbin_napari.finetune.reports import NOTHING_LEARNT, FinetuneReport, Stage
from docbin_napari.finetune.sized_pages import in_reading_size
from docbin_napari.io.paths import writing_trouble
from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import Calibration, load_network, save_model
from docbin_napari.model.model_file import ModelInfo
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair
from docbin_napari.train.model_output import checked_output, unfinished_path
from docbin_napari.train.train_config import Stopped, TrainingError

__all__ = ["FinetuneConfig", "FinetuneReport", "Outcome", "finetune"]

_STEPS_A_REPORT = 5
# Where pages to replay have to be drawn, the rest is left to the next training.
_SECONDS_TO_DRAW = 4.0
_FEWEST_DRAWN = 4
# Somebody who presses Stop waits no longer than this for a first measurement.
_SECONDS_AFTER_STOP = 1.0
# The rest of the time is spent on steps.
_SHARE_OF_VALIDATIONS = 0.25
_FEWEST_VALIDATIONS = 2


def finetune(
    config: FinetuneConfig, stopped: Callable[[], bool] = lambda: False
) -> Iterator[FinetuneReport]:
    """Let a model learn from a few pages.

    Parameters
    ----------
    config : FinetuneConfig
        From what, how and for how long.
    stopped : callable
        Asked before every step; once it is true, the best weights so far are measured and
        written within seconds.

    Yields
    ------
    FinetuneReport
        At every stage, every five steps, after every validation, and at the
        end with the outcome. Not asking for the next one leaves the best weights so far in
        `model_output.unfinished_path`.

    Raises
    ------
    TrainingError
        If the model cannot be written, or training fails.
    PairError, PageError, MaskError
        If the pairs cannot be read.
    ModelError
        If the model to start from is missing or damaged.
    DeviceError
        If the device is not there.
    """
    try:
        run, test = yield from _prepare(config, stopped)
    except Stopped:
        unfinished_path(checked_output(config.output, config.overwrite)).unlink(missing_ok=True)
        yield FinetuneReport("done", note=NOTHING_LEARNT)
        return
    run.began = time.monotonic()
    yield run.report("training", validation=run.before)
    yield from _learn(run, stopped)
    yield from _finish(run, test, stopped)


@dataclass
class _Finetuning:
    """A fine-tuning that is ready to begin, and its best weights so far."""

    config: FinetuneConfig
    path: Path
    base: ModelInfo
    few: FewPages
    judge: Judge
    learner: FinetuneLearner
    windows: MixedWindows
    earlier: EarlierTraining | None
    before: float | None
    after: float | None = None
    weights: dict[str, Tensor] | None = None
    best_step: int = 0
    validations_since: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def steps(self) -> int:
        """Steps done, those of an earlier fine-tuning that goes on included."""
        return self.learner.state.step + (self.earlier.steps if self.earlier else 0)

    def read_clock(self) -> float:
        """Note how much time is spent, and return the share of the budget, 0 to 1."""
        self.learner.state.seconds = time.monotonic() - self.began
        return self.learner.state.spent

    def report(self, stage: Stage, **changes: Any) -> FinetuneReport:
        """Make a report of what is known at this moment."""
        step, share = self.learner.state.step, self.read_clock()
        minutes = self.learner.state.seconds / 60 if step else 0.0
        known = FinetuneReport(
            stage, step, share if step else 0.0, minutes, before=self.before, best=self.after
        )
        return replace(known, **changes)

    @property
    def figures(self) -> BeforeAfter | None:
        """Figures of the best weights on the held-out part."""
        if self.before is None or self.after is None:
            return None
        return BeforeAfter(self.before, self.after, self.judge.pages())

    @property
    def validations(self) -> int:
        """How often the held-out parts are measured, so that most of the time is learnt."""
        wanted, one = self.config.validations, self.judge.seconds
        if not self.config.minutes or not one:
            return wanted
        affordable = int(_SHARE_OF_VALIDATIONS * 60 * self.config.minutes / one)
        return min(wanted, max(_FEWEST_VALIDATIONS, affordable))

    def validate(self, enough: Callable[[], bool] = lambda: False) -> float | None:
        """Measure the weights of this moment, and keep them if they are the best so far.

        Returns the F-measure; None where nothing is held out, and the last weights are kept.
        """
        weights = self.learner.weights()
        figures = self.judge.compare(weights, enough=enough)
        self.validations_since += 1
        after = None
        if figures is not None:
            self.before, after = figures.before, figures.after
        if after is None or self.after is None or after > self.after:
            self.weights, self.after = weights, after
            self.best_step, self.validations_since = self.steps, 0
            self.write(unfinished_path(self.path), self.header())
        return after

    def header(self, **changes: Any) -> dict[str, Any]:
        """Put together the header of the file of the best weights."""
        minutes = (time.monotonic() - self.began) / 60
        if self.earlier:
            minutes += self.earlier.minutes
        own = {
            "steps": self.best_step,
            "minutes": round(minutes, 1),
            "better": is_better(self.figures),
            "figures": stored_figures(self.figures, None),
            "edge_level": self.judge.edge_level,
            **known_pages(self.config, self.base, self.few),
        }
        return header_of(self.config, self.base, self.few, {**own, **changes})

    def write(self, path: Path, header: dict[str, Any]) -> ModelInfo:
        """Write the best weights."""
        assert self.weights is not None
        network = load_network(self.base)
        network.load_state_dict(self.weights)
        try:
            return save_model(path, network, header)
        except OSError as error:
            raise TrainingError(f"{path}: {writing_trouble(error)}") from error


def _prepare(
    config: FinetuneConfig, stopped: Callable[[], bool]
) -> Generator[FinetuneReport, None, tuple[_Finetuning, list[Pair]]]:
    """Read, draw and measure all that is needed before the first step."""

    def check() -> None:
        if stopped():
            raise Stopped

    path = checked_output(config.output, config.overwrite)
    base, note = base_of(config.longer or config.start)
    device = choose_device(config.device)
    yield FinetuneReport("reading", note=note)
    # A missing test page is better known before the training than after it.
    test = chosen_pairs(config.test, ()) if config.test else []
    few = load_few_pages(config.collections, config.pages, config.held_out, config.seed, check)
    earlier = earlier_training(config, base, few.digest) if config.longer else None
    replayed = yield from _draw_replay(config, check)
    yield FinetuneReport("judging")
    judge = Judge(base, few.held_out, device, check)
    few = few.drawn_at(judge.choose_edge_level())
    before = judge.measure_start()
    learn = in_reading_size(few.learn, judge.start)
    places, errors = judge.errors_on(learn)
    config = suited(config, errors)
    network = load_network(base)
    learner = FinetuneLearner(network, config, device, earlier.weights if earlier else None)
    window = -(-config.window // network.config.stride) * network.config.stride
    windows = MixedWindows(learn, replayed, replace(config, window=window), device.name, places)
    run = _Finetuning(config, path, base, few, judge, learner, windows, earlier, before)
    if earlier:
        run.validate()
    check()
    # Before there is something to keep, a measurement is not broken off.
    judge.check = lambda: check() if run.weights else None
    return run, test


def _draw_replay(
    config: FinetuneConfig, check: Callable[[], None]
) -> Generator[FinetuneReport, None, list[LoadedPair]]:
    """Read or draw the pages to replay, as many as the time allows."""
    pages: list[LoadedPair] = []
    begun = time.monotonic()
    for page in replay_pages(config):
        pages.append(page)
        check()
        yield FinetuneReport("drawing", pages=len(pages))
        late = time.monotonic() - begun > _SECONDS_TO_DRAW
        if config.minutes and late and len(pages) >= _FEWEST_DRAWN:
            break
    return pages


def _learn(run: _Finetuning, stopped: Callable[[], bool]) -> Iterator[FinetuneReport]:
    """Take steps and validate until the budget is spent, nothing gets better, or it is stopped."""
    config, losses, validated = run.config, list[float](), 0
    planned, share = run.validations, 0.0
    while share < 1 and not stopped():
        try:
            loss, rate = run.learner.step(*run.windows.of(run.steps))
        except TrainingError as error:
            if run.weights is None:
                raise
            yield run.report("training", note=f"{error}; the best weights so far are kept")
            return
        share = run.read_clock()
        losses.append(loss)
        due = share * planned >= validated + 1
        if due or run.learner.state.step % _STEPS_A_REPORT == 0:
            figures: dict[str, Any] = {"loss": float(np.mean(losses)), "learning_rate": rate}
            if due:
                validated += 1
                try:
                    figures["validation"] = run.validate()
                except Stopped:
                    return
            yield run.report("training", **figures)
            losses = []
        if due and config.patience and run.validations_since >= config.patience:
            return
    if run.learner.state.step and run.weights is None:
        end = time.monotonic() + _SECONDS_AFTER_STOP
        measured = run.validate(lambda: stopped() and time.monotonic() > end)
        yield run.report("training", validation=measured)


def _finish(
    run: _Finetuning, test: Sequence[Pair], stopped: Callable[[], bool]
) -> Iterator[FinetuneReport]:
    """Calibrate the best weights, measure them on other pages, and write the model."""
    if run.weights is None:
        yield run.report("done", note=NOTHING_LEARNT)
        return
    judge, known = run.judge, known_pages(run.config, run.base, run.few)
    # Whoever has pressed Stop does not wait for better calibrated probabilities.
    refit = "keep" if stopped() else run.config.calibration
    kept = judge.base_calibration, run.base.threshold
    try:
        chosen = judge.calibrated(run.weights, refit)
        if chosen != kept:
            figures = judge.compare(run.weights, _fitted(*chosen))
            run.after = figures.after if figures else None
    except Stopped:
        chosen = kept
    fitted = _fitted(*chosen)
    run.write(unfinished_path(run.path), run.header(**fitted))
    on_others: BeforeAfter | None = None
    if test and not stopped():
        yield run.report("measuring", share=1.0)
        after = judge.model(run.weights, {**fitted, **known}, judge.start)
        for measured in compare_on_pages(judge.start, after, test, judge.check):
            on_others = measured
            yield run.report("measuring", share=1.0)
    header = run.header(**fitted, figures=stored_figures(run.figures, on_others))
    model = run.write(run.path, header)
    unfinished_path(run.path).unlink(missing_ok=True)
    words = verdict(model.name, run.base.name, run.figures, on_others)
    picture = _picture(run, {**fitted, **known})
    outcome = Outcome(model, run.figures, on_others, is_better(run.figures), words, picture)
    yield run.report("done", share=1.0, outcome=outcome)


def _fitted(calibration: Calibration, threshold: float) -> dict[str, Any]:
    """Calibration and threshold as a header has them."""
    return {"calibration": asdict(calibration), "threshold": threshold}


def _picture(run: _Finetuning, header: Mapping[str, Any]) -> Path | None:
    """Show on a strip of an own page what is read otherwise than before."""
    part = run.judge.worst_part()
    if part is None or run.weights is None:
        return None
    after = run.judge.model(run.weights, header)
    readings = [read_ink(model, part) for model in (run.judge.start, after)]
    return keep_strip(run.path.stem, before_and_after(part.pixels, *readings))
