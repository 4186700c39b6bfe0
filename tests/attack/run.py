"""Give many damaged files to the program, each in a process that may die of it.

Strategy: input number N of a seed is always the same file, so a finding is repeated by its number.
Processes take every n-th number each, and say what they begin. The one that looks after them kills
what takes too long, and starts another at the next number when one is killed or dies.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tests.attack.inputs import KINDS, whole_files
from tests.attack.mutations import mutate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

MOST_SECONDS = 20.0
MOST_BYTES = 1 << 30
_ROOM = 6 << 30
"""Bytes of address space for an input, so that a bomb does not take the whole machine."""
_SHARES = {"page": 12, "mask": 3, "zip": 3, "model": 3, "state": 3}
_CUT = 0.1
_SPOOL = "printed"
_FAULT = "DOCBIN_ATTACK_FAULT"


@dataclass(frozen=True)
class Attack:
    """What is to be tried.

    Parameters
    ----------
    inputs : int
        How many files, 0 for as many as the time allows.
    seconds : float
        When to stop at the latest; 0 for never.
    seed : int
        Decides all inputs.
    processes : int
        How many at a time.
    kinds : tuple of str
        What the files are read as; see `tests.attack.inputs.KINDS`.
    keep : Path, optional
        Folder for the inputs that were found.
    """

    inputs: int = 50_000
    seconds: float = 0
    seed: int = 0
    processes: int = 2
    kinds: tuple[str, ...] = KINDS
    keep: Path | None = None


@dataclass
class Findings:
    """What came out.

    Parameters
    ----------
    tried, read : Counter
        Inputs by kind, and those of them that were read.
    faults : list of (int, str)
        Number of the input and what it did.
    slowest : float
        Seconds.
    largest : int
        Bytes of memory that an input took.
    printed : int
        Inputs during which a library wrote to the terminal by itself.
    """

    tried: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    slowest: float = 0.0
    largest: int = 0
    printed: int = 0


def attack(order: Attack, model: Path) -> Findings:
    """Run an attack to its end.

    Parameters
    ----------
    order : Attack
        What to do.
    model : Path
        A small model file.

    Returns
    -------
    Findings
        `faults` is empty if all is well.
    """
    found = Findings()
    pool = [_Watched(order, model, first) for first in range(order.processes)]
    started = time.monotonic()
    try:
        while any(each.runs for each in pool):
            wait([each.news for each in pool if each.runs], timeout=0.5)
            for each in pool:
                each.look(found)
            if order.seconds and time.monotonic() - started > order.seconds:
                break
    finally:
        for each in pool:
            each.end()
    return found


class _Watched:
    """A process that reads inputs, and what it does now."""

    def __init__(self, order: Attack, model: Path, first: int) -> None:
        self._order, self._model = order, model
        self._folder = Path(tempfile.mkdtemp(prefix="docbin-attack-"))
        self._start(first)

    def _start(self, number: int) -> None:
        self.runs = not self._order.inputs or number < self._order.inputs
        self._number, self._since = number, time.monotonic()
        if self.runs:
            context = multiprocessing.get_context("spawn")
            self.news, theirs = context.Pipe(duplex=False)
            given = (self._order, self._model, number, self._folder, theirs)
            self._process = context.Process(target=_work, args=given, daemon=True)
            self._process.start()
            theirs.close()
            self._begun = False

    def look(self, found: Findings) -> None:
        """Take what it has done; replace it if it hangs or is dead."""
        if not self.runs:
            return
        try:
            while self.news.poll():
                self._hear(self.news.recv(), found)
                if not self.runs:
                    return
        except EOFError:
            self._process.join()
            self._lost(found, f"the process ended with {self._process.exitcode}")
            return
        # Until its first input a process imports libraries, which takes its time.
        limit = MOST_SECONDS if self._begun else 10 * MOST_SECONDS
        if time.monotonic() - self._since > limit:
            self._process.kill()
            self._process.join()
            self._lost(found, f"no end within {limit:.0f} s")

    def _hear(self, news: tuple[Any, ...], found: Findings) -> None:
        self._since = time.monotonic()
        match news:
            case ("begin", number):
                self._number, self._begun = number, True
            case ("end", kind, was_read, seconds, grown, printed, fault):
                found.tried[kind] += 1
                found.read[kind] += was_read
                found.printed += printed
                found.slowest = max(found.slowest, seconds)
                found.largest = max(found.largest, grown)
                if fault:
                    self._keep(fault, found)
            case ("done",):
                self.end()

    def _lost(self, found: Findings, words: str) -> None:
        self.news.close()
        if not self._begun:
            said = (self._folder / _SPOOL).read_text("utf-8", "replace")
            raise RuntimeError(f"a process could not begin: {words}\n{said}")
        found.tried[kind_of(self._order, self._number)] += 1
        self._keep(words, found)
        self._start(self._number + self._order.processes)

    def _keep(self, words: str, found: Findings) -> None:
        found.faults.append((self._number, words))
        if self._order.keep is not None:
            self._order.keep.mkdir(parents=True, exist_ok=True)
            name, content = input_of(self._order, self._number, self._whole())
            (self._order.keep / f"{self._number}-{name.lstrip('.')}").write_bytes(content)
            (self._order.keep / f"{self._number}.txt").write_text(words)

    def _whole(self) -> dict[str, dict[str, bytes]]:
        with tempfile.TemporaryDirectory() as folder:
            return _all_whole(self._order, self._model, Path(folder))

    def end(self) -> None:
        """Stop it and remove its folder."""
        if self.runs:
            self.runs = False
            self._process.kill()
            self._process.join()
            self.news.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def kind_of(order: Attack, number: int) -> str:
    """What input `number` is read as."""
    shares = [_SHARES[kind] for kind in order.kinds]
    return Random(f"{order.seed} {number}").choices(order.kinds, shares)[0]


def input_of(order: Attack, number: int, whole: dict[str, dict[str, bytes]]) -> tuple[str, bytes]:
    """Make input `number`: its name and what it holds."""
    random = Random(f"{order.seed} {number} content")
    name, content = random.choice(sorted(whole[kind_of(order, number)].items()))
    if random.random() < _CUT:
        return name, content[: random.randrange(len(content))]
    return name, mutate(content, random)


def _all_whole(order: Attack, model: Path, folder: Path) -> dict[str, dict[str, bytes]]:
    made = {}
    for kind in order.kinds:
        (folder / kind).mkdir(parents=True)
        made[kind] = whole_files(kind, model, folder / kind)
    return made


def _work(order: Attack, model: Path, first: int, folder: Path, news: Connection) -> None:
    """Read inputs until there are none left; runs in a process of its own."""
    spool = (folder / _SPOOL).open("w+b")
    for stream in (1, 2):
        os.dup2(spool.fileno(), stream)
    place = folder / "place"
    for name in ("CONFIG", "MODELS", "DRAFTS", "CACHE"):
        os.environ[f"DOCBIN_{name}"] = str(place)
    from tests.attack.readers import read

    whole = _all_whole(order, model, Path(tempfile.mkdtemp(dir=folder)))
    for kind, files in whole.items():  # What is loaded now does not count as taken by an input.
        for name, content in files.items():
            read(kind, _put(place, name, content))
    numbers = _numbers(order, first)
    for number in numbers:
        name, content = input_of(order, number, whole)
        path = _put(place, name, content)
        before, started, printed = _peak_begins(), time.monotonic(), os.fstat(1).st_size
        news.send(("begin", number))
        was_read, fault = False, ""
        kind = kind_of(order, number)
        try:
            if os.environ.get(_FAULT):
                _be_faulty(number)
            was_read = read(kind, path)
        except Exception:
            fault = traceback.format_exc(limit=-6)
        seconds, grown = time.monotonic() - started, _peak() - before
        if not fault and grown > MOST_BYTES:
            fault = f"took {grown / (1 << 30):.1f} GiB"
        spoke = os.fstat(1).st_size > printed
        news.send(("end", kind, was_read, seconds, grown, spoke, fault))
    news.send(("done",))


def _be_faulty(number: int) -> None:
    """Do what must be found, for the test of the attack itself."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 5:
        raise AssertionError("wrong")


def _numbers(order: Attack, first: int) -> Iterator[int]:
    number = first
    while not order.inputs or number < order.inputs:
        yield number
        number += order.processes


def _put(place: Path, name: str, content: bytes) -> Path:
    """Write a file alone into an empty folder."""
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    path = place / name
    path.write_bytes(content)
    return path


def _peak_begins() -> int:
    """Bytes in memory now; the peak is counted from here, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    with suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, resource.RLIM_INFINITY))
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return 1024 * int(line.split()[1])
    return 0
