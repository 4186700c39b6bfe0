"""Read pages from image layers, and place labels over them; numpy only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.features.survey import PageSurvey
from docbin_napari.io.rgb import RgbRows, StoredBands, luma, needs_limits, to_rgb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image, Labels, Layer
    from numpy.typing import NDArray

    from docbin_napari.io.rgb import RowSource


def plane_of(data: Any, page: int) -> NDArray[Any]:
    """Give one page of labels or probabilities, a view: `data` itself if it is no stack."""
    plane: NDArray[Any] = data[page] if data.ndim == 3 else data
    return plane


def full_resolution(layer: Image | Labels) -> Any:
    """Give the data of a layer; of a multiscale layer, that of the finest level."""
    return layer.data[0] if layer.multiscale else layer.data


def size_in_words(shape: tuple[int, ...]) -> str:
    """Put the shape of labels into words.

    Examples
    --------
    >>> size_in_words((1200, 900)), size_in_words((3, 1200, 900))
    ('900 × 1200 pixels', '3 pages of 900 × 1200 pixels')
    """
    *pages, height, width = shape
    size = f"{width} × {height} pixels"
    return f"{' × '.join(map(str, pages))} pages of {size}" if pages else size


@dataclass(frozen=True)
class PageSource:
    """The pages of one image layer, taken out of the viewer: safe to read in a thread.

    Parameters
    ----------
    data : array_like
        Full resolution, (H, W), (pages, H, W), and the same with 3 or 4 colours at
        the end; numpy, dask or anything that gives arrays when it is sliced.
    rgb : bool
        Whether the last axis is colour.
    limits : (float, float) or None
        Values shown as black and white; None for those that a dtype has by itself.
    """

    data: Any
    rgb: bool
    limits: tuple[float, float] | None

    @property
    def is_stack(self) -> bool:
        """Whether there is an axis of pages."""
        return bool(self.data.ndim - self.rgb == 3)

    @property
    def count(self) -> int:
        """Number of pages."""
        return int(self.data.shape[0]) if self.is_stack else 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels: (H, W) or (pages, H, W), pixels."""
        return tuple(int(side) for side in self.data.shape[: self.data.ndim - self.rgb])

    @property
    def stored(self) -> PageSource:
        """The pages as they are stored: the same for the same file, whatever the user has set."""
        return self if self.rgb else replace(self, limits=None)

    def plane(self, page: int) -> Any:
        """Give the values of one page as they are stored."""
        return self.data[page] if self.is_stack else self.data

    def read(self, page: int) -> RowSource:
        """Open one page, to be read by rows as they are needed.

        Strategy: what lies in memory is converted as it is asked for. A lazy page is computed
        in the bands in which it is stored. napari's lazy folders store a page in one piece:
        such a page is computed once, or each row of windows would decode the file again.

        Parameters
        ----------
        page : int
            Place in the stack, from 0.

        Returns
        -------
        RowSource
            uint8 (H, W, 3), RGB.
        """
        plane = self.plane(page)
        if self.limits is None and needs_limits(plane.dtype):
            # Only the whole page says which values are black and white.
            return to_rgb(np.asarray(plane))
        rows: Any = plane
        if band := _stored_rows(self.data, self.is_stack):
            rows = StoredBands(
                tuple(map(int, plane.shape)),
                plane.dtype,
                band,
                lambda number: np.asarray(plane[number * band : (number + 1) * band]),
            )
        return RgbRows(rows, self.limits)


def _stored_rows(data: Any, is_stack: bool) -> int:
    """Rows of a page that a lazy array computes together; 0 for numpy."""
    if isinstance(data, np.ndarray):
        return 0
    height = int(data.shape[is_stack])
    chunks = getattr(data, "chunks", None)
    if not chunks:
        return height
    # Dask lists the size of every chunk, zarr has one for all.
    rows = chunks[is_stack]
    return min(int(max(rows) if isinstance(rows, tuple) else rows), height)


def page_source(layer: Image) -> PageSource:
    """Take the pages out of an image layer that `refusal` accepts.

    8-bit values are used as they are. Other gray values are cut at the contrast limits
    of the layer, so that the network sees what the user sees; float colours at 0 and 1.

    Parameters
    ----------
    layer : Image
        The layer; of a multiscale layer the full resolution is taken.

    Returns
    -------
    PageSource
        Its pages.
    """
    data = full_resolution(layer)
    dtype = np.dtype(data.dtype)
    limits: tuple[float, float] | None = None
    if layer.rgb:
        limits = (0.0, 1.0) if dtype.kind == "f" else None
    elif dtype != np.uint8 and dtype.kind != "b":
        low, high = layer.contrast_limits
        limits = (float(low), float(high))
    return PageSource(data, bool(layer.rgb), limits)


def refusal(layer: Image | None) -> str:
    """Say why a layer cannot be binarized.

    Parameters
    ----------
    layer : Image or None
        The chosen layer, if there is one.

    Returns
    -------
    str
        The reason in words for the user; empty if there is none.
    """
    if layer is None:
        return "Open a page first: there is no image layer."
    data = full_resolution(layer)
    if layer.ndim > 3:
        return f"“{layer.name}” has {layer.ndim} dimensions. Choose a page or a stack of pages."
    if np.dtype(data.dtype).kind not in "buif":
        return f"“{layer.name}” holds {np.dtype(data.dtype).name} values, which cannot be a page."
    if 0 in data.shape:
        return f"“{layer.name}” is empty."
    return ""


def current_page(layer: Image | Labels, point: Sequence[float]) -> int:
    """Find the page of a stack that is shown.

    Parameters
    ----------
    layer : Image or Labels
        The stack, or a single page.
    point : sequence of float
        Where the viewer is in the world (``viewer.dims.point``).

    Returns
    -------
    int
        Place in the stack, from 0; the nearest one if the viewer is beside it.
    """
    if layer.ndim < 3:
        return 0
    count = int(full_resolution(layer).shape[0])
    return int(np.clip(round(float(layer.world_to_data(point)[0])), 0, count - 1))


def placement(layer: Layer) -> dict[str, Any]:
    """Collect what puts labels exactly over an image in the world.

    Parameters
    ----------
    layer : Layer
        The image.

    Returns
    -------
    dict
        Keyword arguments for a layer of the same dimensions.
    """
    names = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
    return {name: getattr(layer, name) for name in names}


def label_style() -> dict[str, Any]:
    """Collect the look of ink labels: strong colours that let the page shine through.

    Returns
    -------
    dict
        Keyword arguments for a labels layer.
    """
    # Background, ink, unlabelled, and any value that has no meaning here.
    colours = {0: "transparent", 1: "#e6005c", 2: "#f5b800", None: "#00a0ff"}
    return {"colormap": colours, "opacity": 0.7}


def gray_page(image: Image, page: int) -> Callable[[slice, slice], NDArray[np.uint8]]:
    """Make the function that gives gray values for rows and columns of a page.

    Strategy: pixels in memory are converted where they are asked for. A lazy page is computed
    once as a whole and kept, because napari's lazy folders would decode the file again for
    every window; so is a page whose black and white only all of its values tell. Light
    writing on dark ground is exchanged for dark on light, as before a page is binarized.

    Parameters
    ----------
    image : Image
        A layer that `docbin_napari.plugin.layers.page_source.refusal` accepts.
    page : int
        Place in the stack, from 0.

    Returns
    -------
    callable
        Gives uint8 gray values, 0 black to 255 white; ink is the dark ones.
    """
    source = page_source(image)
    plane, pixels = source.plane(page), source.read(page)
    by_part = isinstance(plane, np.ndarray) and (source.limits or not needs_limits(plane.dtype))
    if not by_part:
        pixels = pixels[:]
    inverting = np.uint8(255 * PageSurvey.of(pixels).is_light_on_dark)
    if by_part:
        return lambda rows, columns: luma(to_rgb(plane[rows, columns], source.limits)) ^ inverting
    whole = luma(pixels[:]) ^ inverting
    return lambda rows, columns: whole[rows, columns]
