"""Run parts of the program in forked processes, which may be killed at any moment.

Strategy: a fresh process would spend seconds on imports before there is anything to kill. So this
process imports, and never computes; its children do the work.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
import warnings
from typing import TYPE_CHECKING

from docbin_napari.io.paths import _TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_AGED = 10.0


def begin(work: Callable[[], object], log: Path) -> int:
    """Start work in a child; returns the number of the process. Its words go to `log`."""
    with warnings.catch_warnings():
        # That other threads are there is known; none of them holds what the child needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    code = 70
    try:
        with log.open("ab", buffering=0) as words:
            os.dup2(words.fileno(), 1)
            os.dup2(words.fileno(), 2)
        sys.stdout = sys.stderr = os.fdopen(2, "w", buffering=1)
        returned = work()
        code = returned if isinstance(returned, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def end(child: int) -> int:
    """Wait for a child; returns its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def to_the_end(work: Callable[[], object], log: Path) -> int:
    """Run work in a child to its end."""
    return end(begin(work, log))


def killed_after(work: Callable[[], object], seconds: float, log: Path) -> bool:
    """Run work in a child and kill it after some time; False if it had ended before."""
    child = begin(work, log)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return end(child) == -signal.SIGKILL


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their path in it."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def temporary_in(folder: Path) -> list[Path]:
    """Hidden files that something was being written to."""
    return [path for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name)]


def age(folder: Path) -> None:
    """Let temporary files be some seconds old, as they are when somebody starts again by hand."""
    for path in temporary_in(folder):
        then = time.time() - _AGED
        os.utime(path, (then, then))


def fresh(folder: Path) -> Path:
    """Make an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
