"""Handle Ctrl-C, SIGTERM and SIGHUP so that a command ends in good order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")


class Ended(KeyboardInterrupt):
    """The process was asked to end; whoever sums up at Ctrl-C sums up here, too.

    Parameters
    ----------
    number : int
        The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell gives for a process that was ended by this signal."""
        return 128 + self.number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Ended` in the block at the first signal; a second one ends the process at once.

    A signal that is ignored (as ``nohup`` asks for) stays so, and Python takes signals in its main
    thread alone: in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Ended(number)

    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    mine = [number for number, handler in before.items() if handler == signal.SIG_DFL]
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


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
