"""Parts that several panels share: sections, message lines, folder fields, rows, forms."""

from __future__ import annotations

import textwrap
from bisect import bisect
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from magicgui.types import FileDialogMode
from magicgui.widgets import ComboBox, Container, FileEdit, FloatSlider, Label, PushButton
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import (
    QAbstractSlider,
    QComboBox,
    QFrame,
    QLabel,
    QListWidget,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
)

from docbin_napari.describe import describe
from docbin_napari.plugin.settings import recent_folders, remember, remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Field = TypeVar("_Field")

_OPEN, _FOLDED = "▾", "▸"
_LINES = 3
_SLIDER_WIDTH = 110
_PADDING = 14  # of a label in napari's style, above and below
_TOOLTIP_LETTERS = 100
_DRAWN = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWrapAnywhere
_ROOM = "docbin_lines"


class PlainContainer(Container[Any]):
    """Parts below or beside each other, without labels and without room around them."""

    def __init__(self, widgets: Sequence[Any] = (), *, labels: bool = False, **more: Any) -> None:
        super().__init__(widgets=list(widgets), labels=labels, **more)
        self.margins = (0, 0, 0, 0)


class LayerBox(ComboBox):
    """A choice of layers, which stays when its layer is renamed."""

    def reset_choices(self, *_: Any) -> None:
        """List the layers again."""
        chosen = self.value
        with self.changed.blocked():
            super().reset_choices()
            if chosen in self.choices:
                self.value = chosen
        if self.value != chosen:
            self.changed.emit(self.value)


class Section(PlainContainer):
    """A heading and parts; whether it is open is remembered.

    Parameters
    ----------
    name : str
        Inside the program.
    title : str
        The heading.
    widgets : sequence
        What lies under it.
    folded : bool
        Whether it is folded until the user opens it.
    """

    def __init__(self, name: str, title: str, widgets: list[Any], *, folded: bool = False) -> None:
        self._title, self._key = title, f"section_{name}"
        self.heading = PushButton(name=f"{name}_heading", tooltip="Press to fold or unfold.")
        self.heading.native.setFlat(True)
        self.heading.native.setStyleSheet("text-align: left; font-weight: bold; padding: 2px;")
        self.heading.native.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.body = Container(widgets=widgets, labels=False, name=f"{name}_body")
        self.body.margins = (8, 0, 0, 0)
        super().__init__([self.heading, self.body], name=name)
        self.heading.changed.connect(lambda _=None: self.fold(self.is_open))
        self._show(folded=remembered().get(self._key, "folded" if folded else "open") == "folded")

    @property
    def is_open(self) -> bool:
        """Whether what lies under the heading is shown."""
        return bool(self.heading.text.startswith(_OPEN))

    def fold(self, folded: bool = True) -> None:
        """Fold or unfold the section, and remember it.

        Parameters
        ----------
        folded : bool
            Whether it shall be folded.
        """
        self._show(folded=folded)
        remember(**{self._key: "folded" if folded else "open"})

    def _show(self, *, folded: bool) -> None:
        self.heading.text = f"{_FOLDED if folded else _OPEN}  {self._title}"
        # Not `visible`: a parent that is shown later would show what is folded.
        self.body.native.setHidden(folded)
        self.body.visible = not folded


class FolderField(FileEdit):
    """Choice of a folder, by its name, in a dialog, or among the last ones.

    Strategy: magicgui reports every letter that is typed, and each beginning of a path may be a
    folder, too. Here a name counts when Enter is pressed or the field is left. Buttons do not take
    the focus away: those that need the folder call `commit`.

    Parameters
    ----------
    name, label, tooltip : str
        As in magicgui.
    recent : str
        Under which name the last folders are remembered.
    """

    def __init__(self, name: str, label: str, tooltip: str, recent: str) -> None:
        kind = FileDialogMode.EXISTING_DIRECTORY
        super().__init__(mode=kind, nullable=True, name=name, label=label, tooltip=tooltip)
        self._told = self.value
        self.line_edit.changed.disconnect()
        self.line_edit.native.editingFinished.connect(self.commit)
        self.choose_btn.text = "…"
        self.choose_btn.native.setMaximumWidth(32)
        self._offer_recent(recent)

    @property
    def folder(self) -> Path | None:
        """The folder that counts; None if there is none."""
        return self._told if isinstance(self._told, Path) and self._told != Path() else None

    def ask(self) -> None:
        """Ask for the folder in a dialog."""
        self._on_choose_clicked()

    def get_value(self) -> Any:
        """Give what stands in the field as a path, with the home folder for ``~``, or None."""
        value: Any = super().get_value()
        try:
            return value and value.expanduser()
        except RuntimeError:  # Nobody here is called “Documents”: a folder that is not there.
            return Path.home().parent / str(value)[1:]

    def set_value(self, value: Any) -> None:
        """Show a folder and emit `changed` if it is another one."""
        super().set_value(value)
        self.commit()

    def commit(self) -> bool:
        """Let what was typed count, and emit `changed` if it is another folder; give whether."""
        differs = bool(self.value != self._told)
        if differs:
            self._told = self.value
            self.changed.emit(self.value)
        return differs

    def _offer_recent(self, key: str) -> None:
        button = QToolButton(self.native)
        button.setText("▾")
        button.setToolTip("Folders that were opened before.")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setStyleSheet("QToolButton::menu-indicator { image: none; width: 0; }")
        menu: Any = QMenu(button)
        button.setMenu(menu)

        def fill() -> None:
            menu.clear()
            known = recent_folders(key)
            for folder in known:
                action = menu.addAction(str(folder))
                action.triggered.connect(lambda _=False, folder=folder: self.choose(folder))
            if not known:
                menu.addAction("No folder was opened yet").setEnabled(False)

        menu.aboutToShow.connect(fill)
        self.native.layout().addWidget(button)
        self.recent = menu

    def choose(self, folder: Path) -> None:
        """Choose a folder; the same one again is read again."""
        self._told = None
        self.value = folder


def message_line(name: str = "status", lines: int = _LINES) -> Label:
    """Make the line; it keeps its height whatever it says, so that no field ever moves.

    Parameters
    ----------
    name : str
        Of the widget.
    lines : int
        How many it has room for.

    Returns
    -------
    Label
        Give it words with `show_message`.
    """
    line = text_line(name)
    native = line.native
    native.installEventFilter(_Elision(native))
    native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    native.setProperty(_ROOM, lines)
    return line


class _Elision(QObject):  # type: ignore[misc, unused-ignore]
    """Draws the words of a line: long ones are broken, and what does not fit becomes “…”."""

    def eventFilter(self, line: Any, event: Any) -> bool:  # noqa: N802
        """Draw instead of the label."""
        if event.type() != QEvent.Type.Paint:
            return False
        room, drawn, text = line.contentsRect(), int(_DRAWN), elided(line)
        painter, style = QPainter(line), line.style()
        style.drawItemText(painter, room, drawn, line.palette(), True, text, line.foregroundRole())
        painter.end()
        return True


def elided(line: Any) -> str:
    """Give as much of the words of a message line as is drawn."""
    text, room, letters = line.text(), line.contentsRect(), line.fontMetrics()

    def is_too_high(length: int) -> bool:
        words = text[:length] + "…" * (length < len(text))
        return bool(letters.boundingRect(room, int(_DRAWN), words).height() > room.height())

    if not is_too_high(len(text)):
        return str(text)
    fitting = bisect(range(len(text)), False, key=is_too_high) - 1
    return f"{text[: max(0, fitting)]}…"


def make_room(panel: Any) -> None:
    """Give message lines their heights; only the window says how large its letters are."""
    for line in panel.findChildren(QLabel):
        if lines := line.property(_ROOM):
            line.setFixedHeight(lines * line.fontMetrics().lineSpacing() + _PADDING)


def show_message(line: Any, text: str, details: str = "") -> None:
    """Say something; what does not fit, and details, are in the tooltip.

    Parameters
    ----------
    line : Label
        From `message_line`.
    text : str
        One sentence or two: what happened, what to do. Empty when nothing is true any more.
    details : str
        For those who want to know exactly.
    """
    line.value = text
    lines = f"{text}\n{details}".strip().splitlines()
    # Qt breaks no lines of a tooltip: a long one would leave the screen.
    wrapped = (textwrap.fill(one, _TOOLTIP_LETTERS, break_on_hyphens=False) for one in lines)
    line.native.setToolTip("\n".join(wrapped))


def text_line(name: str) -> Label:
    """Make a line of words that wraps in a narrow panel and never widens it."""
    line = Label(name=name, value="")
    line.native.setWordWrap(True)
    line.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return line


def show_value(field: Any, value: Any) -> None:
    """Show a value in a field without telling anybody of a change."""
    with field.changed.blocked():
        field.value = value


def timer_of(native: Any, milliseconds: int, work: Callable[[], object]) -> QTimer:
    """Make a timer that is not started yet and goes with a widget."""
    timer = QTimer(native)
    timer.setInterval(milliseconds)
    timer.timeout.connect(work)
    return timer


# ---- rows, forms, sizes


def row_of(widgets: Sequence[Any], name: str) -> Container[Any]:
    """Put parts side by side."""
    return PlainContainer(widgets, layout="horizontal", name=name)


def described_row(
    panel: type, row: str, **texts: str
) -> tuple[list[PushButton], Container[PushButton]]:
    """Make buttons side by side; their tooltips come from the panel's docstring."""
    made = [field(panel, PushButton, name, text=text) for name, text in texts.items()]
    return made, row_of(made, row)


def field(
    panel: type, kind: Callable[..., _Field], name: str, label: str | None = None, **more: Any
) -> _Field:
    """Make a field; its tooltip is what the panel's docstring says about it.

    Parameters
    ----------
    panel : type
        Of the panel, whose docstring describes the attribute.
    kind : type
        A widget of magicgui.
    name : str
        Of the attribute.
    label : str, optional
        What stands beside it.
    **more
        Further arguments for magicgui.

    Returns
    -------
    Widget
        The field.
    """
    return kind(name=name, label=label, tooltip=describe(panel, name), **more)


def choice(name: str, label: str, choices: Any, tooltip: str, **more: Any) -> LayerBox:
    """Make a field of choices; further arguments go to magicgui."""
    return LayerBox(name=name, label=label, choices=choices, tooltip=tooltip, **more)


def share_slider(
    name: str, label: str, value: float, tooltip: str, step: float = 0.01
) -> FloatSlider:
    """Make a slider from 0 to 1."""
    return FloatSlider(
        name=name, label=label, min=0.0, max=1.0, step=step, value=value, tooltip=tooltip
    )


def form_of(name: str, *widgets: Any) -> Container[Any]:
    """Put fields below each other, with their names beside them."""
    return PlainContainer(widgets, labels=True, name=name)


def align(native: Any, named: Sequence[Any]) -> None:
    """Give the names of fields in several forms one width; the style decides which."""
    texts = {field.label for field in named}
    names = [label for label in native.findChildren(QLabel) if label.text() in texts]
    width = max((name.sizeHint().width() for name in names), default=0)
    for name in names:
        name.setMinimumWidth(width)
        name.updateGeometry()
        # Rows that were not shown yet have not been laid out anew.
        if (row := name.parentWidget()) is not None and row.layout() is not None:
            row.layout().invalidate()
            row.layout().activate()


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
    for part in native.findChildren((QAbstractSlider, QPushButton, QComboBox, QListWidget)):
        if isinstance(part, QAbstractSlider) and part.orientation() == Qt.Orientation.Horizontal:
            part.setMinimumWidth(_SLIDER_WIDTH)
        part.setFocusPolicy(Qt.FocusPolicy.TabFocus)
