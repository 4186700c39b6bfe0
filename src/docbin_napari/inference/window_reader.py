"""Compute logits of windows in passes that fit the memory of the device."""

from __future__ import annotations

import math
import warnings
from concurrent.futures import CancelledError
from threading import Event, Lock
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.inference.views import average_views

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from docbin_napari.inference.inference_config import InferenceConfig
    from docbin_napari.inference.page_reader import PageReader

Batch = tuple[int, range, "NDArray[np.uint8]"]
"""Row of windows, which of them, and their pixels."""


class InferenceError(Exception):
    """The network could not be run on this page."""


class DeviceMemoryError(InferenceError):
    """The device has too little memory for one batch of windows."""


class WindowReader:
    """Reads the windows of a page; use it as a context, at whose end it stops between two views.

    Where the memory of the device is too small, it goes on with half of the windows in a pass,
    and when a single one is too many, on the CPU, with a warning. May be asked by many threads.

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()

    def read(self, batch: Batch) -> tuple[int, range, NDArray[np.float32]]:
        """Average the logits of some windows over their views.

        Parameters
        ----------
        batch : tuple
            Row, numbers of the windows in it, and their pixels, uint8 (N, H, W, 3).

        Returns
        -------
        tuple
            Row and numbers, and the logits, float32 (N, H, W).

        Raises
        ------
        DeviceMemoryError
            If the CPU has too little memory for one window.
        InferenceError
            If the network fails in another way.
        CancelledError
            If the context has ended.
        """
        row, chosen, windows = batch
        return row, chosen, self._with_the_memory_there_is(windows)

    def _with_the_memory_there_is(self, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        reader, count = self._reader, len(windows)
        if count > self._most:
            halves = windows[: count // 2], windows[count // 2 :]
            return np.concatenate([self._with_the_memory_there_is(half) for half in halves])
        try:
            return self._average(reader, windows)
        except DeviceMemoryError as error:
            if count > 1:
                self._most = count // 2
            else:
                self._go_to_cpu(reader, error)
        return self._with_the_memory_there_is(windows)

    def _go_to_cpu(self, reader: PageReader, error: DeviceMemoryError) -> None:
        """Go on on the CPU; raises the error if that was it."""
        if reader.model.device.name == "cpu":
            raise error
        with self._lock:
            if self._reader is reader:
                warnings.warn(f"{error}; this page goes on on the CPU", stacklevel=2)
                self._reader = reader.on_cpu()

    def _average(self, reader: PageReader, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
        passes = average_views(reader, windows, self._config)
        name = reader.model.device.name
        try:
            while True:
                if self._stopped.is_set():
                    raise CancelledError
                next(passes)
        except StopIteration as end:
            logits: NDArray[np.float32] = end.value
            return logits
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, MemoryError) or "memory" in str(error).lower():
                height, width = windows.shape[1:3]
                raise DeviceMemoryError(
                    f"the memory of the {name} device is too small for windows of "
                    f"{height} × {width} pixels: use smaller windows or the CPU"
                ) from error
            message = str(error).splitlines()[0]
            raise InferenceError(f"the network failed on {name}: {message}") from error
