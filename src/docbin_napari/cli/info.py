"""``docbin info``: what a bug report should say about the installation."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from docbin_napari.__about__ import __version__
from docbin_napari.cli.console import Console
from docbin_napari.model.registry import built_in_folder, user_model_folder
from docbin_napari.report.text_table import table


@dataclass(frozen=True)
class InfoCommand:
    """Show versions, the device that auto takes and why, and the folders of models."""

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
        from docbin_napari.model.device import bfloat16_gain, choose_device

        device = choose_device("auto")
        gain = bfloat16_gain()
        rows = [
            ("docbin-napari", __version__),
            ("Python", f"{platform.python_version()} on {platform.platform()}"),
            *((name, _version(name)) for name in ("torch", "numpy", "napari")),
            ("device", f"{device.name} ({device.reason})"),
            ("number format", device.dtype),
            ("bfloat16 on the CPU", f"yes, {gain:.1f} times float32" if gain else "no"),
            ("built-in models", str(built_in_folder())),
            ("own models", str(user_model_folder())),
        ]
        console.say(table(rows, left=2))
        return 0


def _version(package: str) -> str:
    # Imported late: it takes a tenth of the time of a help text.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
