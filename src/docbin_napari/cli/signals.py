"""Ctrl-C and SIGTERM, as schedulers send it, end a training in good order."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set an event; a second one stops at once.

    Parameters
    ----------
    stop : Event
        Is set by the first signal. Python takes signals in its main thread alone: in another
        one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        stop.set()

    names = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in names}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
