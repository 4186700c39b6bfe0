"""Choose device, number format and engine of a network; load torch only where a GPU may be."""

from __future__ import annotations

import math
import os
import platform
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from docbin_napari.describe import check_choices, check_numbers

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from openvino import Core

    from docbin_napari.model.model_file import ModelInfo, UNetConfig


DeviceName = Literal["auto", "cpu", "cuda", "mps"]
_GPU_DRIVERS = (
    "/dev/nvidiactl",
    "/dev/kfd",
    "/dev/dxg",
    r"C:\Windows\System32\nvcuda.dll",
    r"C:\Windows\System32\amdhip64.dll",
)


class DeviceError(Exception):
    """The device, the engine or the number format that was asked for is not there."""


@dataclass(frozen=True)
class Device:
    """A device, the number format that is used on it, and what computes.

    Parameters
    ----------
    name : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    dtype : str
        ``"float32"``, ``"bfloat16"``, ``"float16"`` or ``"int8"``: the format of the convolutions.
    reason : str
        One sentence that says why.
    engine : str
        ``"torch"`` or ``"OpenVINO"``.
    """

    name: str
    dtype: str
    reason: str
    engine: str = "torch"

    @property
    def torch_dtype(self) -> torch.dtype:
        """The number format as PyTorch names it."""
        import torch

        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype

    def training_format(self) -> torch.autocast:
        """Make a context in which a training computes convolutions in bfloat16, if it is faster.

        Returns
        -------
        torch.autocast
            Weights and losses stay in float32. It changes nothing in other number formats.
        """
        import torch

        return torch.autocast(self.name, torch.bfloat16, enabled=self.dtype == "bfloat16")


def choose_device(name: str = "auto") -> Device:
    """Choose where torch runs a network.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        ``"auto"`` takes an NVIDIA or AMD GPU, else an Apple GPU, else the CPU.

    Returns
    -------
    Device
        The device, its number format and the reason.

    Raises
    ------
    DeviceError
        If the name is unknown, or that device is not on this machine.

    Examples
    --------
    >>> choose_device("cpu").name
    'cpu'
    """
    gpu = find_gpu(name)
    if gpu is not None:
        return gpu
    why = "asked for" if name == "cpu" else "no GPU is available to PyTorch"
    # PyTorch alone says yes for processors without units, too, where bfloat16 is slow.
    if "BF16" in capabilities() and _torch_takes_bfloat16():
        return Device("cpu", "bfloat16", f"{why}; this CPU has bfloat16 units")
    return Device("cpu", "float32", f"{why}; this CPU has no bfloat16 units")


def _torch_takes_bfloat16() -> bool:
    import torch

    return bool(getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)())


@cache
def openvino_core() -> Core:
    """Load OpenVINO, once."""
    from openvino import Core

    return Core()


@cache
def capabilities() -> frozenset[str]:
    """List the number formats that this CPU has units for, as OpenVINO names them.

    Returns
    -------
    frozenset of str
        ``"BF16"``, ``"FP32"``, and so on; empty where OpenVINO is not installed.
    """
    if not find_spec("openvino"):
        return frozenset()
    return frozenset(openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def usable_threads() -> int:
    """Count the cores that this process may use; fewer where OMP_NUM_THREADS says so."""
    affinity: Any = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores


def find_gpu(name: str = "auto") -> Device | None:
    """Find the GPU that was asked for, or any.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        As `choose_device` takes it.

    Returns
    -------
    Device or None
        None if the CPU was asked for, or there is no GPU; torch is then loaded only where the
        driver of a GPU is installed.

    Raises
    ------
    DeviceError
        If the name is unknown, or that GPU is not on this machine.
    """
    if name not in get_args(DeviceName):
        raise DeviceError(
            f"unknown device {name!r}: choose one of {', '.join(get_args(DeviceName))}"
        )
    if name == "cpu" or (name == "auto" and not may_have_gpu()):
        return None
    import torch

    if name in ("auto", "cuda") and torch.cuda.is_available():
        card = torch.cuda.get_device_name(0)
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Device("cuda", "bfloat16", f"{card} found, with bfloat16 units")
        return Device("cuda", "float16", f"{card} found, without bfloat16 units")
    if name == "cuda":
        raise DeviceError("no CUDA GPU is available to PyTorch: use cpu or auto as device")
    if torch.backends.mps.is_available():
        return Device("mps", "float32", "Apple GPU found")
    if name == "mps":
        raise DeviceError("no Apple GPU is available to PyTorch: use cpu or auto as device")
    return None


def may_have_gpu() -> bool:
    """Tell whether it is worth the seconds that torch takes to search for a GPU."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return any(Path(driver).exists() for driver in _GPU_DRIVERS)


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
        Number format of the convolutions. auto takes the fastest that the processor has units for;
        int8, on a CPU, only for models whose loss from it was measured and is small.
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
        check_choices(self, engine=EngineName, precision=Precision)
        check_numbers(self, threads=math.inf)


class Engine(Protocol):
    """Runs one network on one device.

    Attributes
    ----------
    config : UNetConfig
        Architecture of the network.
    device : Device
        Where it runs and with which numbers.
    pixels_at_once : int
        Pixels of windows that suit one pass.
    """

    config: UNetConfig
    device: Device
    pixels_at_once: int

    def streams(self, passes: int) -> int:
        """Choose how many of some passes run in parallel, each in a thread of the caller."""
        return 1

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
        return self


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
