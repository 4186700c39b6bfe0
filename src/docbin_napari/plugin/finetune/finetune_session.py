"""Training of the panel without a window: its process, its state, requests and refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from psygnal import Signal

from docbin_napari.io.paths import name_trouble
from docbin_napari.model.model_file import user_model_folder
from docbin_napari.plugin.binarize.binarize_session import in_words
from docbin_napari.plugin.signals import MODEL_NEWS
from docbin_napari.train.model_output import rescue_of_the_dead

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from docbin_napari.pairs.pair import Summary

_LAST_LINES = 8
_SECONDS_TO_STOP = 2.0
_NOTHING_LEARNT = "Nothing has been learnt yet."
_BEST_KEPT = "The best so far is kept."
_STAGES = {
    "reading": "Preparing: reading the pairs…",
    "drawing": "Preparing: pages of other kinds, so that they are not forgotten ({pages})…",
    "judging": "Preparing: how well your pages are read now…",
    "measuring": "Measuring before and after on other pages…",
}


class TrainingProcess:
    """Runs ``python -m docbin_napari.train --finetune --json``.

    Strategy: two threads read what the process says, so that neither it nor the window ever
    waits for the other. Its standard input is kept open: however this program
    ends, the process notices, keeps the best so far and ends as well.

    Parameters
    ----------
    arguments : sequence of str
        Options of the fine-tuning.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "docbin_napari.train", "--finetune", "--json", *arguments]
        # No console window pops up on Windows.
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        process = self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONUTF8": "1"},
            creationflags=flags,
        )
        self._events: deque[dict[str, Any]] = deque()
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        heard = ((process.stdout, self._take_event), (process.stderr, self._said.append))
        self._readers = [threading.Thread(target=_read, args=one, daemon=True) for one in heard]
        for reader in self._readers:
            reader.start()

    def events(self) -> list[dict[str, Any]]:
        """Return the events since the last call; see `docbin_napari.finetune.reports`."""
        return [self._events.popleft() for _ in range(len(self._events))]

    @property
    def ended(self) -> bool:
        """Whether the process has ended and all its events can be taken."""
        gone = self._process.poll() is not None
        return gone and not any(reader.is_alive() for reader in self._readers)

    @property
    def exit_code(self) -> int | None:
        """Exit code; negative for a signal, None while it runs."""
        return self._process.poll()

    @property
    def last_words(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._said)

    def stop(self) -> None:
        """Ask it to keep the best so far and end."""
        self._tell("stop")

    def leave_alone(self) -> None:
        """Let it go on by itself, also after this program has ended; it reports nothing more."""
        self._tell("keep")

    def kill(self) -> None:
        """End it at once; the best so far stays where `train.model_output` looks for it."""
        self._process.kill()

    def close(self) -> None:
        """Let go of the pipes of a process that has ended."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with suppress(OSError):
                stream.close()

    def _tell(self, word: str) -> None:
        stream = self._process.stdin
        assert stream is not None
        with suppress(OSError, ValueError):  # A process that is gone already needs no telling.
            stream.write(f"{word}\n")
            stream.flush()

    def _take_event(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            self._events.append(event)
        else:
            self._said.append(line)


def _read(stream: IO[str], take: Callable[[str], Any]) -> None:
    with suppress(ValueError, OSError):
        for line in stream:
            take(line.rstrip())


@dataclass
class Curves:
    """What is drawn of a training; times in minutes.

    Parameters
    ----------
    losses : list of (float, float)
        Time and loss.
    looks : list of (float, float)
        Time and F-measure on the held-out part, percent.
    before : float, optional
        F-measure of the model that it starts from.
    """

    losses: list[tuple[float, float]] = field(default_factory=list)
    looks: list[tuple[float, float]] = field(default_factory=list)
    before: float | None = None


@dataclass(frozen=True)
class Ending:
    """How a training ended.

    Parameters
    ----------
    message : str
        For the user.
    model : str
        Name of the new model; empty if there is none.
    better : bool
        Whether it is known to be better than the one it came from.
    failed : bool
        Whether something went wrong.
    picture : str
        File of the strip of a page before and after; empty if there is none.
    """

    message: str
    model: str = ""
    better: bool = False
    failed: bool = False
    picture: str = ""


class TrainingSession:
    """One training, from Train to its end; it outlives the widget that started it.

    Parameters
    ----------
    request : TrainingRequest
        What to do.
    launch : callable
        Starts the process; another one in tests.
    clock : callable
        A monotonic clock, seconds.

    Attributes
    ----------
    changed : Signal
        Something that is shown may have changed.
    ended : Signal
        The training is over; with its `Ending`.
    has_learnt : bool
        Whether the preparation is over and a step was done.
    """

    changed = Signal()
    ended = Signal(Ending)

    def __init__(
        self,
        request: TrainingRequest,
        launch: Callable[[Sequence[str]], TrainingProcess] = TrainingProcess,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.request = request
        self.curves = Curves()
        self.fraction = 0.0
        self.status = "Starting the training…"
        self.ending: Ending | None = None
        self.stopping = False
        self.has_learnt = False
        self._clock = clock
        self._stop_asked = 0.0
        self._told: Ending | None = None
        self._alone = False
        self._process = launch(request.arguments())

    @property
    def running(self) -> bool:
        """Whether it goes on; also while it is being stopped."""
        return self.ending is None

    @property
    def needs_us(self) -> bool:
        """Whether closing napari would end it before its time."""
        return self.running and not self.stopping and not self._alone

    def stop(self) -> None:
        """Keep the best so far and end; the second time, or once it was let go, end at once."""
        if not self.running:
            return
        if self.stopping or self._alone:  # One that was let go does not listen any more.
            self._process.kill()
        else:
            self._process.stop()
            self._stop_asked = self._clock()
        self.stopping = True
        self.status = f"Stopping. {_BEST_KEPT if self.has_learnt else _NOTHING_LEARNT}"
        self.changed.emit()

    def leave_alone(self) -> None:
        """Let it go on by itself, because napari is about to end."""
        self._process.leave_alone()
        self._alone = self.has_learnt = True  # It may have learnt: nobody says so any more.
        self.status = "The training goes on by itself and reports nothing more."

    def tick(self) -> bool:
        """Process what the training has reported; call a few times a second.

        Returns
        -------
        bool
            Whether to call again.
        """
        if not self.running:
            return False
        waited = self._clock() - self._stop_asked
        if self.stopping and not self.has_learnt and waited > _SECONDS_TO_STOP:
            # It reads or draws, and nothing is lost by not waiting for it.
            self._process.kill()
        ended = self._process.ended
        events = self._process.events()
        for event in events:
            self._receive(event)
        if ended:
            self._end()
        elif events:
            self.changed.emit()
        return self.running

    def _receive(self, event: dict[str, Any]) -> None:
        if "error" in event:
            reason = f"The training failed. {event['error']}"
            self._told = _failure(reason, str(event.get("kept", "")))
            return
        minutes = float(event.get("minutes", 0))
        self.has_learnt |= int(event.get("step", 0)) > 0
        self.fraction = float(event.get("share", self.fraction))
        self.curves.before = event.get("before", self.curves.before)
        if "loss" in event:
            self.curves.losses.append((minutes, float(event["loss"])))
        if "validation" in event:
            self.curves.looks.append((minutes, float(event["validation"])))
        if event.get("stage") == "done":
            outcome = event.get("outcome") or {"verdict": event.get("note", ""), "name": ""}
            better, picture = bool(outcome.get("better")), str(outcome.get("picture", ""))
            name = str(outcome["name"])
            self._told = Ending(str(outcome["verdict"]), name, better, picture=picture)
        elif not self.stopping:
            self.status = _in_words(event, self.request.minutes)

    def _end(self) -> None:
        """Say how it ended; whatever happened, the best so far is not lost."""
        self._process.close()
        name = self.request.name
        if self._told is not None:
            self.ending = self._told
        elif self._alone and self._process.exit_code == 0:
            self.ending = Ending(f"{name} is ready; docbin models shows its figures.", name)
        elif self.stopping and not self.has_learnt:
            self.ending = Ending(f"Stopped. {_NOTHING_LEARNT}")
        else:
            kept = rescue_of_the_dead(user_model_folder() / f"{name}.safetensors")
            words = "Stopped at once." if self.stopping else f"The training failed. {self._crash()}"
            self.ending = _failure(words, kept.stem if kept else "")
        self.status = self.ending.message
        if self.ending.model:
            MODEL_NEWS.added.emit(self.ending.model, self.ending.better)
        self.changed.emit()
        self.ended.emit(self.ending)

    def _crash(self) -> str:
        words = f"The training process ended unexpectedly (exit code {self._process.exit_code})."
        said = self._process.last_words
        return f"{words} Its last words:\n{said}" if said else words


def _failure(reason: str, kept: str) -> Ending:
    best = f"The best weights so far are kept as “{kept}”." if kept else "No model was written."
    return Ending(f"{reason}\n{best}", kept, failed=True)


def _in_words(event: dict[str, Any], budget: float) -> str:
    """Describe what is being done."""
    if event.get("note"):
        return str(event["note"])
    if event.get("stage") in _STAGES:
        return _STAGES[event["stage"]].format(pages=int(event.get("pages", 0)))
    time = f"{in_words(60 * float(event.get('minutes', 0)))} of {in_words(60 * budget)}"
    words, before, best = f"Training: {time}", event.get("before"), event.get("best")
    if before is None:
        return words
    return f"{words} · FM {before:.2f} before" + (f", {best:.2f} now" if best is not None else "")


@dataclass(frozen=True)
class TrainingRequest:
    """What the widget's fields say when Train is pressed.

    Parameters
    ----------
    collections : tuple of Path
        What to learn from.
    name : str
        Of the new model.
    start : str
        Name of the model to start from.
    minutes : float
        Time budget.
    device : str
        Name, as `load_model` takes it.
    more : tuple of str
        Further options of the command line.
    longer : str
        Model that goes on learning; empty for a new beginning.
    """

    collections: tuple[Path, ...]
    name: str
    start: str
    minutes: float
    device: str = "auto"
    more: tuple[str, ...] = ()
    longer: str = ""

    def arguments(self) -> list[str]:
        """Give the same as options of the command line."""
        return [
            *("--collections", *(str(path) for path in self.collections)),
            *("--output", self.name, "--start", self.start),
            *("--minutes", f"{self.minutes:g}", "--device", self.device),
            *(("--longer", self.longer) if self.longer else ()),
            *self.more,
        ]


def refusal(
    request: TrainingRequest, summaries: Collection[Summary], taken: Collection[str]
) -> str:
    """Say why a training cannot begin.

    Parameters
    ----------
    request : TrainingRequest
        What the fields say.
    summaries : collection of Summary
        Of the ticked collections.
    taken : collection of str
        Names of the models that there are.

    Returns
    -------
    str
        The reason in words for the user; empty if there is none.
    """
    if not request.collections:
        return "Tick at least one collection to learn from."
    if not sum(summary.labelled for summary in summaries):
        return "Nothing is labelled in these collections. Correct a page and save the pair first."
    if request.start not in taken:
        return "Choose a model to start from."
    return _name_refusal(request.name, taken)


def _name_refusal(name: str, taken: Collection[str]) -> str:
    if not name:
        return "Give the new model a name."
    trouble = name_trouble(name)
    if name.startswith("-") or name.endswith(".safetensors"):
        trouble = "begins with - or ends with .safetensors"
    if trouble:
        return f"“{name}” cannot be the name of a model: it {trouble}."
    if name in taken:
        return f"There is already a model “{name}”. Choose another name; nothing is overwritten."
    return ""


def free_name(stem: str, taken: Collection[str]) -> str:
    """Suggest a name for a new model.

    Parameters
    ----------
    stem : str
        What it begins with, such as the name of a collection.
    taken : collection of str
        Names of the models that there are.

    Returns
    -------
    str
        The first of ``STEM-1``, ``STEM-2``, … that is free.

    Examples
    --------
    >>> free_name("letters", ["letters-1"])
    'letters-2'
    """
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
