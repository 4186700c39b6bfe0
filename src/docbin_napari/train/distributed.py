"""Train one network in several processes started by torchrun.

Strategy: the processes compute together what one process would compute alone. Each runs the network
on its share of the batch; whatever is a mean or a sum over the batch (batch norm, loss, gradients)
is taken over all of them. Everything that is decided (device, time spent, results of validations)
is decided by the first process and sent to the others, so that all of them do the same steps with
the same learning rate and stop together.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from docbin_napari.model.engine import Device, DeviceError, choose_device
from docbin_napari.train.train_config import TrainingError

_ANNOUNCED = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
_LONGEST_WAIT = timedelta(days=1)
_LAST_WORDS = timedelta(seconds=30)

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """The processes that train together, seen from one of them; alone by default.

    Parameters
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        How many there are, on all machines.
    local : int
        Number of this process on its machine, from 0.
    store : Store, optional
        Small values that all processes see, even when one of them has failed.
    waiting : ProcessGroup, optional
        For waits on the first process, which validates for as long as it takes. All other
        communication keeps the usual time limits, so that a lost machine is noticed.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    store: Store | None = None
    waiting: dist.ProcessGroup | None = None

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that validates, writes and prints."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """How people find this process."""
        return f"process {self.rank + 1} of {self.size} on {socket.gethostname()}"

    def first(self, action: Callable[[], T], *, quick: bool = False) -> T:
        """Do something in the first process only.

        Parameters
        ----------
        action : callable
            Called without arguments; what it returns is pickled.
        quick : bool
            Whether it takes no time. The others then wait no longer than they would for any
            step; otherwise up to a day.

        Returns
        -------
        object
            What it returned, in every process.
        """
        if self.alone:
            return action()
        box: list[Any] = [action() if self.is_first else None]
        dist.broadcast_object_list(box, src=0, group=None if quick else self.waiting)
        return cast("T", box[0])

    def check_same(self, what: str, value: object, fix: str) -> None:
        """Compare a value with that of the first process.

        Parameters
        ----------
        what : str
            What it is, in the plural.
        value : object
            Of this process.
        fix : str
            What to do where it differs.

        Raises
        ------
        TrainingError
            If it differs.
        """
        if self.first(lambda: value) != value:
            raise TrainingError(f"{what} differ from those of the first process: {fix}")

    def device(self, name: str) -> Device:
        """Choose the device of this process: its own GPU, or the CPU.

        Parameters
        ----------
        name : str
            As `choose_device` takes it. The first process chooses device and number format.

        Returns
        -------
        Device
            In each process the same; ``"cuda"`` means the GPU of this process from now on.

        Raises
        ------
        DeviceError
            If it is not there, or there are fewer GPUs than processes.
        """
        device = self.first(lambda: choose_device(name))
        if self.alone:
            return device
        if device.name == "mps":
            raise DeviceError("Apple GPUs cannot train together: use --device cpu, or one process")
        if device.name == "cuda":
            cards = torch.cuda.device_count()
            if self.local >= cards:
                raise DeviceError(
                    f"more processes than GPUs, which are {cards} here: give torchrun one process "
                    "for each GPU (--nproc-per-node), or train with --device cpu"
                )
            torch.cuda.set_device(self.local)
        return device

    def join_network(self, network: nn.Module, device: Device) -> nn.Module:
        """Let a network be trained by all processes.

        Parameters
        ----------
        network : Module
            On its device. Its batch norms are replaced by ones over all processes, with
            the same parameters, and it gets the weights of the first process.
        device : Device
            From `device`.

        Returns
        -------
        Module
            To be called in training instead of the network; its gradients are means over
            the processes. The network itself where the process is alone.
        """
        if self.alone:
            return network
        synchronise_norms(network)
        own = [self.local] if device.name == "cuda" else None
        return DistributedDataParallel(network, device_ids=own)

    def total(self, sums: Tensor) -> Tensor:
        """Add up over all processes, with gradient.

        Parameters
        ----------
        sums : Tensor
            Of this process.

        Returns
        -------
        Tensor
            Of all processes, the same in each.
        """
        if self.alone:
            return sums
        everywhere = sums.detach().clone()
        dist.all_reduce(everywhere)
        # All losses depend on the sums of each process, and its gradients become means over all.
        return everywhere + self.size * (sums - sums.detach())

    def exchange(self, windows: Tensor) -> Sequence[Tensor]:
        """Send each process its share of a batch, and get the own shares of theirs.

        Parameters
        ----------
        windows : Tensor
            (N, ...), a batch that this process has prepared, on its device.

        Returns
        -------
        sequence of Tensor
            From each process in order, (N / size, ...): this process's share of its batch.
        """
        if self.alone:
            return [windows]
        prepared = windows.contiguous()
        received = torch.empty_like(prepared)
        dist.all_to_all_single(received, prepared)
        return received.chunk(self.size)

    def report(self, say: Callable[[], object]) -> None:
        """Let the first process that failed explain why; the others know only that one is lost.

        Parameters
        ----------
        say : callable
            Prints what went wrong in this process.
        """
        if self.store is None:
            say()
            return
        # torchrun ends all processes as soon as one has ended: so the others wait for the words.
        try:
            if self.store.add("failures", 1) > 1:
                self.store.wait(["explained"], _LAST_WORDS)
                return
        except dist.DistError:
            say()  # Nobody is left who could have explained it.
            return
        say()
        self.store.set("explained", "")

    def leave(self) -> None:
        """Leave the other processes when all went well."""
        if not self.alone:
            dist.destroy_process_group()


ALONE = Ranks()
"""A process without others."""


def join() -> Ranks:
    """Meet the other processes, if this one was started by torchrun.

    Returns
    -------
    Ranks
        `ALONE` without torchrun, and where it started a single process.
    """
    if not all(name in os.environ for name in _ANNOUNCED) or os.environ["WORLD_SIZE"] == "1":
        return ALONE
    store, rank, size = next(rendezvous("env://"))
    # Each tensor goes the way of its device.
    has_nccl = torch.cuda.is_available() and dist.is_nccl_available()
    backend = "cpu:gloo,cuda:nccl" if has_nccl else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    waiting = dist.new_group(backend="gloo", timeout=_LONGEST_WAIT)
    return Ranks(rank, size, int(os.environ["LOCAL_RANK"]), store, waiting)


# Strategy: PyTorch's own norm of this kind runs on CUDA only. Here the means of a few numbers for
# each channel travel, forward and backward, and PyTorch finds the gradients by itself (Ioffe and
# Szegedy 2015, arXiv:1502.03167). All processes have equally many windows.


def synchronise_norms(network: nn.Module) -> None:
    """Replace the batch norms of a network by ones over all processes, in place.

    Parameters
    ----------
    network : Module
        Keeps its parameters, so that an optimizer still knows them.
    """
    if next(network.parameters()).is_cuda:
        nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Only its computation is replaced: parameters and running statistics stay.
            module.__class__ = SyncedNorm


class SyncedNorm(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of all processes."""

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise.

        Parameters
        ----------
        x : Tensor
            (N, C, H, W), float32 or bfloat16; N, H and W are the same in all processes.

        Returns
        -------
        Tensor
            Like `x`.
        """
        if not self.training:
            return super().forward(x)
        count = x.numel() // self.num_features * dist.get_world_size()
        mean = _everywhere(x.float().mean((0, 2, 3)))
        apart = x - mean[:, None, None]
        variance = _everywhere(apart.square().mean((0, 2, 3)))
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (apart * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


class _Mean(torch.autograd.Function):
    """The mean over all processes; the gradient of a process is the mean of all gradients."""

    @staticmethod
    def forward(_: Any, own: Tensor) -> Tensor:
        total = own.clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        return _everywhere(gradients[0])


def _everywhere(own: Tensor) -> Tensor:
    return cast("Tensor", _Mean.apply(own))  # type: ignore[no-untyped-call]
