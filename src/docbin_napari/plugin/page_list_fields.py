"""The fields of the panel with a folder of pages."""

from __future__ import annotations

from typing import Any

from magicgui.types import FileDialogMode
from magicgui.widgets import Container, FileEdit, PushButton


def folder_field() -> FileEdit:
    """Make the choice of the folder."""
    field = FileEdit(
        name="folder",
        label="Folder of scans",
        mode=FileDialogMode.EXISTING_DIRECTORY,
        nullable=True,
        tooltip="A folder of pages to correct one after the other. "
        "What each page has come to is kept, so that you can go on another day.",
    )
    field.choose_btn.text = "…"
    field.choose_btn.native.setMaximumWidth(32)
    return field


def turn_buttons(previous_key: str, next_key: str) -> tuple[PushButton, PushButton]:
    """Make the buttons that turn the page.

    Parameters
    ----------
    previous_key, next_key : str
        The keys that do the same.

    Returns
    -------
    previous, next : PushButton
        The buttons.
    """
    previous = PushButton(
        name="previous", text="Previous", tooltip=f"The page before.\nKey: {previous_key}"
    )
    following = PushButton(
        name="next",
        text="Next",
        tooltip="The next page. Corrections of this one that are not saved stay as a draft.\n"
        f"Key: {next_key}",
    )
    return previous, following


def all_button() -> PushButton:
    """Make the button that binarizes all pages."""
    button = PushButton(
        name="binarize_all",
        text="Binarize all",
        tooltip="Binarize all pages of the folder one after the other, while you go on working. "
        "Pressed again, it stops; what is done is kept.",
    )
    button.native.setCheckable(True)
    return button


def turn_row(*buttons: PushButton) -> Container[Any]:
    """Put the buttons side by side."""
    row: Container[Any] = Container(
        widgets=list(buttons), layout="horizontal", labels=False, name="turn"
    )
    row.margins = (0, 0, 0, 0)
    return row
