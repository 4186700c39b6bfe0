"""Draw page edges and holes on windows, what lies behind them, and fingers that hold the page.

A torn edge is seldom a clean cut between page and scanner: paper frays bright, lifts off and
throws a shadow on both sides. Behind it lie the edges of hundreds of other leaves, boards in
steps, cloth or wood. Such lines are as thin and dark as strokes, and are no ink.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.train.random_fields import Random, normal, smooth_noise, uniform

_HOLES, _FINGERS = 0.3, 0.2
_SHADOW = 0.6
_FRINGE = 0.3
_WARM = 0.3
_WARM_TINT = (0.4, -0.6, -1.0), (1.0, 0.2, -0.3)
_REAL = 0.5
_OF_PAPER, _WHITE, _BLACK = 0.6, 0.15, 0.1


def page_edges(pixels: Tensor, truth: Tensor, chance: float, random: Random) -> Tensor:
    """Lay bare what is behind a page, beyond an edge or in holes, or cover it; no ink is there.

    Half of what is shown is cut from the other windows that are known to hold no ink, where there
    are any: photographs, and what surrounds other pages. The rest is painted.

    Parameters
    ----------
    pixels : Tensor
        Float32 (N, 3, H, W), 0 to 255; changed in place.
    truth : Tensor
        Float32 (N, 2, H, W): ink and labelled, 0 to 1; changed in place.
    chance : float
        Share of windows that are changed, 0 to 1.
    random : numpy.random.Generator
        Source of all choices.

    Returns
    -------
    Tensor
        The pixels.
    """
    height, width = pixels.shape[-2:]
    empty = ~truth[:, 0].flatten(1).any(1) & truth[:, 1].flatten(1).all(1)
    others = pixels[empty]
    for index in np.flatnonzero(random.random(len(pixels)) < chance):
        kind = random.random()
        covered = kind < _FINGERS
        shape = _fingers if covered else _holes if kind < _FINGERS + _HOLES else _edge
        distance = shape(height, width, random).to(pixels.device)
        _lay_bare(pixels[index], truth[index], distance, covered, others, random)
    return pixels


def filled_corners(pixels: Tensor, truth: Tensor, chance: float, random: Random) -> Tensor:
    """Fill what lies beyond a slanted line with one colour, as straightened scans do.

    Boards, cloth and the edges of other leaves then stand within paper, or what looks like it.

    Parameters
    ----------
    pixels, truth, chance, random
        As for `page_edges`.

    Returns
    -------
    Tensor
        The pixels.
    """
    height, width = pixels.shape[-2:]
    rows = torch.linspace(-0.5, 0.5, height, device=pixels.device)[:, None]
    columns = torch.linspace(-0.5, 0.5, width, device=pixels.device)[None, :]
    for index in np.flatnonzero(random.random(len(pixels)) < chance):
        angle = int(random.integers(4)) * math.pi / 2 + random.uniform(-0.1, 0.1)
        distance = math.cos(angle) * columns + math.sin(angle) * rows
        beyond = distance > random.uniform(0.05, 0.5)
        pixels[index, :, beyond] = _filling(pixels[index], random)[:, None]
        truth[index, 0][beyond] = 0
        truth[index, 1][beyond] = 1
    return pixels


def _filling(window: Tensor, random: Random) -> Tensor:
    """Choose the colour of the window's paper, white, black or a gray."""
    kind = random.random()
    if kind < _OF_PAPER:
        light = window.mean(0)
        return window[:, light >= torch.quantile(light.flatten()[::37], 0.7)].mean(1)
    kind -= _OF_PAPER
    gray = 255.0 if kind < _WHITE else 0.0 if kind < _WHITE + _BLACK else random.uniform(40, 255)
    return torch.full((3,), gray, device=window.device)


def _edge(height: int, width: int, random: Random) -> Tensor:
    """Measure how far pixels lie inside a page whose edge crosses the window; negative outside."""
    turned = bool(random.integers(2))
    length, across = (width, height) if turned else (height, width)
    along = torch.arange(length, dtype=torch.float32)
    slope, depth = random.uniform(-0.15, 0.15), random.uniform(0.03, 0.6) * across
    edge = depth + slope * (along - length / 2)
    edge += random.uniform(0, 24) * _wave(length, int(random.integers(3, 24)), random)
    edge += random.uniform(0, 6) * _wave(
        length, max(length // int(random.integers(3, 12)), 3), random
    )
    distance = torch.arange(across, dtype=torch.float32)[None, :] - edge[:, None]
    distance = distance.flip(-1) if random.integers(2) else distance
    return distance.T if turned else distance


def _wave(length: int, knots: int, random: Random) -> Tensor:
    coarse = torch.from_numpy(random.uniform(0, 1, (1, 1, int(knots))).astype(np.float32))
    return F.interpolate(coarse, length, mode="linear", align_corners=True)[0, 0]


def _holes(height: int, width: int, random: Random) -> Tensor:
    """Measure how far pixels lie outside holes of worms, a punch or decay; negative inside."""
    rows = torch.arange(height, dtype=torch.float32)[:, None]
    columns = torch.arange(width, dtype=torch.float32)[None, :]
    distance = torch.full((height, width), math.inf)
    for _ in range(int(random.integers(1, 9))):
        radius = math.exp(random.uniform(math.log(6), math.log(max(min(height, width) / 5, 7))))
        flatness, angle = random.uniform(1, 2), random.uniform(0, math.pi)
        down, right = rows - random.uniform(0, height), columns - random.uniform(0, width)
        x = math.cos(angle) * right + math.sin(angle) * down
        y = flatness * (math.cos(angle) * down - math.sin(angle) * right)
        distance = torch.minimum(distance, (x.square() + y.square()).sqrt() - radius)
    return distance


def _fingers(height: int, width: int, random: Random) -> Tensor:
    """Measure how far pixels lie outside fingers that reach in from a side; negative inside."""
    rows = torch.arange(height, dtype=torch.float32)[:, None]
    columns = torch.arange(width, dtype=torch.float32)[None, :]
    if turned := bool(random.integers(2)):
        rows, columns = columns, rows
    length, across = (width, height) if turned else (height, width)
    distance = torch.full((height, width), math.inf)
    radius = across * math.exp(random.uniform(math.log(0.02), math.log(0.2)))
    slope, place = random.uniform(-0.6, 0.6), random.uniform(0, length)
    for _ in range(int(random.integers(1, 4))):
        reach = random.uniform(0, 0.5) * across
        behind = (columns - reach).clamp(min=0)
        aside = rows - place - slope * columns.clamp(max=reach)
        distance = torch.minimum(distance, (behind.square() + aside.square()).sqrt() - radius)
        place += random.uniform(2.5, 4) * radius
    return distance.flip(int(turned) - 1) if random.integers(2) else distance


def _lay_bare(
    pixels: Tensor, truth: Tensor, distance: Tensor, covered: bool, others: Tensor, random: Random
) -> None:
    """Paint what is behind one page, or covers it, where the distance into it is negative."""
    if random.random() < _SHADOW:
        pixels *= 1 - _near(distance, random.uniform(0.1, 0.7), random.uniform(0.7, 8))
    if random.random() < _FRINGE:
        bright = _near(distance, random.uniform(0.2, 0.9), random.uniform(0.5, 2.5))
        pixels += bright * (random.uniform(200, 255) - pixels).clamp(min=0)
    if len(others) and random.random() < _REAL:
        behind = others[random.integers(len(others))].rot90(2 * int(random.integers(2)), (1, 2))
    else:
        behind = _behind(-distance, covered, random)
    if random.random() < _SHADOW:
        behind = behind * (1 - _near(-distance, random.uniform(0.1, 0.8), random.uniform(1, 20)))
    page = (distance + 0.5).clamp(0, 1)
    pixels.copy_(page * pixels + (1 - page) * behind)
    beyond = distance < 0
    truth[0].masked_fill_(beyond, 0)
    truth[1].masked_fill_(beyond, 1)


def _behind(depth: Tensor, covered: bool, random: Random) -> Tensor:
    """Paint what lies behind or on a page, float32 (3, H, W); `depth` is the way from its edge."""
    dark = random.random() < 0.5 and not covered
    level = random.uniform(0, 70) if dark else random.uniform(90 if covered else 70, 240)
    if covered or random.random() < _WARM:  # skin, leather, red cloth, gilt, wood
        share = torch.from_numpy(random.uniform(*_WARM_TINT).astype(np.float32)[:, None, None])
        tint = share.to(depth.device) * random.uniform(15, 110)
    else:
        strongest = 12 if random.random() < 0.7 else 60
        tint = uniform(depth, random, -strongest, strongest, 3, 1, 1)
    grain = normal(depth, random, 3.5, *depth.shape)
    texture = (_plain, _leaves, _leaves, _steps, _weave)[int(random.integers(5))]
    return level + tint + grain + texture(depth, random)


def _plain(depth: Tensor, _: Random) -> Tensor:
    return torch.zeros_like(depth)


def _leaves(depth: Tensor, random: Random) -> Tensor:
    """Paint the edges of a stack of leaves: lines along the edge, each as long as it lies free."""
    pitch = math.exp(random.uniform(math.log(1.5), math.log(14)))
    cockled = smooth_noise(depth, random.uniform(20, 200), random) * random.uniform(0, 2.5) * pitch
    place = (depth.clamp(0, 4096) + cockled).clamp(min=0) / pitch
    count = int(place.max()) + 2
    lines = normal(depth, random, 1, count)
    before = place.floor().long()
    share = place - before
    stripe = lines[before] + (lines[before + 1] - lines[before]) * share
    patchy = 0.6 + 0.4 * smooth_noise(depth, random.uniform(10, 120), random)
    return stripe * patchy * random.uniform(6, 70)


def _steps(depth: Tensor, random: Random) -> Tensor:
    """Paint turn-ins, boards and the table under them: bands of different brightness."""
    edges = np.cumsum(random.uniform(4, 120, int(random.integers(1, 6))))
    borders = torch.from_numpy(edges.astype(np.float32)).to(depth.device)
    bands = torch.bucketize(depth.contiguous(), borders)
    levels = normal(depth, random, 50, len(edges) + 1)
    return levels[bands]


def _weave(depth: Tensor, random: Random) -> Tensor:
    """Paint felt, cloth or wood: noise that is longer one way than the other."""
    fine, long = math.exp(random.uniform(0.3, 2)), math.exp(random.uniform(1, 4.5))
    size = (fine, long) if random.random() < 0.5 else (long, fine)
    return smooth_noise(depth, size, random) * random.uniform(4, 45)


def _near(distance: Tensor, strength: float, reach: float) -> Tensor:
    """Compute a strength that fades with the distance from the edge, on its own side."""
    return strength * torch.exp(-distance.clamp(min=0) / reach)
