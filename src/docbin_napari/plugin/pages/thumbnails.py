"""Make thumbnails of the pages of a list in a thread."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.page import read_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from docbin_napari.pairs.work_list import Entry

_LOG = logging.getLogger(__name__)
SIDE = 48
"""Longest side of a picture, pixels."""
_PDF_DPI = 20


def thumbnails(entries: Sequence[Entry]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Make a picture of each page; each file is read once.

    Parameters
    ----------
    entries : sequence of Entry
        The pages, those of a file one after the other.

    Yields
    ------
    number : int
        Place in the list.
    picture : ndarray
        uint8 (H, W, 3), RGB, at most `SIDE` pixels high and wide. A page that cannot be read
        has none.
    """
    numbered = list(enumerate(entries))
    for file, group in groupby(numbered, key=lambda pair: pair[1].file):
        wanted = {entry.page: number for number, entry in group}
        try:
            for page in read_pages(file, dpi=_PDF_DPI):
                if page.index + 1 in wanted:
                    yield wanted[page.index + 1], shrunk(page.pixels)
        except Exception:
            # It is told when the page is opened.
            _LOG.info("no picture of %s", file, exc_info=True)


def shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink a page to the size of a picture; dark strokes stay in sight.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3).

    Returns
    -------
    ndarray
        uint8, at most `SIDE` x `SIDE`.
    """
    step = max(1, -(-max(pixels.shape[:2]) // SIDE))
    height, width = (side // step * step for side in pixels.shape[:2])
    if step == 1 or not height or not width:
        return np.ascontiguousarray(pixels[:SIDE, :SIDE])
    # Four samples of each block are enough to see which page it is.
    rows, columns = (np.arange(side // step) * step for side in (height, width))
    parts = [
        pixels[np.ix_(rows + down, columns + across)].astype(np.uint16)
        for down in (step // 4, 3 * step // 4)
        for across in (step // 4, 3 * step // 4)
    ]
    return (sum(parts[1:], parts[0]) // len(parts)).astype(np.uint8)
