"""A U-Net for ink, with its cost per pixel in its settings.

Strategy: ink strokes are thin, but a convolution at full resolution with few
channels leaves the arithmetic units of any processor idle. So ``fold`` × ``fold``
pixels become channels at the entrance (pixel unshuffle) and logits become pixels
again at the exit (pixel shuffle): nothing is thrown away, and all convolutions run
with many channels on a quarter (``fold`` 2) of the positions. Skip connections are
added, not concatenated, which halves the cost of the decoder.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


@dataclass(frozen=True)
class UNetConfig:
    """Architecture of a U-Net.

    Parameters
    ----------
    fold : int
        Side of the square of pixels that is folded into channels at the
        entrance; 1 keeps full resolution.
    channels : tuple of int
        Channels at each level, finest first. Each level halves the resolution.
    blocks : int
        Residual blocks at each level of the encoder; the decoder has one.
    """

    fold: int = 2
    channels: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1

    def __post_init__(self) -> None:
        if self.fold < 1 or self.blocks < 1 or not self.channels or min(self.channels) < 1:
            raise ValueError(f"fold, blocks and all channels must be positive: {self}")

    @property
    def stride(self) -> int:
        """Pixels of the page in one pixel of the coarsest level, each way."""
        return int(self.fold * 2 ** (len(self.channels) - 1))

    @property
    def context(self) -> int:
        """Pixels to each side of a pixel that its logit can depend on, at most.

        A multiple of `stride`, so that windows cut with this margin fall on the
        grid of the coarsest level.
        """
        reach = self.fold  # the entrance convolution
        levels = [self.fold * 2**level for level in range(len(self.channels))]
        for level, step in enumerate(levels):
            coarsest = level == len(levels) - 1
            convolutions = 2 * self.blocks + (0 if coarsest else 2)
            reach += convolutions * step
        reach += self.stride  # positions inside one folded pixel
        return -(-reach // self.stride) * self.stride


class ConvNorm(nn.Module):
    """Convolution and batch norm; `fold_norm` turns them into one convolution."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        padding = size // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, then normalise."""
        return self.norm(self.conv(x))  # type: ignore[no-any-return]

    def fold_norm(self) -> None:
        """Multiply the norm into the convolution; does nothing the second time."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv, self.norm)
            self.norm = nn.Identity()


class ResidualBlock(nn.Module):
    """Two convolutions added to their input (He et al. 2016, doi:10.1109/CVPR.2016.90)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Add to the input what two convolutions make of it."""
        inner = F.relu(self.first(x), inplace=True)
        return F.relu(self.second(inner).add_(x), inplace=True)


class UNet(nn.Module):
    """Logits of ink from normalised RGB.

    Ronneberger, Fischer, Brox 2015, doi:10.1007/978-3-319-24574-4_28, with residual
    blocks and added skip connections.

    Parameters
    ----------
    config : UNetConfig
        The architecture.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.channels
        self.entrance = ConvNorm(3 * config.fold**2, widths[0])
        self.encoder = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width) for _ in range(config.blocks))) for width in widths
        )
        steps = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(ConvNorm(fine, coarse, 2, 2) for fine, coarse in steps)
        self.up = nn.ModuleList(ConvNorm(coarse, fine, 1) for fine, coarse in steps)
        self.decoder = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.exit = nn.Conv2d(widths[0], config.fold**2, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute logits.

        Parameters
        ----------
        pixels : Tensor
            Float (N, 3, H, W), normalised; H and W multiples of ``config.stride``.

        Returns
        -------
        Tensor
            Logits of ink, float (N, 1, H, W).
        """
        x = F.pixel_unshuffle(pixels, self.config.fold)
        x = F.relu(self.entrance(x), inplace=True)
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            if level:
                x = F.relu(self.down[level - 1](x), inplace=True)
            x = block(x)
            skips.append(x)
        for level in reversed(range(len(self.decoder))):
            x = F.interpolate(self.up[level](x), scale_factor=2.0, mode="nearest")
            x = self.decoder[level](x.add_(skips[level]))
        return F.pixel_shuffle(self.exit(x), self.config.fold)

    def move(self, device: str, dtype: torch.dtype | None = None) -> UNet:
        """Move the network to a device, in channels-last layout; in place.

        Parameters
        ----------
        device : str
            For example ``"cpu"``.
        dtype : torch.dtype, optional
            Number format of the weights; unchanged by default.

        Returns
        -------
        UNet
            This network.
        """
        # PyTorch's signature of Module.to leaves out the memory format.
        self.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def fold_norms(self) -> UNet:
        """Fold every batch norm into its convolution, in place; for inference only.

        Returns
        -------
        UNet
            This network, in evaluation mode.
        """
        self.eval()
        for module in self.modules():
            if isinstance(module, ConvNorm):
                module.fold_norm()
        return self


def count_parameters(network: nn.Module) -> int:
    """Number of trainable values of a network.

    Examples
    --------
    >>> count_parameters(nn.Conv2d(1, 1, 3))
    10
    """
    return sum(parameter.numel() for parameter in network.parameters())
