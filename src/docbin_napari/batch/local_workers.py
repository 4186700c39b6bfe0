"""Number of worker processes for this machine, and their share of threads and GPUs."""

from __future__ import annotations

import os
from collections.abc import Sequence

MEMORY_A_WORKER = 2 * 2**30
"""Bytes for one process: libraries, network and a usual page with room to spare."""


def worker_count(cores: int, memory: int) -> int:
    """Choose how many processes work without a GPU.

    One thread each is the best use of the cores, because nothing then waits for another thread;
    the memory sets the limit.

    Parameters
    ----------
    cores : int
        Cores that this process may use.
    memory : int
        Bytes that it may use.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> worker_count(8, 64 * 2**30), worker_count(8, 6 * 2**30), worker_count(8, 2**30)
    (8, 3, 1)
    """
    return max(1, min(cores, memory // MEMORY_A_WORKER))


def environments(
    count: int, cores: int, gpus: Sequence[dict[str, str]] = ()
) -> list[dict[str, str]]:
    """Share out the machine.

    Parameters
    ----------
    count : int
        Worker processes.
    cores : int
        Cores that they may use together.
    gpus : sequence of dict
        From `gpu_environments`; taken in turns.

    Returns
    -------
    list of dict
        Environment variables of each process. OMP_NUM_THREADS of this process is kept.

    Examples
    --------
    >>> gpus = [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    >>> [worker["CUDA_VISIBLE_DEVICES"] for worker in environments(3, 8, gpus)]
    ['0', '1', '0']
    """
    threads = os.environ.get("OMP_NUM_THREADS", str(max(1, cores // count)))
    shared = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    return [{**shared, **(gpus[number % len(gpus)] if gpus else {})} for number in range(count)]


def gpu_environments(device: str) -> list[dict[str, str]]:
    """Find the GPUs. Loads torch unless the CPU is asked for.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        What the network is to run on.

    Returns
    -------
    list of dict
        Environment variables that show one GPU each; empty where the CPU does the work.

    Examples
    --------
    >>> gpu_environments("cpu")
    []
    """
    if device == "cpu":
        return []
    import torch

    if device != "mps" and torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = visible.split(",") if visible else map(str, range(torch.cuda.device_count()))
        return [{"CUDA_VISIBLE_DEVICES": name.strip()} for name in names]
    return [{}] if device != "cuda" and torch.backends.mps.is_available() else []
