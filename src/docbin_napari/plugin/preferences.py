"""What the user set on the page "docbin-napari" of napari's preferences."""

from __future__ import annotations

from dataclasses import dataclass

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
    return Preferences(
        preset=stored.binarize.preset,
        device=stored.binarize.device,
        pdf_dpi=stored.documents.pdf_dpi,
    )
