"""U-Net for ink with folded entrance.

Strategy: ink strokes are thin, but a convolution at full resolution with few
channels leaves the arithmetic units of any processor idle. So ``fold`` × ``fold``
pixels become channels at the entrance (pixel unshuffle) and logits become pixels
again at the exit (pixel shuffle): nothing is thrown away, and all convolutions run
with many channels on a quarter (``fold`` 2) of the positions. Skip connections are
added, not concatenated, which halves the cost of the decoder. How dark the ink of the page
is, which no window shows, comes in as a shift of the first features of each level: for one
page that is a number a channel.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from docbin_napari.model.model_file import INK_COLOURS, INK_FEATURES, UNetConfig


class ConvNorm(nn.Module):
    """Convolution and batch norm; `UNet.fold_norms` turns them into one convolution."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__()
        padding = size // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, then normalise."""
        return self.norm(self.conv(x))  # type: ignore[no-any-return]


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
        self.hidden = nn.Linear(INK_COLOURS + 2, INK_FEATURES)
        self.shifts = nn.Linear(INK_FEATURES, sum(widths))
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
        known = ~ink[:, :INK_COLOURS].isnan().any(dim=1, keepdim=True)
        is_open = ink[:, INK_COLOURS:].isnan().to(ink.dtype)
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
                # Computed in float32, whatever the number format of the convolutions is.
                x = x + shifts[level].to(x.dtype)
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
            Number format of the convolutions; unchanged by default. What the page adds to them
            is always computed in float32.

        Returns
        -------
        UNet
            This network.
        """
        # PyTorch's signature of Module.to leaves out the memory format.
        self.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.page_ink is not None:
            self.page_ink.float()
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
            # What is folded has no norm any more.
            if isinstance(module, ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
                module.conv = fuse_conv_bn_eval(module.conv, module.norm)
                module.norm = nn.Identity()
        return self


def count_parameters(network: nn.Module) -> int:
    """Count the trainable values of a network.

    Examples
    --------
    >>> count_parameters(nn.Conv2d(1, 1, 3))
    10
    """
    return sum(parameter.numel() for parameter in network.parameters())
