"""``docbin models``: list the models that can be loaded by name; load one for a command."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbin_napari.cli.console import Console, UsageError, table
from docbin_napari.model.engine import DeviceError
from docbin_napari.model.model_file import (
    ModelError,
    ModelInfo,
    built_in_folder,
    list_models,
    user_model_folder,
)

if TYPE_CHECKING:
    from docbin_napari.model.engine import EngineConfig
    from docbin_napari.model.ink_model import InkModel

_HEADER = ["name", "size", "parameters", "trained on", "figures"]
_NARROWEST = 24


@dataclass(frozen=True)
class ModelsCommand:
    """List the models: size, what they were trained on, and their figures."""

    def run(self, console: Console) -> int:
        """Print the table.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            Exit code: 0, or 1 if there is no model.
        """
        unreadable: list[ModelError] = []
        models = list_models(unreadable)
        for trouble in unreadable:
            console.complain(f"left out: {trouble}")
        if not models:
            folders = f"{built_in_folder()} or {user_model_folder()}"
            console.complain(f"there are no models in {folders}")
            return 1
        width = max(_NARROWEST, (shutil.get_terminal_size((120, 24)).columns - 45) // 2)
        rows = [line for info in models for line in _lines(info, width)]
        console.say(table([_HEADER, *rows], left=len(_HEADER)))
        return 0


def _lines(info: ModelInfo, width: int) -> list[list[str]]:
    """Format one row of the table, on as many lines as its long texts need."""
    figures = ", ".join(f"{name} {_figure(value)}" for name, value in info.figures.items())
    trained = textwrap.wrap(info.training_data, width) or ["not stated"]
    measured = textwrap.wrap(figures, width) or ["none"]
    first = [info.name, f"{info.size / 2**20:.1f} MiB", f"{info.parameters:,}"]
    lines = max(len(trained), len(measured))
    trained += [""] * (lines - len(trained))
    measured += [""] * (lines - len(measured))
    return [
        [*(first if number == 0 else ["", "", ""]), data, results]
        for number, (data, results) in enumerate(zip(trained, measured, strict=True))
    ]


def _figure(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def load_chosen(name: str, device: str, engine: EngineConfig) -> InkModel:
    """Load the model that the options of a command name.

    Parameters
    ----------
    name : str
        Name or file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.
    engine : EngineConfig
        What runs it.

    Returns
    -------
    InkModel
        Ready to run.

    Raises
    ------
    UsageError
        If the model or the device is not there.
    """
    from docbin_napari.model.ink_model import load_model

    try:
        return load_model(name, device, engine)
    except DeviceError as error:
        raise UsageError(str(error)) from error
    except ModelError as error:
        raise UsageError(f"--model {name}: {error}") from error
