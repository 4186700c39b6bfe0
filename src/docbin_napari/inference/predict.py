"""Compute the ink probability of a page.

Strategy: rows of windows are taken from top to bottom. Each batch of windows is read in as many
views as needed, some batches in parallel where the engine has streams, and the averaged logits are
added, in order, into one band of the page that is as high as a window. What no later window touches
is calibrated and written to the result at once: the band and a few windows are all the memory that
is needed beside page and result.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from docbin_napari.inference.ahead import map_ahead, threads
from docbin_napari.inference.config import PRESETS, InferenceConfig, PresetName, preset
from docbin_napari.inference.inverted import InvertedRows, is_to_be_inverted
from docbin_napari.inference.page_band import PageBand, ProbabilitySink
from docbin_napari.inference.page_size import page_size
from docbin_napari.inference.strips import cut, strips
from docbin_napari.inference.window_reader import (
    DeviceMemoryError,
    InferenceError,
    WindowReader,
)
from docbin_napari.inference.windows import AxisWindows, plan_axis
from docbin_napari.io.row_source import RowSource
from docbin_napari.model.registry import DEFAULT_MODEL
from docbin_napari.model.weights import InkModel, load_model

_NOTHING = slice(0, 0)
_INVERTED = (
    "this page looks like light writing on dark ground, so light and dark are exchanged before "
    "the network looks; invert='never' in InferenceConfig takes it as it is"
)


@dataclass(frozen=True)
class Progress:
    """How far a prediction is.

    Parameters
    ----------
    done, total : int
        Windows times symmetries that are done with, and all of them.
    rows, columns : slice
        Region of the result that was just written, for good; empty when none was.
    """

    done: int
    total: int
    rows: slice
    columns: slice


def predict(
    pixels: Any, model: InkModel, config: InferenceConfig, out: ProbabilitySink
) -> Iterator[Progress]:
    """Fill an array with ink probability, batch by batch.

    Stop by not asking for the next item; what was written stays. Where the memory of the
    device is too small, it goes on with half of the windows in a pass, and when a single
    one is too many, on the CPU, with a warning. A page of light writing on dark ground is
    taken inverted, with a warning, unless `config` says otherwise. A fine-tuned model leaves
    pages unlike those it has learnt from to its base.

    Parameters
    ----------
    pixels : array_like
        uint8 (H, W, 3), RGB; anything that gives arrays when sliced by rows and columns.
    model : InkModel
        From `load_model`.
    config : InferenceConfig
        Windows, overlap, symmetries, what is done about light writing.
    out : ndarray or ProbabilitySink
        (H, W), filled in place: float32 with probabilities 0 to 1, or uint8 with
        the same times 255.

    Yields
    ------
    Progress
        Once before the first batch, then after every batch.

    Raises
    ------
    ValueError
        If shapes or dtypes are not as above.
    DeviceMemoryError
        If the CPU has too little memory for one window; smaller windows need less.
    InferenceError
        If the network fails on this device in another way.
    """
    _check(pixels, out)
    pixels, model = _made_for_each_other(pixels, model, config)
    height, width = out.shape
    side = model.window_side(config.window)
    rows = plan_axis(height, side, config.overlap, model.stride)
    columns = plan_axis(width, side, config.overlap, model.stride)
    batches = _batches(columns, config.batch or _batch(model, rows, columns))
    model = model.in_streams(len(rows.starts) * len(batches))
    total = len(rows.starts) * len(columns.starts) * config.symmetries
    band = PageBand(rows, columns, model.calibration)
    done = 0
    yield Progress(done, total, _NOTHING, _NOTHING)

    def work() -> Iterator[tuple[int, range, np.ndarray]]:
        for row, strip in enumerate(strips(pixels, rows, band.width)):
            for chosen in batches:
                yield row, chosen, cut(strip, columns, chosen)

    with threads(model.streams) as executor, WindowReader(model, config) as reader:
        for row, chosen, logits in map_ahead(reader.read, work(), executor, model.streams):
            band.add(logits, row, chosen)
            region = band.write(out, row, chosen)
            done += len(chosen) * config.symmetries
            yield Progress(done, total, *region)


def _made_for_each_other(
    pixels: RowSource, model: InkModel, config: InferenceConfig
) -> tuple[RowSource, InkModel]:
    """What is decided once for a page: which way round it is, and what the model is told of it."""
    if is_to_be_inverted(pixels, config.invert):
        if config.invert == "auto":
            warnings.warn(_INVERTED, stacklevel=3)
        pixels = InvertedRows(pixels)
    if config.edge_level is not None:
        model = model.cutting_edges_at(config.edge_level)
    model = model.looking_in(page_size(pixels, model, config.size))
    return pixels, model.for_page(pixels)


def ink_probability(
    pixels: np.ndarray,
    model: InkModel | str | Path | None = None,
    config: InferenceConfig | PresetName | None = None,
) -> np.ndarray:
    """Probability of ink at every pixel of a page.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3), RGB, for example ``page.pixels`` from `read_pages`.
    model : InkModel, str or Path, optional
        A loaded model, or the name or file of one. Default: the built-in one.
    config : InferenceConfig or {"fast", "balanced", "best"}, optional
        Settings or the name of a preset; ``"balanced"`` by default.

    Returns
    -------
    ndarray
        float32 (H, W), 0 to 1, calibrated.

    Raises
    ------
    ValueError
        If the page is not uint8 RGB, or there is no such preset.
    ModelError
        If there is no such model.
    InferenceError
        If the network cannot be run.

    Examples
    --------
    >>> import numpy as np
    >>> blank = np.full((40, 60, 3), 230, np.uint8)
    >>> ink_probability(blank, config="fast").shape
    (40, 60)
    """
    ready = model if isinstance(model, InkModel) else load_model(model or DEFAULT_MODEL)
    settings = config if isinstance(config, InferenceConfig) else preset(config or "balanced")
    probability = np.zeros(np.shape(pixels)[:2], np.float32)
    for _ in predict(pixels, ready, settings, probability):
        pass
    return probability


def binarize(
    pixels: np.ndarray,
    model: InkModel | str | Path | None = None,
    config: InferenceConfig | PresetName | None = None,
    threshold: float | None = None,
) -> np.ndarray:
    """Find the ink of a page.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3), RGB.
    model : InkModel, str or Path, optional
        A loaded model, or the name or file of one. Default: the built-in one.
    config : InferenceConfig or {"fast", "balanced", "best"}, optional
        Settings or the name of a preset; ``"balanced"`` by default.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1. Default: the model's own,
        chosen on held-out pages.

    Returns
    -------
    ndarray
        bool (H, W), True where there is ink.

    Raises
    ------
    ValueError, ModelError, InferenceError
        As `ink_probability`.

    Examples
    --------
    >>> import numpy as np
    >>> page = np.full((64, 64, 3), 230, np.uint8)
    >>> page[20:24, 10:50] = 30
    >>> bool(binarize(page, config="fast")[22, 30])
    True
    """
    ready = model if isinstance(model, InkModel) else load_model(model or DEFAULT_MODEL)
    limit = ready.threshold if threshold is None else threshold
    if not 0 <= limit <= 1:
        raise ValueError(f"threshold must lie between 0 and 1, not {limit}")
    return ink_probability(pixels, ready, config) >= limit


def _check(pixels: Any, out: ProbabilitySink) -> None:
    shape = tuple(np.shape(pixels))
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"a page must be RGB, shape (H, W, 3) with H and W above 0, not {shape}")
    if getattr(pixels, "dtype", None) != np.uint8:
        raise ValueError("a page must be uint8; docbin_napari.io.rgb.to_rgb converts other arrays")
    if out.shape != shape[:2] or out.dtype not in (np.float32, np.uint8):
        raise ValueError(f"the result must be float32 or uint8 of shape {shape[:2]}")


def _batch(model: InkModel, rows: AxisWindows, columns: AxisWindows) -> int:
    """Windows in one pass that suit the device."""
    return max(1, model.pixels_at_once // (rows.size * columns.size))


def _batches(columns: AxisWindows, most: int) -> list[range]:
    """Numbers of the windows of a row, in batches."""
    count = len(columns.starts)
    return [range(first, min(first + most, count)) for first in range(0, count, most)]


__all__ = [
    "PRESETS",
    "DeviceMemoryError",
    "InferenceConfig",
    "InferenceError",
    "Progress",
    "binarize",
    "ink_probability",
    "predict",
]
