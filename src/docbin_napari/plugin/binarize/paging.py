"""Go through the pages of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docbin_napari.plugin.layers import page_source

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


def turn_page(viewer: ViewerModel, image: Image, pages: int) -> str:
    """Show another page of a stack.

    Parameters
    ----------
    viewer : ViewerModel
        With the stack.
    image : Image
        A layer that `page_source.refusal` has nothing against.
    pages : int
        How many pages further; 0 changes nothing.

    Returns
    -------
    str
        Why there is no such page, for the user; empty if it is shown.
    """
    if not pages:
        return ""
    source = page_source.page_source(image)
    wanted = page_source.current_page(image, viewer.dims.point) + pages
    if not 0 <= wanted < source.count:
        return f"“{image.name}” has no further page. Open the next page, then run on this page."
    axis = viewer.dims.ndim - image.ndim
    viewer.dims.set_point(axis, float(image.data_to_world((wanted, 0, 0))[axis - viewer.dims.ndim]))
    return ""
