"""Take the ink out of training windows, and give some of them the ink of another.

Strategy: pages show print-through, stains and fibres between lines of writing, and a network that
judges them by these lines takes them for ink where there are none. Without its ink, all of a real
page is background. The holes are filled with what lies elsewhere in the window, in the tone of the
paper around them. Ink that is laid on another page lets through as much of its light as it did of
that of its own: real writing on real ground, in pairs that no archive holds.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.train.random_fields import Random

_LEAST_INK, _MOST_INK, _LEAST_LABELLED = 0.002, 0.35, 0.5  # shares of a window
_EXCHANGED, _WHOLE, _PALED = 0.4, 0.4, 0.3  # chances
_BORDER = 9  # pixels
_TONES = 16, 64, 256  # pixels
_LEAST_LIGHT = 8.0


def exchange_ink(
    pixels: Tensor, truth: Tensor, page: Tensor, chance: float, random: Random
) -> tuple[Tensor, Tensor]:
    """Take the ink out of windows, all of it or that beyond a line, or lay another's on them.

    Parameters
    ----------
    pixels : Tensor
        Float32 (N, 3, H, W), 0 to 255; changed in place.
    truth : Tensor
        Float32 (N, 2, H, W): ink and labelled, 0 to 1; changed in place.
    page : Tensor
        Float32 (N, 7), 0 to 255: colours of ink and paper of the page of each window, and its edge
        level; NaN where not known. Not changed.
    chance : float
        Share of windows that are changed, 0 to 1, of those that have some ink.
    random : numpy.random.Generator
        Source of all choices.

    Returns
    -------
    pixels : Tensor
        The same.
    page : Tensor
        The colours now. Where only print-through is left, a survey may take it for ink, so some
        are as pale.
    """
    before, writing, known, page = pixels.clone(), truth.clone(), page, page.clone()
    share, labelled = (writing[:, 0] > 0).float().mean((1, 2)), writing[:, 1].mean((1, 2))
    fit = (share > _LEAST_INK) & (share < _MOST_INK) & (labelled > _LEAST_LABELLED)
    usable = fit.nonzero()[:, 0].tolist()
    for index in np.flatnonzero(random.random(len(pixels)) < chance):
        if index not in usable:
            continue
        others = [other for other in usable if other != index]
        exchanged = bool(others) and random.random() < _EXCHANGED
        part = torch.ones_like(truth[index, 0], dtype=torch.bool)
        if not exchanged and random.random() > _WHOLE:
            part = _beyond_a_line(part, random)
        _erase(pixels[index], truth[index], part, random)
        if exchanged:
            other = int(random.choice(others))
            light = random.uniform(0.8, 1.15)
            _lay_on(pixels[index], truth[index], before[other], writing[other], light)
            share = (known[other, :3] / known[other, 3:6].clamp(min=_LEAST_LIGHT)).clamp(0, 1)
            page[index, :3] = page[index, 3:6] * share**light
            page[index, 6:] = known[other, 6:]
        elif random.random() < _PALED:
            paper = page[index, 3:6]
            page[index, :3] = paper + (page[index, :3] - paper) * random.uniform(0.4, 1)
    return pixels, page


def _beyond_a_line(like: Tensor, random: Random) -> Tensor:
    """Mark one side of a line through a window."""
    angle, place = random.uniform(0, 2 * math.pi), random.uniform(-0.35, 0.35)
    down, right = (torch.arange(side, device=like.device) / side - 0.5 for side in like.shape)
    return down[:, None] * math.sin(angle) + right * math.cos(angle) > place


def _grown(marks: Tensor) -> Tensor:
    return F.max_pool2d(marks.float()[None, None], _BORDER, 1, _BORDER // 2)[0, 0] > 0


def _tone(pixels: Tensor, paper: Tensor) -> Tensor:
    """Blur the paper of a window, the nearest of it where there is some: float32 (3, H, W)."""
    both = torch.cat([pixels * paper, paper[None]])[None]
    total = torch.stack(
        [
            F.interpolate(
                F.avg_pool2d(both, side, ceil_mode=True), pixels.shape[1:], mode="bilinear"
            )
            / side**2
            for side in _TONES
        ]
    ).sum(0)
    return (total[0, :3] / total[0, 3:].clamp(min=1e-9)).clamp(0, 255)


def _erase(pixels: Tensor, truth: Tensor, part: Tensor, random: Random) -> None:
    """Fill the ink of a part of a window with paper from elsewhere in it."""
    hole = _grown((truth[0] > 0) | (truth[1] < 0.5))
    missing = (~hole).float()
    tone = _tone(pixels, missing)
    filled, paper, missing = tone.clone(), missing, torch.ones_like(missing)
    for _ in range(8):
        shift = tuple(random.integers(part.shape).tolist())
        found = torch.roll(paper, shift, (0, 1)) * missing
        filled += found * torch.roll(pixels - tone, shift, (1, 2))
        missing -= found
    soft = F.avg_pool2d((hole & part).float()[None], 3, 1, 1)[0]
    pixels.lerp_(filled.clamp(0, 255), soft.expand_as(pixels))
    # What is left of a stroke on the line is not labelled.
    truth[1].masked_fill_(hole & _grown(part) & ~part, 0)
    truth[0].masked_fill_(hole & part, 0)


def _lay_on(pixels: Tensor, truth: Tensor, other: Tensor, writing: Tensor, light: float) -> None:
    """Darken a window where another has ink, by as much as that darkens its paper."""
    strokes = _grown((writing[0] > 0) | (writing[1] < 0.5))
    tone = _tone(other, (~strokes).float()).clamp(min=_LEAST_LIGHT)
    darkened = (other / tone).clamp(0.01, 1.1) ** light
    soft = F.avg_pool2d(strokes.float()[None], 5, 1, 2)[0]
    pixels.mul_(torch.lerp(torch.ones_like(darkened), darkened, soft.expand_as(darkened)))
    truth[0].copy_(writing[0])
    truth[1].mul_(writing[1])
