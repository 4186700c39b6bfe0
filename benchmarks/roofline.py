"""How near the network comes to what a GPU can do: arithmetic and memory traffic.

Strategy: the rates of the device are measured, not looked up: a large matrix product and a
large copy. What the network needs for one pixel is counted: the operations of all convolutions,
and the traffic if every convolution reads its input and writes its output once and all else is
fused into it. Pixels per second times the one, divided by the other, is the share. A network
whose two shares add up to far less than one waits for something else. On a CPU, where the rate
of a large matrix product changes with whatever else runs on the machine, nothing is printed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from docbin_napari.model.engine import Device
from docbin_napari.model.ink_model import load_network
from docbin_napari.model.model_file import find_model
from timing import times

_SIDE = {"cuda": 8192}
_COPIED = {"cuda": 2**30}
_LAUNCHES = 10


@dataclass(frozen=True)
class NetworkCost:
    """What one pass of the network needs for one pixel.

    Parameters
    ----------
    operations : float
        Additions and multiplications.
    traffic : float
        Bytes read and written.
    """

    operations: float
    traffic: float


@dataclass(frozen=True)
class Roofline:
    """Rates of a device beside what the network needs.

    Parameters
    ----------
    operations : float
        Operations per second of a large matrix product.
    traffic : float
        Bytes per second, read and written, of a large copy.
    cost : NetworkCost
        Of the network.
    """

    operations: float
    traffic: float
    cost: NetworkCost

    def shares(self, pixels_per_second: float) -> tuple[float, float]:
        """Shares of the matrix-product rate and of the memory bandwidth, 0 to 1.

        Examples
        --------
        >>> Roofline(100.0, 50.0, NetworkCost(5.0, 1.0)).shares(10.0)
        (0.5, 0.2)
        """
        cost = self.cost
        return (
            pixels_per_second * cost.operations / self.operations,
            pixels_per_second * cost.traffic / self.traffic,
        )


def measure_roofline(model: str, device: Device) -> Roofline | None:
    """Measure the device and count the network; None on a CPU.

    Parameters
    ----------
    model : str
        Name or file of a model.
    device : Device
        From `choose_device`.
    """
    if device.name == "cpu":
        return None
    cost = network_cost(load_network(find_model(model)), device.torch_dtype.itemsize)
    return Roofline(_matrix_rate(device), _copy_rate(device), cost)


def describe(roofline: Roofline | None) -> str:
    """One line about the device; nothing on a CPU."""
    if roofline is None:
        return ""
    return (
        f"matrix product {roofline.operations / 1e12:.0f} TFLOP/s, "
        f"copy {roofline.traffic / 1e9:.0f} GB/s; the network needs "
        f"{roofline.cost.operations / 1e3:.1f} kFLOP and {roofline.cost.traffic:.0f} B a pixel\n\n"
    )


def share_titles(roofline: Roofline | None) -> list[str]:
    """Titles of the columns that `share_cells` fills; none on a CPU."""
    return [] if roofline is None else ["of matrix rate", "of bandwidth"]


def share_cells(roofline: Roofline | None, pixels_per_second: float | None) -> list[str]:
    """Both shares in percent; empty cells for what is not our network; nothing on a CPU."""
    if roofline is None:
        return []
    if pixels_per_second is None:
        return ["", ""]
    return [f"{share:.0%}" for share in roofline.shares(pixels_per_second)]


def network_cost(network: nn.Module, itemsize: int, side: int = 256) -> NetworkCost:
    """Count what one pass needs for one pixel.

    Parameters
    ----------
    network : Module
        From RGB (N, 3, H, W) to logits, in float32 on the CPU.
    itemsize : int
        Bytes of a number in the format that it will run in.
    side : int
        Side of the square window it is counted on, pixels.

    Examples
    --------
    >>> network_cost(nn.Conv2d(3, 1, 1, bias=False), 2)
    NetworkCost(operations=6.0, traffic=8.0)
    """
    numbers = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal numbers
        numbers += inputs[0].numel() + output.numel()

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return NetworkCost(counter.get_total_flops() / side**2, numbers * itemsize / side**2)


def _matrix_rate(device: Device) -> float:
    side = _SIDE.get(device.name, 2048)
    left = torch.randn(side, side, device=device.name, dtype=device.torch_dtype)
    right = torch.randn(side, side, device=device.name, dtype=device.torch_dtype)
    return 2 * side**3 / _seconds_a_launch(lambda: left @ right, device)


def _copy_rate(device: Device) -> float:
    source = torch.ones(_COPIED.get(device.name, 2**27), dtype=torch.uint8, device=device.name)
    target = torch.empty_like(source)
    return 2 * source.numel() / _seconds_a_launch(lambda: target.copy_(source), device)


def _seconds_a_launch(work: Callable[[], object], device: Device) -> float:
    def some() -> None:
        for _ in range(_LAUNCHES):
            work()
        getattr(torch, device.name).synchronize()

    return statistics.median(times(some, 5)) / _LAUNCHES
