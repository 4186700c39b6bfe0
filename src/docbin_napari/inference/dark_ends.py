"""Keep white where a page ends in the dark: boards, gutters and the ground of a scanner.

Strategy: a network sees nothing beyond an image. A thin dark strip at its end looks like a bar of
ink on paper, unless black beyond it shows that the dark goes on. So such ends are read once
more, with black beyond the page, and ink near the end stays only where both readings find it. A
strip of the window is enough for that. A page framed and read so as a whole would lose thin strokes
elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.windows import AxisWindows
from docbin_napari.io.rgb import luma

_FRAME, _NEAR, _OUTERMOST, _DEPTH = 16, 32, 3, 384  # pixels
_LEAST_RUN = 0.2


@dataclass(frozen=True)
class PageEnd:
    """A side of a window at which, or before which, the page ends.

    Parameters
    ----------
    turns : int
        Quarter turns that bring this side to the top, as `numpy.rot90` counts them.
    beyond : int
        Pixels of the window between this side and the end of the page.
    """

    turns: int
    beyond: int


def page_ends(rows: AxisWindows, columns: AxisWindows, row: int, column: int) -> list[PageEnd]:
    """List the ends of the page that a window shows.

    Parameters
    ----------
    rows, columns : AxisWindows
        From `plan_page`.
    row, column : int
        Numbers of the window.

    Returns
    -------
    list of PageEnd
        Empty for a window in the middle.
    """
    ends = []
    for axis, index, turns in ((rows, row, (0, 2)), (columns, column, (3, 1))):
        behind = axis.starts[index] + axis.size - axis.length
        if index == 0:
            ends.append(PageEnd(turns[0], 0))
        if behind >= 0:
            ends.append(PageEnd(turns[1], behind))
    return ends


def clear_dark_ends(
    reader: PageReader,
    windows: NDArray[np.uint8],
    logits: NDArray[np.float32],
    ends: Sequence[list[PageEnd]],
) -> None:
    """Lower the logits at dark ends of the page to what they are beside black.

    Parameters
    ----------
    reader : PageReader
        Of the page.
    windows : ndarray
        uint8 (N, H, W, 3), RGB.
    logits : ndarray
        Of ink, float32 (N, H, W), changed in place.
    ends : sequence of list of PageEnd
        Of each window.
    """
    for window, found, sides in zip(windows, logits, ends, strict=True):
        for end in sides:
            shown, own = (np.rot90(array, end.turns) for array in (window, found))
            near = own[end.beyond : end.beyond + _NEAR]
            if not reader.is_ink(near).any() or not _is_dark(shown[end.beyond :], reader.dark):
                continue
            page = shown[end.beyond :][: _DEPTH - _FRAME]
            deep = math.ceil((_FRAME + len(page)) / reader.stride) * reader.stride
            below = deep - _FRAME - len(page)
            framed = np.pad(page, ((0, below), (0, 0), (0, 0)), mode="edge")
            framed = np.pad(framed, ((_FRAME, 0), (0, 0), (0, 0)))
            [again] = reader.logits(np.rot90(framed, -end.turns)[None])
            beside_black = np.rot90(again, end.turns)[_FRAME:][: len(near)]
            np.minimum(near, beside_black, out=near)


def _is_dark(page: NDArray[np.uint8], level: float) -> bool:
    """Whether a part of the first rows, as long as a stroke seldom is, is nearer to ink."""
    line = np.concatenate([[False], luma(page[:_OUTERMOST]).mean(0) < level, [False]])
    changes = np.flatnonzero(np.diff(line.astype(np.int8)))
    return bool((changes[1::2] - changes[::2]).max(initial=0) >= _LEAST_RUN * page.shape[1])
