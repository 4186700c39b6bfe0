"""The command line door: ``docbin binarize``, ``evaluate``, ``train`` and the others.

Only this room prints. Importing it, and showing any help, loads neither torch nor numpy.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from dataclasses import make_dataclass
from typing import Annotated, Any, NamedTuple, Protocol, Union

import tyro

from docbin_napari.__about__ import __version__
from docbin_napari.cli.console import Console, UsageError
from docbin_napari.cli.interrupts import EndedBySignal, ended_by_signals
from docbin_napari.io.errors import FileError
from docbin_napari.io.paths import shown

DESCRIPTION = f"""Turn scanned pages into clean black and white.

docbin-napari {__version__} (--version prints it alone). docbin COMMAND --help explains one.
Exit code: 0 all went well, 1 some files failed or no model was made, 2 the command cannot be
carried out as given.
"""


_PAIRS = (
    "Check, import and list training pairs: COLLECTION/PAGE.png with COLLECTION/fg_mask/PAGE.png."
)


class CommandEntry(NamedTuple):
    """Where a command is declared, and its line in the list of commands."""

    module: str
    name: str
    summary: str


COMMANDS = {
    "binarize": CommandEntry("binarize", "BinarizeCommand", "Turn scanned pages into 1-bit masks."),
    "evaluate": CommandEntry("evaluate", "EvaluateCommand", "Compare masks with ground truth."),
    "pairs": CommandEntry("pairs", "PairsCommand", _PAIRS),
    "finetune": CommandEntry(
        "finetune", "FinetuneCommand", "Train a model on a few corrected pages."
    ),
    "train": CommandEntry("train", "TrainCommand", "Train a model on many pairs."),
    "average": CommandEntry("making", "AverageCommand", "Make one model of the mean of several."),
    "quantize": CommandEntry("making", "QuantizeCommand", "Give a model its int8 form."),
    "generate": CommandEntry("making", "GenerateCommand", "Draw pages with exact ground truth."),
    "models": CommandEntry("models", "ModelsCommand", "List the models and their figures."),
    "info": CommandEntry("info", "InfoCommand", "Show versions, engine, device and folders."),
}
"""Each is imported only when it is run: the options of all take a tenth of a second to read."""


class Runs(Protocol):
    """A command with its options."""

    def run(self, console: Console) -> int:
        """Carry it out and return the exit code."""


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
        done as asked, 130 interrupted, 128 and the number of the signal that ended it.

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
        _never_fail_on_a_character()
        _show_commands(arguments)
    return run_command(arguments[0], arguments[1:], f"docbin {arguments[0]}")


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
    _never_fail_on_a_character()
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
                return command.run(console)
        except BrokenPipeError:
            # Whoever read the output, a pager for instance, has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except (UsageError, FileError, OSError) as error:
            console.complain(f"{program}: error: {in_words(error)}")
            return 2
        except EndedBySignal as ended:
            console.complain(f"ended by {signal.Signals(ended.number).name}")
            return ended.exit_code
        except KeyboardInterrupt:
            console.complain("interrupted")
            return 130


def in_words(error: Exception) -> str:
    """Describe an error; name the file of one of the system, too."""
    if isinstance(error, OSError) and not isinstance(error, FileError):
        return f"{shown(error.filename or 'the system')}: {error.strerror or error}"
    return str(error)


def _show_commands(arguments: Sequence[str]) -> None:
    """Show the list of commands, or what is wrong with the arguments, and exit."""
    commands = [
        Annotated[make_dataclass(name, ()), tyro.conf.subcommand(name, description=entry.summary)]
        for name, entry in COMMANDS.items()
    ]
    overview: Any = Union[tuple(commands)]  # noqa: UP007 (made of a list)
    tyro.cli(overview, args=arguments, prog="docbin", description=DESCRIPTION)


def _read(name: str, arguments: Sequence[str], program: str) -> Runs:
    """Read the options; of several processes of a machine, only the first explains them."""
    entry = COMMANDS[name]
    kind: Any = getattr(importlib.import_module(f"{__name__}.{entry.module}"), entry.name)
    # Options of a training have kept their opposites, such as --no-resume.
    about = None if isinstance(kind, type) else entry.summary
    config = () if name in ("train", "finetune") else (tyro.conf.FlagCreatePairsOff,)
    quiet = contextlib.ExitStack()
    if os.environ.get("LOCAL_RANK", "0") != "0":
        quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
        quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
    try:
        with quiet:
            command: Runs = tyro.cli(
                kind, args=list(arguments), prog=program, description=about, config=config
            )
    except SystemExit:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            raise
        # Not as a failure: torchrun would then end the process that is about to explain it.
        raise SystemExit(0) from None
    return command


def _never_fail_on_a_character() -> None:
    """Show a character that the terminal cannot show as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
