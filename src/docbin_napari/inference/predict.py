"""Compute the ink probability of a page.

Strategy: rows of windows are taken from top to bottom. Each batch of windows is read in as many
views as needed, some batches in parallel where the engine has streams, and the averaged logits are
added, in order, into one band of the page that is as high as a window. What no later window touches
is calibrated and written to the result at once: the band and a few windows are all the memory that
is needed beside page and result.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from docbin_napari.features.survey import halved
from docbin_napari.inference.ahead import map_ahead, threads
from docbin_napari.inference.dark_ends import PageEnd, clear_dark_ends, page_ends
from docbin_napari.inference.inference_config import InferenceConfig, PresetName, preset
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.windows import (
    Box,
    PageBand,
    ProbabilitySink,
    plan_page,
    plan_parts,
    without,
)
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL

Values = TypeVar("Values", bound=np.generic)
_NOWHERE = slice(0, 0), slice(0, 0)
_INVERTED = (
    "this page seems to show light writing on dark ground, so light and dark are exchanged there "
    "before it is read; invert='never' in InferenceConfig or docbin binarize --invert never leaves "
    "it as it is"
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
        Windows times symmetries that are done with, and all of them.
    rows, columns : slice
        Region of the result that was just written, for good; empty when none was.
    """

    done: int
    total: int
    rows: slice
    columns: slice


def predict(
    pixels: Any,
    model: InkModel,
    config: InferenceConfig,
    out: ProbabilitySink,
    first: Box | None = None,
) -> Iterator[Progress]:
    """Fill an array with ink probability, batch by batch.

    Stop by not asking for the next item; what was written stays. Where the memory of the
    device is too small, it goes on with half of the windows in a pass, and when a single
    one is too many, on the CPU, with a warning. Light writing on dark ground is taken
    inverted, on the page or in parts of it, with a warning, unless `config` says otherwise. A
    fine-tuned model leaves pages unlike those it has learnt from to its base.

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
    first : (slice, slice), optional
        Rows and columns that are on the screen: the windows they need are computed before the
        others. The result is the same to the last bit.

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
    reader = PageReader.of(pixels, model, config)
    if reader.inverted and config.invert == "auto":
        warnings.warn(_INVERTED, stacklevel=2)
    yield from predict_with(reader, config, out, first)


def predict_with(
    reader: PageReader,
    config: InferenceConfig,
    out: ProbabilitySink,
    first: Box | None = None,
) -> Iterator[Progress]:
    """Fill an array with the ink probability of a page that has been surveyed; see `predict`."""
    height, width = out.shape
    side = reader.window_side(config.window)
    rows, columns = plan_page((height, width), side, config.overlap, reader.stride)
    engine = reader.model.engine
    fitting = engine.pixels_at_once // (rows.size * columns.size)
    parts = plan_parts(rows, columns, config.batch or max(1, fitting), first)
    reader = replace(reader, streams=engine.streams(len(parts[-1].order())))
    total = len(rows.starts) * len(columns.starts) * config.symmetries
    kept: dict[tuple[int, range], NDArray[np.float32]] = {}
    done, written = 0, _NOWHERE
    yield Progress(done, total, *_NOWHERE)

    def read(batch: tuple[int, range, NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Compute a batch, unless it was computed with the part that was wanted first."""
        row, chosen, pixels = batch
        if (known := kept.get((row, chosen))) is not None:
            return known
        return windows.read(pixels, [page_ends(rows, columns, row, index) for index in chosen])

    with threads(reader.streams) as executor, WindowReader(reader, config) as windows:
        for part in parts:
            band = PageBand(rows, columns, reader.model.calibration)
            found = map_ahead(read, part.windows(reader.pixels), executor, reader.streams)
            for (row, chosen), logits in zip(part.order(), found, strict=True):
                if kept.pop((row, chosen), None) is None:
                    done += len(chosen) * config.symmetries
                if part is not parts[-1]:
                    kept[row, chosen] = logits.copy()
                band.add(logits, row, chosen)
                regions = without(part.final(row, chosen), written)
                for region in regions:
                    band.write(out, *region)
                yield from (Progress(done, total, *region) for region in regions or [_NOWHERE])
            written = part.box


def glance(pixels: Any, model: InkModel, config: InferenceConfig) -> NDArray[np.uint8] | None:
    """Read a small page once, in half of its size, to show something soon.

    Parameters
    ----------
    pixels : array_like
        uint8 (H, W, 3), as for `predict`.
    model : InkModel
        From `load_model`.
    config : InferenceConfig
        How the page is going to be read.

    Returns
    -------
    ndarray or None
        uint8 (H, W): probability times 255. None where it would hardly be there sooner: for a page
        of several windows, which appears window by window, and for a single view of each place.
    """
    height, width = (int(side) for side in pixels.shape[:2])
    if config.symmetries == 1 or min(height, width) < 2:
        return None
    plans = plan_page((height, width), config.window, config.overlap, model.engine.config.stride)
    if any(len(axis.starts) > 1 for axis in plans):
        return None
    half = halved(np.asarray(pixels[0:height]))
    found = np.zeros(half.shape[:2], np.uint8)
    quick = replace(config, symmetries=1, tolerance=0.0, size="own")
    for _ in predict(half, model, quick, found):
        pass
    large = found.repeat(2, axis=0).repeat(2, axis=1)
    missing = height - large.shape[0], width - large.shape[1]
    return np.pad(large, ((0, missing[0]), (0, missing[1])), mode="edge")


def ink_probability(
    pixels: np.ndarray,
    model: InkModel | str | Path | None = None,
    config: InferenceConfig | PresetName | None = None,
) -> np.ndarray:
    """Compute the probability of ink at every pixel of a page.

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


# Strategy: the views of a window are averaged as logits. The first one is enough where nothing
# comes near the threshold: blank paper, much of any archive. Where there is ink, the first four of
# the eight views are a fair sample, upright and turned, mirrored and not; their number was doubled
# from two, and where fewer of the ink pixels than the tolerance changed sides by it, the second
# four would change still fewer, since errors of single views average out with the square root of
# their number.
#
# A symmetry of the square has a number k in 0..7: k % 4 quarter turns, after a mirror image for k
# >= 4.

SYMMETRY_SETS: dict[int, tuple[int, ...]] = {
    1: (0,),
    2: (0, 2),
    4: (0, 1, 2, 3),
    8: (0, 6, 1, 5, 2, 4, 3, 7),
}
"""Which ones are averaged, by their number. Of all eight the first four are a fair sample."""

_CLEAR_PROBABILITY = 0.05
"""Where no pixel of a window reaches it at the first view, the window is blank."""
_FAIR_SAMPLE = 4
"""Fewer views than these are not enough, unless the window is blank."""


class WindowReader:
    """Averages the logits of the windows of a page over their views.

    Use it as a context, at whose end it stops between two views. Where the memory of the device is
    too small, it goes on with half of the windows in a pass, and when a single one is too many, on
    the CPU, with a warning. May be asked by many threads.

    Parameters
    ----------
    reader : PageReader
        Of the page.
    config : InferenceConfig
        Number of symmetries and tolerance.
    """

    def __init__(self, reader: PageReader, config: InferenceConfig) -> None:
        self._reader, self._config = reader, config
        self._most: float = math.inf
        self._stopped, self._lock = Event(), Lock()

    def __enter__(self) -> WindowReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()

    def read(
        self, windows: NDArray[np.uint8], ends: Sequence[list[PageEnd]] = ()
    ) -> NDArray[np.float32]:
        """Average the logits of some windows over their views.

        Parameters
        ----------
        windows : ndarray
            uint8 (N, H, W, 3), RGB.
        ends : sequence of list of PageEnd, optional
            Where the page ends in each of them.

        Returns
        -------
        ndarray
            Logits, float32 (N, H, W).

        Raises
        ------
        DeviceMemoryError
            If the CPU has too little memory for one window.
        InferenceError
            If the network fails in another way.
        CancelledError
            If the context has ended.
        """
        reader, count = self._reader, len(windows)
        if count > self._most:
            halves = slice(0, count // 2), slice(count // 2, count)
            return np.concatenate([self.read(windows[half], ends[half]) for half in halves])
        try:
            logits = self._average(reader, windows)
            if ends:
                clear_dark_ends(reader, windows, logits, ends)
            return logits
        except (RuntimeError, MemoryError) as error:
            name = reader.model.device.name
            if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
                message = str(error).splitlines()[0]
                raise InferenceError(f"the network failed on {name}: {message}") from error
            height, width = windows.shape[1:3]
            trouble = (
                f"the memory of the {name} device is too small for windows of "
                f"{height} × {width} pixels: use smaller windows or the CPU"
            )
            if count == 1 and name == "cpu":
                raise DeviceMemoryError(trouble) from error
        if count > 1:
            self._most = count // 2
        else:
            self._go_to_cpu(reader, trouble)
        return self.read(windows, ends)

    def _go_to_cpu(self, reader: PageReader, trouble: str) -> None:
        """Replace the reader by one on the CPU, unless another thread has done so."""
        with self._lock:
            if self._reader is reader:
                warnings.warn(f"{trouble}; this page continues on the CPU", stacklevel=2)
                self._reader = reader.on_cpu()

    def _average(self, reader: PageReader, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Add views until the result is stable, float32 (N, H, W)."""
        symmetries, tolerance = SYMMETRY_SETS[self._config.symmetries], self._config.tolerance
        total = np.array(self._view(reader, windows, symmetries[0]))
        views = np.ones(len(windows), np.float32)
        undecided = np.arange(len(windows))
        if tolerance:
            least = reader.model.calibration.logit(_CLEAR_PROBABILITY)
            undecided = undecided[total.max(axis=(1, 2)) >= least]
        done = 1
        while done < len(symmetries) and len(undecided):
            before = reader.is_ink(total[undecided] / np.float32(done))
            chosen = windows if len(undecided) == len(windows) else windows[undecided]
            for symmetry in symmetries[done : 2 * done]:
                total[undecided] += self._view(reader, chosen, symmetry)
                done += 1
            views[undecided] = done
            if tolerance and done >= _FAIR_SAMPLE:
                changed = reader.is_ink(total[undecided] / np.float32(done)) != before
                share = changed.sum(axis=(1, 2)) / np.maximum(before.sum(axis=(1, 2)), 1)
                undecided = undecided[share > tolerance]
        total /= views[:, None, None]
        return total

    def _view(
        self, reader: PageReader, windows: NDArray[np.uint8], symmetry: int
    ) -> NDArray[np.float32]:
        if self._stopped.is_set():
            raise CancelledError
        return turn_back(reader.logits(turn(windows, symmetry)), symmetry)


def turn(windows: NDArray[Values], symmetry: int) -> NDArray[Values]:
    """Apply a symmetry.

    Parameters
    ----------
    windows : ndarray
        (N, H, W, ...).
    symmetry : int
        0 to 7.

    Returns
    -------
    ndarray
        (N, H, W, ...), or (N, W, H, ...) for an odd number of quarter turns; a view.

    Examples
    --------
    >>> turn(np.array([[[1, 2]]]), 2).tolist()
    [[[2, 1]]]
    """
    mirrored = windows[:, :, ::-1] if symmetry >= 4 else windows
    return np.rot90(mirrored, symmetry % 4, (1, 2))


def turn_back(windows: NDArray[Values], symmetry: int) -> NDArray[Values]:
    """Undo `turn`.

    Parameters
    ----------
    windows : ndarray
        (N, H, W, ...), as `turn` gave it.
    symmetry : int
        The same number.

    Returns
    -------
    ndarray
        As it was before `turn`; a view.

    Examples
    --------
    >>> turn_back(turn(np.array([[[1, 2]]]), 7), 7).tolist()
    [[[1, 2]]]
    """
    upright = np.rot90(windows, -(symmetry % 4), (1, 2))
    return upright[:, :, ::-1] if symmetry >= 4 else upright
