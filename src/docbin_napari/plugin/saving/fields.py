"""Fields of the saving panel and their tooltips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.types import FileDialogMode
from magicgui.widgets import CheckBox, ComboBox, Container, FileEdit, Label, LineEdit, PushButton
from qtpy.QtWidgets import QSizePolicy

from docbin_napari.pairs.save import SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable

    Choices = Callable[[Any], list[Any]]

NEW_COLLECTION = "New collection…"
_NARROWEST = 260
WHOLE, REVIEWED = "Whole page", "Reviewed windows"


def place_fields(collections: Choices) -> tuple[FileEdit, ComboBox, ComboBox, LineEdit]:
    """Make the fields that say where a pair goes."""
    datasets = FileEdit(
        name="datasets",
        label="Save pairs in",
        mode=FileDialogMode.EXISTING_DIRECTORY,
        nullable=True,
        tooltip="Folder of your training pairs. It gets the folders train and test.",
    )
    datasets.choose_btn.text = "…"
    datasets.choose_btn.native.setMaximumWidth(32)
    split = ComboBox(
        name="split",
        label="Use for",
        choices=list(SPLITS),
        tooltip="train: models learn from this page. test: they never see it and are judged by it.",
    )
    collection = ComboBox(
        name="collection",
        label="Collection",
        choices=collections,
        tooltip="Pages of one archive, one hand or one scanner.",
    )
    name = LineEdit(
        name="new_collection",
        label="Collection name",
        value="my pages",
        tooltip="Name of the new collection; it becomes a folder.",
    )
    return datasets, split, collection, name


def folder_of(field: FileEdit) -> Path | None:
    """Read a folder from its field; None if it is empty."""
    value = field.value
    if not isinstance(value, Path) or str(value) in ("", "."):
        return None
    return value


def pair_fields(regions: Choices) -> tuple[LineEdit, ComboBox, LineEdit, CheckBox]:
    """Make the fields that say what is saved."""
    name = LineEdit(
        name="page",
        label="Page",
        tooltip="Name of the two files. If it is taken, a number is added: nothing is overwritten.",
    )
    region = ComboBox(
        name="region",
        label="Part that is correct",
        choices=regions,
        tooltip="What of the page counts: all of it, the windows that you have reviewed, or what "
        "lies in the rectangles, ellipses and polygons of a Shapes layer. The rest is saved as "
        "unlabelled, and no model learns from it.",
    )
    who = LineEdit(
        name="who",
        label="Your name",
        tooltip="Your name, if you like. It is written into the mask file.",
    )
    own = CheckBox(
        name="replace",
        text="Replace the mask of this pair",
        value=False,
        tooltip="This page comes from a saved pair. Give that pair the new mask; the one before is "
        "kept in fg_mask/replaced. Otherwise it becomes a pair of its own under a new name.",
    )
    return name, region, who, own


def save_button() -> PushButton:
    """Make the button that saves."""
    return PushButton(
        name="save", text="Save pair", tooltip="Write the page and its ink as a training pair."
    )


def offer_row() -> tuple[Label, PushButton, PushButton, Container[Any]]:
    """Make the row that offers corrections of an earlier session."""
    words = wrapped(Label(name="offer", value=""))
    restore = PushButton(
        name="restore", text="Restore", tooltip="Put the corrections that were found on the page."
    )
    discard = PushButton(
        name="discard", text="Discard", tooltip="Throw the corrections that were found away."
    )
    buttons = Container(
        widgets=[restore, discard], layout="horizontal", labels=False, name="choice"
    )
    buttons.margins = (0, 0, 0, 0)
    row = Container(widgets=[words, buttons], labels=False, name="found", visible=False)
    row.margins = (0, 0, 0, 0)
    return words, restore, discard, row


def say(label: Label, text: str) -> None:
    """Show words in a label, or no label; all lines are in sight, also inside other panels."""
    if text != label.value:
        label.value = text
        # A label that was hidden does not know its width yet; all panels are about as narrow.
        height = label.native.heightForWidth(_NARROWEST) if text else 0
        label.native.setMinimumHeight(height)
    label.visible = bool(text)


def wrapped(label: Label) -> Label:
    """Let a label break its words, so that it never widens the panel."""
    label.native.setWordWrap(True)
    label.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label
