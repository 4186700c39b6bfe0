"""Print, declare options, report usage errors and end at signals, for all commands alike."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import tyro

from docbin_napari.describe import describe
from docbin_napari.io.paths import shown


class UsageError(Exception):
    """The command cannot be carried out as given; nothing was done."""


@contextmanager
def usage_errors(*kinds: type[Exception], prefix: str = "") -> Iterator[None]:
    """Turn errors of the block into usage errors.

    Parameters
    ----------
    *kinds : type
        Which errors.
    prefix : str
        Text before the message, such as the option that it is about.
    """
    try:
        yield
    except kinds as error:
        # A file that is the value of the option is named once.
        words = str(error).removeprefix(prefix.partition(" ")[2])
        raise UsageError(f"{prefix}{words}") from error


@dataclass(frozen=True)
class Console:
    """The two outputs of the process.

    Parameters
    ----------
    quiet : bool
        Whether only troubles are printed.
    """

    quiet: bool = False

    @property
    def is_terminal(self) -> bool:
        """Whether results go to a person's terminal."""
        return _is_terminal(sys.stdout)

    @property
    def shows_bars(self) -> bool:
        """Whether progress bars make sense."""
        return not self.quiet and _is_terminal(sys.stderr)

    def say(self, *lines: str) -> None:
        """Print a result; names with line ends in a line make no second one."""
        if not self.quiet:
            _write(lines, sys.stdout)

    def complain(self, *lines: str) -> None:
        """Print a trouble, in red on a terminal."""
        colour = _is_terminal(sys.stderr) and not os.environ.get("NO_COLOR")
        _write(lines, sys.stderr, "\033[31m{}\033[0m" if colour else "{}")


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _write(lines: Iterable[str], stream: TextIO | None, around: str = "{}") -> None:
    """Write lines, above the progress bars if there are any; nowhere if the stream is closed."""
    if stream is None:
        return
    text = around.format("\n".join(map(shown, lines)))
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        tqdm.write(text, file=stream)
    else:
        print(text, file=stream)
    stream.flush()


def setting(config: type, name: str, metavar: str | None = None, default: str = "") -> Any:
    """Make a command line option of a setting, with the words of the class that declares it.

    Parameters
    ----------
    config : type
        The dataclass of the setting.
    name : str
        The setting.
    metavar : str, optional
        What stands for the value in the help text.
    default : str
        What happens without the option, where the default value does not show it.

    Returns
    -------
    object
        Goes into the ``Annotated`` type of the option.
    """
    return option(describe(config, name), metavar, default)


def option(words: str | None = None, metavar: str | None = None, default: str = "") -> Any:
    """Describe a command line option, or leave its words to the docstring.

    Parameters
    ----------
    words : str, optional
        The help text.
    metavar : str, optional
        What stands for the value in the help text.
    default : str
        What happens without the option, where the default value does not show it; "-" shows
        nothing, for flags that are off by default.

    Returns
    -------
    object
        Goes into the ``Annotated`` type of the option.
    """
    hint = {"": None, "-": ""}.get(default, f"(default: {default})")
    return tyro.conf.arg(help=words, metavar=metavar, help_behavior_hint=hint)


def table(rows: Iterable[Iterable[str]], left: int = 1) -> list[str]:
    """Align cells in columns.

    Parameters
    ----------
    rows : iterable of iterable of str
        The cells; the first row is the header.
    left : int
        How many columns are aligned to the left; the others to the right.

    Returns
    -------
    list of str
        Lines without spaces at their ends, names in them as `shown` gives them.

    Examples
    --------
    >>> table([["page", "FM"], ["a", "86.59"], ["letter", "9.10"]])
    ['page       FM', 'a       86.59', 'letter   9.10']
    """
    cells = [list(map(shown, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


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


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `EndedBySignal` in the block at the first signal; a second one ends the process.

    A signal that is ignored (as ``nohup`` asks for) stays so.
    """

    def end(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise EndedBySignal(number)

    with _handled(("SIGTERM", "SIGHUP"), end):
        yield


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP set an event; a second of the first two stops at once.

    A SIGHUP that is ignored (as ``nohup`` asks for) stays so.

    Parameters
    ----------
    stop : Event
        Is set by the first signal.
    """

    def note(number: int, _: object) -> None:
        # Of SIGHUP, shell and kernel send several when a terminal goes.
        if number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        stop.set()

    with _handled(("SIGINT", "SIGTERM", "SIGHUP"), note):
        yield


@contextmanager
def _handled(names: Sequence[str], handler: Callable[[int, object], None]) -> Iterator[None]:
    """Set a handler during the block: Python takes signals in its main thread alone.

    Ctrl-C counts also where a script has started this in the background, which ignores it.
    """
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
                ignored = signal.getsignal(number) in (signal.SIG_IGN, None)
                if number == signal.SIGINT or not ignored:
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
