"""Fields of the correction panel and their tooltips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, Container, FloatSlider, Label, PushButton, Slider
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSlider,
    QComboBox,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
)

from docbin_napari.correction.brush import BrushConfig
from docbin_napari.describe import describe
from docbin_napari.plugin.correct.session import AREAS, VISIBLE
from docbin_napari.plugin.correct.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from docbin_napari.plugin.correct.tools import Action

    Choices = Callable[[Any], list[tuple[str, Any]]]

_LARGEST_SPECK = 400
_LARGEST_BRUSH = 200
_SLIDER_WIDTH = 110


def row_of(widgets: Sequence[Any], name: str) -> Container[Any]:
    """Put parts side by side."""
    row = Container(widgets=list(widgets), layout="horizontal", labels=False, name=name)
    row.margins = (0, 0, 0, 0)
    return row


def layer_fields(images: Choices, labels: Choices) -> tuple[ComboBox, ComboBox]:
    """Make the boxes of images and of labels."""
    image = ComboBox(
        name="image",
        label="Image",
        choices=images,
        nullable=True,
        tooltip="The page, or the stack of pages, that the labels lie over.",
    )
    ink = ComboBox(
        name="ink",
        label="Labels",
        choices=labels,
        nullable=True,
        tooltip="The ink to correct: 0 background, 1 ink, 2 unlabelled. Labels of a run, of a "
        "file, or new ones.",
    )
    return image, ink


def new_buttons() -> tuple[PushButton, PushButton]:
    """Make the buttons for new labels."""
    unlabelled = PushButton(
        name="new_unlabelled",
        text="Start empty",
        tooltip="Add labels over the image in which nothing is labelled yet.",
    )
    background = PushButton(
        name="new_background",
        text="Start as all paper",
        tooltip="Add labels over the image in which everything is background.",
    )
    return unlabelled, background


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


def brush_field() -> Slider:
    """Make the slider of the size of brush and eraser."""
    return Slider(
        name="brush",
        label="Brush size",
        min=1,
        max=_LARGEST_BRUSH,
        value=10,
        tooltip="Diameter of the brush in pixels of the page. Keys: [ and ].",
    )


def strictness_field() -> FloatSlider:
    """Make the slider of brush and eraser."""
    return FloatSlider(
        name="strictness",
        label="Strictness",
        min=0.0,
        max=1.0,
        step=0.05,
        value=BrushConfig().strictness,
        tooltip=describe(BrushConfig, "strictness"),
    )


def threshold_field() -> FloatSlider:
    """Make the slider of the region."""
    return FloatSlider(
        name="here",
        label="Threshold here",
        min=0.0,
        max=1.0,
        step=0.01,
        value=0.5,
        tooltip="Probability from which a pixel of the drawn region is ink. One step of undo, "
        "however often it is moved; the threshold of Binarize document leaves the region alone.",
    )


def area_field() -> ComboBox:
    """Make the choice of what the buttons work on."""
    return ComboBox(
        name="area",
        label="Area",
        choices=list(AREAS),
        value=VISIBLE,
        tooltip="What “Unlabelled”, “Reviewed” and the specks work on.",
    )


def speck_fields() -> tuple[Slider, PushButton, PushButton]:
    """Make the slider for specks, and the buttons that remove or keep them."""
    size = Slider(
        name="specks",
        label="Specks below",
        min=1,
        max=_LARGEST_SPECK,
        value=1,
        tooltip="Pieces of ink of fewer pixels are highlighted in the area; nothing is removed "
        "before “Remove specks” is pressed. Pieces that reach over the edge of the area stay.",
    )
    remove = PushButton(
        name="remove_specks",
        text="Remove specks",
        tooltip="Set the highlighted specks to background, as one step of undo.",
    )
    keep = PushButton(
        name="keep_specks", text="Keep specks", tooltip="Hide the highlight and remove nothing."
    )
    return size, remove, keep


def text_line(name: str) -> Label:
    """Make a line of words that wraps in a narrow panel."""
    line = Label(name=name, value="")
    line.native.setWordWrap(True)
    line.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return line


def form_of(name: str, *widgets: Any) -> Container[Any]:
    """Put fields below each other, with their names beside them."""
    form = Container(widgets=list(widgets), labels=True, name=name)
    form.margins = (0, 0, 0, 0)
    return form


def align(native: Any, named: Sequence[Any]) -> None:
    """Give the names of fields in several forms one width; the style decides which."""
    texts = {field.label for field in named}
    names = [label for label in native.findChildren(QLabel) if label.text() in texts]
    width = max((name.sizeHint().width() for name in names), default=0)
    for name in names:
        name.setMinimumWidth(width)


def scrolling(inner: Container[Any]) -> QScrollArea:
    """Let parts scroll up and down where the screen is too low for them."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    inner.margins = (4, 4, 4, 0)
    inner.native.layout().addStretch(1)
    scroll.setWidget(inner.native)
    return scroll


def needed_width(scroll: QScrollArea) -> int:
    """Tell how wide a scroll area has to be, so that nothing in it is cut off."""
    inner: Any = scroll.widget()
    side: Any = scroll.verticalScrollBar()
    return int(inner.minimumSizeHint().width() + side.sizeHint().width() + 2)


def let_boxes_shrink(native: Any) -> None:
    """Let choices be narrower than their longest entry, which would decide how wide a panel is."""
    for box in native.findChildren(QComboBox):
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)


def leave_focus(native: Any) -> None:
    """Let clicks leave the keyboard to the canvas, so that undo and the keys go on working."""
    for part in native.findChildren((QAbstractSlider, QPushButton)):
        if isinstance(part, QAbstractSlider) and part.orientation() == Qt.Orientation.Horizontal:
            part.setMinimumWidth(_SLIDER_WIDTH)
        part.setFocusPolicy(Qt.FocusPolicy.TabFocus)
