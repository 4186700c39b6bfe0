"""Finding the layers that are corrected, and saying why some cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels

from docbin_napari.plugin import ink_layers, layers, sight
from docbin_napari.plugin.ink import image_behind
from docbin_napari.plugin.overlays import is_overlay

if TYPE_CHECKING:
    from napari.components import ViewerModel


def labels_layers(viewer: ViewerModel) -> list[Labels]:
    """List the labels layers that may be ink, the topmost first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Labels) and not is_overlay(layer)
    ]


def favourite_labels(viewer: ViewerModel, image: Image | None) -> Labels | None:
    """Find the labels a user means.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    image : Image or None
        The page that was chosen.

    Returns
    -------
    Labels or None
        The active layer, else labels made from `image`, else the topmost ones of its size.
    """
    known = labels_layers(viewer)
    active = viewer.layers.selection.active
    if active in known:
        return active
    mine = [layer for layer in known if image is not None and image_behind(layer) is image]
    fitting = [layer for layer in known if not refusal(viewer, image, layer)]
    return next(iter((*mine, *fitting)), None)


def favourite_image(viewer: ViewerModel, labels: Labels | None) -> Image | None:
    """Find the page that labels lie over.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    labels : Labels or None
        The labels that were chosen.

    Returns
    -------
    Image or None
        The one that the labels were made from, else the active or topmost one of their size.
    """
    behind = image_behind(labels)
    if behind is not None and behind in viewer.layers:
        return behind
    active = viewer.layers.selection.active
    known = sorted(ink_layers.images(viewer), key=lambda layer: layer is not active)
    fitting = [layer for layer in known if not refusal(viewer, layer, labels)]
    return next(iter((*fitting, *known)), None)


def refusal(viewer: ViewerModel, image: Image | None, labels: Labels | None) -> str:
    """Say why layers cannot be corrected.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    image, labels : Image or None, Labels or None
        What was chosen.

    Returns
    -------
    str
        The reason and the mend, in words for the user; empty if there is none.
    """
    reason = layers.refusal(image)
    if reason or image is None:
        return reason
    if labels is None:
        return "Choose the labels to correct, run Binarize document, or make new ones."
    if labels not in viewer.layers or image not in viewer.layers:
        return "That layer is no longer in the viewer. Choose another one."
    trouble = _unfit(labels, layers.page_source(image).shape, image.name)
    if not trouble and not sight.lies_flat(viewer):
        return "Show the page flat: 2D view, with the rows and columns of the page."
    return trouble


def _unfit(labels: Labels, expected: tuple[int, ...], image: str) -> str:
    """Say why labels cannot be painted on; empty if they can."""
    name, data = labels.name, labels.data
    if labels.multiscale:
        return f"“{name}” is multiscale; napari cannot paint on such labels."
    if not isinstance(data, np.ndarray):
        return f"“{name}” is not in memory. Save and open it again to correct it."
    if not data.flags.writeable:
        return f"“{name}” cannot be written to. Duplicate it to correct it."
    if data.shape != expected:
        mine, wanted = (" × ".join(map(str, reversed(shape))) for shape in (data.shape, expected))
        return f"“{name}” has {mine} pixels, but “{image}” {wanted}."
    return ""
