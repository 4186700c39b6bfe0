"""A network that sees more than the one it comes from, and says the same at first.

Strategy: new parts end in a batch norm whose scale and shift are 0, so they add nothing until
training moves them (Chen, Goodfellow, Shlens 2016, arXiv:1511.05641). Coarser levels are such a
part: what comes up from them is 0, and the block on the way back that the former coarsest level
did not need passes on what it gets, which is never negative.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from torch import nn

from docbin_napari.model.unet import ConvNorm, ResidualBlock, UNet


def grown(network: UNet, deeper: tuple[int, ...], *, page_ink: bool) -> UNet:
    """Give the network coarser levels, and let it be told the ink of the page.

    Parameters
    ----------
    network : UNet
        Not changed.
    deeper : tuple of int
        Channels of the new levels, the coarsest last.
    page_ink : bool
        Whether the new network is told of the ink of the page; one that is already stays so.

    Returns
    -------
    UNet
        ``network`` itself where there is nothing to add.

    Examples
    --------
    >>> from docbin_napari.model.unet import UNetConfig
    >>> grown(UNet(UNetConfig(channels=(8, 16))), (16,), page_ink=True).config.channels
    (8, 16, 16)
    """
    old = network.config
    config = replace(old, channels=(*old.channels, *deeper), page_ink=old.page_ink or page_ink)
    if config == old:
        return network
    larger = UNet(config)
    known = {
        name: value
        for name, value in network.state_dict().items()
        # Shifts for other levels cannot be taken over.
        if not deeper or not name.startswith("page_ink.")
    }
    larger.load_state_dict({**larger.state_dict(), **known})
    for level in range(len(old.channels) - 1, len(config.channels) - 1):
        _silence(cast("ConvNorm", larger.up[level]))
        _silence(cast("ResidualBlock", larger.decoder[level]).second)
    return larger


def _silence(layer: ConvNorm) -> None:
    nn.init.zeros_(cast("nn.Parameter", layer.norm.weight))
    nn.init.zeros_(cast("nn.Parameter", layer.norm.bias))
