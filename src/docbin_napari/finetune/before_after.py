"""Picture of a strip of a page before and after a training."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from docbin_napari.finetune.replay_cache import cache_folder
from docbin_napari.io.encode import write_pages
from docbin_napari.io.paths import atomic_path

_HEIGHT = 144
_GAP = 4
_BETWEEN = 128
# Two colours that people who do not see red and green apart can distinguish.
NOW_INK, NOW_PAPER = (0, 90, 220), (255, 120, 0)
LEGEND = "the page, before, after (blue: ink now; orange: no longer ink)"


def before_and_after(
    pixels: NDArray[np.uint8], before: NDArray[np.bool_], after: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Lay the page and its ink before and after below each other.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3): the page, or a part of it.
    before, after : ndarray
        bool (H, W): its ink.

    Returns
    -------
    ndarray
        uint8 (3 h + 8, W, 3), RGB: of the rows where most has changed, h of them, at most 144.
        In the lowest part, pixels that have become ink are blue, those that are no longer
        ink are orange.

    Examples
    --------
    >>> page = np.full((200, 50, 3), 220, np.uint8)
    >>> nothing, line = np.zeros((200, 50), bool), np.zeros((200, 50), bool)
    >>> line[100, 10:40] = True
    >>> strip = before_and_after(page, nothing, line)
    >>> strip.shape, int((strip == NOW_INK).all(-1).sum())
    ((440, 50, 3), 30)
    """
    height = min(_HEIGHT, len(pixels))
    reached = np.concatenate([[0], (before ^ after).sum(1).cumsum()])
    within = reached[height:] - reached[:-height]
    # Of many such places the middle one: what has changed lies in the middle of the strip.
    best = np.flatnonzero(within == within.max())
    top = int(best[len(best) // 2])
    rows = slice(top, top + height)
    was, now = before[rows], after[rows]
    first, last = _drawn(was), _drawn(now)
    last[now & ~was] = NOW_INK
    last[was & ~now] = NOW_PAPER
    gap = np.full((_GAP, pixels.shape[1], 3), _BETWEEN, np.uint8)
    return np.concatenate([pixels[rows], gap, first, gap, last])


def _drawn(ink: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Black on white, uint8 (H, W, 3)."""
    return np.repeat(np.where(ink, np.uint8(0), np.uint8(255))[..., None], 3, axis=-1)


def keep_strip(name: str, strip: NDArray[np.uint8]) -> Path | None:
    """Write a strip into the cache folder.

    Parameters
    ----------
    name : str
        Name of the model.
    strip : ndarray
        From `before_and_after`.

    Returns
    -------
    Path or None
        A PNG file; None where it could not be written: a training does not fail for it.
    """
    path = cache_folder() / "before-after" / f"{name}.png"
    with suppress(OSError):
        with atomic_path(path) as temporary:
            write_pages(temporary, [strip])
        return path
    return None
