"""Settings of panels: values kept between sessions, and napari's preferences."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from docbin_napari.io.paths import atomic_path, is_folder
from docbin_napari.pairs.drafts import draft_folder

_MOST_FOLDERS = 16
DATASETS, SCANS = "datasets_used", "scans_used"
"""Names of lists of recent folders: of training pairs, and of scans."""


def remembered() -> dict[str, str]:
    """Read what was remembered.

    Returns
    -------
    dict of str to str
        Empty at first, and if the file cannot be read.
    """
    try:
        stored = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
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


def remember_folder(name: str, folder: Path) -> None:
    """Put a folder at the head of a list of recent ones.

    Parameters
    ----------
    name : str
        Of the list.
    folder : Path
        The folder; it stands in the list once.
    """
    known = [line for line in remembered().get(name, "").splitlines() if line != str(folder)]
    remember(**{name: "\n".join([str(folder), *known][:_MOST_FOLDERS])})


def recent_folders(name: str) -> list[Path]:
    """List the folders that were remembered under a name and are there now, the last one first."""
    lines = remembered().get(name, "").splitlines()
    return [folder for folder in map(Path, lines) if is_folder(folder)]


def draft_places(datasets: Path | None) -> list[Path]:
    """List the folders in which drafts may lie.

    Parameters
    ----------
    datasets : Path or None
        The folder of the data sets that is chosen now.

    Returns
    -------
    list of Path
        Where new ones go first; then the user's own folder; then those beside other data sets
        that were chosen before and are there.
    """
    beside = [draft_folder(folder) for folder in recent_folders(DATASETS)]
    return list(dict.fromkeys([draft_folder(datasets), draft_folder(None), *beside]))


def _file() -> Path:
    chosen = os.environ.get("DOCBIN_CONFIG")
    folder = Path(chosen) if chosen else Path(platformdirs.user_config_dir("docbin-napari"))
    return folder / "panels.json"


PLUGIN_NAME = "docbin-napari"


@dataclass(frozen=True)
class Preferences:
    """Settings that outlive a session; the manifest shows them in napari's preferences.

    Parameters
    ----------
    preset : str
        Preset that the widget starts with.
    device : str
        Device that the widget starts with.
    pdf_dpi : int
        Resolution at which PDF pages are drawn, dots per inch.
    """

    preset: str = "balanced"
    device: str = "auto"
    pdf_dpi: int = 300


def read_preferences() -> Preferences:
    """Read the settings.

    Returns
    -------
    Preferences
        The user's choice; the defaults under a napari without settings for plugins
        (before 0.9), or when the plugin was not installed but only imported.
    """
    try:
        from napari.settings import get_plugin_settings

        stored = get_plugin_settings(PLUGIN_NAME)
    except (ImportError, KeyError):
        return Preferences()
    return Preferences(stored.binarize.preset, stored.binarize.device, stored.documents.pdf_dpi)
