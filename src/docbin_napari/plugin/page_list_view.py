"""The list of pages as it is seen: a sign for what each page has come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QListWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docbin_napari.io.page_list import Entry

_SIGNS = {"to do": "○", "binarized": "◐", "corrected": "✎", "saved": "✓"}
_HEIGHT = 96


class PageListView(QListWidget):  # type: ignore[misc, unused-ignore]
    """Shows the pages of a folder; empty and hidden as long as there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_HEIGHT)
        self.setToolTip("   ".join(f"{sign} {state}" for state, sign in _SIGNS.items()))

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
                item.setToolTip(trouble or entry.state)
        if entries and self.currentRow() != current:
            self.setCurrentRow(current)
        self.setVisible(bool(entries))
