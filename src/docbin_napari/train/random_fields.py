"""Random tensors on the device of the training windows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Random = np.random.Generator


def uniform(like: Tensor, random: Random, low: float, high: float, *shape: int) -> Tensor:
    """Draw float32 numbers uniformly from `low` to `high`, on the device of another tensor."""
    return torch.from_numpy(random.uniform(low, high, shape).astype(np.float32)).to(like.device)


def normal(like: Tensor, random: Random, deviation: float, *shape: int) -> Tensor:
    """Draw float32 numbers of mean 0 on the device of another tensor.

    Many numbers are drawn where they are used, so other devices give other ones.
    """
    seed = int(random.integers(2**62))
    generator = torch.Generator(like.device).manual_seed(seed)
    return deviation * torch.randn(shape, generator=generator, device=like.device)


def smooth_field(like: Tensor, cells: int, random: Random) -> Tensor:
    """Make a smooth random field for each window.

    Parameters
    ----------
    like : Tensor
        (N, C, H, W): the windows.
    cells : int
        Features each way.
    random : numpy.random.Generator
        Source of the fields.

    Returns
    -------
    Tensor
        Float32 (N, 1, H, W), 0 to 1.
    """
    coarse = uniform(like, random, 0, 1, len(like), 1, cells, cells)
    size = like.shape[-2:]
    return F.interpolate(coarse, size, mode="bicubic", align_corners=True).clamp_(0, 1)


def smooth_noise(like: Tensor, size: float | tuple[float, float], random: Random) -> Tensor:
    """Make a random field of mean 0.

    Parameters
    ----------
    like : Tensor
        (H, W): its shape and device.
    size : float or (float, float)
        How large the features are, down and across, pixels.
    random : numpy.random.Generator
        Source of the field.

    Returns
    -------
    Tensor
        Float32 (H, W), standard deviation of about 0.7.
    """
    sizes = size if isinstance(size, tuple) else (size, size)
    cells = [max(2, int(side / step) + 1) for side, step in zip(like.shape, sizes, strict=True)]
    coarse = normal(like, random, 1, 1, 1, *cells)
    return F.interpolate(coarse, like.shape, mode="bilinear", align_corners=True)[0, 0]
