"""The command line: ``docbin binarize``, ``evaluate``, ``train`` and the others.

Only this package prints. Importing it, and showing any help, loads neither torch nor numpy.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import make_dataclass
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated, Any, Union

import tyro

from docbin_napari.__about__ import __version__
from docbin_napari.cli.console import Console, EndedBySignal, UsageError, ended_by_signals
from docbin_napari.io.errors import FileError
from docbin_napari.io.paths import shown

DESCRIPTION = f"""Turn scanned pages into clean black and white.

docbin-napari {__version__} (--version prints it alone). docbin COMMAND --help explains one.
Exit code: 0 all went well, 1 some files failed or no model was made, 2 the command cannot be
carried out as given.
"""


_PAIR = "COLLECTION/PAGE.png with COLLECTION/fg_mask/PAGE.png"
COMMANDS = {
    "binarize": ("binarize", "Turn scanned pages into 1-bit masks."),
    "evaluate": ("evaluate", "Compare masks with ground truth."),
    "pairs": ("pairs", f"Check, import and list training pairs: {_PAIR}."),
    "finetune": ("train", "Train a model on a few corrected pages."),
    "train": ("train", "Train a model on many pairs."),
    "average": ("making", "Make one model of the mean of several."),
    "quantize": ("making", "Give a model its int8 form."),
    "generate": ("making", "Draw pages with exact ground truth."),
    "models": ("models", "List the models and their figures."),
    "info": ("models", "Show versions, engine, device and folders."),
}
"""Module of each command, and its line in the list of them.

Each is imported only when it is run: the options of all take a tenth of a second to read.
"""


@contextmanager
def _safe_output() -> Iterator[None]:
    """Show a question mark for what a terminal lacks; end in silence when a pager has ended."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        # What is left would be tried again, and fail again, when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            Console().complain(f"error: the output cannot be written: {error.strerror or error}")
        raise SystemExit(1) from None


@_safe_output()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``docbin``.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the name of the program; that of this process by default.

    Returns
    -------
    int
        Exit code: 0 all went well, 1 some files failed or no model was made, 2 nothing could be
        done as asked, 130 interrupted, 128 plus the number of the signal that ended it.

    Raises
    ------
    SystemExit
        With code 2 if the arguments are wrong, with 0 after a help text.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] == "--version":
        Console().say(__version__)
        return 0
    if not arguments or arguments[0] not in COMMANDS:
        _show_commands(arguments)
    return run_command(arguments[0], arguments[1:], f"docbin {arguments[0]}")


@_safe_output()
def run_command(name: str, arguments: Sequence[str], program: str) -> int:
    """Run one command.

    Parameters
    ----------
    name : str
        One of `COMMANDS`.
    arguments : sequence of str
        Its options.
    program : str
        How the user calls it, for messages and help texts.

    Returns
    -------
    int
        Exit code, as from `main`.
    """
    if any(not word or re.fullmatch("--[^=]*=", word) for word in arguments):
        trouble = "an argument is empty: check that the shell variable behind it is set"
        Console().complain(f"{program}: error: {trouble}")
        return 2
    try:
        command = _read(name, arguments, program)
    except ValueError as error:
        Console().complain(f"{program}: error: {error}")
        return 2
    console = Console(quiet=getattr(command, "quiet", False))
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: console.complain(f"warning: {message}")
        try:
            with ended_by_signals():
                return int(command.run(console))
        except BrokenPipeError:
            raise
        except (UsageError, FileError, OSError) as error:
            console.complain(f"{program}: error: {in_words(error)}")
            return 2
        except EndedBySignal as ended:
            console.complain(f"ended by {signal.Signals(ended.number).name}")
            return 128 + ended.number
        except KeyboardInterrupt:
            console.complain("interrupted")
            return 130


def in_words(error: Exception, describe: Callable[[OSError], str] | None = None) -> str:
    """Describe an error; name its file where it comes from the operating system."""
    if isinstance(error, OSError) and not isinstance(error, FileError):
        what = describe(error) if describe else str(error.strerror or error)
        return f"{shown(error.filename)}: {what}" if error.filename else what
    return str(error)


def _show_commands(arguments: Sequence[str]) -> None:
    """Show the list of commands, or what is wrong with the arguments, and exit."""
    commands = [
        Annotated[make_dataclass(name, ()), tyro.conf.subcommand(name, description=summary)]
        for name, (_, summary) in COMMANDS.items()
    ]
    overview: Any = Union[tuple(commands)]  # noqa: UP007 (made of a list)
    tyro.cli(overview, args=arguments, prog="docbin", description=DESCRIPTION)


def _read(name: str, arguments: Sequence[str], program: str) -> Any:
    """Read the options; of several processes of a machine, only the first prints what is wrong."""
    module, summary = COMMANDS[name]
    kind: Any = getattr(import_module(f"{__name__}.{module}"), f"{name.capitalize()}Command")
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    try:
        return tyro.cli(
            kind,
            args=list(arguments),
            prog=program,
            description=None if isinstance(kind, type) else summary,
            # Options of a training have kept their opposites, such as --no-resume.
            config=() if name in ("train", "finetune") else (tyro.conf.FlagCreatePairsOff,),
            console_outputs=first,
        )
    except SystemExit:
        if first:
            raise
        # Not as a failure: torchrun would then end the process that is about to explain it.
        raise SystemExit(0) from None
