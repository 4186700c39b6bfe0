"""A model learns from a few labelled pages, from top to bottom.

Strategy: the weights start at a model that reads many kinds of pages and move as little as
the own pages ask for. Windows of other pages are mixed in, the moving average is what is
looked at, and a held-out part of the own pages decides which weights are kept: those of the
best look so far, which also lie on the disk, so that neither Stop nor a crash loses them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import numpy as np

from docbin_napari.finetune.config import FinetuneConfig
from docbin_napari.finetune.few_pages import chosen_pairs, load_few_pages
from docbin_napari.finetune.judge import Figures, Judge, compare, in_reading_size
from docbin_napari.finetune.learner import Learner
from docbin_napari.finetune.outcome import (
    FinetuneError,
    Outcome,
    base_of,
    is_better,
    new_model_path,
    stored_figures,
    verdict,
)
from docbin_napari.finetune.replay import MixedWindows, replay_pages
from docbin_napari.finetune.run import Best, Clock, FinetuneReport, Run
from docbin_napari.model.device import choose_device
from docbin_napari.model.weights import load_network
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair
from docbin_napari.train.model_output import unfinished_path

__all__ = ["FinetuneConfig", "FinetuneError", "FinetuneReport", "Outcome", "finetune"]

_STEPS_A_REPORT = 5
# A short time is rather spent on learning than on drawing what is replayed.
_DRAWING_SHARE = 0.2
_SECONDS_AFTER_STOP = 8.0


def finetune(
    config: FinetuneConfig, stopped: Callable[[], bool] = lambda: False
) -> Iterator[FinetuneReport]:
    """Let a model learn from a few pages.

    Parameters
    ----------
    config : FinetuneConfig
        From what, how and for how long.
    stopped : callable
        Asked before every step; once it says True, the best weights so far are measured and
        written within seconds.

    Yields
    ------
    FinetuneReport
        At every stage, every five steps, after every look at the held-out part, and at the
        end with the outcome. Not asking for the next one leaves the best weights so far in
        `model_output.unfinished_path`.

    Raises
    ------
    FinetuneError
        If the model cannot be written, or training fails.
    PairError, PageError, MaskError
        If the pairs cannot be read.
    ModelError
        If the model to start from is missing or damaged.
    DeviceError
        If the device is not there.
    """
    clock = Clock(config)
    path = new_model_path(config)
    base, note = base_of(config.start)
    device = choose_device(config.device)
    yield FinetuneReport("reading", note=note)
    # A missing test page is better known before the training than after it.
    test = chosen_pairs(config.test, ()) if config.test else []
    few = load_few_pages(config.collections, config.pages, config.held_out, config.seed)
    replayed: list[LoadedPair] = []
    for page in replay_pages(config):
        replayed.append(page)
        yield FinetuneReport("drawing", share=clock.share(0), minutes=clock.minutes)
        if stopped() or clock.share(0) > _DRAWING_SHARE:
            break
    network = load_network(base)
    judge = Judge(base, network, few.held_out, device)
    few = few.drawn_at(judge.draw_strokes_as_held_out())
    best = Best(judge.before() if judge.can_tell else None)
    learner = Learner(network, config, device)
    learn = list(in_reading_size(few.learn, judge.base_model()))
    windows = MixedWindows(learn, replayed, config, device.name)
    run = Run(config, path, base, few, judge, learner, windows, best, clock)
    yield run.report("training", validation=best.before)
    yield from _learn(run, stopped)
    yield from _finish(run, test, stopped)


def _learn(run: Run, stopped: Callable[[], bool]) -> Iterator[FinetuneReport]:
    """Steps and looks until the budget is spent, nothing gets better, or somebody says stop."""
    config, losses, looks = run.config, list[float](), 0
    while (share := run.clock.share(run.learner.steps)) < 1 and not stopped():
        loss, rate = run.learner.step(run.windows.of(run.learner.steps), share)
        losses.append(loss)
        if not math.isfinite(loss):
            trouble = "The loss is no longer a number; try a lower --learning-rate."
            if run.best.weights is None:
                raise FinetuneError(trouble)
            yield run.report("training", note=trouble)
            return
        due = run.clock.share(run.learner.steps) * config.validations >= looks + 1
        if due or run.learner.steps % _STEPS_A_REPORT == 0:
            news: dict[str, float | None] = {"loss": float(np.mean(losses)), "learning_rate": rate}
            if due:
                looks += 1
                news["validation"] = run.look()
            yield run.report("training", **news)
            losses = []
        if due and config.patience and run.best.looks_since >= config.patience:
            return
    if run.learner.steps and (stopped() or not looks):
        yield run.report("training", validation=run.look())


def _finish(
    run: Run, test: Sequence[Pair], stopped: Callable[[], bool]
) -> Iterator[FinetuneReport]:
    """Calibrate the best weights, measure them on other pages, and write the model."""
    best = run.best
    if best.weights is None:
        early = "Stopped before" if stopped() else "The time was over before"
        mend = "" if stopped() else " Give more --minutes."
        yield run.report("done", note=f"{early} anything was learnt: no model is written.{mend}")
        return
    calibration, threshold = run.judge.calibrated(best.weights, run.config.calibration)
    fitted = {"calibration": asdict(calibration), "threshold": threshold}
    if calibration != run.judge.base_calibration or threshold != run.base.threshold:
        best.after = run.judge.held_out(best.weights, fitted)
    run.write(unfinished_path(run.path), run.header(**fitted))
    figures: Figures | None = None
    if test:
        yield run.report("measuring", share=1.0)
        end = time.monotonic() + _SECONDS_AFTER_STOP
        told = {**fitted, **run.domain()}
        models = run.judge.base_model(), run.judge.shipped(best.weights, told)
        for measured in compare(*models, test, lambda: stopped() and time.monotonic() > end):
            figures = measured
            yield run.report("measuring", share=1.0)
    told = run.header(**fitted, figures=stored_figures(run.figures(), figures))
    model = run.write(run.path, told)
    unfinished_path(run.path).unlink(missing_ok=True)
    words = verdict(model.name, run.base.name, run.figures(), figures)
    outcome = Outcome(model, run.figures(), figures, is_better(run.figures()), words)
    yield run.report("done", share=1.0, outcome=outcome)
