"""Logits of windows that are looked at in another size than their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

PageSize = Literal["own", "half", "double"]
"""own: windows as they are; half: in half of their size, too; double: enlarged."""

SPAN: dict[PageSize, float] = {"own": 1.0, "half": 2.0, "double": 0.5}
"""Pixels of a page that stride and context of a network reach over, for one of its own."""

_SHARE_OF_HALF = 0.75
"""Weight of the look at half of the size: the best of 0, 0.5, 0.75 and 1 on soft pages."""


def look_in_size(network: Callable[[Tensor], Tensor], pixels: Tensor, size: PageSize) -> Tensor:
    """Run a network on windows in a size.

    Parameters
    ----------
    network : callable
        From pixels to logits, float32 (N, 1, H, W).
    pixels : Tensor
        Normalised, (N, 3, H, W).
    size : {"own", "half", "double"}
        half weighs the look at half of the size three to one against the look at the own
        size, at five quarters of its cost. double takes means over pairs of pixels each way,
        at four times the cost.

    Returns
    -------
    Tensor
        Logits, float32 (N, 1, H, W).
    """
    if size == "double":
        enlarged = F.interpolate(pixels.float(), scale_factor=2.0, mode="bicubic")
        return F.avg_pool2d(network(enlarged.to(pixels.dtype)), 2)
    logits = network(pixels)
    if size == "half":
        coarse = network(F.avg_pool2d(pixels, 2))
        smooth = F.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        logits = torch.lerp(logits, smooth, _SHARE_OF_HALF)
    return logits
