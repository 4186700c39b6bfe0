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
from docbin_napari.model.engine import DTYPES, EngineConfig
from docbin_napari.model.normalisation import Normalisation

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openvino import CompiledModel, Core, InferRequest

    from docbin_napari.model.graph import Ranges, Tensors
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
    ranges : mapping, optional
        Of the features, see `docbin_napari.model.graph.Graph`; None where int8 cannot be used.
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
        ranges: Ranges | None = None,
        settings: EngineConfig | None = None,
    ) -> None:
        from docbin_napari.model.graph import Graph

        settings = settings or EngineConfig()
        self.config = config
        self.device = _choose(settings, has_ranges=ranges is not None)
        self.pixels_at_once = _PIXELS_AT_ONCE
        self._tensors = tensors
        self._threads = settings.threads or _usable_threads()
        chosen = ranges if self.device.dtype == "int8" else None
        self._graph = Graph(config, tensors, normalisation, chosen).model()
        self._requests: dict[int, SimpleQueue[InferRequest]] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, info: ModelInfo, settings: EngineConfig) -> OpenVINOEngine:
        """Load the network of a model file; see `docbin_napari.model.engine.load_engine`."""
        from docbin_napari.model.tensors import checked, load_tensors

        with checked(info):
            tensors = load_tensors(info)
            normalisation = Normalisation(**info.header.get("normalisation", {}))
            return cls(architecture(info), tensors, normalisation, None, settings)

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
        inputs = np.ascontiguousarray(windows), page_shifts(self.config, self._tensors, condition)
        found = np.empty((len(windows), 1, *windows.shape[1:3]), np.float32)
        request = requests.get()
        try:
            for number, values in enumerate(inputs):
                request.set_input_tensor(number, Tensor(values, shared_memory=True))
            request.set_output_tensor(Tensor(found, shared_memory=True))
            request.infer()
        finally:
            requests.put(request)
        return found[:, 0]

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


def _choose(settings: EngineConfig, *, has_ranges: bool) -> Device:
    def device(dtype: str, reason: str) -> Device:
        return Device("cpu", dtype, reason, "OpenVINO")

    if settings.precision == "int8" and not has_ranges:
        raise DeviceError("this model has no int8 form: use --precision auto, bf16 or f32")
    if settings.precision == "bf16" and "BF16" not in capabilities():
        raise DeviceError("this CPU has no bfloat16 units: use --precision auto or f32")
    if settings.precision != "auto":
        return device(DTYPES[settings.precision], "asked for")
    if has_ranges and adds_eight_bits_exactly():
        return device("int8", "this CPU multiplies and adds eight-bit numbers in one step")
    why = "the model has no int8 form" if not has_ranges else "this CPU has no VNNI or AMX units"
    if "BF16" in capabilities():
        return device("bfloat16", f"{why}; this CPU has bfloat16 units")
    return device("float32", f"{why}, and this CPU no bfloat16 units")


def _usable_threads() -> int:
    """Cores that this process may use; fewer where OMP_NUM_THREADS says so, as in workers."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores
