"""Find the page and the ink that are meant: layers to binarize, to correct, and to add.

Strategy: scans of one archive mostly have the same size, so size alone does not say which labels
belong to which image. Labels that this package made know their image, and they carry the file and
page they came from, as images do.
"""

from __future__ import annotations

import itertools
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Shapes

from docbin_napari.plugin.layers import canvas, page_source
from docbin_napari.plugin.layers.ink_result import (
    INK,
    InkResult,
    bind,
    image_behind,
    is_bound,
    result_behind,
)
from docbin_napari.plugin.layers.page_record import provenance

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

OVERLAY = "docbin_napari_overlay"
"""Name in the metadata of layers that only show something: they are nobody's ink."""
DIFFERENCE_NAME = "Difference of two results"
_FIRST, _SECOND = "#1f77ff", "#ff9900"
_HALF_A_PIXEL = 0.5


def images(viewer: ViewerModel) -> list[Image]:
    """List the image layers, the topmost first."""
    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Image)]


def is_overlay(layer: Layer) -> bool:
    """Tell whether a layer only shows something, and so is nobody's ink."""
    return bool(layer.metadata.get(OVERLAY))


def marks_of(viewer: ViewerModel, image: Image) -> list[Layer]:
    """List the layers that only show something of an image."""
    return [one for one in viewer.layers if is_overlay(one) and image_behind(one) is image]


def labels_layers(viewer: ViewerModel) -> list[Labels]:
    """List the labels layers that may be ink, the topmost first."""
    layers = [layer for layer in reversed(viewer.layers) if isinstance(layer, Labels)]
    return [layer for layer in layers if not is_overlay(layer)]


def drawn_shapes(viewer: ViewerModel) -> list[Shapes]:
    """List the layers of shapes that a user drew and sees.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.

    Returns
    -------
    list of Shapes
        From the lowest; without those that the correction tools draw their regions in.
    """
    shapes = [layer for layer in viewer.layers if isinstance(layer, Shapes)]
    return [layer for layer in shapes if layer.visible and not is_overlay(layer)]


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
    made = [layer for layer in labels_layers(viewer) if result_behind(layer) is not None]
    return [layer for layer in made if image is not None and image_behind(layer) is image]


# ---- binarize


def favourite(viewer: ViewerModel, now: Image | None = None) -> Image | None:
    """Find the image a user means.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    now : Image or None
        The one that is chosen, which stays where the active layer means no page.

    Returns
    -------
    Image or None
        The active layer, else the page of the active labels, else `now`, else the topmost image.
    """
    active = viewer.layers.selection.active
    if isinstance(active, Image):
        return active
    known = images(viewer)
    own = [one for one in known if isinstance(active, Labels) and same_page(one, active)]
    own.sort(key=lambda one: one is not image_behind(active))
    return next(iter((*own, *(known if now is None else [now]))), None)


def ink_layer(viewer: ViewerModel, image: Image | None) -> Labels | None:
    """Find the labels that the threshold of an image moves.

    Returns
    -------
    Labels or None
        Those made from `image` (visible ones first, of these the active before the topmost),
        else active ones whose image is no longer in the viewer.
    """
    active = viewer.layers.selection.active
    mine = results_of(viewer, image)
    if mine:
        return min(mine, key=lambda layer: (not layer.visible, layer is not active))
    lost = result_behind(active) is not None and image_behind(active) not in images(viewer)
    return active if lost else None


def provide(
    viewer: ViewerModel,
    image: Image,
    pages: tuple[int, ...],
    threshold: float,
    made_by: tuple[str, str] = ("", ""),
) -> tuple[Labels, str]:
    """Find or add the labels that a run fills.

    The labels of an earlier run are filled again, unless a person has painted on the pages in
    question, or another model or preset has made them: then they stay as they are and a new
    layer is added. All but the first are named after what makes them.

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
    shape, known, note = page_source.page_source(image).shape, results_of(viewer, image), ""
    known.sort(key=lambda one: one is not viewer.layers.selection.active)
    for layer in known:
        if not _is_made_by(layer, made_by) or layer.data.shape != shape:
            continue
        if not _is_corrected(layer, pages):
            for name, value in page_source.placement(image).items():
                setattr(layer, name, value)
            _show_alone(viewer, image, layer)
            viewer.layers.selection.active = layer  # as a new one would be
            return layer, ""
        note = note or f"“{layer.name}” holds corrections and was left alone; this is a new layer."
    result = InkResult(shape, threshold)
    added = labels_over(image, result.labels, f"Ink of {image.name}")
    if known and any(made_by):
        added.name += f" ({', '.join(made_by)})"
    bind(added, result, image)
    viewer.add_layer(added)
    _show_alone(viewer, image, added)
    return added, note


def labels_over(image: Image, data: Any, name: str) -> Labels:
    """Make ink labels that lie over an image and know where it came from."""
    place = page_source.placement(image) | page_source.label_style()
    return Labels(data, name=name, metadata=provenance(image), **place)


def _is_made_by(layer: Labels, made_by: tuple[str, str]) -> bool:
    """Whether labels are of this model and preset, as far as they know."""
    known = layer.metadata.get("model"), layer.metadata.get("preset")
    return not any(made_by) or not all(known) or known == made_by


def _is_corrected(layer: Labels, pages: tuple[int, ...]) -> bool:
    """Whether a person has painted on one of these pages of a result."""
    result = result_behind(layer)
    return result is not None and any(result.has(at) and result.was_edited(at) for at in pages)


def _show_alone(viewer: ViewerModel, image: Image, layer: Labels) -> None:
    """Hide other results of the image: two of them over each other cannot be distinguished."""
    for other in results_of(viewer, image):
        other.visible = other is layer


def bring_up(viewer: ViewerModel, image: Image) -> None:
    """Show a page that is hidden, and hide other pages, with their results, that lie over it.

    Parameters
    ----------
    viewer : ViewerModel
        With several pages, perhaps.
    image : Image
        The page or the stack.
    """
    image.visible = True
    layers, place = list(viewer.layers), image.extent.world[:, -2:]
    for other in layers[layers.index(image) + 1 :]:
        if isinstance(other, Image) and other.visible:
            its = other.extent.world[:, -2:]
            if (its[0] < place[1]).all() and (place[0] < its[1]).all():
                for layer in (other, *results_of(viewer, other), *marks_of(viewer, other)):
                    layer.visible = False


def withdraw(viewer: ViewerModel, layer: Labels) -> None:
    """Take away a result of which nothing was computed or painted, if there is one before it.

    Parameters
    ----------
    viewer : ViewerModel
        With the layer, unless somebody has removed it.
    layer : Labels
        From `provide`.
    """
    result, known = result_behind(layer), results_of(viewer, image_behind(layer))
    if result is None or layer not in known or len(known) < 2:
        return
    if all(map(result.is_untouched, range(len(layer.data) if layer.ndim == 3 else 1))):
        viewer.layers.remove(layer)
        before = next(one for one in known if one is not layer)
        before.visible, viewer.layers.selection.active = True, before


def compare(viewer: ViewerModel, image: Image) -> str:
    """Show what only one of the two topmost results of an image calls ink, where both are whole.

    The layer goes as soon as one of the results is changed or removed.

    Parameters
    ----------
    viewer : ViewerModel
        Gets a layer, or new data in the layer of the last comparison.
    image : Image
        The page or the stack.

    Returns
    -------
    str
        What the colours mean, or what is missing.
    """
    source = page_source.page_source(image)
    results = [one for one in results_of(viewer, image) if one.data.shape == source.shape][:2]
    behind = [result for one in results if (result := result_behind(one)) is not None]
    known = [page for page in range(source.count) if all(result.has(page) for result in behind)]
    states = {page: state for page in known if (state := _state_of(results, page)) is not None}
    if len(results) < 2 or not known:
        return "Run a second model or preset on this page first; then the two can be compared."
    if not states:
        return "A run of this page was stopped: press Run again, then compare."
    second, first = results
    data = np.zeros(source.shape, np.uint8)
    for page in states:
        mine, other = (page_source.plane_of(one.data, page) == INK for one in (first, second))
        marks = page_source.plane_of(data, page)
        marks[mine & ~other] = 1
        marks[other & ~mine] = 2
    if DIFFERENCE_NAME in viewer.layers and isinstance(viewer.layers[DIFFERENCE_NAME], Labels):
        viewer.layers.remove(viewer.layers[DIFFERENCE_NAME])
    colours: Any = {0: "transparent", 1: _FIRST, 2: _SECOND, None: _SECOND}
    style = page_source.placement(image) | {"colormap": colours, "metadata": {OVERLAY: True}}
    active = viewer.layers.selection.active
    difference = Labels(data, name=DIFFERENCE_NAME, **style)
    bind(difference, None, image)
    viewer.add_layer(difference)
    viewer.layers.selection.active = active
    _remove_when_stale(viewer, difference, results, states)
    counts = [f"{np.count_nonzero(data == value):,} pixels" for value in (1, 2)]
    return (
        f"Blue: ink only in “{first.name}” ({counts[0]}). "
        f"Orange: only in “{second.name}” ({counts[1]})."
    )


def _state_of(results: list[Labels], page: int) -> list[int] | None:
    """Compute checksums of a page of results; None where one of them is not whole."""
    behind = map(result_behind, results)
    if not all(one is not None and one.has(page) and not one.is_partial(page) for one in behind):
        return None
    planes = (page_source.plane_of(one.data, page) for one in results)
    return [zlib.crc32(np.ascontiguousarray(plane).data) for plane in planes]


def _remove_when_stale(
    viewer: ViewerModel, difference: Labels, results: list[Labels], states: dict[int, list[int]]
) -> None:
    """Take a comparison away when the results are not those any more that it was made from."""
    heard = [viewer.layers.events.removed]
    heard += [event for one in results for event in (one.events.set_data, one.events.labels_update)]

    def follow(_: Any = None) -> None:
        if difference in viewer.layers:
            page = page_source.current_page(difference, viewer.dims.point)
            whole = all(one in viewer.layers for one in results)
            if whole and _state_of(results, page) == states.get(page):
                return
            viewer.layers.remove(difference)
        for event in heard:
            event.disconnect(follow)

    for event in heard:
        event.connect(follow)


# ---- correct


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
    best = sorted(fitting, key=lambda layer: (not same_page(image, layer), layer is not now))
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
        and that is of no other page, else the active or topmost one that is not hidden.
    """
    behind = image_behind(labels)
    if behind is not None and behind in viewer.layers:
        return behind
    active = viewer.layers.selection.active
    known = sorted(images(viewer), key=lambda layer: layer is not active)
    fitting = [layer for layer in known if _may_belong(viewer, layer, labels)]
    best = sorted(fitting, key=lambda layer: not same_page(layer, labels))
    return next(iter((*best, *(layer for layer in known if layer.visible))), None)


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


def same_page(image: Image | None, labels: Labels | None) -> bool | None:
    """Tell whether labels were made for an image, as far as the two know.

    Parameters
    ----------
    image, labels : Image or None, Labels or None
        Any layers.

    Returns
    -------
    bool or None
        None if one of them knows of no image and no file, or is missing.
    """
    if image is None or labels is None:
        return None
    if image_behind(labels) is image:
        return True
    mine, other = _origin(labels.metadata), _origin(provenance(image))
    if mine is not None and other is not None:
        return mine == other
    return False if is_bound(labels) else None


def _origin(known: dict[str, Any]) -> tuple[str, int] | None:
    """File and page; pages are counted from 1, and a single one may have no number."""
    source = known.get("source")
    return (source, int(known.get("page") or 1)) if isinstance(source, str) and source else None


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
    return (
        f"“{labels.name}” was made for another page than “{image.name}”. Is this what you want? "
        "Its corrections are not kept until you save."
    )


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
    flat = "Show the page flat: 2D view, with the rows and columns of the page."
    trouble = _unfit(labels, page_source.page_source(image).shape, image)
    return trouble or ("" if canvas.lies_flat(viewer) else flat)


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
        mine, wanted = map(page_source.size_in_words, (data.shape, expected))
        return f"“{name}” has {mine}, but “{image.name}” has {wanted}."
    if not _lies_over(image, labels, expected):
        return (
            f"“{name}” does not lie over “{image.name}”. "
            "Choose the labels of this page, or give both the same scale and place."
        )
    return ""


def _lies_over(image: Image, labels: Labels, shape: tuple[int, ...]) -> bool:
    """Whether all corners lie within half a pixel of one another.

    Pages shown side by side have the same size, but not the same place.
    """
    for corner in itertools.product(*((0, size - 1) for size in shape)):
        there = labels.world_to_data(image.data_to_world(corner))
        if np.abs(np.asarray(there) - corner).max() > _HALF_A_PIXEL:
            return False
    return True
