"""Bind a model to a page: which way round it is read, in which size, with which ink."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.features.dark_ground import PartlyInvertedRows, light_on_dark_parts
from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.reading_size import SPAN, PageSize, choose_size, read_in_size
from docbin_napari.io.row_source import InvertedRows, RowSource
from docbin_napari.model.normalisation import page_condition

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.inference.inference_config import InferenceConfig
    from docbin_napari.model.ink_model import InkModel


@dataclass(frozen=True, eq=False)
class PageReader:
    """A model and what a survey of a page decides about reading it; made by `PageReader.of`.

    Parameters
    ----------
    model : InkModel
        Reads the page: the chosen model, or its base.
    pixels : RowSource
        uint8 (H, W, 3), RGB, dark writing on light ground.
    condition : ndarray
        float32 (7,), from `page_condition`.
    size : {"own", "half", "double"}, optional
        In which windows are read.
    inverted : bool, optional
        Whether light and dark were exchanged, on the page or in parts of it.
    streams : int, optional
        Threads that may ask for logits at the same time.
    """

    model: InkModel
    pixels: RowSource
    condition: NDArray[np.float32]
    size: PageSize = "own"
    inverted: bool = False
    streams: int = 1

    @classmethod
    def of(
        cls,
        pixels: RowSource,
        model: InkModel,
        config: InferenceConfig,
        ink: NDArray[np.float32] | None = None,
    ) -> PageReader:
        """Survey a page, and decide how a model reads it.

        Parameters
        ----------
        pixels : RowSource
            uint8 (H, W, 3), RGB.
        model : InkModel
            From `load_model`.
        config : InferenceConfig
            What is decided already: polarity, size, edge level.
        ink : ndarray, optional
            float32 (6,), from `page_ink`, where `pixels` are only a part of the page.

        Returns
        -------
        PageReader
            Ready to read windows.
        """
        survey = PageSurvey.of(pixels)
        inverted = is_to_be_inverted(survey, config)
        if inverted:
            pixels, survey, ink = InvertedRows(pixels), survey.inverted(), None
        if config.invert == "auto" and survey.may_have_light_parts:
            parts = light_on_dark_parts(pixels)
            if parts is not None:
                pixels, inverted = PartlyInvertedRows(pixels, parts), True
                survey, ink = PageSurvey.of(pixels), None
        if config.edge_level is not None:
            model = model.with_edge_level(config.edge_level)

        def bound(reader: InkModel, size: PageSize) -> PageReader:
            # Windows of an enlarged page show strokes as dark as in its own pixels.
            known = survey.thin_ink if size == "double" else survey.ink
            colours = known if ink is None else ink
            condition = page_condition(colours, reader.edge_level, reader.normalisation)
            return cls(reader, pixels, condition, size, inverted)

        size = config.size
        if size == "auto":
            base = model.base or model
            size = choose_size(pixels, survey, lambda size: bound(base, size).find_ink)
        return bound(model.for_strips(survey.strips), size)

    def in_streams(self, passes: int) -> PageReader:
        """Give the same reader for a number of passes that may run beside each other."""
        return replace(self, streams=self.model.engine.streams(passes))

    def on_cpu(self) -> PageReader:
        """Give the same reader on the CPU, for where the memory of the device ends."""
        return replace(self, model=self.model.on_cpu())

    @property
    def stride(self) -> int:
        """Window sides must be multiples of this, pixels."""
        return int(self.model.engine.config.stride * SPAN[self.size])

    @property
    def context(self) -> int:
        """Pixels to each side that a logit can depend on."""
        return int(self.model.engine.config.context * SPAN[self.size])

    def window_side(self, window: int) -> int:
        """Choose the side of the part of a page that costs about as much as a window in its size.

        Parameters
        ----------
        window : int
            Side of a window, pixels.

        Returns
        -------
        int
            Half of it where windows are enlarged; at least what the network can take.
        """
        side = window // 2 if self.size == "double" else window
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
        return read_in_size(self._logits, windows, self.size)

    def _logits(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.model.engine.logits(windows, self.condition, self.streams)

    def find_ink(self, pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Find the ink of a small part of the page.

        Parameters
        ----------
        pixels : ndarray
            uint8 (H, W, 3), RGB.

        Returns
        -------
        ndarray
            bool (H, W).
        """
        height, width = pixels.shape[:2]
        beyond = [(0, -side % self.stride) for side in (height, width)]
        whole = np.pad(pixels, (*beyond, (0, 0)), mode="edge")
        return self.is_ink(self.logits(whole[None])[0, :height, :width])

    def is_ink(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Compare logits with the threshold of the model."""
        return np.asarray(logits >= self.model.calibration.logit(self.model.threshold))


def is_to_be_inverted(survey: PageSurvey, config: InferenceConfig) -> bool:
    """Decide whether light and dark of a page are exchanged before the network reads it."""
    return config.invert == "always" or (config.invert == "auto" and survey.is_light_on_dark)
