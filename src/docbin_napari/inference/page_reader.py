"""Bind a model to a page: which way round it is read, in which size, with which ink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from docbin_napari.features.dark_ground import PartlyInvertedRows, light_on_dark_parts
from docbin_napari.features.survey import EVERY, PageSurvey, width_along_rows, width_of_ink
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.io.rgb import RowSource, inverted_rows
from docbin_napari.model.ink_model import InkModel, page_condition

InkFinder = Callable[[NDArray[np.uint8]], NDArray[np.bool_]]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_DARK = 90.0


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
        thin_ink: NDArray[np.float32] | None = None,
        file: Path | None = None,
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
        ink, thin_ink : ndarray, optional
            float32 (6,), of `PageSurvey`, where `pixels` are only a part of the page.
        file : Path, optional
            Of the page.

        Returns
        -------
        PageReader
            Ready to read windows.
        """
        pixels, survey, inverted = dark_on_light(pixels, config)
        if inverted:
            ink = thin_ink = None
        if config.edge_level is not None:
            model = model.with_edge_level(config.edge_level)

        def bound(reader: InkModel, size: PageSize) -> PageReader:
            # Windows of an enlarged page show strokes as dark as in its own pixels.
            known = thin_ink if size == "double" else ink
            if known is None:
                known = survey.thin_ink if size == "double" else survey.ink
            condition = page_condition(known, reader.edge_level, reader.normalisation)
            return cls(reader, pixels, condition, size, inverted)

        size = config.size
        if size == "auto":
            base = model.base or model
            size = choose_size(pixels, survey, lambda size: bound(base, size).find_ink)
        return bound(model.for_file(file).for_page(survey), size)

    def on_cpu(self) -> PageReader:
        """Give the same reader on the CPU, for when the device runs out of memory."""
        return replace(self, model=self.model.on_cpu())

    @property
    def stride(self) -> int:
        """Window sides must be multiples of this, pixels."""
        return int(self.model.engine.config.stride * _SPAN[self.size])

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
        """Run the network on windows in the size of the page.

        Half weighs the logits in half of the size three to one against those in the own size, at
        five quarters of the cost. Double takes means over pairs of pixels each way, at four times
        the cost.

        Parameters
        ----------
        windows : ndarray
            uint8 (N, H, W, 3), RGB, sides multiples of `stride`.

        Returns
        -------
        ndarray
            Logits of ink, float32 (N, H, W).
        """
        if self.size == "double":
            return _halved(self._logits(enlarged(windows)))
        logits = self._logits(windows)
        if self.size == "half":
            coarse = self._logits(np.rint(_halved(windows)).astype(np.uint8))
            logits += np.float32(_SHARE_OF_HALF) * (doubled(coarse) - logits)
        return logits

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

    @property
    def dark(self) -> float:
        """Luma half-way between ink and paper, 0 to 255; where nothing stands out, a dark gray."""
        ink, paper = self.model.normalisation.undo(self.condition[:6]).reshape(2, 3) @ _LUMA
        return float(ink + paper) / 2 if np.isfinite(ink + paper) else _DARK

    def is_ink(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Compare logits with the threshold of the model."""
        return np.asarray(logits >= self.model.calibration.logit(self.model.threshold))


def dark_on_light(pixels: RowSource, config: InferenceConfig) -> tuple[RowSource, PageSurvey, bool]:
    """Exchange light and dark of a page, or of its parts, where that is how it is read.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB.
    config : InferenceConfig
        Whether polarity is decided already.

    Returns
    -------
    pixels : RowSource
        The page as the network reads it.
    survey : PageSurvey
        Of these pixels.
    inverted : bool
        Whether anything was exchanged.
    """
    survey = PageSurvey.of(pixels)
    inverted = is_to_be_inverted(survey, config)
    if inverted:
        pixels, survey = inverted_rows(pixels), survey.inverted()
    if config.invert == "auto" and survey.may_have_light_parts:
        parts = light_on_dark_parts(pixels)
        if parts is not None:
            pixels, inverted = PartlyInvertedRows(pixels, parts), True
            survey = PageSurvey.of(pixels)
    return pixels, survey, inverted


def is_to_be_inverted(survey: PageSurvey, config: InferenceConfig) -> bool:
    """Decide whether light and dark of a page are exchanged before the network reads it."""
    return config.invert == "always" or (config.invert == "auto" and survey.is_light_on_dark)


# Strategy: a network reads strokes best that are as wide as those that it has learnt from. Pages
# whose edges are soft are read in half of their size as well. Pages whose strokes are thinner than
# 2.8 pixels are enlarged. Rows of the page say which may be so thin, and only these are given to
# the network: it reads the places with the most strokes, and the ink it finds there is measured.
# Faded ink that is enlarged can look like print-through, so a page stays as it is where the network
# would lose ink by it. Other pages cost a few milliseconds. A model that has learnt from a few
# pages leaves the choice to its base, so that it reads pages as large as it has learnt from them.


PageSize = Literal["own", "half", "double"]
"""own: windows as they are; half: in half of their size, too; double: enlarged."""

_SPAN: dict[PageSize, float] = {"own": 1.0, "half": 2.0, "double": 0.5}
"""Pixels of a page that the stride of a network reaches over, for one of its own."""

_MAYBE_THIN, _THIN = 2.75, 2.8
_SURELY_NOT_THIN = 1.3 * _THIN
_LEAST_INK_LEFT = 0.85
_PLACES = 4
_PLACE_WIDTH = 576


def choose_size(
    pixels: RowSource, survey: PageSurvey, find_ink: Callable[[PageSize], InkFinder]
) -> PageSize:
    """Choose the size for a page.

    Parameters
    ----------
    pixels : RowSource
        uint8 (H, W, 3), RGB, dark writing on light ground.
    survey : PageSurvey
        Of these pixels.
    find_ink : callable
        Gives, for a size, a function from uint8 (H, W, 3) to ink, bool (H, W).

    Returns
    -------
    {"own", "half", "double"}
        The size.
    """
    if survey.is_soft:
        return "half"
    if width_along_rows(survey.strokes) >= _MAYBE_THIN:
        return "own"
    places = [np.asarray(pixels[rows])[:, columns] for rows, columns in _densest(survey)]
    try:
        return "double" if _is_thin(places, find_ink) else "own"
    except RuntimeError:
        # What stops the network is reported, or worked around, where it reads the page.
        return "own"


def _is_thin(
    places: Sequence[NDArray[np.uint8]], find_ink: Callable[[PageSize], InkFinder]
) -> bool:
    """Whether the ink that the network finds is thin, and does not vanish when enlarged."""
    own: list[NDArray[np.bool_]] = []
    for ink in map(find_ink("own"), places):
        own.append(ink)
        if width_of_ink(own) >= _SURELY_NOT_THIN:
            return False
    if width_of_ink(own) >= _THIN:
        return False
    enlarged = list(map(find_ink("double"), places))
    areas = [sum(int(ink.sum()) for ink in found) for found in (enlarged, own)]
    return areas[0] >= _LEAST_INK_LEFT * areas[1]


def _densest(survey: PageSurvey) -> list[tuple[slice, slice]]:
    """Choose rows and columns of up to four places of the page with the most strokes."""
    found = []
    for strip, strokes in zip(survey.strips, survey.strokes, strict=True):
        reached = np.concatenate([[0], strokes.sum(0).cumsum()])
        width = min(_PLACE_WIDTH, strokes.shape[1])
        within = reached[width:] - reached[:-width]
        left = int(within.argmax())
        columns = slice(strip.left + left, strip.left + left + width)
        top = strip.rows.start
        found.append((int(within[left]), slice(top, top + EVERY * len(strokes)), columns))
    found.sort(key=lambda place: place[0], reverse=True)
    return [(rows, columns) for _, rows, columns in found[:_PLACES]]


_SHARE_OF_HALF = 0.75
"""Weight of the logits in half of the size: the best of 0, 0.5, 0.75 and 1 on soft pages."""

# Weights of the neighbours of a pixel, from before to behind, for the first of the two pixels that
# it becomes; for the second they are reversed.
_LINEAR = (0.25, 0.75, 0.0)
_CUBIC = (-0.03515625, 0.26171875, 0.87890625, -0.10546875, 0.0)


def _halved(values: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Average pairs of rows and columns, float32 (N, H / 2, W / 2, ...)."""
    rows = values[:, ::2].astype(np.float32) + values[:, 1::2]
    return np.asarray((rows[:, :, ::2] + rows[:, :, 1::2]) / 4)


def enlarged(windows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give windows, (N, H, W, 3), twice as many rows and columns, with sharp edges."""
    fine = doubled(windows.astype(np.float32), _CUBIC)
    return np.clip(np.rint(fine), 0, 255).astype(np.uint8)


def doubled(
    values: NDArray[np.float32], weights: tuple[float, ...] = _LINEAR
) -> NDArray[np.float32]:
    """Double rows and columns, to (N, 2 H, 2 W, ...); beyond the ends the last is repeated."""
    reach = len(weights) // 2
    for axis in (1, 2):
        places, shape = np.arange(values.shape[axis]), list(values.shape)
        halves = [
            sum(
                np.float32(weight) * np.take(values, places + offset, axis, mode="clip")
                for offset, weight in enumerate(chosen, -reach)
                if weight
            )
            for chosen in (weights, weights[::-1])
        ]
        shape[axis] *= 2
        values = np.stack(halves, axis + 1).reshape(shape)
    return values
