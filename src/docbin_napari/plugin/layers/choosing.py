"""Finding and adding layers: the image that is meant, and the labels that belong to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image, Labels

from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.layers.ink_result import InkResult, bind, image_behind, result_behind
from docbin_napari.plugin.layers.page_record import provenance

if TYPE_CHECKING:
    from napari.components import ViewerModel


def images(viewer: ViewerModel) -> list[Image]:
    """List the image layers, the topmost first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Image)]


def favourite(viewer: ViewerModel) -> Image | None:
    """Find the image a user means.

    Returns
    -------
    Image or None
        The active layer, else the image behind the active labels, else the topmost image.
    """
    active = viewer.layers.selection.active
    if isinstance(active, Image):
        return active
    known = images(viewer)
    behind = image_behind(active)
    if behind in known:
        return behind
    return known[0] if known else None


def ink_layer(viewer: ViewerModel, image: Image | None) -> Labels | None:
    """Find the labels that the threshold of an image moves.

    Returns
    -------
    Labels or None
        Those made from `image` (the active ones before the topmost), else active ones
        whose image is no longer in the viewer.
    """
    active = viewer.layers.selection.active
    made = [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Labels) and result_behind(layer) is not None
    ]
    mine = [layer for layer in made if image is not None and image_behind(layer) is image]
    if mine:
        return active if active in mine else mine[0]
    if active in made and image_behind(active) not in images(viewer):
        return active
    return None


def provide(
    viewer: ViewerModel,
    image: Image,
    pages: tuple[int, ...],
    threshold: float,
) -> tuple[Labels, str]:
    """Find or add the labels that a run fills.

    The labels of an earlier run are emptied and filled again, unless a person has painted
    on the pages in question: then they stay as they are and a new layer is added.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    image : Image
        What is binarized.
    pages : tuple of int
        The pages of the run, from 0.
    threshold : float
        Probability from which a pixel is ink, 0 to 1.

    Returns
    -------
    layer : Labels
        With a result behind it.
    note : str
        What the user should know about the choice; mostly empty.
    """
    shape = page_source.page_source(image).shape
    layer, note = ink_layer(viewer, image), ""
    result = result_behind(layer)
    if layer is not None and result is not None and result.shape == shape:
        computed = [page for page in pages if result.has(page)]
        if not any(result.was_edited(page) for page in computed):
            for page in computed:
                result.reset(page)
            for name, value in page_source.placement(image).items():
                setattr(layer, name, value)
            return layer, note
        note = f"“{layer.name}” holds corrections and was left alone; this is a new layer."
    return _add(viewer, image, InkResult(shape, threshold)), note


def _add(viewer: ViewerModel, image: Image, result: InkResult) -> Labels:
    layer = Labels(
        result.labels,
        name=f"Ink of {image.name}",
        metadata=provenance(image),
        **page_source.placement(image),
        **page_source.label_style(),
    )
    bind(layer, result, image)
    viewer.add_layer(layer)
    return layer
