"""Resident memory of this process, bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def now() -> int:
    """Memory at this moment; where the system does not say, the highest so far."""
    return _status("VmRSS") or peak()


def peak() -> int:
    """Highest memory since `forget_peak`; where the system cannot forget, since the start.

    What a process took over from the one that started it does not count, as it would in
    ``getrusage`` on Linux.
    """
    if highest := _status("VmHWM"):
        return highest
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Let `peak` begin anew, on Linux."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _status(name: str) -> int:
    """A line of the kernel's report; 0 where there is none."""
    if not _STATUS.exists():
        return 0
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    found = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(found[0]) * 1024 if found else 0
