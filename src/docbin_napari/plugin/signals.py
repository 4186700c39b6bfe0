"""Signals between open panels, and the list of pages that is open."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from psygnal import Signal

if TYPE_CHECKING:
    from napari.layers import Image

    from docbin_napari.plugin.pages.prepare import PageOrder


class ModelNews:
    """Tells of new models.

    Attributes
    ----------
    added : Signal
        Name of the new model, and whether it is better than the one it came from: widgets
        list it, and choose it if it is.
    """

    added = Signal(str, bool)


class PairNews:
    """Tells of new training pairs.

    Attributes
    ----------
    saved : Signal
        The folder of the data sets in which a pair was written.
    """

    saved = Signal(Path)


MODEL_NEWS = ModelNews()
"""The one that all widgets listen to."""
PAIR_NEWS = PairNews()
"""The one that all widgets listen to."""


class PageTurner(Protocol):
    """A list of pages that can be turned."""

    def shows(self, image: Image) -> bool:
        """Whether an image is the page of the list that is worked on."""

    def export_orders(self) -> tuple[list[PageOrder], dict[int, Any], Any]:
        """Give all pages, the labels that are shown, and what makes the engine."""

    @property
    def has_next(self) -> bool:
        """Whether a page follows the one that is worked on."""

    def run_next(self, model: str) -> str:
        """Binarize the next page with a model and show it; why not, or ""."""


# Doors may keep state: the lists that are open in this process. Gone with their panels.
_LISTS: weakref.WeakSet[PageTurner] = weakref.WeakSet()


def note_list(turner: PageTurner) -> None:
    """Note that a list can be turned; it is forgotten with the object.

    Parameters
    ----------
    turner : PageTurner
        The list.
    """
    _LISTS.add(turner)


def list_of(image: Image | None) -> PageTurner | None:
    """Find the list that an image is the present page of.

    Parameters
    ----------
    image : Image or None
        A layer.

    Returns
    -------
    PageTurner or None
        None if it came from no list.
    """
    if image is None:
        return None
    return next((turner for turner in list(_LISTS) if turner.shows(image)), None)
