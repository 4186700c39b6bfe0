"""Fine-tune a model on a few labelled pages.

Strategy: the weights start at a model that reads many kinds of pages and move as little as the own
pages ask for. Windows of other pages are mixed in, the moving average is measured, and a held-out
part of the own pages decides which weights are kept: the best so far, which also lie on the disk,
so that neither Stop nor a crash loses them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from docbin_napari.finetune.before_after import before_and_after, keep_strip
from docbin_napari.finetune.config import FinetuneConfig, suited
from docbin_napari.finetune.few_pages import chosen_pairs, load_few_pages
from docbin_napari.finetune.judge import Figures, Judge, Stopped, compare, in_reading_size, read_ink
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
from docbin_napari.finetune.run import Best, Clock, Earlier, FinetuneReport, Run
from docbin_napari.model.device import choose_device
from docbin_napari.model.weights import load_network
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair
from docbin_napari.train.model_output import unfinished_path

__all__ = ["FinetuneConfig", "FinetuneError", "FinetuneReport", "Outcome", "finetune"]

_STEPS_A_REPORT = 5
# Where pages to replay have to be drawn, the rest is left to the next training.
_SECONDS_TO_DRAW = 4.0
_FEWEST_DRAWN = 4
# Somebody who presses Stop waits no longer than this for a first measurement.
_SECONDS_AFTER_STOP = 1.0
NOTHING_LEARNT = "Stopped. Nothing has been learnt yet, so no model was written."


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
    try:
        run, test = yield from _prepare(config, stopped)
    except Stopped:
        unfinished_path(new_model_path(config)).unlink(missing_ok=True)
        yield FinetuneReport("done", note=NOTHING_LEARNT)
        return
    run.clock.start()
    yield run.report("training", validation=run.best.before)
    yield from _learn(run, stopped)
    yield from _finish(run, test, stopped)


def _prepare(
    config: FinetuneConfig, stopped: Callable[[], bool]
) -> Generator[FinetuneReport, None, tuple[Run, list[Pair]]]:
    """Read, draw and measure all that is needed before the first step."""

    def check() -> None:
        # Once there is something to keep, a look at it is not broken off before its time.
        if stopped():
            raise Stopped

    path = new_model_path(config)
    base, note = base_of(config.longer or config.start)
    device = choose_device(config.device)
    yield FinetuneReport("reading", note=note)
    # A missing test page is better known before the training than after it.
    test = chosen_pairs(config.test, ()) if config.test else []
    few = load_few_pages(config.collections, config.pages, config.held_out, config.seed, check)
    earlier = Earlier.of(config, few.digest) if config.longer else None
    replayed: list[LoadedPair] = []
    begun = time.monotonic()
    for page in replay_pages(config):
        replayed.append(page)
        check()
        yield FinetuneReport("drawing", pages=len(replayed))
        late = time.monotonic() - begun > _SECONDS_TO_DRAW
        if config.minutes and late and len(replayed) >= _FEWEST_DRAWN:
            break
    yield FinetuneReport("judging")
    network = load_network(base)
    judge = Judge(base, network, few.held_out, device, check)
    few = few.drawn_at(judge.draw_strokes_as_held_out())
    best = Best(judge.before() if judge.can_tell else None)
    learn = list(in_reading_size(few.learn, judge.base_model()))
    places, errors = judge.errors_on(learn)
    config = suited(config, errors)
    learner = Learner(network, config, device, earlier.weights if earlier else None)
    window = -(-config.window // network.config.stride) * network.config.stride
    windows = MixedWindows(learn, replayed, replace(config, window=window), device.name, places)
    run = Run(config, path, base, few, judge, learner, windows, best, Clock(config), earlier)
    if earlier:
        run.look()
    check()
    judge.check = lambda: check() if best.weights else None
    return run, test


def _learn(run: Run, stopped: Callable[[], bool]) -> Iterator[FinetuneReport]:
    """Steps and looks until the budget is spent, nothing gets better, or somebody says stop."""
    config, losses, looks = run.config, list[float](), 0
    planned, share = run.looks, 0.0
    while share < 1 and not stopped():
        loss, rate = run.learner.step(run.windows.of(run.steps), share)
        share = run.clock.share(run.learner.steps)
        losses.append(loss)
        if not math.isfinite(loss):
            trouble = "The loss is no longer a number; try a lower --learning-rate."
            if run.best.weights is None:
                raise FinetuneError(trouble)
            yield run.report("training", note=trouble)
            return
        due = share * planned >= looks + 1
        if due or run.learner.steps % _STEPS_A_REPORT == 0:
            news: dict[str, float | None] = {"loss": float(np.mean(losses)), "learning_rate": rate}
            if due:
                looks += 1
                try:
                    news["validation"] = run.look()
                except Stopped:
                    return
            yield run.report("training", **news)
            losses = []
        if due and config.patience and run.best.looks_since >= config.patience:
            return
    if run.learner.steps and run.best.weights is None:
        end = time.monotonic() + _SECONDS_AFTER_STOP
        seen = run.look(lambda: stopped() and time.monotonic() > end)
        yield run.report("training", validation=seen)


def _finish(
    run: Run, test: Sequence[Pair], stopped: Callable[[], bool]
) -> Iterator[FinetuneReport]:
    """Calibrate the best weights, measure them on other pages, and write the model."""
    best = run.best
    if best.weights is None:
        yield run.report("done", note=NOTHING_LEARNT)
        return
    # Whoever has pressed Stop does not wait for better calibrated probabilities.
    refit = "keep" if stopped() else run.config.calibration
    try:
        calibration, threshold = run.judge.calibrated(best.weights, refit)
        fitted = {"calibration": asdict(calibration), "threshold": threshold}
        if calibration != run.judge.base_calibration or threshold != run.base.threshold:
            best.after = run.judge.held_out(best.weights, fitted).after
    except Stopped:
        calibration, threshold = run.judge.base_calibration, run.base.threshold
        fitted = {"calibration": asdict(calibration), "threshold": threshold}
    run.write(unfinished_path(run.path), run.header(**fitted))
    figures: Figures | None = None
    own = {**fitted, **run.domain()}
    if test and not stopped():
        yield run.report("measuring", share=1.0)
        models = run.judge.base_model(), run.judge.shipped(best.weights, own)
        for measured in compare(*models, test, run.judge.check):
            figures = measured
            yield run.report("measuring", share=1.0)
    told = run.header(**fitted, figures=stored_figures(run.figures(), figures))
    model = run.write(run.path, told)
    unfinished_path(run.path).unlink(missing_ok=True)
    words = verdict(model.name, run.base.name, run.figures(), figures)
    picture = _picture(run, own)
    outcome = Outcome(model, run.figures(), figures, is_better(run.figures()), words, picture)
    yield run.report("done", share=1.0, outcome=outcome)


def _picture(run: Run, header: Mapping[str, Any]) -> Path | None:
    """Show on a strip of an own page what is read otherwise than before."""
    assert run.best.weights is not None
    part = run.judge.telling_part()
    if part is None:
        return None
    after = run.judge.model(run.best.weights, header)
    readings = [read_ink(model, part) for model in (run.judge.base_model(), after)]
    return keep_strip(run.path.stem, before_and_after(part.pixels, *readings))
