"""What people have looked at, kept with the labels layer: widgets can come and go."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from docbin_napari.correction.reviewed import Reviewed

if TYPE_CHECKING:
    from napari.layers import Labels

# Doors may keep state: the widget can be closed and opened again. Gone with the layer.
_GRIDS: weakref.WeakKeyDictionary[Labels, dict[int, Reviewed]] = weakref.WeakKeyDictionary()


def reviewed_of(labels: Labels, page: int) -> Reviewed:
    """Find what was looked at on a page of a labels layer.

    Parameters
    ----------
    labels : Labels
        (H, W) or (pages, H, W).
    page : int
        Place in the stack, from 0.

    Returns
    -------
    Reviewed
        The grid itself, not a copy; an empty one for a page that nobody has looked at.
    """
    grids = _GRIDS.setdefault(labels, {})
    data = labels.data[0] if labels.multiscale else labels.data
    shape = int(data.shape[-2]), int(data.shape[-1])
    grid = grids.get(page)
    if grid is None or grid.shape != shape:
        grid = grids[page] = Reviewed(shape)
    return grid


def restore_reviewed(labels: Labels, page: int, reviewed: Reviewed) -> bool:
    """Put back what was stored, for example by an autosave.

    Parameters
    ----------
    labels : Labels
        The layer.
    page : int
        Place in the stack, from 0.
    reviewed : Reviewed
        A grid of the same page.

    Returns
    -------
    bool
        False if it was made for a page of another size; then nothing changes.
    """
    if reviewed.shape != reviewed_of(labels, page).shape:
        return False
    _GRIDS[labels][page] = reviewed
    return True
