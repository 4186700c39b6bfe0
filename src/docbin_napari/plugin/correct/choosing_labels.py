"""Find the layers to correct, and say why some cannot be corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels

from docbin_napari.plugin.correct.overlays import is_overlay
from docbin_napari.plugin.layers import canvas, choosing, page_source
from docbin_napari.plugin.layers.belonging import lies_over, same_page
from docbin_napari.plugin.layers.ink_result import image_behind

if TYPE_CHECKING:
    from napari.components import ViewerModel


def labels_layers(viewer: ViewerModel) -> list[Labels]:
    """List the labels layers that may be ink, the topmost first."""
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Labels) and not is_overlay(layer)
    ]


def favourite_labels(
    viewer: ViewerModel, image: Image | None, now: Labels | None = None
) -> Labels | None:
    """Find the labels a user means.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    image : Image or None
        The page that was chosen.
    now : Labels or None
        Those that are chosen, which stay if others are no better.

    Returns
    -------
    Labels or None
        The active layer, else the topmost labels of this page, else the topmost ones that fit
        over it and are of no other page.
    """
    known = labels_layers(viewer)
    active = viewer.layers.selection.active
    if active in known:
        return active
    fitting = [layer for layer in known if _may_belong(viewer, image, layer)]
    best = sorted(fitting, key=lambda layer: (not _surely(image, layer), layer is not now))
    return next(iter(best), None)


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
        The one that the labels were made from, else the active or topmost one that they fit
        and that is of no other page, else the active or topmost one.
    """
    behind = image_behind(labels)
    if behind is not None and behind in viewer.layers:
        return behind
    active = viewer.layers.selection.active
    known = sorted(choosing.images(viewer), key=lambda layer: layer is not active)
    fitting = [layer for layer in known if _may_belong(viewer, layer, labels)]
    best = sorted(fitting, key=lambda layer: not _surely(layer, labels))
    return next(iter((*best, *known)), None)


def meant(viewer: ViewerModel, labels: Labels | None) -> tuple[Image | None, Labels | None]:
    """Find page and labels that a click on a layer means.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer; its active layer was clicked.
    labels : Labels or None
        Those that were chosen before.

    Returns
    -------
    image, labels : Image or None, Labels or None
        What is to be chosen now; None where what was chosen stays.
    """
    active = viewer.layers.selection.active
    if isinstance(active, Image):
        return active, favourite_labels(viewer, active, labels)
    if active in labels_layers(viewer):
        return favourite_image(viewer, active), active
    return None, None


def _may_belong(viewer: ViewerModel, image: Image | None, labels: Labels | None) -> bool:
    return not refusal(viewer, image, labels) and not warning(image, labels)


def _surely(image: Image | None, labels: Labels | None) -> bool:
    return image is not None and labels is not None and same_page(image, labels) is True


def warning(image: Image | None, labels: Labels | None) -> str:
    """Say what is strange about layers that can be corrected all the same.

    Parameters
    ----------
    image, labels : Image or None, Labels or None
        What was chosen.

    Returns
    -------
    str
        In words for the user; empty if all is well.
    """
    if image is None or labels is None or same_page(image, labels) is not False:
        return ""
    return f"“{labels.name}” was made for another page than “{image.name}”. Is this what you want?"


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
        The reason and the fix, in words for the user; empty if there is none.
    """
    reason = page_source.refusal(image)
    if reason or image is None:
        return reason
    if labels is None:
        return "Choose the labels to correct, run Binarize document, or make new ones."
    if labels not in viewer.layers or image not in viewer.layers:
        return "That layer is no longer in the viewer. Choose another one."
    trouble = _unfit(labels, page_source.page_source(image).shape, image)
    if not trouble and not canvas.lies_flat(viewer):
        return "Show the page flat: 2D view, with the rows and columns of the page."
    return trouble


def _unfit(labels: Labels, expected: tuple[int, ...], image: Image) -> str:
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
        return f"“{name}” has {mine} pixels, but “{image.name}” {wanted}."
    if not lies_over(image, labels, expected):
        return (
            f"“{name}” does not lie over “{image.name}”. "
            "Choose the labels of this page, or give both the same scale and place."
        )
    return ""
