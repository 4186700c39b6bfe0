"""Draw solid ink on windows: boxes, bullets, bars, note heads, heavy stems.

Strategy: real ground truths have thin strokes, and large dark shapes in them lie beyond the page.
A network that sees nothing else learns that what is large and dark is no ink, and erases ticked
boxes and display type. So compact shapes are printed onto written paper, in the ink of the page,
with an outline that is exact to a part of a pixel. What would not be seen, on ground that is as
dark, is no ink: there nothing is labelled. Sizes are drawn over two orders of magnitude,
since a full stop and a stem of a poster differ by as much.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from docbin_napari.train.random_fields import Random, normal, smooth_noise

_SMALLEST, _LARGEST = 2.5, 110.0
_DARKEST_UNKNOWN, _LIGHTEST_UNKNOWN = 10.0, 90.0
_ROWS = 0.4
_SEEN = 15.0
"""Gray levels by which a shape must darken what it is printed on to be ink."""


def solid_ink(pixels: Tensor, truth: Tensor, page: Tensor, chance: float, random: Random) -> Tensor:
    """Print solid shapes onto windows with writing.

    Parameters
    ----------
    pixels : Tensor
        Float32 (N, 3, H, W), 0 to 255; changed in place.
    truth : Tensor
        Float32 (N, 2, H, W): ink and labelled, 0 to 1; changed in place.
    page : Tensor
        Float32 (N, 7), 0 to 255: colours of ink and paper of the page of each window, and an edge
        level, which is not used; NaN where not known.
    chance : float
        Share of windows that are changed, 0 to 1.
    random : numpy.random.Generator
        Source of all choices.

    Returns
    -------
    Tensor
        The pixels.
    """
    for index in np.flatnonzero(random.random(len(pixels)) < chance):
        if _is_dark_on_light(pixels[index].mean(0), *(truth[index] >= 0.5)):
            distance = _shapes(pixels.shape[-2], pixels.shape[-1], random).to(pixels.device)
            _print(pixels[index], truth[index], page[index], distance, random)
    return pixels


def _is_dark_on_light(gray: Tensor, ink: Tensor, labelled: Tensor) -> bool:
    """Whether a window has ink, and it is darker than its paper."""
    paper = labelled & ~ink
    return bool(ink.any() and paper.any() and gray[ink].mean() < gray[paper].mean())


def _shapes(height: int, width: int, random: Random) -> Tensor:
    """Measure the signed distance into the nearest of some shapes, pixels; negative outside."""
    size = _SMALLEST * (_LARGEST / _SMALLEST) ** random.random()
    distance = torch.full((height, width), -math.inf)
    if random.random() < _ROWS:
        middles = _row(height, width, size, random)
        kinds = [int(random.integers(len(_KINDS)))] * len(middles)
    else:
        count = 1 + int(random.integers(max(1, min(9, int(height / (3 * size))))))
        middles = [(random.uniform(0, height), random.uniform(0, width)) for _ in range(count)]
        kinds = random.integers(len(_KINDS), size=count).tolist()
    angle = random.choice([0.0, 0.0, math.pi / 2, random.uniform(0, math.pi)])
    slender = math.exp(random.uniform(0, math.log(14)))
    for (row, column), kind in zip(middles, kinds, strict=True):
        own = size * random.uniform(0.9, 1.1)
        down = torch.arange(height, dtype=torch.float32)[:, None] - row
        right = torch.arange(width, dtype=torch.float32)[None, :] - column
        x = math.cos(angle) * right + math.sin(angle) * down
        y = math.cos(angle) * down - math.sin(angle) * right
        distance = torch.maximum(distance, _KINDS[kind](x, y, own, slender))
    return distance


def _row(height: int, width: int, size: float, random: Random) -> list[tuple[float, float]]:
    """Choose the middles of equal shapes in a row or a grid, as in forms and on staves."""
    step = size * random.uniform(2.6, 7)
    first = random.uniform(0, height), random.uniform(0, step)
    across = np.arange(first[1], width, step)
    down = [first[0]] if random.random() < 0.5 else np.arange(first[0] % step, height, step)
    places = [(float(row), float(column)) for row in down for column in across]
    chosen = random.permutation(len(places))[: 1 + int(random.integers(24))]
    return [places[index] for index in chosen]


def _disc(x: Tensor, y: Tensor, size: float, _: float) -> Tensor:
    return size - (x.square() + y.square()).sqrt()


def _oval(x: Tensor, y: Tensor, size: float, slender: float) -> Tensor:
    """Draw an ellipse, at most twice as long as wide; exact on its axes only, which is enough."""
    length = 1 + min(slender, 3) / 3
    return size * (1 - ((x / (length * size)).square() + (y / size).square()).sqrt())


def _box(x: Tensor, y: Tensor, size: float, _: float) -> Tensor:
    return size - torch.maximum(x.abs(), y.abs())


def _bar(x: Tensor, y: Tensor, size: float, slender: float) -> Tensor:
    """Draw a bar, a beam or the stem of a heavy letter."""
    return torch.minimum(size - y.abs(), slender * size - x.abs())


def _lozenge(x: Tensor, y: Tensor, size: float, _: float) -> Tensor:
    return (size - x.abs() - y.abs()) / math.sqrt(2)


def _triangle(x: Tensor, y: Tensor, size: float, _: float) -> Tensor:
    return torch.minimum(x + size, (size - x - 2 * y.abs()) / math.sqrt(5))


def _letter(x: Tensor, y: Tensor, size: float, slender: float) -> Tensor:
    """Draw two stems and a crossbar, as in heavy display type."""
    half = size * (1.2 + min(slender, 4) / 2)
    stems = torch.minimum(size / 2 - (x.abs() - size).abs(), half - y.abs())
    cross = torch.minimum(size / 3 - y.abs(), size - x.abs())
    return torch.maximum(stems, cross)


_KINDS = (_disc, _disc, _oval, _box, _bar, _bar, _lozenge, _triangle, _letter)


def _print(pixels: Tensor, truth: Tensor, page: Tensor, distance: Tensor, random: Random) -> None:
    """Lay ink over one window where the distance is positive."""
    distance = distance + random.uniform(0, 0.6) * smooth_noise(distance, 3, random)
    share = (distance + 0.5).clamp(0, 1)
    if page[:3].isnan().any():
        colour = torch.full_like(page[:3], random.uniform(_DARKEST_UNKNOWN, _LIGHTEST_UNKNOWN))
    else:
        paler = random.uniform(0, 0.35) if random.random() < 0.5 else 0.0
        colour = page[:3] + paler * (page[3:6] - page[:3])
    grain = normal(distance, random, random.uniform(0, 12), *distance.shape)
    ink = torch.minimum(colour[:, None, None] + grain, pixels)
    darker = (share * (pixels - ink)).mean(0)
    pixels.copy_(share * ink + (1 - share) * pixels)
    unseen = (distance >= 0) & (truth[0] < 0.5) & (darker < _SEEN * share)
    solid = (distance >= 0) & ~unseen
    truth[0].masked_fill_(solid, 1)
    truth[1].masked_fill_(solid, 1)
    truth[1].masked_fill_(unseen, 0)
