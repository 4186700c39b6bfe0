"""``docbin info``: versions, engine, device and folders of this installation."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from docbin_napari.__about__ import __version__
from docbin_napari.cli.console import Console, table
from docbin_napari.model.model_file import built_in_folder, user_model_folder


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
            ("built-in models", str(built_in_folder())),
            ("own models", str(user_model_folder())),
        ]
        console.say(table(rows, left=2))
        return 0


def _engine() -> list[tuple[str, str]]:
    """Find out what runs the built-in model here."""
    from docbin_napari.model.engine import DeviceError, load_engine
    from docbin_napari.model.model_file import DEFAULT_MODEL, ModelError, find_model

    try:
        device = load_engine(find_model(DEFAULT_MODEL)).device
    except (DeviceError, ModelError) as error:
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
