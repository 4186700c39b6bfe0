"""A U-Net for ink, with its cost per pixel in its settings.

Strategy: ink strokes are thin, but a convolution at full resolution with few
channels leaves the arithmetic units of any processor idle. So ``fold`` × ``fold``
pixels become channels at the entrance (pixel unshuffle) and logits become pixels
again at the exit (pixel shuffle): nothing is thrown away, and all convolutions run
with many channels on a quarter (``fold`` 2) of the positions. Skip connections are
added, not concatenated, which halves the cost of the decoder. How dark the ink of the page
is, which no window shows, comes in as a shift of the first features of each level: for one
page that is a number a channel, which is put into the biases, so that it costs nothing.
"""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

_INK_COLOURS, _INK_VALUES, _INK_FEATURES = 6, 8, 48


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
    page_ink : bool
        Whether the network is told the colours of ink and paper of the page, and where the
        ground truth cuts the edges of strokes.
    """

    fold: int = 2
    channels: tuple[int, ...] = (32, 64, 96, 128)
    blocks: int = 1
    page_ink: bool = False

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


class PageInk(nn.Module):
    """What the ink of a page adds to the first features of each level; nothing at first.

    Parameters
    ----------
    widths : tuple of int
        Channels of the levels.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self._widths = widths
        self.hidden = nn.Linear(_INK_VALUES, _INK_FEATURES)
        self.shifts = nn.Linear(_INK_FEATURES, sum(widths))
        nn.init.zeros_(self.shifts.weight)
        nn.init.zeros_(self.shifts.bias)

    def forward(self, ink: Tensor) -> tuple[Tensor, ...]:
        """Compute the shifts of some windows.

        Parameters
        ----------
        ink : Tensor
            Float (N, 7), normalised: colours of ink and paper, edge level times 255; NaN where
            they are not known. The edge level alone may be left open.

        Returns
        -------
        tuple of Tensor
            (N, C, 1, 1) for each level; 0 where the colours are not known.
        """
        known = ~ink[:, :_INK_COLOURS].isnan().any(dim=1, keepdim=True)
        is_open = ink[:, _INK_COLOURS:].isnan().to(ink.dtype)
        values = torch.cat([ink.nan_to_num(), is_open], dim=1)
        shifts = self.shifts(F.relu(self.hidden(values))) * known
        return tuple(shifts[:, :, None, None].split(self._widths, dim=1))


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
        self.page_ink = PageInk(widths) if config.page_ink else None

    def forward(self, pixels: Tensor, ink: Tensor | None = None) -> Tensor:
        """Compute logits.

        Parameters
        ----------
        pixels : Tensor
            Float (N, 3, H, W), normalised; H and W multiples of ``config.stride``.
        ink : Tensor, optional
            Float (N, 7), normalised: colours of ink and paper of the page of each window, and the
            edge level times 255; NaN where they are not known, as all are by default. With an
            unknown edge level it draws strokes as bold as it expects on such a page.

        Returns
        -------
        Tensor
            Logits of ink, float (N, 1, H, W).
        """
        x = F.pixel_unshuffle(pixels, self.config.fold)
        shifts = self.page_ink(ink) if self.page_ink is not None and ink is not None else None
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            x = self.entrance(x) if not level else self.down[level - 1](x)
            if shifts is not None:
                x = x + shifts[level]
            x = block(F.relu(x, inplace=True))
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

    def of_page(self, ink: Tensor) -> UNet:
        """Give the network for a page whose ink is known, as fast as without.

        Parameters
        ----------
        ink : Tensor
            Float (7,), normalised: colours of ink and paper of the page, edge level times 255.

        Returns
        -------
        UNet
            Batch norms folded; it shares all weights but a few biases with this one, whose
            batch norms must be folded, too.
        """
        if self.page_ink is None:
            return self
        # The shifts are added in the number format of the biases, but not computed in it.
        shifts = copy.deepcopy(self.page_ink).float()(ink[None].float())
        known = _shallow_copy(self)
        known.page_ink = None
        known.entrance = _shifted(self.entrance, shifts[0])
        known.down = nn.ModuleList(
            _shifted(cast("ConvNorm", layer), shift)
            for layer, shift in zip(self.down, shifts[1:], strict=True)
        )
        return known

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


ModuleT = TypeVar("ModuleT", bound=nn.Module)


def _shallow_copy(module: ModuleT) -> ModuleT:
    """A module of its own with the same parts and parameters."""
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    copied._parameters = dict(module._parameters)
    return copied


def _shifted(layer: ConvNorm, shift: Tensor) -> ConvNorm:
    """The same folded convolution with another bias."""
    shifted = _shallow_copy(layer)
    shifted.conv = _shallow_copy(layer.conv)
    bias = cast("nn.Parameter", layer.conv.bias)
    value = (bias.float() + shift.flatten()).to(bias.dtype)
    shifted.conv.bias = nn.Parameter(value.detach(), requires_grad=False)
    return shifted


def count_parameters(network: nn.Module) -> int:
    """Number of trainable values of a network.

    Examples
    --------
    >>> count_parameters(nn.Conv2d(1, 1, 3))
    10
    """
    return sum(parameter.numel() for parameter in network.parameters())
