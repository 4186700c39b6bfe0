"""Label connected components and find nearest sites inside their boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from docbin_napari.metrics.rates import BoolArray
from docbin_napari.metrics.thinning import steps_in


@dataclass(frozen=True)
class Components:
    """The 8-connected components of a bool array.

    Parameters
    ----------
    labels : ndarray of int32, shape (H, W)
        1, 2, ... in raster order of the first pixels; 0 outside.
    boxes : ndarray of int64, shape (N, 4)
        First row, row after the last, first column, column after the last of each.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int64]

    @classmethod
    def of(cls, array: BoolArray) -> Components:
        """Label an array."""
        labels, _ = ndimage.label(array, np.ones((3, 3)), output=np.int32)
        found = ndimage.find_objects(labels)
        ends = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in found]
        return cls(labels, np.array(ends, dtype=np.int64).reshape(-1, 4))


@dataclass(frozen=True)
class Neighbourhood:
    """Which sites are nearest to which pixels, in boxes that do not touch each other.

    Strategy: by chessboard distance, the nearest sites of a pixel at distance d are exactly
    those of its eight neighbours at distance d - 1, all of them, as long as no box cuts the way,
    and a rectangle never does. So a largest value among all nearest sites is handed outwards
    layer by layer, and a largest value among all pixels that share a nearest site inwards. All
    ties are kept, which a nearest-pixel transform cannot do. Boxes are worked on together if a
    pixel lies between them, for then nothing can pass from one to another.

    Parameters
    ----------
    window : pair of slice
        Part of the page that holds the boxes.
    shape : (int, int)
        That of the window with a rim of one pixel, into which, flattened, indices below are.
    layers : list of ndarray of int32
        Pixels by distance to the nearest site of their box; the first are the sites.
    owners : ndarray of int32
        Component of the box each site is in.
    targets : ndarray of int32
        Pixels that were asked about: each lies in its own component and its box.
    """

    window: tuple[slice, slice]
    shape: tuple[int, int]
    layers: list[NDArray[np.int32]]
    owners: NDArray[np.int32]
    targets: NDArray[np.int32]

    def on_page(self, pixels: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Convert indices into the window to rows and columns on the page."""
        rows, columns = np.divmod(pixels.astype(np.intp), self.shape[1])
        return rows + self.window[0].start - 1, columns + self.window[1].start - 1

    def largest_of_sites(self, values: NDArray[np.int32]) -> NDArray[np.int32]:
        """Take the largest positive value at the nearest sites of each target; 0 without site."""
        spread = np.zeros(self.shape, dtype=np.int32).ravel()
        spread[self.layers[0]] = values
        self._hand_on(self.layers[1:], spread, np.zeros_like(spread))
        return spread[self.targets]

    def last_target(self) -> NDArray[np.int32]:
        """Find the last target, in raster order, that is nearest to each site; 0 without target."""
        own = np.zeros(self.shape, dtype=np.int32).ravel()
        own[self.targets] = self.targets
        spread = np.zeros_like(own)
        self._hand_on(self.layers[::-1], spread, own)
        return spread[self.layers[0]]

    def _hand_on(
        self, layers: list[NDArray[np.int32]], spread: NDArray[np.int32], own: NDArray[np.int32]
    ) -> None:
        """Give pixels, layer by layer, the largest value of their neighbours and their own."""
        for layer in layers:
            pixels = layer.astype(np.intp)
            best = own[pixels]
            for offset in steps_in(self.shape[1]):
                np.maximum(best, spread.take(pixels + offset), out=best)
            spread[pixels] = best


def neighbourhoods(
    components: Components, sites: BoolArray, wanted: BoolArray
) -> Iterator[Neighbourhood]:
    """Find the nearest sites of all wanted pixels, each within the box of its component.

    Parameters
    ----------
    components : Components
        The components of the wanted pixels.
    sites : ndarray of bool, shape (H, W)
        The sites. They count in every box that holds them, whatever component they are of.
    wanted : ndarray of bool, shape (H, W)
        The pixels that are asked about; those outside all components are passed over.

    Yields
    ------
    Neighbourhood
        One for each group of boxes that do not touch.
    """
    boxes = components.boxes
    asked = np.unique(components.labels[wanted])
    for group in _groups(boxes, asked[asked > 0], components.labels.shape):
        low, high = boxes[group - 1].min(axis=0), boxes[group - 1].max(axis=0)
        window = (slice(int(low[0]), int(high[1])), slice(int(low[2]), int(high[3])))
        owner = np.zeros([side.stop - side.start + 2 for side in window], dtype=np.int32)
        shifted = boxes[group - 1] - low[[0, 0, 2, 2]] + 1
        for label, (top, bottom, left, right) in zip(group, shifted.tolist(), strict=True):
            owner[top:bottom, left:right] = label
        own = owner[1:-1, 1:-1] == components.labels[window]
        targets = np.flatnonzero(np.pad(own & wanted[window], 1)).astype(np.int32)
        inside = owner.ravel() > 0
        layers = _layers(np.pad(sites[window], 1).ravel() & inside, inside, owner.shape[1])
        yield Neighbourhood(window, owner.shape, layers, owner.ravel()[layers[0]], targets)


def _layers(sites: BoolArray, free: BoolArray, width: int) -> list[NDArray[np.int32]]:
    """Sort the pixels of boxes by distance to the nearest site."""
    front = np.flatnonzero(sites)
    layers = [front.astype(np.int32)]
    free[front] = False
    while front.size:
        reached = []
        for offset in steps_in(width):
            pixels = front + offset
            pixels = pixels[free.take(pixels)]
            free[pixels] = False
            reached.append(pixels)
        front = np.concatenate(reached)
        layers.append(front.astype(np.int32))
    return layers


def _groups(
    boxes: NDArray[np.int64], labels: NDArray[np.int32], shape: tuple[int, ...]
) -> Iterator[NDArray[np.int32]]:
    """Share components out so that the boxes of a group have a pixel between them."""
    pending = labels.tolist()
    while pending:
        taken = np.zeros(shape, dtype=bool)
        group, left_over = [], []
        for label in pending:
            top, bottom, left, right = boxes[label - 1].tolist()
            if taken[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1].any():
                left_over.append(label)
            else:
                taken[top:bottom, left:right] = True
                group.append(label)
        yield np.array(group, dtype=np.int32)
        pending = left_over
