"""Gray values of a page of an image layer, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.rgb import needs_limits, to_rgb
from docbin_napari.plugin import layers

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray


class GrayPage:
    """A page that gives gray values for rows and columns.

    Strategy: pixels in memory are converted where they are asked for. A lazy page is computed
    once as a whole and kept, because napari's lazy folders would decode the file again for
    every window; so is a page whose black and white only all of its values tell.

    Parameters
    ----------
    image : Image
        A layer that `docbin_napari.plugin.layers.refusal` has nothing against.
    page : int
        Place in the stack, from 0.
    """

    def __init__(self, image: Image, page: int) -> None:
        source = layers.page_source(image)
        plane = source.data[page] if source.is_stack else source.data
        simple = source.limits is not None or not needs_limits(plane.dtype)
        self._limits = source.limits
        self._plane: Any = plane
        self._whole: NDArray[np.uint8] | None = None
        if not (isinstance(plane, np.ndarray) and simple):
            rows = source.read(page)
            self._whole = _gray(np.asarray(rows[0 : int(rows.shape[0])]))

    def __call__(self, rows: slice, columns: slice) -> NDArray[np.uint8]:
        """Give uint8 gray values, 0 black to 255 white."""
        if self._whole is not None:
            return self._whole[rows, columns]
        return _gray(to_rgb(np.asarray(self._plane[rows, columns]), self._limits))


def gray_key(image: Image, page: int) -> tuple[Any, ...]:
    """Tell pages of layers apart: equal as long as a `GrayPage` need not be made again."""
    limits = None if image.rgb else tuple(image.contrast_limits)
    return id(image), id(image.data), page, limits


def _gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    red, green, blue = (pixels[..., colour].astype(np.uint16) for colour in range(3))
    return ((77 * red + 150 * green + 29 * blue) >> 8).astype(np.uint8)
