"""The same network with fewer passes over memory, on a CPU.

Strategy: after each convolution the plain network goes over its result again, to clip it, to add
to it, to enlarge it. oneDNN can do that while the result of a convolution is still in a register;
PyTorch's compiler uses the same operators. Coarse features are added to fine ones without being
enlarged first. The operators are not a public interface of PyTorch: where they are missing, or
give another answer than the plain network, the plain network is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.model.unet import ConvNorm, ResidualBlock, UNet

Forward = Callable[[Tensor], Tensor]
_SAME = 0.02


def fastest_forward(network: UNet) -> Forward:
    """Choose how to run a network.

    Parameters
    ----------
    network : UNet
        On its device, batch norms folded.

    Returns
    -------
    callable
        From normalised pixels (N, 3, H, W) to logits (N, 1, H, W), as ``network`` itself.
    """
    weight = next(network.parameters())
    if weight.device.type != "cpu":
        return network
    fused = FusedForward(network)
    side = 2 * network.config.stride
    pixels = torch.linspace(-2, 2, 3 * side * side).reshape(1, 3, side, side)
    pixels = pixels.to(weight.dtype, memory_format=torch.channels_last)
    try:
        with torch.inference_mode():
            expected, got = network(pixels).float(), fused(pixels).float()
    except (AttributeError, RuntimeError, TypeError):
        return network
    difference = (got - expected).abs().max()
    return fused if difference <= _SAME * expected.abs().max().clamp(min=1) else network


class FusedForward:
    """Runs a network whose batch norms are folded.

    Parameters
    ----------
    network : UNet
        On the CPU.

    Raises
    ------
    AttributeError, RuntimeError, TypeError
        When it is called and this PyTorch has no such operators, or others than those known here.
    """

    def __init__(self, network: UNet) -> None:
        self._network = network

    def __call__(self, pixels: Tensor) -> Tensor:
        """Compute logits, as `UNet.forward`."""
        network, fold = self._network, self._network.config.fold
        x = _clipped(network.entrance, F.pixel_unshuffle(pixels, fold))
        skips: list[Tensor] = []
        for level, blocks in enumerate(network.encoder):
            if level:
                x = _clipped(cast("ConvNorm", network.down[level - 1]), x)
            for block in cast("Any", blocks):
                x = _residual(block, x)
            skips.append(x)
        for level in reversed(range(len(network.decoder))):
            coarse = network.up[level](x)
            x = _add_enlarged(skips[level], coarse)
            x = _residual(cast("ResidualBlock", network.decoder[level]), x)
        return F.pixel_shuffle(network.exit(x), fold)


def _clipped(layer: ConvNorm, x: Tensor) -> Tensor:
    """Convolution and ReLU."""
    conv = layer.conv
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, conv.weight, conv.bias, conv.padding, conv.stride, conv.dilation, 1, "relu", [], ""
    )
    return result


def _residual(block: ResidualBlock, x: Tensor) -> Tensor:
    """Two convolutions added to their input, which is overwritten, and ReLU."""
    inner, conv = _clipped(block.first, x), block.second.conv
    result: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
        x, inner, conv.weight, conv.bias, conv.padding, conv.stride, conv.dilation, 1,
        "add", 1.0, "relu", [], "",
    )  # fmt: skip
    return result


def _add_enlarged(fine: Tensor, coarse: Tensor) -> Tensor:
    """Add each coarse feature to the four fine ones that it covers; `fine` is overwritten."""
    batch, channels, height, width = coarse.shape
    fours = fine.permute(0, 2, 3, 1).view(batch, height, 2, width, 2, channels)
    fours.add_(coarse.permute(0, 2, 3, 1)[:, :, None, :, None])
    return fine
