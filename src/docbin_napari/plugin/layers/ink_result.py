"""Keep the result of a run: ink probability, labels cut from it, and corrections.

Strategy: the network writes every pixel of the probability once, region by region. Each
region becomes a block that remembers the level at which its labels were cut. When the
threshold moves, only pixels whose class changes between the old and the new level are
touched, block by block, so that a caller can stop in between and a slider never waits
for a large page. Pixels that differ from what their block's level gives were painted by
a person: they are marked when they are first met and never change again. The same goes for
pixels that follow a threshold of their own.

Threshold moves and refreshes wait in `Upkeep` and are done in slices of time that are too short
to be felt. A refresh of a large page takes long, so refreshes come at most five times a second and
never take more than a quarter of the time.
"""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.mask import level_of as lowest_level
from docbin_napari.plugin.layers.page_source import plane_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Image, Labels, Layer
    from numpy.typing import NDArray

    from docbin_napari.correction.region import Region

BACKGROUND, INK, UNLABELLED = 0, 1, 2
_BLOCK_PIXELS = 1 << 20
_SLICE_SECONDS = 0.025
_REFRESH_SECONDS = 0.2
_REFRESH_SHARE = 0.25


class NotInkError(ValueError):
    """Labels that are not those of ink, or of which nothing was computed."""


def level_of(threshold: float) -> int:
    """Give the lowest 8-bit probability that is ink.

    Parameters
    ----------
    threshold : float
        Probability from which a pixel is ink, 0 to 1.

    Returns
    -------
    int
        1 to 255; never 0, because 0 also stands for what was not computed yet.
    """
    return max(1, lowest_level(threshold))


@dataclass(slots=True)
class _Block:
    """A computed region, the level its labels were cut at, and what was painted in it."""

    rows: slice
    columns: slice
    level: int
    painted: NDArray[np.bool_] | None = None

    def mark(self, painted: NDArray[np.bool_]) -> None:
        """Note pixels that must not follow the threshold."""
        self.painted = painted.copy() if self.painted is None else self.painted | painted


class InkResult:
    """Ink probability of one image and the labels that follow its threshold.

    Parameters
    ----------
    shape : tuple of int
        (H, W), or (pages, H, W) for a stack, pixels.
    threshold : float
        Probability from which a pixel is ink, 0 to 1.

    Attributes
    ----------
    probability : ndarray
        uint8, `shape`: ink probability times 255, 0 where nothing was computed.
    labels : ndarray
        uint8, `shape`: 0 background, 1 ink, 2 unlabelled (only people paint that).
    computing : bool
        Whether a run is filling it.
    """

    def __init__(self, shape: tuple[int, ...], threshold: float) -> None:
        self.probability = np.zeros(shape, np.uint8)
        self.labels = np.zeros(shape, np.uint8)
        self.threshold, self.computing = threshold, False
        self._blocks: dict[int, list[_Block]] = {}
        self._own: dict[int, dict[Region, int]] = {}
        self._previews: dict[int, NDArray[np.bool_]] = {}
        # The autosave asks in its thread what was painted, while runs and sliders write.
        self._lock = RLock()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of probability and labels."""
        return self.labels.shape

    def probability_plane(self, page: int) -> NDArray[np.uint8]:
        """Give the probability of one page: a view, uint8 (H, W)."""
        return plane_of(self.probability, page)

    def labels_plane(self, page: int) -> NDArray[np.uint8]:
        """Give the labels of one page: a view, uint8 (H, W)."""
        return plane_of(self.labels, page)

    def has(self, page: int) -> bool:
        """Tell whether something of this page was computed."""
        return bool(self._blocks.get(page))

    def is_partial(self, page: int) -> bool:
        """Tell whether a run was stopped in this page: some of it was computed, but not all."""
        plane, blocks = self.labels_plane(page), self._blocks.get(page, ())
        known = sum(plane[block.rows, block.columns].size for block in blocks)
        return 0 < known < int(plane.size)

    def is_untouched(self, page: int) -> bool:
        """Tell whether nothing of this page was computed or painted."""
        return not (self.has(page) or self.labels_plane(page).any())

    def unfinished(self, page: int) -> str:
        """Say why a page is not computed to its end, for the user; empty if it is."""
        partial = self.is_partial(page)
        if self.computing and (partial or not self.has(page)):
            return "this page is still being binarized: wait until it is done"
        if self.is_untouched(page):
            return "this page was not binarized: press Run first"
        return "the run of this page was stopped: press Run again" if partial else ""

    def reset(self, page: int) -> None:
        """Empty a page before it is computed again."""
        with self._lock:
            self.probability_plane(page)[:] = 0
            self.labels_plane(page)[:] = BACKGROUND
            for block in self._blocks.pop(page, ()):  # Nothing to do for who is at work on it.
                block.rows, block.painted = slice(0, 0), None
            self._own.pop(page, None)
            self._previews.pop(page, None)

    def preview(self, page: int, probability: NDArray[np.uint8]) -> None:
        """Show labels that are going to be replaced region by region, by `write`.

        Parameters
        ----------
        page : int
            Place in the stack, from 0.
        probability : ndarray
            uint8 (H, W), ink probability times 255; not kept.
        """
        labels = self.labels_plane(page)
        with self._lock:
            ink = (probability >= level_of(self.threshold)) & (labels == BACKGROUND)
            labels[ink] = INK
            self._previews[page] = ink

    def end_preview(self) -> None:
        """Take away what is left of previews: the run was stopped before it came there."""
        with self._lock:
            for page, ink in self._previews.items():
                labels = self.labels_plane(page)
                labels[ink & (labels == INK)] = BACKGROUND
            self._previews.clear()

    def write(self, page: int, rows: slice, columns: slice) -> None:
        """Cut the labels of a region whose probability was just written.

        What a person painted there in the meantime stays.

        Parameters
        ----------
        page : int
            Place in the stack, from 0.
        rows, columns : slice
            The region.
        """
        step = max(1, _BLOCK_PIXELS // max(1, columns.stop - columns.start))
        for top in range(rows.start, rows.stop, step):
            part = slice(top, min(top + step, rows.stop))
            with self._lock:
                self._write(page, _Block(part, columns, level_of(self.threshold)))

    def _write(self, page: int, block: _Block) -> None:
        probability, labels = self._views(page, block)
        if page in self._previews:
            seen = self._previews[page][block.rows, block.columns]
            labels[seen & (labels == INK)] = BACKGROUND
            seen[:] = False
        painted = labels != BACKGROUND
        np.copyto(labels, INK, where=(probability >= block.level) & ~painted)
        block.painted = painted if painted.any() else None
        self._blocks.setdefault(page, []).append(block)

    def set_region_threshold(self, page: int, region: Region, level: int) -> None:
        """Note that a region was cut at its own level, so that it does not follow the threshold.

        Whether that is still so is checked when the threshold moves: until then it can be
        undone, and the region follows again.

        Parameters
        ----------
        page : int
            Place in the stack, from 0.
        region : Region
            Its pixels. The same region again gets another level.
        level : int
            Smallest 8-bit probability that is ink there.
        """
        self._own.setdefault(page, {})[region] = level

    def follow(self, threshold: float, first_page: int = 0) -> Iterator[int]:
        """Move the threshold, one block a step.

        Regions that are written from now on follow it at once, the others as the steps are
        taken. Stop at any step; the next call goes on with what is left.

        Parameters
        ----------
        threshold : float
            The new threshold, 0 to 1.
        first_page : int
            The page to begin with, the one that is shown.

        Returns
        -------
        iterator of int
            The page of which a block was just brought to the new threshold.
        """
        self.threshold = threshold
        for page in list(self._own):
            for region, own in self._own.pop(page).items():
                self._apply(page, region, own)
        return self._follow(level_of(threshold), first_page)

    def _apply(self, page: int, region: Region, level: int) -> None:
        """Mark a region with a level of its own as painted, unless it was undone in the meantime.

        Strategy: undo puts back the labels of the common level. Where the two levels give
        different labels, those that are there tell which of them is in force.
        """
        inside = np.zeros(self.labels_plane(page).shape, bool)
        inside[region.place] = region.inside
        balance, touched = 0, []
        for block in self._blocks.get(page, ()):
            here = inside[block.rows, block.columns]
            if here.any():
                probability, labels = self._views(page, block)
                mine = probability >= level
                differs = here & (mine != (probability >= block.level))
                right = np.count_nonzero(differs & (labels == mine))
                balance += int(2 * right - np.count_nonzero(differs))
                touched.append((block, here))
        if balance >= 0:
            for block, here in touched:
                block.mark(here)

    def _follow(self, level: int, first_page: int) -> Iterator[int]:
        pages = list(self._blocks)  # Runs add and take away pages in their thread.
        for page in sorted(pages, key=lambda page: (page != first_page, page)):
            for block in tuple(self._blocks.get(page, ())):
                if block.level != level:
                    self._cut_again(page, block, level)
                    yield page

    def was_edited(self, page: int) -> bool:
        """Tell whether a page contains anything that a person painted.

        Parameters
        ----------
        page : int
            Place in the stack, from 0.

        Returns
        -------
        bool
            True if its labels are not what probability and threshold give. A preview that a
            run shows does not count.
        """
        for block in tuple(self._blocks.get(page, ())):
            with self._lock:
                probability, labels = self._views(page, block)
                if block.painted is not None or np.any(labels != (probability >= block.level)):
                    return True
        with self._lock:
            plane, seen = self.labels_plane(page), self._previews.get(page)
            known = 0 if seen is None else int(np.count_nonzero(seen & (plane == INK)))
            for block in self._blocks.get(page, ()):
                known += int(np.count_nonzero(plane[block.rows, block.columns]))
            return bool(np.count_nonzero(plane) != known)

    def _cut_again(self, page: int, block: _Block, level: int) -> None:
        with self._lock:
            probability, labels = self._views(page, block)
            differs = labels != (probability >= block.level)
            if differs.any():
                block.mark(differs)
            low, high = sorted((block.level, level))
            changing = (probability >= low) & (probability < high)
            if block.painted is not None:
                changing &= ~block.painted
            np.copyto(labels, INK if level < block.level else BACKGROUND, where=changing)
            block.level = level

    def _views(self, page: int, block: _Block) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        region = block.rows, block.columns
        return self.probability_plane(page)[region], self.labels_plane(page)[region]


class Upkeep:
    """Pending work on labels layers.

    Parameters
    ----------
    viewer : ViewerModel
        Layers that are not in it are left alone.
    clock : callable
        A monotonic clock, seconds.
    """

    def __init__(self, viewer: ViewerModel, clock: Callable[[], float] = time.monotonic) -> None:
        self._viewer = viewer
        self._clock = clock
        self._moves: dict[Labels, Iterator[int]] = {}
        self._stale: set[Labels] = set()
        self._next_refresh = 0.0

    def follow(self, layer: Labels, steps: Iterator[int]) -> None:
        """Take these steps of `InkResult.follow`; earlier ones of the layer are given up."""
        self._moves[layer] = steps

    def touch(self, layer: Labels) -> None:
        """Note that the data of a layer was written."""
        self._stale.add(layer)

    def tick(self) -> bool:
        """Do one slice of the work; call some twenty times a second.

        Returns
        -------
        bool
            Whether there is more to do.
        """
        end = self._clock() + _SLICE_SECONDS
        for layer in list(self._moves):
            while self._clock() < end:
                if next(self._moves[layer], None) is None:
                    del self._moves[layer]
                    break
                self._stale.add(layer)
        if self._stale and self._clock() >= self._next_refresh:
            self._refresh()
        return bool(self._moves or self._stale)

    def _refresh(self) -> None:
        start = self._clock()
        for layer in self._stale:
            if layer in self._viewer.layers:
                layer.refresh(highlight=False, extent=False)
        self._stale.clear()
        end = self._clock()
        self._next_refresh = end + max(_REFRESH_SECONDS, (end - start) / _REFRESH_SHARE)


# State of the process: the widget can be closed and opened again, and other widgets
# of this plugin look for the probability behind a layer. Gone with the layer.
_BONDS: weakref.WeakKeyDictionary[Layer, tuple[InkResult | None, weakref.ref[Image]]] = (
    weakref.WeakKeyDictionary()
)


def bind(layer: Labels, result: InkResult | None, image: Image) -> None:
    """Tie a labels layer to the result behind it and to the image it was made from.

    Parameters
    ----------
    layer : Labels
        A layer whose data is ``result.labels``.
    result : InkResult or None
        The result; None for labels that no run has made.
    image : Image
        The image.
    """
    _BONDS[layer] = result, weakref.ref(image)


def is_bound(layer: Layer) -> bool:
    """Tell whether a layer was made from an image, also if that is gone."""
    return layer in _BONDS


def result_behind(layer: Layer | None) -> InkResult | None:
    """Find the result behind a labels layer.

    Parameters
    ----------
    layer : Layer or None
        Any layer.

    Returns
    -------
    InkResult or None
        None if the layer was not made by a run, or was given other data since.
    """
    if layer is None or layer not in _BONDS:
        return None
    result, _ = _BONDS[layer]
    return result if result is not None and layer.data is result.labels else None


def image_behind(layer: Layer | None) -> Image | None:
    """Find the image from which a labels layer was made.

    Parameters
    ----------
    layer : Layer or None
        Any layer.

    Returns
    -------
    Image or None
        None if the layer was made by nothing of this package, or the image is gone.
    """
    return None if layer is None or layer not in _BONDS else _BONDS[layer][1]()
