"""Where the network runs, and with which numbers."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from docbin_napari.model.measurement_cache import remembered

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
_ROUNDS = 12


class DeviceError(Exception):
    """The device that was asked for is not there."""


@dataclass(frozen=True)
class Device:
    """A device and the number format that is fastest on it.

    Parameters
    ----------
    name : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    dtype : str
        ``"float32"``, ``"bfloat16"`` or ``"float16"``: the format of the convolutions.
    reason : str
        One sentence that says why.
    """

    name: str
    dtype: str
    reason: str

    @property
    def torch_dtype(self) -> torch.dtype:
        """The number format as PyTorch names it."""
        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype

    def training_format(self) -> torch.autocast:
        """A context in which convolutions of a training are computed in bfloat16, if it is faster.

        Returns
        -------
        torch.autocast
            Weights and losses stay in float32. It changes nothing in other number formats.
        """
        return torch.autocast(self.name, torch.bfloat16, enabled=self.dtype == "bfloat16")


def choose_device(name: str = "auto") -> Device:
    """Choose where the network runs.

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
    if name not in get_args(DeviceName):
        raise DeviceError(
            f"unknown device {name!r}: choose one of {', '.join(get_args(DeviceName))}"
        )
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA GPU is available to PyTorch: use --device cpu or auto")
    if name == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("no Apple GPU is available to PyTorch: use --device cpu or auto")
    if name == "cuda" or (name == "auto" and torch.cuda.is_available()):
        return _cuda()
    if name == "mps" or (name == "auto" and torch.backends.mps.is_available()):
        return Device("mps", "float32", "Apple GPU found")
    return _cpu("asked for" if name == "cpu" else "no GPU is available to PyTorch")


def _cuda() -> Device:
    card = torch.cuda.get_device_name(0)
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return Device("cuda", "bfloat16", f"{card} found, with bfloat16 units")
    return Device("cuda", "float16", f"{card} found, without bfloat16 units")


def _cpu(why: str) -> Device:
    gain = bfloat16_gain()
    if gain > 1.2:
        return Device("cpu", "bfloat16", f"{why}; bfloat16 runs {gain:.1f} times float32 here")
    if gain > 0:
        return Device("cpu", "float32", f"{why}; bfloat16 brings no gain here ({gain:.1f} times)")
    return Device("cpu", "float32", f"{why}; this CPU has no bfloat16 units")


@functools.cache
def bfloat16_gain() -> float:
    """Speed of a bfloat16 convolution on this CPU, as a multiple of float32.

    Measured, because processors that know bfloat16 by name can still be slower with it, and
    kept for the next processes (see `docbin_napari.model.measurement_cache`).

    Returns
    -------
    float
        The ratio; 0 where the CPU has no bfloat16 units.
    """
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    try:
        if supported is None or not supported():
            return 0.0
        return remembered("bfloat16 gain", _measured_gain)
    except RuntimeError:
        return 0.0


def _measured_gain() -> float:
    threads = torch.get_num_threads()
    try:
        # One thread, in turns, and the shortest time of each: other work on the machine only adds
        # time, and most where threads wait for each other.
        torch.set_num_threads(1)
        seconds = [(_seconds(torch.float32), _seconds(torch.bfloat16)) for _ in range(_ROUNDS)]
    finally:
        torch.set_num_threads(threads)
    return min(wide for wide, _ in seconds) / min(narrow for _, narrow in seconds)


def _seconds(dtype: torch.dtype) -> float:
    convolution = torch.nn.Conv2d(32, 32, 3, padding=1, dtype=dtype)
    convolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels = torch.full((1, 32, 96, 96), 0.5, dtype=dtype).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        convolution(pixels)
        start = time.perf_counter()
        convolution(pixels)
        return time.perf_counter() - start
