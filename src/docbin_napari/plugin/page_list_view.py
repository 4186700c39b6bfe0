"""The list of pages as it is seen: a sign for what each page has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QListWidget

from docbin_napari.plugin.thumbnails import SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.io.page_list import Entry

_SIGNS = {"to do": "○", "binarized": "◐", "corrected": "✎", "saved": "✓"}
_WORDS = {"to do": "new"}
_HEIGHT = 150
LEGEND = "   ".join(f"{sign} {_WORDS.get(state, state)}" for state, sign in _SIGNS.items())
"""What the signs mean."""


class PageListView(QListWidget):  # type: ignore[misc, unused-ignore]
    """Shows the pages of a folder; empty and hidden as long as there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(LEGEND)
        self.setIconSize(QSize(SIDE, SIDE))

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
        if self.count() != len(entries):
            self.clear()
            self.addItems([""] * len(entries))
        for number, entry in enumerate(entries):
            trouble = troubles.get(number, "")
            item: Any = self.item(number)
            text = f"{'⚠' if trouble else _SIGNS[entry.state]}  {entry.title}"
            if item is not None and item.text() != text:
                item.setText(text)
                item.setToolTip(trouble or _WORDS.get(entry.state, entry.state))
        if entries and self.currentRow() != current:
            self.setCurrentRow(current)
        self.setVisible(bool(entries))
