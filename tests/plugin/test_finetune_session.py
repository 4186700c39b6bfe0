"""A training as its widget sees it, with a made-up process: no window, no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from docbin_napari.pairs.pair import Collection, Summary
from docbin_napari.plugin.finetune.finetune_session import TrainingRequest, TrainingSession, refusal
from docbin_napari.plugin.signals import MODEL_NEWS
from docbin_napari.train.model_output import unfinished_path

REQUEST = TrainingRequest((Path("train/letters"),), "mine", "general-1", 5)
LETTERS = Summary(Collection(Path("train/letters"), "train"), 2, 0, 100, 80, 9)
OUTCOME = {"name": "mine", "verdict": "mine is better", "better": True, "path": "mine"}


class Process:
    """Says what a test puts into its mouth."""

    def __init__(self) -> None:
        self.say: list[dict[str, Any]] = []
        self.ended = False
        self.exit_code, self.last_words = None, ""
        self.heard: list[str] = []

    def launch(self, arguments: list[str]) -> Process:
        self.arguments = arguments
        return self

    def events(self) -> list[dict[str, Any]]:
        said, self.say = self.say, []
        return said

    def stop(self) -> None:
        self.heard.append("stop")

    def kill(self) -> None:
        self.heard.append("kill")

    def leave_alone(self) -> None:
        self.heard.append("keep")

    def close(self) -> None:
        self.heard.append("close")


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def session(process, tmp_path, monkeypatch) -> TrainingSession:
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    return TrainingSession(REQUEST, process.launch)


@pytest.fixture
def news():
    """What other widgets hear of new models."""
    heard: list[tuple[str, bool]] = []

    def note(name: str, better: bool) -> None:
        heard.append((name, better))

    MODEL_NEWS.added.connect(note)
    yield heard
    MODEL_NEWS.added.disconnect(note)


def test_the_request_becomes_a_command(session, process) -> None:
    text = " ".join(process.arguments)
    assert "--collections train/letters --output mine --start general-1 --minutes 5" in text


def test_curves_and_progress_follow_the_news(session, process) -> None:
    process.say = [
        {"stage": "training", "minutes": 0.1, "before": 80.0, "validation": 80.0},
        {"stage": "training", "step": 5, "share": 0.25, "minutes": 1.0, "loss": 0.5},
        {"stage": "training", "share": 0.5, "minutes": 2.5, "validation": 85.5, "best": 85.5,
         "before": 80.0, "loss": 0.4},
    ]  # fmt: skip
    assert session.tick()
    assert session.curves.looks == [(0.1, 80.0), (2.5, 85.5)]
    assert session.curves.losses == [(1.0, 0.5), (2.5, 0.4)]
    assert session.curves.before == 80.0
    assert session.fraction == 0.5
    assert session.status == "Training: 2 min 30 s of 5 min 0 s · FM 80.00 before, 85.50 now"


def test_a_finished_model_is_told_to_every_widget(session, process, news) -> None:
    process.say = [{"stage": "done", "outcome": OUTCOME}]
    process.ended = True
    endings = []
    session.ended.connect(endings.append)
    assert not session.tick()
    assert news == [("mine", True)]
    assert session.status == "mine is better"
    assert endings == [session.ending]
    assert "close" in process.heard
    assert not session.tick(), "an end comes once"
    assert len(endings) == 1


def test_a_model_that_is_not_better_is_told_as_such(session, process, news) -> None:
    process.say = [{"stage": "done", "outcome": {**OUTCOME, "better": False}}]
    process.ended = True
    session.tick()
    assert news == [("mine", False)]


def test_stop_asks_first_and_ends_at_once_the_second_time(session, process, tmp_path) -> None:
    process.say = [{"stage": "training", "step": 5, "minutes": 0.2}]
    session.tick()
    session.stop()
    assert process.heard == ["stop"]
    assert session.status == "Stopping. The best so far is kept."
    session.stop()
    assert process.heard == ["stop", "kill"]
    process.ended = True
    unfinished_path(tmp_path / "mine.safetensors").write_text("weights")
    session.tick()
    assert session.status.startswith("Stopped at once.")
    assert session.ending.model == "mine"
    assert (tmp_path / "mine.safetensors").exists()


def test_stop_while_preparing_waits_for_two_seconds_at_most(process, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    now = [100.0]
    session = TrainingSession(REQUEST, process.launch, clock=lambda: now[0])
    process.say = [{"stage": "drawing", "pages": 3}]
    session.tick()
    assert session.status.startswith("Preparing: ")
    assert "(3)" in session.status
    session.stop()
    assert session.status == "Stopping. Nothing has been learnt yet."
    session.tick()
    assert process.heard == ["stop"]
    now[0] += 2.1
    session.tick()
    assert process.heard == ["stop", "kill"]
    process.ended = True
    session.tick()
    assert session.status == "Stopped. Nothing has been learnt yet."
    assert not session.ending.failed
    assert not session.ending.model


def test_a_training_that_has_learnt_is_waited_for(process, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DOCBIN_MODELS", str(tmp_path))
    now = [0.0]
    session = TrainingSession(REQUEST, process.launch, clock=lambda: now[0])
    process.say = [{"stage": "training", "step": 5, "minutes": 0.2}]
    session.tick()
    session.stop()
    now[0] += 60
    session.tick()
    assert process.heard == ["stop"]


def test_the_picture_comes_with_the_end(session, process) -> None:
    process.say = [{"stage": "done", "outcome": {**OUTCOME, "picture": "strip.png"}}]
    process.ended = True
    session.tick()
    assert session.ending.picture == "strip.png"


def test_one_that_goes_on_names_its_model() -> None:
    from dataclasses import replace

    longer = replace(REQUEST, longer="mine-1", name="mine-2").arguments()
    assert " ".join(longer).endswith("--longer mine-1")
    assert "--longer" not in REQUEST.arguments()


def test_a_crash_tells_the_last_words_and_keeps_the_best(session, process, tmp_path, news) -> None:
    unfinished_path(tmp_path / "mine.safetensors").write_text("weights")
    process.ended, process.exit_code, process.last_words = True, -9, "Killed\nout of memory"
    session.tick()
    assert "exit code -9" in session.status
    assert "out of memory" in session.status
    assert "kept as “mine”" in session.status
    assert news == [("mine", False)]
    assert session.ending.failed


def test_one_that_was_left_alone_still_brings_its_model(session, process, news) -> None:
    assert session.needs_us
    session.leave_alone()
    assert process.heard == ["keep"]
    assert not session.needs_us
    process.ended, process.exit_code = True, 0
    session.tick()
    assert news == [("mine", False)]
    assert not session.ending.failed


def test_one_that_was_left_alone_can_be_stopped_and_keeps_its_best(
    session, process, tmp_path, news
) -> None:
    """napari did not close after all, and the process listens to nobody."""
    process.say = [{"stage": "drawing", "pages": 3}]
    session.tick()
    session.leave_alone()
    session.stop()
    assert process.heard == ["keep", "kill"]
    assert session.status == "Stopping. The best so far is kept."
    unfinished_path(tmp_path / "mine.safetensors").write_text("weights")
    process.ended, process.exit_code = True, -9
    session.tick()
    assert session.status.startswith("Stopped at once.")
    assert news == [("mine", False)]
    assert (tmp_path / "mine.safetensors").exists()


def test_an_error_is_told_in_its_own_words(session, process, news) -> None:
    process.say = [{"error": "page.png: the mask is missing"}]
    process.ended, process.exit_code = True, 1
    session.tick()
    assert "page.png: the mask is missing" in session.status
    assert "No model was written" in session.status
    assert news == []


@pytest.mark.parametrize(
    ("changes", "labelled", "words"),
    [
        ({}, True, ""),
        ({"collections": ()}, True, "Tick at least one"),
        ({}, False, "Nothing is labelled"),
        ({"name": ""}, True, "a name"),
        ({"name": "general-1"}, True, "already a model “general-1”"),
        ({"name": "../x"}, True, "cannot be the name"),
        ({"name": "-x"}, True, "cannot be the name"),
        ({"name": "letters.safetensors"}, True, "or ends with .safetensors."),
        ({"name": "con"}, True, "Windows"),
        ({"start": "gone"}, True, "start from"),
    ],
)
def test_a_training_that_cannot_be_is_refused(changes, labelled, words) -> None:
    from dataclasses import replace

    summaries = [LETTERS] if labelled else [replace(LETTERS, labelled=0)]
    said = refusal(replace(REQUEST, **changes), summaries, ["general-1"])
    assert bool(said) == bool(words)
    assert words in said
