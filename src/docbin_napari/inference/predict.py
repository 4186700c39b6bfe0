"""A page in, the probability of ink out.

Strategy: rows of windows are taken from top to bottom. Each batch of windows is looked at
from as many sides as it takes, and the averaged logits are added into one band of the
page that is as high as a window. What no later window touches is calibrated and written
to the result at once: the band is all the memory that is needed beside page and result.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from docbin_napari.inference.config import PRESETS, InferenceConfig, PresetName, preset
from docbin_napari.inference.inverted import InvertedRows, is_to_be_inverted
from docbin_napari.inference.page_band import PageBand, ProbabilitySink
from docbin_napari.inference.page_size import page_size
from docbin_napari.inference.strips import cut, strips
from docbin_napari.inference.views import look
from docbin_napari.inference.windows import AxisWindows, plan_axis
from docbin_napari.io.row_source import RowSource
from docbin_napari.model.registry import DEFAULT_MODEL
from docbin_napari.model.weights import InkModel, load_model

_PIXELS_A_BATCH = {"cpu": 2**20, "cuda": 2**24, "mps": 2**22}
_NOTHING = slice(0, 0)
_INVERTED = (
    "this page looks like light writing on dark ground, so light and dark are exchanged before "
    "the network looks; invert='never' in InferenceConfig takes it as it is"
)


class InferenceError(Exception):
    """The network could not be run on this page."""


class DeviceMemoryError(InferenceError):
    """The device has too little memory for one batch of windows."""


@dataclass(frozen=True)
class Progress:
    """How far a prediction is.

    Parameters
    ----------
    done, total : int
        Windows times symmetries that went through the network, and all of them.
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
    batch = config.batch or _batch(model, rows, columns)
    total = len(rows.starts) * len(columns.starts) * config.symmetries
    band = PageBand(rows, columns, model.calibration, model.device.name)
    done = 0
    yield Progress(done, total, _NOTHING, _NOTHING)
    for row, strip in enumerate(strips(pixels, rows, band.width)):
        uploaded = model.upload(strip)
        first = 0
        while first < len(columns.starts):
            chosen = range(first, min(first + batch, len(columns.starts)))
            try:
                windows = cut(uploaded, columns, chosen)
                logits = yield from _look(model, windows, config, done, total)
            except DeviceMemoryError as error:
                model, batch = _with_less_memory(model, len(chosen), error)
                uploaded = model.upload(strip)
                continue
            band.add(logits, row, chosen)
            region = band.write(out, row, chosen)
            first, done = chosen.stop, done + len(chosen) * config.symmetries
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
    return max(1, _PIXELS_A_BATCH[model.device.name] // (rows.size * columns.size))


def _look(
    model: InkModel, windows: Tensor, config: InferenceConfig, done: int, total: int
) -> Generator[Progress, None, Tensor]:
    """Average the logits of some windows over their views, float32 (N, H, W)."""
    passes = look(model, windows, config)
    try:
        while True:
            yield Progress(done + next(passes), total, _NOTHING, _NOTHING)
    except StopIteration as end:
        logits: Tensor = end.value
        return logits
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "memory" in str(error).lower():
            raise DeviceMemoryError(
                f"the memory of the {model.device.name} device is too small for windows of "
                f"{windows.shape[1]} × {windows.shape[2]} pixels: use smaller windows or the CPU"
            ) from error
        message = str(error).splitlines()[0]
        raise InferenceError(f"the network failed on {model.device.name}: {message}") from error


def _with_less_memory(
    model: InkModel, batch: int, error: DeviceMemoryError
) -> tuple[InkModel, int]:
    """Go on with half of the windows, at last on the CPU; raises the error if that was it."""
    if batch > 1:
        return model, batch // 2
    if model.device.name == "cpu":
        raise error
    warnings.warn(f"{error}; this page goes on on the CPU", stacklevel=3)
    return model.on_cpu(), 1


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
