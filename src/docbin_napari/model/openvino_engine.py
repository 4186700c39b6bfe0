"""Run a network with OpenVINO on the CPU.

Strategy: a processor is used best when its cores need not wait for each other, least of all on a
machine that does other work, too. So where there are several windows, each is computed by a
stream with threads of its own; a single window is computed by all threads together. Building and
compiling the graph takes a tenth of a second, less than it takes to check a cache of it.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.util import find_spec
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.model.architecture import UNetConfig, architecture
from docbin_napari.model.device import Device, DeviceError
from docbin_napari.model.eight_bits import EightBits
from docbin_napari.model.engine import DTYPES, EngineConfig
from docbin_napari.model.normalisation import Normalisation

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openvino import CompiledModel, Core, InferRequest

    from docbin_napari.model.graph import Tensors
    from docbin_napari.model.registry import ModelInfo

_PIXELS_AT_ONCE = 2**20
_MOST_STREAMS = 8
_HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVINOEngine:
    """Runs a network with OpenVINO.

    Parameters
    ----------
    config : UNetConfig
        The architecture.
    tensors : mapping
        Weights, batch norms not folded.
    normalisation : Normalisation
        What is done to the pixels.
    eight_bits : EightBits, optional
        What int8 needs and costs; None where it cannot be used.
    settings : EngineConfig, optional
        Number format and threads.

    Raises
    ------
    DeviceError
        If the number format is not there.
    KeyError, ValueError
        If tensors are missing, or have other shapes than the architecture says.
    """

    def __init__(
        self,
        config: UNetConfig,
        tensors: Tensors,
        normalisation: Normalisation,
        eight_bits: EightBits | None = None,
        settings: EngineConfig | None = None,
    ) -> None:
        from docbin_napari.model.graph import Graph

        settings = settings or EngineConfig()
        self.config = config
        self.device = _choose(settings, eight_bits)
        self.pixels_at_once = _PIXELS_AT_ONCE
        self._tensors = tensors
        self._threads = settings.threads or _usable_threads()
        ranges = eight_bits.ranges if eight_bits and self.device.dtype == "int8" else None
        self._graph = Graph(config, tensors, normalisation, ranges).model()
        self._requests: dict[int, SimpleQueue[InferRequest]] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, info: ModelInfo, settings: EngineConfig) -> OpenVINOEngine:
        """Load the network of a model file; see `docbin_napari.model.engine.load_engine`."""
        from docbin_napari.model.tensors import checked, load_tensors

        with checked(info):
            tensors = load_tensors(info)
            normalisation = Normalisation(**info.header.get("normalisation", {}))
            eight_bits = EightBits.of(info.header, tensors)
            return cls(architecture(info), tensors, normalisation, eight_bits, settings)

    def on_cpu(self) -> OpenVINOEngine:
        """Give itself."""
        return self

    def streams(self, passes: int) -> int:
        """Choose how many passes run beside each other: a power of two."""
        most = min(passes, self._threads, _MOST_STREAMS)
        return int(2 ** (max(most, 1).bit_length() - 1))

    def logits(
        self, windows: NDArray[np.uint8], condition: NDArray[np.float32], streams: int = 1
    ) -> NDArray[np.float32]:
        """Run the network, see `docbin_napari.model.engine.Engine`."""
        from openvino import Tensor

        from docbin_napari.model.graph import page_shifts

        requests = self._compiled(streams)
        # What OpenVINO reads has to stay until it has run.
        pixels = np.require(windows, requirements=["C", "W"])
        inputs = pixels, page_shifts(self.config, self._tensors, condition)
        found = np.empty((len(windows), 1, *windows.shape[1:3]), np.float32)
        request = requests.get()
        try:
            for number, values in enumerate(inputs):
                request.set_input_tensor(number, Tensor(values, shared_memory=True))
            request.set_output_tensor(0, Tensor(found, shared_memory=True))
            request.infer()
            self._note(request)
        finally:
            requests.put(request)
        return found[:, 0]

    def _note(self, request: InferRequest) -> None:
        """Take more from a pass than logits; a `RangeObserver` does."""

    def _compiled(self, streams: int) -> SimpleQueue[InferRequest]:
        """As many requests as run at the same time; compiled when they are first asked for."""
        with self._lock:
            if streams not in self._requests:
                compiled = self._compile(streams)
                self._requests[streams] = SimpleQueue()
                for _ in range(streams):
                    self._requests[streams].put(compiled.create_infer_request())
            return self._requests[streams]

    def _compile(self, streams: int) -> CompiledModel:
        # What is not computed in eight bits is computed in the fastest other format.
        other = "bf16" if "BF16" in capabilities() else "f32"
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS.get(self.device.dtype, other),
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": self._threads,
        }
        return _core().compile_model(self._graph, "CPU", settings)


@cache
def _core() -> Core:
    from openvino import Core

    return Core()


@cache
def capabilities() -> frozenset[str]:
    """Number formats that this CPU has units for, as OpenVINO names them.

    Returns
    -------
    frozenset of str
        ``"BF16"``, ``"FP32"``, and so on; empty where OpenVINO is not installed.
    """
    if not find_spec("openvino"):
        return frozenset()
    return frozenset(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@cache
def adds_eight_bits_exactly() -> bool:
    """Whether this CPU adds products of eight bits in 32 bits (VNNI, AMX), so int8 is worth it.

    Strategy: others add two products in 16 bits, which overflow. Nothing asks the processor for
    this on every system, so a convolution is computed that overflows in 16 bits.

    Returns
    -------
    bool
        False on all but x86-64.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    from docbin_napari.model.graph import overflowing

    model, values, expected = overflowing()
    compiled = _core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return bool((compiled([values])[0] == expected).all())


def _choose(settings: EngineConfig, eight_bits: EightBits | None) -> Device:
    def device(dtype: str, reason: str) -> Device:
        return Device("cpu", dtype, reason, "OpenVINO")

    if settings.precision == "int8" and eight_bits is None:
        raise DeviceError("this model has no int8 form: use --precision auto, bf16 or f32")
    if settings.precision == "bf16" and "BF16" not in capabilities():
        raise DeviceError("this CPU has no bfloat16 units: use --precision auto or f32")
    if settings.precision != "auto":
        return device(DTYPES[settings.precision], "asked for")
    if eight_bits is None:
        why = "the model has no int8 form"
    elif not eight_bits.is_good_enough:
        why = f"int8 costs this model {eight_bits.mean_loss:.2f} FM"
    elif not adds_eight_bits_exactly():
        why = "this CPU has no eight-bit units (VNNI, AMX)"
    else:
        return device("int8", f"eight-bit units found; costs {max(eight_bits.mean_loss, 0):.2f} FM")
    if "BF16" in capabilities():
        return device("bfloat16", f"{why}; this CPU has bfloat16 units")
    return device("float32", f"{why}, and this CPU no bfloat16 units")


def _usable_threads() -> int:
    """Cores that this process may use; fewer where OMP_NUM_THREADS says so, as in workers."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores


class RangeObserver(OpenVINOEngine):
    """Runs a network in float32, and remembers the ranges of its features in every window.

    Parameters
    ----------
    config, tensors, normalisation
        As `OpenVINOEngine` takes them.
    """

    def __init__(self, config: UNetConfig, tensors: Tensors, normalisation: Normalisation) -> None:
        from docbin_napari.model.graph import Graph

        super().__init__(config, tensors, normalisation, None, EngineConfig(precision="f32"))
        graph = Graph(config, tensors, normalisation)
        self._graph = graph.observed()
        self._names = list(graph.features)
        self._seen: list[NDArray[np.float32]] = []

    def ranges(self, share: float) -> dict[str, tuple[float, float]]:
        """Ranges that hold all values of a feature in a share of the windows so far.

        Parameters
        ----------
        share : float
            0 to 1.

        Returns
        -------
        dict
            Name of the feature to lowest and highest value, 0 among them.
        """
        seen = np.concatenate(self._seen, axis=-1)
        lows = np.minimum(np.quantile(seen[:, 0], 1 - share, axis=-1), 0)
        highs = np.maximum(np.quantile(seen[:, 1], share, axis=-1), 1e-3)
        return dict(zip(self._names, zip(lows.tolist(), highs.tolist(), strict=True), strict=True))

    def _note(self, request: InferRequest) -> None:
        found = [request.get_output_tensor(1 + n).data for n in range(len(self._names))]
        # For each feature a row of lowest and one of highest values, a column for each window.
        self._seen.append(np.stack(found).reshape(len(found), 2, -1).copy())
