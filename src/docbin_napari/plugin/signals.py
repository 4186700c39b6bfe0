"""Signals between open panels, and the lists of pages that are open."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.viewer import Viewer

    from docbin_napari.plugin.pages.pages_panel import PageListPanel


class ModelNews:
    """Announces new models.

    Attributes
    ----------
    added : Signal
        Name of the new model, and whether it is better than the one it came from: widgets
        list it, and choose it if it is.
    """

    added = Signal(str, bool)


class PairNews:
    """Announces new training pairs.

    Attributes
    ----------
    saved : Signal
        The folder of the data sets in which a pair was written.
    """

    saved = Signal(Path)


MODEL_NEWS = ModelNews()
"""The only instance; all widgets listen to it."""
PAIR_NEWS = PairNews()
"""The only instance; all widgets listen to it."""
# State of the process: the lists that are open in this process. Gone with their panels.
LISTS: weakref.WeakSet[PageListPanel] = weakref.WeakSet()


def list_of(viewer: Viewer, image: Image | None) -> PageListPanel | None:
    """Find the list that an image is the present page of.

    Parameters
    ----------
    viewer : Viewer
        With the list.
    image : Image or None
        A layer; None for a page that cannot be shown.

    Returns
    -------
    PageListPanel or None
        None if it came from no list.
    """
    return next((pages for pages in list(LISTS) if pages.shows(viewer, image)), None)
