"""Choose the engine of a network: OpenVINO on a CPU, torch on a GPU or on request."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from docbin_napari.model.device import Device, DeviceError, find_gpu

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.model.architecture import UNetConfig
    from docbin_napari.model.registry import ModelInfo

EngineName = Literal["auto", "openvino", "torch"]
Precision = Literal["auto", "int8", "bf16", "f32"]
DTYPES = {"bf16": "bfloat16", "f32": "float32", "int8": "int8"}
"""Names of number formats on the command line to those of `Device`."""


@dataclass(frozen=True)
class EngineConfig:
    """What runs a network, and how.

    Parameters
    ----------
    engine : {"auto", "openvino", "torch"}
        auto takes torch on a GPU, and OpenVINO on a CPU.
    precision : {"auto", "int8", "bf16", "f32"}
        Number format of the convolutions on a CPU. auto takes the fastest that the processor has
        units for; int8 only for models whose loss by it was measured and is small.
    threads : int
        Threads that OpenVINO computes with; 0 takes as many as there are cores.

    Raises
    ------
    ValueError
        If a value is outside the range given above.
    """

    engine: EngineName = "auto"
    precision: Precision = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        if self.engine not in get_args(EngineName):
            raise ValueError(f"engine must be auto, openvino or torch, not {self.engine!r}")
        if self.precision not in get_args(Precision):
            raise ValueError(f"precision must be auto, int8, bf16 or f32, not {self.precision!r}")
        if self.threads < 0:
            raise ValueError(f"threads must be 0 (automatic) or positive, not {self.threads}")


class Engine(Protocol):
    """Runs one network on one device."""

    @property
    def config(self) -> UNetConfig:
        """Architecture of the network."""

    @property
    def device(self) -> Device:
        """Where it runs and with which numbers."""

    @property
    def pixels_at_once(self) -> int:
        """Pixels of windows that suit one pass."""

    def streams(self, passes: int) -> int:
        """How many of some passes run beside each other, each in a thread of the caller."""

    def logits(
        self, windows: NDArray[np.uint8], condition: NDArray[np.float32], streams: int = 1
    ) -> NDArray[np.float32]:
        """Run the network.

        Parameters
        ----------
        windows : ndarray
            uint8 (N, H, W, 3), RGB; H and W multiples of the stride.
        condition : ndarray
            float32 (7,), from `page_condition`.
        streams : int, optional
            As many passes may be asked for at the same time.

        Returns
        -------
        ndarray
            Logits of ink, float32 (N, H, W).

        Raises
        ------
        RuntimeError, MemoryError
            If the network cannot be run.
        """

    def on_cpu(self) -> Engine:
        """Give an engine for the same network on the CPU; itself if it runs there."""


def load_engine(
    info: ModelInfo, device: str = "auto", config: EngineConfig | None = None
) -> Engine:
    """Choose an engine, and load a network into it.

    Parameters
    ----------
    info : ModelInfo
        From `find_model`.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.
    config : EngineConfig, optional
        Which engine; chosen for the device by default.

    Returns
    -------
    Engine
        Ready to run.

    Raises
    ------
    ModelError
        If the file is damaged or of another version.
    DeviceError
        If the device, the engine or the number format is not there.
    """
    config = config or EngineConfig()
    # OpenVINO computes on the CPU alone, so auto looks for a GPU only where torch may run.
    gpu = None if config.engine == "openvino" and device == "auto" else find_gpu(device)
    if config.engine == "openvino" and gpu is not None:
        raise DeviceError(f"OpenVINO runs on the CPU, not on {device}: use --engine torch")
    if gpu is None and config.engine != "torch":
        if find_spec("openvino"):
            from docbin_napari.model.openvino_engine import OpenVINOEngine

            return OpenVINOEngine.load(info, config)
        if config.engine == "openvino":
            raise DeviceError("OpenVINO is not installed: pip install openvino, or --engine torch")
    from docbin_napari.model.torch_engine import load_torch_engine

    return load_torch_engine(info, device, config.precision)
