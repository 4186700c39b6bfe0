"""Network that is ready to run, with the settings of its file."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.ink_colour import page_ink, page_strips
from docbin_napari.features.page_look import FamiliarPages
from docbin_napari.model.calibration import Calibration
from docbin_napari.model.normalisation import Normalisation, page_condition
from docbin_napari.model.registry import ModelError, ModelInfo
from docbin_napari.model.sized_look import SPAN, PageSize, look_in_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource
    from docbin_napari.model.device import Device
    from docbin_napari.model.engine import Engine


class InkModel:
    """A network in its engine, ready to run; made by `load_model`.

    Parameters
    ----------
    engine : Engine
        Runs the network.
    info : ModelInfo
        What the file says about itself.
    base : InkModel, optional
        Reads the pages that are unlike all that this model has learnt from, if its file says
        which these are.

    Raises
    ------
    ModelError
        If what the file says about these pages cannot be read.
    """

    def __init__(self, engine: Engine, info: ModelInfo, base: InkModel | None = None) -> None:
        self.info = info
        self.calibration = Calibration(**info.header.get("calibration", {}))
        self._engine = engine
        self._familiar = _familiar_pages(info)
        self._base = base and base._cut_at(self.threshold)
        self._normalisation = Normalisation(**info.header.get("normalisation", {}))
        self._condition = page_condition(None, None, self._normalisation)
        self._knows_page = False
        self._size: PageSize = "own"
        self._streams = 1

    @property
    def device(self) -> Device:
        """Where it runs, with which numbers, and why."""
        return self._engine.device

    @property
    def base(self) -> InkModel:
        """What reads the pages that are unlike all that this model has learnt from, or itself."""
        return self._base or self

    def on_cpu(self) -> InkModel:
        """Give the same model on the CPU, for where the memory of the device ends.

        Returns
        -------
        InkModel
            A copy.
        """
        copied = copy.copy(self)
        copied._engine = self._engine.on_cpu()
        copied._base = None
        return copied

    def in_streams(self, passes: int) -> InkModel:
        """Give the same model for a number of passes that may run beside each other.

        Parameters
        ----------
        passes : int
            How many there are to be done.

        Returns
        -------
        InkModel
            A copy; `streams` says how many threads may ask it at the same time.
        """
        other = copy.copy(self)
        other._streams = self._engine.streams(passes)
        return other

    @property
    def streams(self) -> int:
        """Threads that may ask for logits at the same time."""
        return self._streams

    @property
    def pixels_at_once(self) -> int:
        """Pixels of windows that suit one pass."""
        return self._engine.pixels_at_once

    def looking_in(self, size: PageSize) -> InkModel:
        """Give the same model, looking at windows in another size.

        Parameters
        ----------
        size : {"own", "half", "double"}
            As it is; in half of its size, too; enlarged to twice its size.

        Returns
        -------
        InkModel
            A copy that gives logits for the pixels of the page in any case.
        """
        other = copy.copy(self)
        other._size = size
        other._base = self._base and self._base.looking_in(size)
        return other

    def for_page(self, pixels: RowSource, ink: NDArray[np.float32] | None = None) -> InkModel:
        """Choose who reads a page, and tell it how dark the ink of the page is.

        Parameters
        ----------
        pixels : RowSource
            uint8 (H, W, 3), RGB.
        ink : ndarray, optional
            float32 (6,), from `page_ink`, where `pixels` are only a part of the page; found
            in them by default.

        Returns
        -------
        InkModel
            This model; its base for a page that is unlike all pages it has learnt from. Both
            have the same threshold. A model that knows its page already stays as it is.
        """
        if self._knows_page:
            return self
        own = self._base is None or self._familiar is None or self._familiar.include(pixels)
        reader = self if own or self._base is None else self._base
        if not reader._engine.config.page_ink:
            return reader
        if ink is None:
            # Windows of an enlarged page show strokes as dark as in its own pixels.
            ink = page_ink(page_strips(pixels), halve=self._size != "double")
        return reader._knowing(ink)

    def _knowing(self, ink: NDArray[np.float32] | None) -> InkModel:
        """The same model for a page whose ink is known; None where nothing stands out."""
        known = copy.copy(self)
        known._knows_page = True
        known._condition = page_condition(ink, self.edge_level, self._normalisation)
        return known

    def _cut_at(self, threshold: float) -> InkModel:
        """The same model, its probabilities moved so that its threshold becomes another one."""
        moved = copy.copy(self)
        moved.calibration = self.calibration.moved(self.threshold, threshold)
        # The header says so too: a copy on another device is made from it.
        changes = {"threshold": threshold, "calibration": asdict(moved.calibration)}
        moved.info = replace(self.info, header={**self.info.header, **changes})
        return moved

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink, 0 to 1."""
        return self.info.threshold

    @property
    def edge_level(self) -> float | None:
        """Where edges of strokes are cut, as `edge_level` measures it: low is bold, 0 to 1.

        None where the network draws strokes as bold as it expects on a page.
        """
        level = self.info.header.get("edge_level", USUAL_EDGE_LEVEL)
        return None if level is None else float(level)

    def cutting_edges_at(self, level: float | None) -> InkModel:
        """Give the same model with bolder or thinner strokes.

        Parameters
        ----------
        level : float or None
            Edge level, 0 to 1; None leaves it to the network. Networks that are not told of
            edge levels take no notice.

        Returns
        -------
        InkModel
            A copy; this model stays as it is.
        """
        other = copy.copy(self)
        other.info = replace(self.info, header={**self.info.header, "edge_level": level})
        other._base = self._base and self._base.cutting_edges_at(level)
        return other

    @property
    def stride(self) -> int:
        """Window sides must be multiples of this, pixels."""
        return int(self._engine.config.stride * SPAN[self._size])

    @property
    def context(self) -> int:
        """Pixels to each side that a logit can depend on."""
        return int(self._engine.config.context * SPAN[self._size])

    def window_side(self, window: int) -> int:
        """Side of the part of a page that costs about as much as a window in its own size.

        Parameters
        ----------
        window : int
            Side of a window, pixels.

        Returns
        -------
        int
            Half of it where windows are enlarged; at least what the network can take.
        """
        side = window // 2 if self._size == "double" else window
        return max(side, 2 * self.stride)

    def logits(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network.

        Parameters
        ----------
        windows : ndarray
            uint8 (N, H, W, 3), RGB, sides multiples of `stride`.

        Returns
        -------
        ndarray
            Logits of ink, float32 (N, H, W).
        """
        return look_in_size(self._look, windows, self._size)

    def _look(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._engine.logits(windows, self._condition, self._streams)


def _familiar_pages(info: ModelInfo) -> FamiliarPages | None:
    stored = info.header.get("pages_known")
    try:
        return None if stored is None else FamiliarPages.from_header(stored)
    except ValueError as error:
        raise ModelError(f"{info.path}: {error}") from error
