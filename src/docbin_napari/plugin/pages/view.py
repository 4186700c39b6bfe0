"""List of pages with a sign for the state of each, and a small picture."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QListWidget

from docbin_napari.io.page import read_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from docbin_napari.pairs.work_list import Entry

_LOG = logging.getLogger(__name__)
SIDE = 48
"""Longest side of a picture, pixels."""
_PDF_DPI = 20
_SIGNS = {"to do": "○", "binarized": "◐", "corrected": "✎", "saved": "✓"}
_WORDS = {"to do": "new"}
_HEIGHT = 150
LEGEND = "   ".join(
    [*(f"{sign} {_WORDS.get(state, state)}" for state, sign in _SIGNS.items()), "⚠ trouble"]
)
"""What the signs mean."""


class PageListView(QListWidget):  # type: ignore[misc, unused-ignore]
    """Shows the pages of a folder; empty and hidden as long as there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(LEGEND)
        self.setIconSize(QSize(SIDE, SIDE))
        self._shown: tuple[Sequence[Entry], int] = ((), 0)

    def show_picture(self, number: int, pixels: NDArray[np.uint8]) -> None:
        """Show a small picture of a page beside its name.

        Parameters
        ----------
        number : int
            Place in the list, from 0.
        pixels : ndarray
            uint8 (H, W, 3), RGB.
        """
        item: Any = self.item(number)
        if item is not None:
            height, width = pixels.shape[:2]
            form = QImage.Format.Format_RGB888
            image = QImage(pixels.tobytes(), width, height, 3 * width, form)
            item.setIcon(QIcon(QPixmap.fromImage(image)))

    def show_pages(self, entries: Sequence[Entry], troubles: dict[int, str], current: int) -> None:
        """Bring the list in line with the pages.

        Parameters
        ----------
        entries : sequence of Entry
            The pages.
        troubles : dict of int to str
            Why a page could not be opened or binarized.
        current : int
            The page that is worked on, from 0.
        """
        is_new = entries is not self._shown[0]  # Each folder that is opened has a list of its own.
        if is_new:
            self.clear()
            self.addItems([""] * len(entries))
            for number in range(len(entries)):
                row: Any = self.item(number)
                row.setSizeHint(QSize(0, SIDE + 4))  # Also without its picture.
        for number, entry in enumerate(entries):
            trouble = troubles.get(number, "")
            item: Any = self.item(number)
            text = f"{'⚠' if trouble else _SIGNS[entry.state]}  {entry.title}"
            words = trouble or _WORDS.get(entry.state, entry.state)
            if item is not None and (item.text(), item.toolTip()) != (text, words):
                item.setText(text)
                item.setToolTip(words)
        if entries and (is_new or self._shown[1] != current):
            # Only then: a user may be on the way to another page.
            self._shown = entries, current
            self.setCurrentRow(current)
            self.scrollToItem(self.currentItem())
        self.setVisible(bool(entries))


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
            # The error is shown when the page is opened.
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
    height, width = (side // step for side in pixels.shape[:2])
    if not height or not width:
        return np.ascontiguousarray(pixels[:SIDE, :SIDE])
    # Four samples of each block are enough to see which page it is.
    first, second = step // 4, 3 * step // 4
    corners = [(first, first), (first, second), (second, first), (second, second)]
    samples = [pixels[top::step, left::step][:height, :width] for top, left in corners]
    small: NDArray[np.uint8] = np.mean(samples, axis=0).astype(np.uint8)
    return small
