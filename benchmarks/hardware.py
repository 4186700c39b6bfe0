"""The machine that figures were measured on, in one line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from docbin_napari.model.device import Device


def hardware(device: Device) -> str:
    """Processor or GPU, cores in use, number format.

    Examples
    --------
    >>> "cores" in hardware(Device("cpu", "float32", "example"))
    True
    """
    if device.name == "cuda":
        import torch

        return f"{torch.cuda.get_device_name(0)}, {device.dtype}"
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(": ")[1] for x in lines if x.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {device.dtype}"
