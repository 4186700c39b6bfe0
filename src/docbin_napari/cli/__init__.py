"""The command line door: ``docbin binarize``, ``evaluate``, ``pairs``, ``models`` and ``info``.

Only this room prints. Importing it, and showing any help, loads neither torch nor numpy.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated, Protocol

import tyro

from docbin_napari.__about__ import __version__
from docbin_napari.cli.binarize import BinarizeCommand
from docbin_napari.cli.console import Console, UsageError
from docbin_napari.cli.evaluate import EvaluateCommand
from docbin_napari.cli.info import InfoCommand
from docbin_napari.cli.models import ModelsCommand
from docbin_napari.cli.pairs import PairsCommand
from docbin_napari.cli.signals import Ended, ended_by_signals
from docbin_napari.io.errors import FileError
from docbin_napari.io.paths import shown

DESCRIPTION = f"""Turn scanned pages into clean black and white.

docbin-napari {__version__} (--version prints it alone). docbin COMMAND --help says more.
Exit code: 0 all went well, 1 some files failed, 2 the command cannot be carried out as given.
"""

Command = (
    Annotated[BinarizeCommand, tyro.conf.subcommand("binarize")]
    | Annotated[EvaluateCommand, tyro.conf.subcommand("evaluate")]
    | PairsCommand
    | Annotated[ModelsCommand, tyro.conf.subcommand("models")]
    | Annotated[InfoCommand, tyro.conf.subcommand("info")]
)
_ALONE = {"binarize": BinarizeCommand, "evaluate": EvaluateCommand}
"""Commands whose options are read without those of all others, which takes a tenth of a second."""


class Runs(Protocol):
    """A command with its options."""

    def run(self, console: Console) -> int:
        """Do it; returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``docbin``.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the name of the program; that of this process by default.

    Returns
    -------
    int
        Exit code: 0 all went well, 1 some files failed, 2 nothing could be done as asked,
        130 interrupted, 128 and the number of the signal that ended it.

    Raises
    ------
    SystemExit
        With code 2 if the arguments are wrong, with 0 after a help text.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _never_fail_on_a_character()
    if arguments and arguments[0] == "--version":
        Console().say(__version__)
        return 0
    command = _read(arguments)
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
            console.complain(f"docbin {arguments[0]}: error: {_in_words(error)}")
            return 2
        except Ended as ended:
            console.complain(f"ended by {signal.Signals(ended.number).name}")
            return ended.exit_code
        except KeyboardInterrupt:
            console.complain("interrupted")
            return 130


def _read(arguments: Sequence[str]) -> Runs:
    config = (tyro.conf.FlagCreatePairsOff,)
    name = arguments[0] if arguments else ""
    if name in _ALONE:
        alone: Runs = tyro.cli(
            _ALONE[name], args=arguments[1:], prog=f"docbin {name}", config=config
        )
        return alone
    command: Runs = tyro.cli(
        Command, args=arguments, prog="docbin", description=DESCRIPTION, config=config
    )
    return command


def _in_words(error: UsageError | FileError | OSError) -> str:
    """Name the file of an error of the system, too."""
    if isinstance(error, OSError):
        return f"{shown(error.filename or 'the system')}: {error.strerror or error}"
    return str(error)


def _never_fail_on_a_character() -> None:
    """Show a character that the terminal cannot show as a question mark."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
