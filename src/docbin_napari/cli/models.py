"""``docbin models`` and ``info``: the models that can be loaded by name, and what is installed."""

from __future__ import annotations

import platform
import shutil
import textwrap
from dataclasses import dataclass
from itertools import zip_longest

from docbin_napari.__about__ import __version__
from docbin_napari.cli.console import Console, table
from docbin_napari.model import model_file
from docbin_napari.model.engine import DeviceError, load_engine

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
        unreadable: list[model_file.ModelError] = []
        models = model_file.list_models(unreadable)
        for trouble in unreadable:
            console.complain(f"left out: {trouble}")
        if not models:
            folders = f"{model_file.built_in_folder()} or {model_file.user_model_folder()}"
            console.complain(f"there are no models in {folders}")
            return 1
        width = max(_NARROWEST, (shutil.get_terminal_size((120, 24)).columns - 45) // 2)
        rows = [line for info in models for line in _lines(info, width)]
        console.say(*table([_HEADER, *rows], left=len(_HEADER)))
        return 0


def _lines(info: model_file.ModelInfo, width: int) -> list[tuple[str, ...]]:
    """Format one row of the table, on as many lines as its long texts need."""
    figures = ", ".join(f"{name} {_figure(value)}" for name, value in info.figures.items())
    columns = (
        [info.name],
        [f"{info.size / 2**20:.1f} MiB"],
        [f"{info.parameters:,}"],
        textwrap.wrap(info.training_data, width) or ["not stated"],
        textwrap.wrap(figures, width) or ["none"],
    )
    return list(zip_longest(*columns, fillvalue=""))


def _figure(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class InfoCommand:
    """Show versions, the engine and number format that auto takes, and the folders of models."""

    def run(self, console: Console) -> int:
        """Print them.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code 0.
        """
        rows = [
            ("docbin-napari", __version__),
            ("Python", f"{platform.python_version()} on {platform.platform()}"),
            *((name, _version(name)) for name in ("openvino", "torch", "numpy", "napari")),
            *_engine(),
            ("built-in models", str(model_file.built_in_folder())),
            ("own models", str(model_file.user_model_folder())),
        ]
        console.say(*table(rows, left=2))
        return 0


def _engine() -> list[tuple[str, str]]:
    """Find out what runs the built-in model here."""
    try:
        device = load_engine(model_file.find_model(model_file.DEFAULT_MODEL)).device
    except (DeviceError, model_file.ModelError) as error:
        return [("device", f"unknown ({error})")]
    return [
        ("device", device.name),
        ("engine", device.engine),
        ("number format", f"{device.dtype} ({device.reason})"),
    ]


def _version(package: str) -> str:
    # Imported late: it takes a tenth of the time of a help text.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
