"""The panels that list pages and save pairs, tied to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docbin_napari.plugin import engine
from docbin_napari.plugin.pages.panel import PageListPanel
from docbin_napari.plugin.saving.panel import SavePairPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from docbin_napari.plugin.layers.page import Subject


def panels(
    viewer: napari.viewer.Viewer,
    subject: Callable[[], Subject | None],
    load: Any = engine.load_engine,
) -> tuple[PageListPanel, SavePairPanel]:
    """Make both panels: the list knows what was corrected and saved, no page is left unkept.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    subject : callable
        Gives the page that is worked on, or None; not asked before the panels are shown.
    load : callable
        Makes the engine; another one in tests.

    Returns
    -------
    pages : PageListPanel
        For the top of a widget.
    saving : SavePairPanel
        For its lower end.
    """
    saving = SavePairPanel(viewer, subject)
    keep = saving.drafts.autosave.flush
    pages = PageListPanel(viewer, subject, saving.datasets_folder, keep, load)
    saving.saved.connect(pages.note_saved)
    saving.drafts.edited.connect(pages.note_edited)
    return pages, saving
