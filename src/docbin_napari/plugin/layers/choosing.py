"""Find and add layers: the chosen image and its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.layers.ink_result import INK, InkResult, bind, image_behind, result_behind
from docbin_napari.plugin.layers.page_record import provenance

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from numpy.typing import NDArray

OVERLAY = "docbin_napari_overlay"
"""Name in the metadata of layers that only show something: they are nobody's ink."""
DIFFERENCE_NAME = "Difference of two results"
_FIRST, _SECOND = "#1f77ff", "#ff9900"


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
    made_by: tuple[str, str] = ("", ""),
) -> tuple[Labels, str]:
    """Find or add the labels that a run fills.

    The labels of an earlier run are emptied and filled again, unless a person has painted
    on the pages in question, or another model or preset has made them: then they stay as they
    are and a new layer is added, named after what makes it.

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
    made_by : (str, str)
        Model and preset; empty where that does not matter.

    Returns
    -------
    layer : Labels
        With a result behind it.
    note : str
        What the user should know about the choice; mostly empty.
    """
    shape = page_source.page_source(image).shape
    first, note = ink_layer(viewer, image), ""
    layer = first if first is None or _is_made_by(first, made_by) else None
    if layer is None:
        layer = next((one for one in results_of(viewer, image) if _is_made_by(one, made_by)), None)
    result = result_behind(layer)
    if layer is not None and result is not None and result.shape == shape:
        computed = [page for page in pages if result.has(page)]
        if not any(result.was_edited(page) for page in computed):
            for page in computed:
                result.reset(page)
            for name, value in page_source.placement(image).items():
                setattr(layer, name, value)
            _show_alone(viewer, image, layer)
            return layer, note
        note = f"“{layer.name}” holds corrections and was left alone; this is a new layer."
    name = f"Ink of {image.name}"
    if first is not None and any(made_by) and not _is_made_by(first, made_by):
        name += f" ({', '.join(made_by)})"
    added = _add(viewer, image, InkResult(shape, threshold), name)
    _show_alone(viewer, image, added)
    return added, note


def results_of(viewer: ViewerModel, image: Image | None) -> list[Labels]:
    """List the results of runs on an image, the topmost first.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    image : Image or None
        The page or the stack.

    Returns
    -------
    list of Labels
        Those with a result behind them.
    """
    return [
        layer
        for layer in reversed(viewer.layers)
        if isinstance(layer, Labels) and image is not None and image_behind(layer) is image
        if result_behind(layer) is not None
    ]


def compare(viewer: ViewerModel, image: Image | None) -> str:
    """Show what only one of the two topmost results of an image calls ink.

    Parameters
    ----------
    viewer : ViewerModel
        Gets a layer, or new data in the layer of the last comparison.
    image : Image or None
        The page or the stack.

    Returns
    -------
    str
        What the colours mean, or what is missing.
    """
    results = [one for one in results_of(viewer, image) if one.data.shape == _shape(image)]
    if image is None or len(results) < 2:
        return "Run a second model or preset on this page first; then the two can be compared."
    first, second = results[1], results[0]
    mine, other = first.data == INK, second.data == INK
    data = np.where(mine & ~other, np.uint8(1), np.uint8(0))
    data[other & ~mine] = 2
    known = DIFFERENCE_NAME in viewer.layers
    if known and isinstance(viewer.layers[DIFFERENCE_NAME], Labels):
        viewer.layers.remove(viewer.layers[DIFFERENCE_NAME])
    style: dict[str, Any] = {"colormap": {0: "transparent", 1: _FIRST, 2: _SECOND, None: _SECOND}}
    active = viewer.layers.selection.active
    viewer.add_layer(
        Labels(
            data,
            name=DIFFERENCE_NAME,
            metadata={OVERLAY: True},
            **page_source.placement(image),
            **style,
        )
    )
    viewer.layers.selection.active = active
    return (
        f"Blue: ink only in “{first.name}” ({_share(data, 1)}). "
        f"Orange: only in “{second.name}” ({_share(data, 2)})."
    )


def _share(data: NDArray[np.uint8], value: int) -> str:
    return f"{np.count_nonzero(data == value):,} pixels"


def _shape(image: Image | None) -> tuple[int, ...]:
    return () if image is None else page_source.page_source(image).shape


def _is_made_by(layer: Labels, made_by: tuple[str, str]) -> bool:
    """Whether labels are of this model and preset, as far as they know."""
    known = layer.metadata.get("model"), layer.metadata.get("preset")
    return not any(made_by) or not all(known) or known == made_by


def _show_alone(viewer: ViewerModel, image: Image, layer: Labels) -> None:
    """Hide other results of the image: two of them over each other cannot be told apart."""
    for other in results_of(viewer, image):
        other.visible = other is layer


def _add(viewer: ViewerModel, image: Image, result: InkResult, name: str) -> Labels:
    layer = Labels(
        result.labels,
        name=name,
        metadata=provenance(image),
        **page_source.placement(image),
        **page_source.label_style(),
    )
    bind(layer, result, image)
    viewer.add_layer(layer)
    return layer
