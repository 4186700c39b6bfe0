"""Decide which labels belong to which image.

Strategy: scans of one archive mostly have the same size, so size alone says little. Labels that
this package made know their image, and they carry the file and page they came from, as images do.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.plugin.layers.ink_result import image_behind
from docbin_napari.plugin.layers.page_record import provenance

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_HALF_A_PIXEL = 0.5


def lies_over(image: Image, labels: Labels, shape: tuple[int, ...]) -> bool:
    """Tell whether labels are shown where the pixels are that they label.

    Parameters
    ----------
    image, labels : Image, Labels
        Layers of the same shape.
    shape : tuple of int
        Their shape, without colours.

    Returns
    -------
    bool
        Whether all corners lie within half a pixel of one another. (Pages shown side by side
        have the same size, but not the same place.)
    """
    if image.ndim != labels.ndim:
        return False
    for corner in itertools.product(*((0, size - 1) for size in shape)):
        there = labels.world_to_data(image.data_to_world(corner))
        if np.abs(np.asarray(there) - corner).max() > _HALF_A_PIXEL:
            return False
    return True


def same_page(image: Image, labels: Labels) -> bool | None:
    """Tell whether labels were made for an image, as far as the two know.

    Parameters
    ----------
    image, labels : Image, Labels
        Any layers.

    Returns
    -------
    bool or None
        None if one of them knows of no image and no file.
    """
    behind = image_behind(labels)
    if behind is image:
        return True
    mine, other = _origin(labels.metadata), _origin(provenance(image))
    if mine is not None and other is not None:
        return mine == other
    return None if behind is None else False


def _origin(known: dict[str, Any]) -> tuple[str, int] | None:
    """File and page; pages are counted from 1, and a single one may have no number."""
    source = known.get("source")
    return (source, int(known.get("page") or 1)) if isinstance(source, str) and source else None
