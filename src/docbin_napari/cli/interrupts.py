"""Handle Ctrl-C, SIGTERM and SIGHUP so that a command ends in good order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")


class EndedBySignal(KeyboardInterrupt):
    """A signal asked the process to end; what sums up at Ctrl-C sums up here, too.

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
    """Raise `EndedBySignal` in the block at the first signal; a second one ends the process.

    A signal that is ignored (as ``nohup`` asks for) stays so.
    """

    def end(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise EndedBySignal(number)

    with _handled(_NAMES, end, only=signal.SIG_DFL):
        yield


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM set an event; a second one stops at once.

    Parameters
    ----------
    stop : Event
        Is set by the first signal.
    """

    def note(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        stop.set()

    with _handled(("SIGINT", "SIGTERM"), note):
        yield


@contextmanager
def _handled(
    names: Sequence[str], handler: Callable[[int, FrameType | None], None], only: Any = None
) -> Iterator[None]:
    """Set a handler during the block: Python takes signals in its main thread alone.

    With `only`, just for the signals whose handler is this one.
    """
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
                if only is None or signal.getsignal(number) == only:
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
