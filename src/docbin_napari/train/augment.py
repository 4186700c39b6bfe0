"""Vary training windows in light, ink, paper and camera.

Most functions take float32 pixels (N, 3, H, W) between 0 and 255, what they need of the
ground truth and of the page's ink, and a generator; each changes windows with a given chance.
Geometry is varied where windows are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.io.encode import jpeg_round_trip
from docbin_napari.train.dataset import DrawnWindows
from docbin_napari.train.exchanged_ink import exchange_ink
from docbin_napari.train.page_edges import filled_corners, page_edges
from docbin_napari.train.random_fields import Random, normal, smooth_field, uniform
from docbin_napari.train.solid_ink import solid_ink
from docbin_napari.train.train_config import AugmentConfig

_CONTRAST_OF_UNKNOWN = 0.6


def augment(windows: DrawnWindows, config: AugmentConfig, random: Random) -> DrawnWindows:
    """Vary windows in light, ink, paper and camera.

    Parameters
    ----------
    windows : DrawnWindows
        Not changed.
    config : AugmentConfig
        The chances.
    random : numpy.random.Generator
        Source of all choices.

    Returns
    -------
    DrawnWindows
        Ground truth changes only beyond a page edge, in holes, under fingers, on solid shapes
        that were drawn, and where ink is exchanged.
        The page's ink varies with what changes a whole page: contrast, brightness, tint, lack of
        colour, and light and dark exchanged.
    """
    truth = windows.truth.clone()
    bleeding = _of_others(truth[:, :1]).flip(-1)
    result, page = exchange_ink(windows.pixels.clone(), truth, windows.ink, config.exchange, random)
    result = solid_ink(result, truth, page, config.solid, random)
    ink = truth[:, :1]
    result = _some(result, config.fade, random, lambda x, at: fade(x, ink[at], random))
    result = _some(
        result,
        config.bleed,
        random,
        lambda x, at: bleed(x, bleeding[at], page[at], windows.scale[at], random),
    )
    result = _some(result, config.light, random, lambda x, _: light(x, random))
    # Of ink that was exchanged, nobody knows what a survey of the inverted page would find.
    exchanged = (page.nan_to_num() != windows.ink.nan_to_num()).any(1, keepdim=True)
    inverted = windows.inverted_ink.masked_fill(exchanged, torch.nan)
    result, page = invert(result, page, inverted, config.invert, random)
    both, edge = _with_colours(result, page), page[:, 6:]
    both = _some(both, config.colour, random, lambda x, _: colour(x, random))
    both = _some(both, config.gray, random, lambda x, _: gray(x))
    result, colours = _without_colours(both)
    page = torch.cat([colours, edge], dim=1)
    result = page_edges(result, truth, config.edge, random)
    result = filled_corners(result, truth, config.corner, random)
    result = _some(result, config.blur, random, lambda x, _: blur(x, random))
    result = _some(result, config.noise, random, lambda x, _: noise(x, random))
    result.clamp_(0, 255)
    result = _some(result, config.jpeg, random, lambda x, _: jpeg(x, random))
    page = _some(page, config.unlevelled, random, _forget_edge_level)
    page = _some(page, config.unknown, random, lambda x, _: torch.full_like(x, torch.nan))
    return replace(windows, pixels=result, truth=truth, ink=page)


def _of_others(ink: Tensor) -> Tensor:
    """Give each window the ink of another one, of those that have any."""
    written = ink.flatten(1).any(1).nonzero()[:, 0]
    if not len(written):
        return ink
    others = torch.arange(1, len(ink) + 1, device=ink.device) % len(written)
    return ink[written[others]]


def _with_colours(pixels: Tensor, page: Tensor) -> Tensor:
    """Add ink and paper of the page as two more columns, so that they vary with the pixels."""
    columns = page[:, :6].view(-1, 2, 3).permute(0, 2, 1)[:, :, None, :]
    return torch.cat([pixels, columns.expand(-1, -1, pixels.shape[2], -1)], dim=3)


def _without_colours(both: Tensor) -> tuple[Tensor, Tensor]:
    page = both[:, :, 0, -2:].permute(0, 2, 1).reshape(-1, 6)
    return both[..., :-2].contiguous(), page.clamp(0, 255)


def _forget_edge_level(page: Tensor, _: Tensor) -> Tensor:
    return torch.cat([page[:, :6], torch.full_like(page[:, 6:], torch.nan)], dim=1)


def _some(
    pixels: Tensor, chance: float, random: Random, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Change the windows that chance picks."""
    picked = torch.from_numpy(np.flatnonzero(random.random(len(pixels)) < chance))
    picked = picked.to(pixels.device)
    if len(picked):
        pixels[picked] = change(pixels[picked], picked)
    return pixels


def fade(pixels: Tensor, ink: Tensor, random: Random) -> Tensor:
    """Bleach ink in places, down to a fifth of its contrast with the paper around it."""
    beside = 1 - F.max_pool2d(ink, 5, 1, 2)
    seen, weight = (
        F.avg_pool2d(F.avg_pool2d(each, 16), 3, 1, 1) for each in (pixels * beside, beside)
    )
    # The brightest pixels where no paper is near.
    paper = torch.where(weight > 0.02, seen / weight.clamp(min=0.02), F.max_pool2d(pixels, 16))
    paper = F.interpolate(paper, pixels.shape[-2:], mode="bilinear")
    strongest = uniform(pixels, random, 0.3, 0.8, len(pixels), 1, 1, 1)
    soft = F.avg_pool2d(ink, 3, 1, 1)
    amount = soft * strongest * smooth_field(pixels, int(random.integers(2, 9)), random)
    return pixels + amount * (paper - pixels)


def bleed(pixels: Tensor, ink: Tensor, page: Tensor, scale: Tensor, random: Random) -> Tensor:
    """Let the mirrored ink of another window show through, paler than the ink of the page.

    It is softer than ink. Softness alone proves nothing, since all strokes of an
    enlarged page are soft.
    """
    count = len(pixels)
    radius = (int(random.integers(1, 5)) * scale).round().clamp(min=1).int()
    each = zip(ink, radius.tolist(), strict=True)
    soft = torch.stack([F.avg_pool2d(own, 2 * reach + 1, 1, reach) for own, reach in each])
    contrast = 1 - page[:, :3] / page[:, 3:6].clamp(min=1)
    contrast = contrast.nan_to_num(_CONTRAST_OF_UNKNOWN).clamp(0.15, 1)[:, :, None, None]
    strength = uniform(pixels, random, 0.1, 0.9, count, 1, 1, 1) * (
        0.4 + 0.6 * smooth_field(pixels, 4, random)
    )
    tint = uniform(pixels, random, 0.75, 1.0, count, 3, 1, 1)
    return pixels * (1 - soft * strength * tint * contrast)


def invert(
    pixels: Tensor, page: Tensor, inverted_page: Tensor, chance: float, random: Random
) -> tuple[Tensor, Tensor]:
    """Exchange light and dark in whole windows or on one side of a line, as in headings.

    Light strokes on dark ground are ink as well; ground truth stays as it is. Of a window that is
    inverted as a whole, the page is taken to be inverted, too.
    """
    page = page.clone()
    height, width = pixels.shape[-2:]
    for index in np.flatnonzero(random.random(len(pixels)) < chance):
        if random.random() < 0.5:
            pixels[index] = 255 - pixels[index]
            page[index] = inverted_page[index]
            continue
        columns, rows = (torch.arange(side, device=pixels.device) for side in (width, height))
        across = columns[None, :] >= random.uniform(0.1, 0.9) * width
        below = rows[:, None] >= random.uniform(0.1, 0.9) * height
        side = (across & below) if random.random() < 0.5 else (across | below)
        if random.random() < 0.5:
            side = across.expand(height, width)
        pixels[index] = torch.where(
            side ^ bool(random.integers(2)), 255 - pixels[index], pixels[index]
        )
    return pixels, page


def light(pixels: Tensor, random: Random) -> Tensor:
    """Light unevenly: a smooth field that brightens and darkens, or a shadow with a border."""
    field = smooth_field(pixels, int(random.integers(2, 6)), random)
    steepness = torch.exp(uniform(pixels, random, 0, 2.5, len(pixels), 1, 1, 1))
    field = ((field - 0.5) * steepness + 0.5).clamp(0, 1)
    field = field * field * (3 - 2 * field)
    darkest = uniform(pixels, random, 0.12, 0.9, len(pixels), 1, 1, 1)
    return pixels * (darkest + (1.1 - darkest) * field)


def colour(pixels: Tensor, random: Random) -> Tensor:
    """Change contrast, brightness, gamma and tint."""
    count = len(pixels)
    gamma = torch.exp(uniform(pixels, random, -0.4, 0.4, count, 1, 1, 1))
    contrast = uniform(pixels, random, 0.5, 1.2, count, 1, 1, 1)
    shift = uniform(pixels, random, -30, 30, count, 1, 1, 1)
    tint = uniform(pixels, random, 0.88, 1.12, count, 3, 1, 1)
    curved = 255 * (pixels / 255).clamp(0.002, 1) ** gamma
    # The colours of a page may be among the pixels, NaN where they are not known.
    mean = curved.nan_to_num().mean((1, 2, 3), keepdim=True)
    return ((curved - mean) * contrast + mean + shift) * tint


def gray(pixels: Tensor) -> Tensor:
    """Take the colour out."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=pixels.device).view(1, 3, 1, 1)
    return (pixels * weights).sum(1, keepdim=True).expand_as(pixels)


def blur(pixels: Tensor, random: Random) -> Tensor:
    """Blur like a lens out of focus: mostly slightly, by up to 2.5 pixels (standard deviation)."""
    sigma = float(0.4 + 2.1 * random.beta(1.0, 2.0))
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32, device=pixels.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(3, 1, 1, 1)
    padded = F.pad(pixels, (reach, reach, reach, reach), mode="replicate")
    rows = F.conv2d(padded, kernel, groups=3)
    return F.conv2d(rows, kernel.transpose(2, 3), groups=3)


def noise(pixels: Tensor, random: Random) -> Tensor:
    """Add sensor noise, half of it shared by the channels."""
    count, _, height, width = pixels.shape
    sigma = uniform(pixels, random, 1, 12, count, 1, 1, 1)
    shared, own = (normal(pixels, random, 1, count, n, height, width) for n in (1, 3))
    return pixels + sigma * (shared + own) / math.sqrt(2)


def jpeg(pixels: Tensor, random: Random) -> Tensor:
    """Save and open as JPEG of a random quality."""
    turned = pixels.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    read = [jpeg_round_trip(np.ascontiguousarray(x), int(random.integers(10, 90))) for x in turned]
    return torch.from_numpy(np.stack(read)).to(pixels.device).permute(0, 3, 1, 2).float()
