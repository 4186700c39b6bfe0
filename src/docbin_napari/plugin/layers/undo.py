"""Write to labels in steps that napari's undo reverts.

Strategy: a step remembers the pixels that changed and no others, so that undoing it leaves
alone what happened around them since, like a threshold that was moved. Only where nearly the
whole page changes, whole rectangles are remembered: two bytes a pixel instead of ten.

napari's list of steps is not public. Where a version keeps it elsewhere, edits still work; only
undo is incomplete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.plugin.layers.page_source import plane_of

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from docbin_napari.correction.region import Region
    from docbin_napari.plugin.layers.page_record import Subject

Place = tuple[slice, slice]
_MOST_SINGLE_PIXELS = 4_000_000


def write(
    labels: Labels, page: int, place: Place, values: NDArray[Any], *, refresh: bool = True
) -> int:
    """Write a rectangle of a page as one step.

    Parameters
    ----------
    labels : Labels
        With data that can be written to.
    page : int
        Place in the stack, from 0.
    place : (slice, slice)
        Rows and columns, with start and stop.
    values : ndarray
        The new labels, the size of the rectangle.
    refresh : bool
        Whether to show it; if not, the layer has to be refreshed afterwards.

    Returns
    -------
    int
        Number of pixels that changed; if 0, there is no step.
    """
    before = plane_of(labels.data, page)[place]
    changed, values = before != values, values.astype(before.dtype, copy=False)
    count = int(np.count_nonzero(changed))
    if count > _MOST_SINGLE_PIXELS:
        _write_all(labels, page, place, values, refresh)
    elif count:
        indices = np.argwhere(changed).T.astype(np.int32)  # Half as large in napari's history.
        indices += np.array([[part.start] for part in place], np.int32)
        if labels.data.ndim == 3:
            indices = np.concatenate([np.full_like(indices[:1], page), indices])
        labels.data_setitem(tuple(indices), values[changed], refresh=refresh)
    return count


def paint(subject: Subject, region: Region, value: int) -> int:
    """Give all pixels of a region one value, as one step; gives the number that changed."""
    before = subject.plane()[region.place]
    values = np.where(region.inside, before.dtype.type(value), before)
    return write(subject.labels, subject.page, region.place, values)


class Amendment:
    """A step that can be made again in another way, as long as it is the last one.

    Parameters
    ----------
    labels : Labels
        With data that can be written to; it has to be refreshed after each change.
    page : int
        Place in the stack, from 0.
    region : Region
        In which the step changes something.
    """

    def __init__(self, labels: Labels, page: int, region: Region) -> None:
        self._labels, self._page, self._place = labels, page, region.place
        self._step: Any = None

    @property
    def undone(self) -> bool:
        """Whether the step was made and is not among those that can be undone any more."""
        history = _steps(self._labels)
        return self._step is not None and all(step is not self._step for step in history)

    def take_back(self) -> None:
        """Undo the step if it is the last one."""
        history = _steps(self._labels)
        if self._step is not None and history and history[-1] is self._step:
            for indices, before, _ in history.pop():
                self._labels.data[indices] = before
        self._step = None

    def put(self, values: NDArray[Any]) -> None:
        """Write new labels of the rectangle round the region; call `take_back` before."""
        if write(self._labels, self._page, self._place, values, refresh=False):
            history = _steps(self._labels)
            self._step = history[-1] if history else None


def _steps(labels: Labels) -> Any:
    """Give the steps that undo takes back, the last one at the end; none if they are hidden."""
    return getattr(labels, "_undo_history", ())


def _write_all(
    labels: Labels, page: int, place: Place, values: NDArray[Any], refresh: bool
) -> None:
    key = (page, *place) if labels.data.ndim == 3 else place
    if remember := getattr(labels, "_save_history", None):
        # napari replays a step by indexing with its first entry, and slices are an index too.
        remember((key, labels.data[key].copy(), values))
    labels.data[key] = values
    if refresh:
        labels.refresh(highlight=False, extent=False)
