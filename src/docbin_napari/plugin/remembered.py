"""What panels remember from one session to the next, such as the folder of the data sets."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from docbin_napari.io.atomic import atomic_path


def remembered() -> dict[str, str]:
    """Read what was remembered.

    Returns
    -------
    dict of str to str
        Empty at first, and if the file cannot be read.
    """
    try:
        stored = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {str(name): value for name, value in stored.items() if isinstance(value, str)}


def remember(**values: str) -> None:
    """Remember some values; what cannot be written is forgotten without a word.

    Parameters
    ----------
    **values : str
        Name and value; others stay as they are.
    """
    known = remembered()
    if known.items() >= values.items():
        return
    with suppress(OSError), atomic_path(_file()) as hidden:
        hidden.write_text(json.dumps(known | values, indent=1), "utf-8")


def _file() -> Path:
    chosen = os.environ.get("DOCBIN_CONFIG")
    folder = Path(chosen) if chosen else Path(platformdirs.user_config_dir("docbin-napari"))
    return folder / "panels.json"
