"""A page in, the probability of ink out.

Strategy: rows of windows are taken from top to bottom. Each batch of windows is turned
by every symmetry, goes through the network, is turned back and averaged, as logits. The
weighted logits are added into one band of the page that is as high as a window. What no
later window touches is calibrated and written to the result at once, so every pixel is
written exactly once and the band is all the memory that is needed beside page and result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from docbin_napari.inference.config import PRESETS, InferenceConfig, PresetName, preset
from docbin_napari.inference.symmetry import SYMMETRY_SETS, turn, turn_back
from docbin_napari.inference.windows import AxisWindows, plan_axis
from docbin_napari.model.registry import DEFAULT_MODEL
from docbin_napari.model.weights import InkModel, load_model

_PIXELS_A_BATCH = {"cpu": 2**20, "cuda": 2**24, "mps": 2**22}
_NOTHING = slice(0, 0)


class ProbabilitySink(Protocol):
    """What a page's probability is written to: an array, or what takes regions as one does.

    Regions come band by band from top to bottom, in each band from left to right, and every
    pixel exactly once.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or uint8."""

    def __setitem__(self, region: tuple[slice, slice], values: np.ndarray, /) -> None:
        """Take the values of a region."""


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

    Stop by not asking for the next item; what was written stays.

    Parameters
    ----------
    pixels : array_like
        uint8 (H, W, 3), RGB; anything that gives arrays when sliced by rows and columns.
    model : InkModel
        From `load_model`.
    config : InferenceConfig
        Windows, overlap, symmetries.
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
        If the device has too little memory; smaller windows need less.
    InferenceError
        If the network fails on this device in another way.
    """
    _check(pixels, out)
    height, width = out.shape
    rows = plan_axis(height, config.window, config.overlap, model.stride)
    columns = plan_axis(width, config.window, config.overlap, model.stride)
    symmetries = SYMMETRY_SETS[config.symmetries]
    batch = config.batch or max(1, _PIXELS_A_BATCH[model.device.name] // (rows.size * columns.size))
    total = len(rows.starts) * len(columns.starts) * len(symmetries)
    band = np.zeros((rows.size, columns.starts[-1] + columns.size), np.float32)
    done = 0
    yield Progress(done, total, _NOTHING, _NOTHING)
    for row, top in enumerate(rows.starts):
        if row:
            _scroll(band, top - rows.starts[row - 1])
        strip = _read(pixels, top, rows.size, band.shape[1])
        for first in range(0, len(columns.starts), batch):
            chosen = range(first, min(first + batch, len(columns.starts)))
            logits: Tensor | None = None
            windows = _cut(strip, columns, chosen)
            for number, symmetry in enumerate(symmetries, start=1):
                logits = _look(model, windows, symmetry, logits)
                done += len(chosen)
                if number < len(symmetries):
                    yield Progress(done, total, _NOTHING, _NOTHING)
            assert logits is not None
            _blend(
                band, (logits / len(symmetries)).cpu().numpy(), rows.weights[row], columns, chosen
            )
            region = _final_region(rows, columns, row, chosen)
            _write(out, band, model, region)
            yield Progress(done, total, *region)


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
    return ink_probability(pixels, ready, config) >= limit


def _check(pixels: Any, out: ProbabilitySink) -> None:
    shape = tuple(np.shape(pixels))
    if len(shape) != 3 or shape[2] != 3 or 0 in shape:
        raise ValueError(f"a page must be RGB, shape (H, W, 3) with H and W above 0, not {shape}")
    if getattr(pixels, "dtype", None) != np.uint8:
        raise ValueError("a page must be uint8; docbin_napari.io.rgb.to_rgb converts other arrays")
    if out.shape != shape[:2] or out.dtype not in (np.float32, np.uint8):
        raise ValueError(f"the result must be float32 or uint8 of shape {shape[:2]}")


def _scroll(band: np.ndarray, by: int) -> None:
    band[:-by] = band[by:].copy()
    band[-by:] = 0


def _read(pixels: Any, top: int, height: int, width: int) -> np.ndarray:
    """Rows of the page, its last row and column repeated where windows reach beyond it."""
    strip = np.asarray(pixels[top : top + height])
    missing = ((0, height - strip.shape[0]), (0, width - strip.shape[1]), (0, 0))
    return np.pad(strip, missing, mode="edge") if missing != ((0, 0),) * 3 else strip


def _cut(strip: np.ndarray, columns: AxisWindows, chosen: range) -> np.ndarray:
    starts = [columns.starts[index] for index in chosen]
    return np.stack([strip[:, left : left + columns.size] for left in starts])


def _look(model: InkModel, windows: np.ndarray, symmetry: int, so_far: Tensor | None) -> Tensor:
    """Logits of the windows under one symmetry, added to those so far."""
    try:
        turned = turn(model.upload(windows), symmetry)
        logits = turn_back(model.logits(turned), symmetry)
        return logits if so_far is None else so_far + logits
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "memory" in str(error).lower():
            raise DeviceMemoryError(
                f"the memory of the {model.device.name} device is too small for windows of "
                f"{windows.shape[1]} × {windows.shape[2]} pixels: use smaller windows or the CPU"
            ) from error
        message = str(error).splitlines()[0]
        raise InferenceError(f"the network failed on {model.device.name}: {message}") from error


def _blend(
    band: np.ndarray, logits: np.ndarray, down: np.ndarray, columns: AxisWindows, chosen: range
) -> None:
    for index, window in zip(chosen, logits, strict=True):
        left = columns.starts[index]
        weighted = window * down[:, None] * columns.weights[index]
        band[:, left : left + columns.size] += weighted


def _final_region(
    rows: AxisWindows, columns: AxisWindows, row: int, chosen: range
) -> tuple[slice, slice]:
    left, right = columns.final(chosen[0]), columns.final(chosen[-1])
    return rows.final(row), slice(left.start, right.stop)


def _write(
    out: ProbabilitySink, band: np.ndarray, model: InkModel, region: tuple[slice, slice]
) -> None:
    rows, columns = region
    finished = torch.from_numpy(band[: rows.stop - rows.start, columns])
    probability = model.calibration.probability(finished)
    if out.dtype == np.uint8:
        probability = probability.mul_(255).round_()
    out[region] = probability.numpy()


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
