"""Choose device and number format; load torch only where a GPU may be found."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    import torch

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
        """A context in which convolutions of a training are computed in bfloat16, if it is faster.

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
    from docbin_napari.model.openvino_engine import capabilities

    # PyTorch alone says yes for processors without units, too, where bfloat16 is slow.
    if "BF16" in capabilities() and _torch_takes_bfloat16():
        return Device("cpu", "bfloat16", f"{why}; this CPU has bfloat16 units")
    return Device("cpu", "float32", f"{why}; this CPU has no bfloat16 units")


def _torch_takes_bfloat16() -> bool:
    import torch

    return bool(getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)())


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
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return None
    import torch

    if name in ("auto", "cuda") and torch.cuda.is_available():
        return _cuda()
    if name == "cuda":
        raise DeviceError("no CUDA GPU is available to PyTorch: use --device cpu or auto")
    if torch.backends.mps.is_available():
        return Device("mps", "float32", "Apple GPU found")
    if name == "mps":
        raise DeviceError("no Apple GPU is available to PyTorch: use --device cpu or auto")
    return None


def _may_have_gpu() -> bool:
    """Whether it is worth the seconds that torch takes to look for a GPU."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return any(Path(driver).exists() for driver in _GPU_DRIVERS)


def _cuda() -> Device:
    import torch

    card = torch.cuda.get_device_name(0)
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return Device("cuda", "bfloat16", f"{card} found, with bfloat16 units")
    return Device("cuda", "float16", f"{card} found, without bfloat16 units")
