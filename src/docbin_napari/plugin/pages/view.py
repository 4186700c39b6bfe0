"""List of pages with a sign for the state of each, and the fields around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import QListWidget

from docbin_napari.plugin.pages.thumbnails import SIDE
from docbin_napari.plugin.settings import SCANS
from docbin_napari.plugin.widgets import FolderField, button_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from magicgui.widgets import Container, PushButton
    from numpy.typing import NDArray

    from docbin_napari.pairs.work_list import Entry


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


def folder_field() -> FolderField:
    """Make the choice of the folder."""
    return FolderField(
        "folder",
        "Folder",
        "A folder of pages to correct one after the other; it can be dropped on the window, too. "
        "What each page has come to is kept, so that you can go on another day.",
        recent=SCANS,
    )


def turn_row(previous_key: str, next_key: str) -> tuple[list[PushButton], Container[PushButton]]:
    """Make the buttons that turn the page and that binarize all, side by side.

    Parameters
    ----------
    previous_key, next_key : str
        The keys that turn the page.

    Returns
    -------
    buttons : list of PushButton
        Previous, next, all.
    row : Container
        What holds them.
    """
    buttons, row = button_row(
        "turn",
        ("previous", "Previous", f"The page before.\nKey: {previous_key}"),
        (
            "next",
            "Next",
            "The next page. Corrections of this one that are not saved stay as a draft.\n"
            f"Key: {next_key}",
        ),
        (
            "binarize_all",
            "Binarize all",
            "Binarize all pages of the folder one after the other, while you go on working. "
            "Pressed again, it stops; what is done is kept.",
        ),
    )
    buttons[2].native.setCheckable(True)
    return buttons, row
