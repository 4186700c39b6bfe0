"""Fields of the correction panel and their tooltips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton

from docbin_napari.correction.brush import BrushConfig
from docbin_napari.describe import describe
from docbin_napari.plugin.correct.correct_session import AREAS
from docbin_napari.plugin.correct.tools import TOOLS
from docbin_napari.plugin.widgets import button_row, choice, count_slider, share_slider

if TYPE_CHECKING:
    from collections.abc import Callable

    from magicgui.widgets import ComboBox, Container, FloatSlider, Slider

    from docbin_napari.plugin.correct.tools import Action

    Choices = Callable[[Any], list[tuple[str, Any]]]
    Buttons = tuple[list[PushButton], Container[PushButton]]

_LARGEST_SPECK = 400
_LARGEST_BRUSH = 200


def layer_fields(images: Choices, labels: Choices) -> tuple[ComboBox, ComboBox]:
    """Make the boxes of images and of labels."""
    page = "The page, or the stack of pages, that the labels lie over."
    ink = (
        "The ink to correct: 0 background, 1 ink, 2 unlabelled. Labels of a run, of a file, or "
        "new ones."
    )
    return (
        choice("image", "Image", images, page, nullable=True),
        choice("ink", "Labels", labels, ink, nullable=True),
    )


def new_buttons() -> Buttons:
    """Make the buttons for new labels."""
    over = "Add labels over the image in which"
    return button_row(
        "new",
        ("new_unlabelled", "Start empty", f"{over} nothing is labelled yet."),
        ("new_background", "Start as all paper", f"{over} everything is background."),
    )


def button(action: Action) -> PushButton:
    """Make the button of an action; its key stands on it."""
    text = f"{action.text} ({action.key})"
    return PushButton(name=action.name, text=text, tooltip=action.tooltip)


def tool_buttons() -> dict[str, PushButton]:
    """Make a button that stays down for each tool, by name."""
    made = {tool.name: button(tool) for tool in TOOLS}
    for part in made.values():
        part.native.setCheckable(True)
    return made


def brush_fields() -> tuple[Slider, FloatSlider]:
    """Make the sliders of brush and eraser: their size, and how strict they are."""
    size = "Diameter of the brush in pixels of the page. Keys: [ and ]."
    strict = describe(BrushConfig, "strictness")
    return (
        count_slider("brush", "Brush size", _LARGEST_BRUSH, 10, size),
        share_slider("strictness", "Strictness", BrushConfig().strictness, strict, step=0.05),
    )


def region_fields() -> tuple[FloatSlider, ComboBox]:
    """Make the slider of the region, and the choice of what buttons work on."""
    here = (
        "Probability from which a pixel of the drawn region is ink; at 1 nothing is. One step of "
        "undo, however often it is moved; the threshold of Binarize document leaves the region "
        "alone."
    )
    area = "What “Unlabelled”, “Reviewed” and the specks work on."
    return (
        share_slider("here", "Threshold here", 0.5, here),
        choice("area", "Area", list(AREAS), area),
    )


def speck_fields() -> tuple[Slider, Buttons]:
    """Make the slider for specks, and the buttons that remove or keep them."""
    below = (
        "Pieces of ink of fewer pixels are highlighted in the area; nothing is removed before "
        "“Remove specks” is pressed. Pieces that reach over the edge of the area stay."
    )
    removed = "Set the highlighted specks to background, as one step of undo."
    return count_slider("specks", "Specks below", _LARGEST_SPECK, 1, below), button_row(
        "speck_buttons",
        ("remove_specks", "Remove specks", removed),
        ("keep_specks", "Keep specks", "Hide the highlight and remove nothing."),
    )
