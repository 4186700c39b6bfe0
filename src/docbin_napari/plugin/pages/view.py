"""List of pages with a sign for the state of each, and a small picture."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from docbin_napari.io.page import read_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.pairs.work_list import Entry

_LOG = logging.getLogger(__name__)
_SIDE = 48  # of a picture, pixels
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
        self.setIconSize(QSize(_SIDE, _SIDE))
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
            item.setIcon(QIcon(QPixmap.fromImage(image)))  # Drawn at the size of icons.

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
            for _ in entries:
                QListWidgetItem(self).setSizeHint(QSize(0, _SIDE + 4))  # Also without its picture.
        for number, entry in enumerate(entries):
            trouble, item = troubles.get(number, ""), self.item(number)
            assert item is not None
            item.setText(f"{'⚠' if trouble else _SIGNS[entry.state]}  {entry.title}")
            item.setToolTip(trouble or _WORDS.get(entry.state, entry.state))
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
        uint8 (H, W, 3), RGB: every so many pixels of the page. A page that cannot be read has
        none.
    """
    numbered = list(enumerate(entries))
    for file, group in groupby(numbered, key=lambda pair: pair[1].file):
        wanted = {entry.page: number for number, entry in group}
        try:
            for page in read_pages(file, dpi=_PDF_DPI):
                if page.index + 1 in wanted:
                    step = max(1, max(page.pixels.shape[:2]) // (2 * _SIDE))
                    yield wanted[page.index + 1], page.pixels[::step, ::step].copy()
        except Exception:
            # The error is shown when the page is opened.
            _LOG.info("no picture of %s", file, exc_info=True)
