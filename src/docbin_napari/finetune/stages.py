"""Fine-tune a model on a few labelled pages.

Strategy: the weights start at a model that reads many kinds of pages and move as little as a user's
pages ask for. Windows of other pages are mixed in, the moving average is measured, and a held-out
part of the own pages decides which weights are kept: the best so far, which also lie on the disk,
so that neither Stop nor a crash loses them.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from docbin_napari.features.page_look import read_looks
from docbin_napari.finetune.few_pages import FewPages, chosen_pairs, in_reading_size, load_few_pages
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.finetune.judge import BeforeAfter, Judge, compare_on_pages, read_ink
from docbin_napari.finetune.learner import FinetuneLearner, MixedWindows, between, generated_page
from docbin_napari.finetune.reports import (
    NOTHING_LEARNT,
    FinetuneReport,
    Outcome,
    Stage,
    before_and_after,
    counted,
    keep_strip,
    verdict,
)
from docbin_napari.io.errors import FileError
from docbin_napari.io.paths import file_hash, writing_trouble
from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import load_network, save_model
from docbin_napari.model.model_file import ModelError, ModelInfo, find_model, model_folders
from docbin_napari.model.torch_engine import torch_model
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair, load_pairs
from docbin_napari.train.model_output import checked_output, unfinished_path
from docbin_napari.train.train_config import Stopped, TrainingError

_STEPS_A_REPORT = 5
# Where pages to replay have to be drawn, the rest is left to the next training.
_SECONDS_TO_DRAW = 4.0
_FEWEST_DRAWN = 4
HELD_OUT, TEST = "held-out FM", "test FM"
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
        run = yield from _prepare(config, stopped)
    except Stopped:
        unfinished_path(checked_output(config.output, config.overwrite)).unlink(missing_ok=True)
        yield FinetuneReport("done", note=NOTHING_LEARNT)
        return
    run.began = time.monotonic()
    yield run.report("training", validation=run.before)
    yield from _learn(run, stopped)
    yield from _finish(run, stopped)


@dataclass(frozen=True)
class EarlierTraining:
    """An earlier fine-tuning that is continued; by default there is none.

    Parameters
    ----------
    weights : dict, optional
        What it had learnt, before it was taken back towards its start.
    steps : int
        Its steps.
    minutes : float
        Its time.
    """

    weights: dict[str, Tensor] | None = None
    steps: int = 0
    minutes: float = 0.0


@dataclass
class _Finetuning:
    """A fine-tuning that is ready to begin, its best weights so far and their figures."""

    config: FinetuneConfig
    path: Path
    base: ModelInfo
    few: FewPages
    judge: Judge
    learner: FinetuneLearner
    windows: MixedWindows
    earlier: EarlierTraining
    test: list[Pair]
    before: float | None
    figures: BeforeAfter | None = None
    weights: dict[str, Tensor] | None = None
    best_step: int = 0
    validations_since: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def steps(self) -> int:
        """Steps done, those of an earlier fine-tuning that goes on included."""
        return self.learner.state.step + self.earlier.steps

    def read_clock(self) -> float:
        """Note how much time is spent, and return the share of the budget, 0 to 1."""
        self.learner.state.seconds = time.monotonic() - self.began
        return self.learner.state.spent

    def report(self, stage: Stage, **changes: Any) -> FinetuneReport:
        """Make a report of what is known at this moment."""
        step, share = self.learner.state.step, self.read_clock()
        known: dict[str, Any] = {"step": step, "before": self.before}
        if step:
            known |= {"share": share, "minutes": self.learner.state.seconds / 60}
        if self.figures is not None:
            known |= {"before": self.figures.before, "best": self.figures.after}
        return FinetuneReport(stage, **{**known, **changes})

    @property
    def better(self) -> bool | None:
        """Whether the held-out part is read better; None where nothing is held out."""
        return None if self.figures is None else self.figures.is_better

    @property
    def validations(self) -> int:
        """How often the held-out parts are measured, so that most time goes into learning."""
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
        if figures is None or self.figures is None or figures.after > self.figures.after:
            self.weights, self.figures = weights, figures
            self.best_step, self.validations_since = self.steps, 0
            self.write(unfinished_path(self.path), self.header())
        return None if figures is None else figures.after

    def header(self, **changes: Any) -> dict[str, Any]:
        """Put together the header of the file of the best weights.

        Raises
        ------
        TrainingError
            If the header of the start cannot be read.
        """
        config, base, pages = self.config, self.base, self.few.pages
        recipe = {name: value for name, value in asdict(config).items() if name not in _NOT_STORED}
        more = f" and {len(pages) - 4} more" if len(pages) > 4 else ""
        listed = base.path.parent in model_folders()
        minutes = (time.monotonic() - self.began) / 60 + self.earlier.minutes
        return {
            "threshold": base.threshold,
            "calibration": base.header.get("calibration", {}),
            "title": config.title or f"{base.name}, trained on {counted(len(pages), 'own page')}",
            "training_data": f"{base.training_data}; then {', '.join(pages[:4])}{more}",
            "base": {
                "name": base.name if listed else str(base.path.resolve()),
                "sha256": file_hash(base.path),
            },
            "pages": list(pages),
            "pages_digest": self.few.digest,
            "recipe": recipe,
            "seed": config.seed,
            "steps": self.best_step,
            "minutes": round(minutes, 1),
            "better": self.better,
            "figures": stored_figures(self.figures, None),
            "edge_level": self.judge.edge_level,
            **_known_pages(config, base, self.few),
            **changes,
        }

    def write(self, path: Path, header: dict[str, Any]) -> ModelInfo:
        """Write the best weights."""
        assert self.weights is not None
        network = load_network(self.base)
        network.load_state_dict(self.weights)
        try:
            return save_model(path, network, header)
        except OSError as error:
            raise TrainingError(f"{path}: {writing_trouble(error)}") from error


# Settings that are paths or names, or stand in the header by themselves.
_NOT_STORED = {
    *("collections", "test", "replay_from", "output"),
    *("start", "longer", "overwrite", "title"),
}


def earlier_training(config: FinetuneConfig, base: ModelInfo, digest: str) -> EarlierTraining:
    """Find out how far the model `config.longer` is, if there is one.

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
        it has learnt from would be taken for held-out ones. Also if its start has changed.
    """
    if not config.longer:
        return EarlierTraining()
    info = find_model(config.longer)
    if "base" not in info.header:
        raise TrainingError(f"{info.name} is no fine-tuned model: leave out --longer")
    recipe = info.header.get("recipe", {})
    same = [recipe.get(name) == getattr(config, name) for name in ("held_out", "seed")]
    if info.header.get("pages_digest") != digest or not all(same) or not recipe.get("keep"):
        raise TrainingError(
            f"{info.name} cannot be trained longer: its pairs or settings have changed since; "
            "train a new model"
        )
    if info.header["base"].get("sha256") != file_hash(base.path):
        raise TrainingError(
            f"{info.name} cannot be trained longer: {base.name}, from which it was made, "
            "is another model now; train a new model"
        )
    start, kept = (load_network(each).state_dict() for each in (base, info))
    learnt = between(start, kept, 1 / recipe["keep"])
    return EarlierTraining(learnt, int(info.header["steps"]), float(info.header["minutes"]))


def _known_pages(config: FinetuneConfig, base: ModelInfo, few: FewPages) -> dict[str, Any]:
    """Describe which pages the new model reads itself."""
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
    info = find_model(name)
    if "base" not in info.header:
        return info, ""
    stored = str(info.header["base"].get("name", ""))
    try:
        base = find_model(stored)
    except ModelError as error:
        raise ModelError(
            f"{info.name} was made from {stored}, and a fine-tuning starts there: {error}"
        ) from error
    if "base" in base.header:
        raise ModelError(f"{info.path}: its base {stored} has one, too: choose another model")
    return base, f"{name} was made from {base.name}: starting from {base.name} on all pairs"


def _prepare(
    config: FinetuneConfig, stopped: Callable[[], bool]
) -> Generator[FinetuneReport, None, _Finetuning]:
    """Read, draw and measure all that is needed before the first step."""

    def check() -> None:
        if stopped():
            raise Stopped

    path = checked_output(config.output, config.overwrite)
    base, note = base_of(config.longer or config.start)
    network = load_network(base)
    device = choose_device(config.device)
    yield FinetuneReport("reading", note=note)
    # A missing test page is better known before the training than after it.
    test = chosen_pairs(config.test, ()) if config.test else []
    start = torch_model(copy.deepcopy(network), base, device)
    few = load_few_pages(
        config.collections, config.pages, config.held_out, config.seed, check, start
    )
    earlier = earlier_training(config, base, few.digest)
    replayed = yield from _draw_replay(config, check)
    yield FinetuneReport("judging")
    judge = Judge(start, network, few.held_out, check)
    edge = judge.choose_edge_level()
    before = judge.measure_start()
    # All are drawn as they will be read.
    edge = math.nan if edge is None else edge
    learn = [replace(pair, edge=edge) for pair in in_reading_size(few.learn)]
    places = judge.errors_on(learn) if config.hard else []
    learner = FinetuneLearner(network, config, device, earlier.weights)
    window = -(-config.window // network.config.stride) * network.config.stride
    windows = MixedWindows(learn, replayed, replace(config, window=window), device.name, places)
    run = _Finetuning(config, path, base, few, judge, learner, windows, earlier, test, before)
    if earlier.weights:
        run.validate()
    check()
    # Before there is something to keep, a measurement is not broken off.
    judge.check = lambda: check() if run.weights else None
    return run


def _draw_replay(
    config: FinetuneConfig, check: Callable[[], None]
) -> Generator[FinetuneReport, None, list[LoadedPair]]:
    """Read or draw the pages to replay, as many as the time allows."""
    if not config.replay:
        return []
    pages = load_pairs(config.replay_from)
    begun = time.monotonic()
    for number in range(config.replay_pages):
        pages.append(generated_page(config.seed, number))
        check()
        yield FinetuneReport("drawing", pages=len(pages))
        late = time.monotonic() - begun > _SECONDS_TO_DRAW
        if config.minutes and late and number + 1 >= _FEWEST_DRAWN:
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


def _finish(run: _Finetuning, stopped: Callable[[], bool]) -> Iterator[FinetuneReport]:
    """Calibrate the best weights, measure them on other pages, and write the model."""
    if run.weights is None:
        yield run.report("done", note=NOTHING_LEARNT)
        return
    judge = run.judge
    # Whoever has pressed Stop does not wait for better calibrated probabilities.
    refit = "keep" if stopped() else run.config.calibration
    kept = judge.calibrated(run.weights, "keep")
    with suppress(Stopped):
        fitted = judge.calibrated(run.weights, refit, run.config.layers)
        figures = None if fitted == kept else judge.compare(run.weights, fitted)
        if figures and run.figures and figures.after >= run.figures.after:
            kept, run.figures = fitted, figures
    header = run.header(**kept)
    run.write(unfinished_path(run.path), header)
    on_others: BeforeAfter | None = None
    left_out: list[FileError] = []
    if run.test and not stopped():
        yield run.report("measuring", share=1.0)
        after = judge.model(run.weights, header, judge.start)
        for measured in compare_on_pages(judge.start, after, run.test, judge.check, left_out):
            on_others = measured
            yield run.report("measuring", share=1.0)
    header = run.header(**kept, figures=stored_figures(run.figures, on_others))
    model = run.write(run.path, header)
    unfinished_path(run.path).unlink(missing_ok=True)
    words = verdict(model.name, run.base.name, run.figures, on_others)
    if left_out:
        words += f" {counted(len(left_out), 'other page')} could not be measured: {left_out[0]}."
    outcome = Outcome(model, run.figures, on_others, run.better, words, _picture(run, header))
    yield run.report("done", share=1.0, outcome=outcome)


def _picture(run: _Finetuning, header: Mapping[str, Any]) -> Path | None:
    """Show on a strip of one of the user's pages what is read differently than before."""
    part = run.judge.worst_part()
    if part is None or run.weights is None:
        return None
    after = run.judge.model(run.weights, header)
    readings = [read_ink(model, part) for model in (run.judge.start, after)]
    return keep_strip(run.path.stem, before_and_after(part.pixels, *readings))
