"""Scan a sheet of paper: edges, light, blur, resolution, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from docbin_napari.drawing.noise import Colour, Plane, Rng, Shape, clouds, field, places, ramp
from docbin_napari.io.encode import jpeg_round_trip


@dataclass(frozen=True)
class Scan:
    """How a page was scanned or photographed.

    Parameters
    ----------
    rotation : float
        Turn of the page in degrees.
    warp : float
        Bending of lines in pixels.
    border : float
        Width of the background around the page, as a share of its longer side.
    backdrop : (float, float, float)
        Light of that background, 0 to 1.
    torn : float
        Raggedness of the edges of the page in pixels.
    gutter : float
        Depth of the shadow at one side, 0 to 1.
    uneven : float
        Unevenness of the light, 0 to 1.
    shadow : float
        Depth of a shadow with a soft edge that falls over the page, 0 to 1.
    holes : int
        Punched holes at the left.
    blur : float
        Standard deviation of the blur in pixels.
    coarse : float
        How many pixels of the result share one pixel of the sensor, 1 or more.
    noise : float
        Standard deviation of the noise, of full light 1.
    contrast : float
        Contrast around middle gray; 1 leaves it.
    gamma : float
        Exponent of the light.
    gray : bool
        Whether colour was lost.
    negative : bool
        Whether light and dark are exchanged.
    jpeg : int
        Quality of the JPEG file it went through, 0 for none.
    """

    rotation: float = 0.0
    warp: float = 0.0
    border: float = 0.0
    backdrop: Colour = (0.06, 0.06, 0.06)
    torn: float = 1.5
    gutter: float = 0.0
    uneven: float = 0.05
    shadow: float = 0.0
    holes: int = 0
    blur: float = 0.5
    coarse: float = 1.0
    noise: float = 0.01
    contrast: float = 1.0
    gamma: float = 1.0
    gray: bool = False
    negative: bool = False
    jpeg: int = 0


def page_share(rng: Rng, shape: Shape, scan: Scan) -> Plane:
    """Compute how much of each pixel is page, not background of the scanner.

    Parameters
    ----------
    rng : numpy.random.Generator
        Shapes the edges.
    shape : (int, int)
        Height and width in pixels.
    scan : Scan
        `border`, `torn` and `rotation` are used.

    Returns
    -------
    ndarray of float32, shape (H, W)
        1 page, 0 background.
    """
    share = np.ones(shape, np.float32) if scan.border <= 0 else _cut_out(rng, shape, scan)
    height, width = shape
    for index in range(scan.holes):
        row = height * (0.5 + 0.07 * (2 * index + 1 - scan.holes) * height / max(shape))
        away: Plane = np.hypot(*places(shape, row, width * 0.05))
        share = np.minimum(share, ramp(away - max(shape) * 0.009, -0.7, 0.7))
    return share


def _cut_out(rng: Rng, shape: Shape, scan: Scan) -> Plane:
    """Share of the page in each pixel, inside its straight or torn edges."""
    height, width = shape
    side = max(shape)
    down, across = places(shape, height / 2, width / 2, angle=np.deg2rad(scan.rotation))
    inside = np.full(shape, 1e6, np.float32)
    for line, length in ((across, width), (-across, width), (down, height), (-down, height)):
        # A side that lies outside the scan shows no background at all.
        margin = side * scan.border * rng.uniform(0.3, 1.2) * (rng.random() < 0.75)
        inside = np.minimum(inside, length / 2 - margin - line if margin else 1e6)
    corner = max(0.0, rng.uniform(-6, 6)) * scan.torn
    ragged = field(rng, shape, side / 5) * scan.torn
    ragged += clouds(rng, shape, 24, 4) * ramp(field(rng, shape, side / 8), -0.2, 1.6) * scan.torn
    round_off: Plane = np.hypot(across / (width / 2), down / (height / 2))
    return ramp(inside + ragged - ramp(round_off, 1.15, 1.41) * corner, -0.7, 0.7)


def laid_on(rng: Rng, page: Plane, share: Plane, scan: Scan, around: Plane | None = None) -> Plane:
    """Lay a page on the background of the scanner and light it.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the light's unevenness.
    page : ndarray of float32, shape (H, W, 3)
        Light of the page, ink and all.
    share : ndarray of float32, shape (H, W)
        As `page_share` gives it.
    scan : Scan
        `backdrop`, `gutter`, `uneven` are used.
    around : ndarray of float32, shape (H, W, 3), optional
        Light of what lies around the page; by default the background of the scanner.

    Returns
    -------
    ndarray of float32, shape (H, W, 3)
        The lit scene.
    """
    shape = share.shape
    light = 1 + field(rng, shape, max(shape) * 0.7) * scan.uneven
    if scan.gutter:
        columns = places(shape)[1]
        if rng.random() < 0.5:
            columns = columns[:, ::-1]
        wide = shape[1] * rng.uniform(0.03, 0.12)
        light = light * (1 - scan.gutter * np.exp(-columns / wide))
    if scan.shadow:
        light = light * (1 - scan.shadow * _shadow(rng, shape))
    scene = page * light[..., None]
    beyond = 1 - share[..., None]
    if around is not None:
        scene = scene * share[..., None] + around * light[..., None] * beyond
    elif scan.border > 0 or scan.holes:
        dark = np.asarray(scan.backdrop, np.float32)
        texture = 1 + field(rng, shape, 2) * 0.08 + field(rng, shape, 90) * 0.1
        near = ndimage.uniform_filter(share, max(3, max(shape) // 80))
        dark = dark * texture[..., None] * (1 - 0.35 * near[..., None])
        scene = scene * share[..., None] + dark * beyond
    return scene.astype(np.float32)


def _shadow(rng: Rng, shape: Shape) -> Plane:
    """Make the shadow of a hand or a camera: 1 inside, 0 outside, with a soft edge."""
    side = float(max(shape))
    angle, row, column = rng.uniform(
        (0, 0.2 * side, 0.2 * side), (2 * np.pi, 0.8 * side, 0.6 * side)
    )
    bent = places(shape, row, column, angle=angle)[1] / side + field(rng, shape, side / 3) * 0.08
    soft = rng.uniform(0.01, 0.15)
    return ramp(bent, -soft, soft)


def digitized(rng: Rng, scene: Plane, scan: Scan) -> NDArray[np.uint8]:
    """Blur, sample, add noise and compress.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the noise.
    scene : ndarray of float32, shape (H, W, 3)
        The lit scene, about 0 to 1.
    scan : Scan
        The remaining settings.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB pixels.
    """
    shape = scene.shape[:2]
    if scan.gray:
        # The last bit depends on the order of the scene in memory.
        scene = (scene @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    planes = [_sampled(scene[..., index], scan) for index in range(scene.shape[2])]
    light = np.clip(np.stack(planes, -1), 0, 1.2) ** np.float32(scan.gamma)
    light = (light - 0.5) * scan.contrast + 0.5
    common = field(rng, shape, scan.coarse)[..., None]
    own = rng.standard_normal(light.shape, dtype=np.float32)
    if scan.negative:
        light = 1 - light
    light += (common + own * 0.4) * scan.noise
    pixels = np.clip(light * 255 + 0.5, 0, 255).astype(np.uint8)
    if scan.gray:
        pixels = np.repeat(pixels, 3, axis=2)
    return jpeg_round_trip(pixels, scan.jpeg) if scan.jpeg else pixels


def _sampled(plane: Plane, scan: Scan) -> Plane:
    """One colour through the lens and, where the sensor is coarse, down and up again."""
    blur = float(np.hypot(scan.blur, 0.5 * (scan.coarse - 1)))
    soft: Plane = ndimage.gaussian_filter(plane, blur, truncate=3) if blur else plane
    if scan.coarse <= 1:
        return soft
    small = [int(length / scan.coarse) for length in plane.shape]
    # Linear interpolation; the corner pixels stay where they are.
    coarse = ndimage.zoom(soft, np.divide(small, plane.shape), order=1)
    fine: Plane = ndimage.zoom(coarse, np.divide(plane.shape, small), order=1)
    return fine
