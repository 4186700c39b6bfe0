"""The machine that figures were measured on, in one line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

from docbin_napari.model.engine import Device


def hardware(device: Device) -> str:
    """Processor or GPU, cores and threads in use, number format.

    Examples
    --------
    >>> hardware(Device("cpu", "float32", "example")).split(", ")[-1]
    'float32'
    """
    if device.name == "cuda":
        return f"{torch.cuda.get_device_name(0)}, {device.dtype}"
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((x.split(": ")[1] for x in lines if x.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = torch.get_num_threads()
    return f"{name}, cores: {cores}, threads: {threads}, {device.engine}, {device.dtype}"
