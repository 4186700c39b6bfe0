"""Bring labels up to date in small steps while the window stays responsive.

Strategy: threshold moves and refreshes wait here and are done in slices of time that
are too short to be felt. A refresh of a large page takes long, so refreshes come at most
five times a second and never take more than a quarter of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Labels

_SLICE_SECONDS = 0.025
_REFRESH_SECONDS = 0.2
_REFRESH_SHARE = 0.25


class Upkeep:
    """Pending work on labels layers.

    Parameters
    ----------
    viewer : ViewerModel
        Layers that are not in it are left alone.
    clock : callable
        Seconds that only rise.
    """

    def __init__(self, viewer: ViewerModel, clock: Callable[[], float]) -> None:
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
