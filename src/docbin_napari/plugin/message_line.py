"""Message line of a panel: what happened and what to do."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Label
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy

_LINES = 3


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
    line = Label(name=name, value="")
    native = line.native
    native.setWordWrap(True)
    native.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
    native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    native.setFixedHeight(lines * native.fontMetrics().lineSpacing() + 6)
    return line


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
    if text != line.value:
        line.value = text
    tip = f"{text}\n{details}".strip() if details else text
    if line.native.toolTip() != tip:
        line.native.setToolTip(tip)
