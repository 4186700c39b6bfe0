"""Fresh processes that compute pages when they are told to.

Strategy: threads of PyTorch are set once in the life of a process, and two workers that share
one interpreter would not be two workers. So each is a process of its own, which loads the model,
says "ready", and from then on computes the page once for every line that it reads. All kinds of
teams stay alive side by side and wait without work, so that rounds can be interleaved.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

_SCRIPT = Path(__file__)


@dataclass(frozen=True)
class Team:
    """How many processes work, and with how many threads each.

    Parameters
    ----------
    workers, threads : int
        Both positive.
    """

    workers: int
    threads: int

    @property
    def label(self) -> str:
        """In words.

        Examples
        --------
        >>> Team(2, 1).label
        '2 workers of 1 thread'
        """
        workers = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{workers} of {threads}"


class RunningTeam:
    """The processes of a team; use it as a context.

    Parameters
    ----------
    team : Team
        How many.
    page : Path
        ``.npy`` file with the page that everyone computes.
    words : sequence of str
        Model, device and preset.
    """

    def __init__(self, team: Team, page: Path, words: Sequence[str]) -> None:
        command = [sys.executable, str(_SCRIPT), str(page), str(team.threads), *words]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(team.workers)
        ]

    def __enter__(self) -> RunningTeam:
        """Wait until all have loaded the model."""
        for process in self._processes:
            _expect(process.stdout, "ready")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.communicate()

    def compute(self) -> None:
        """Let every worker compute the page once, all at the same time."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in self._processes:
            _expect(process.stdout, "done")


def _expect(stream: IO[str] | None, word: str) -> None:
    answer = "" if stream is None else stream.readline().strip()
    if answer != word:
        raise SystemExit(f"a worker stopped: it said {answer!r} and not {word!r}")


def work() -> None:
    """Be a worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    parser.add_argument("threads", type=int)
    for name in ("model", "device", "preset"):
        parser.add_argument(name)
    arguments = parser.parse_args()

    import torch

    torch.set_num_threads(arguments.threads)
    from docbin_napari.inference.predict import ink_probability
    from docbin_napari.model.ink_model import load_model

    pixels = np.load(arguments.page)
    model = load_model(arguments.model, arguments.device)
    ink_probability(pixels, model, arguments.preset)
    print("ready", flush=True)
    for _ in sys.stdin:
        ink_probability(pixels, model, arguments.preset)
        print("done", flush=True)


if __name__ == "__main__":
    work()
