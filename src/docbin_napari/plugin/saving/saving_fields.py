"""Fields of the saving panel and their tooltips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, Container, LineEdit, PushButton

from docbin_napari.pairs.save import SPLITS
from docbin_napari.plugin.settings import DATASETS
from docbin_napari.plugin.widgets import FolderField, button_row, choice, text_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from magicgui.widgets import ComboBox, Label

    Choices = Callable[[Any], list[Any]]

NEW_COLLECTION = "New collection…"
WHOLE, REVIEWED = "Whole page", "Reviewed windows"


def place_fields(collections: Choices) -> tuple[FolderField, ComboBox, ComboBox, LineEdit]:
    """Make the fields that say where a pair goes."""
    datasets = FolderField(
        "datasets",
        "Save pairs in",
        "Folder of your training pairs. It gets the folders train and test.",
        recent=DATASETS,
    )
    use = "train: models learn from this page. test: they never see it and are judged by it."
    split = choice("split", "Use for", list(SPLITS), use)
    kind = "Pages of one archive, one hand or one scanner."
    collection = choice("collection", "Collection", collections, kind)
    name = LineEdit(
        name="new_collection",
        label="Collection name",
        value="my pages",
        tooltip="Name of the new collection; it becomes a folder.",
    )
    return datasets, split, collection, name


def pair_fields(regions: Choices) -> tuple[LineEdit, ComboBox, LineEdit, CheckBox]:
    """Make the fields that say what is saved."""
    name = LineEdit(
        name="page",
        label="Page",
        tooltip="Name of the two files. If it is taken, a number is added: nothing is overwritten.",
    )
    region = choice(
        "region",
        "Part that is correct",
        regions,
        "What of the page counts: all of it, the windows that you have reviewed, or what "
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
    words = text_line("offer")
    (restore, discard), buttons = button_row(
        "choice",
        ("restore", "Restore", "Put the corrections that were found on the page."),
        ("discard", "Discard", "Throw the corrections that were found away."),
    )
    row = Container(widgets=[words, buttons], labels=False, name="found", visible=False)
    row.margins = (0, 0, 0, 0)
    return words, restore, discard, row
