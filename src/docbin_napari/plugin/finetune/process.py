"""Training process as the panel sees it; no Qt."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_LAST_LINES = 8


class TrainingProcess:
    """Runs ``python -m docbin_napari.train --finetune --json``.

    Strategy: two threads read what the process says, so that neither it nor the window ever
    waits for the other. Its standard input is held open: should this program end in whatever
    way, the process notices, keeps the best so far and ends as well.

    Parameters
    ----------
    arguments : sequence of str
        Options of the fine-tuning.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "docbin_napari.train", "--finetune", "--json", *arguments]
        # No console window pops up on Windows.
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "PYTHONUTF8": "1"},
            creationflags=flags,
        )
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        self._readers = [
            self._read(self._process.stdout, self._take_event),
            self._read(self._process.stderr, self._said.append),
        ]

    def events(self) -> list[dict[str, Any]]:
        """Return the events since the last call; see `docbin_napari.finetune.reports`."""
        taken = []
        with contextlib.suppress(queue.Empty):
            while True:
                taken.append(self._events.get_nowait())
        return taken

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
        """Let it go on by itself, also after this program has ended; it tells nothing more."""
        self._tell("keep")

    def kill(self) -> None:
        """End it at once; the best so far stays where `train.model_output` looks for it."""
        self._process.kill()

    def close(self) -> None:
        """Let go of the pipes of a process that has ended."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _tell(self, word: str) -> None:
        # A process that is gone already needs no telling.
        with contextlib.suppress(OSError, ValueError):
            stream = self._process.stdin
            assert stream is not None
            stream.write(f"{word}\n")
            stream.flush()

    def _take_event(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict):
            self._events.put(event)
        else:
            self._said.append(line)

    @staticmethod
    def _read(stream: IO[str] | None, take: Any) -> threading.Thread:
        assert stream is not None

        def work() -> None:
            with contextlib.suppress(ValueError, OSError):
                for line in stream:
                    take(line.rstrip())

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread
