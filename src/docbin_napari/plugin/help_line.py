"""Help and a sheet of keys at the foot of each panel; works offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QMessageBox

if TYPE_CHECKING:
    from collections.abc import Sequence

JOURNEY = (
    "<b>Open → Binarize → Correct → Save</b><br>"
    "1. <b>Open</b> a scan: drop it on the window, or <i>File &gt; IO Utilities &gt; Open "
    "document…</i>. A folder: choose it in <i>Correct pages</i>.<br>"
    "2. <b>Binarize</b>: press <i>Run</i>. Move <i>Threshold</i> until faint strokes are there and "
    "stains are not; that is quick and needs no new run.<br>"
    "3. <b>Correct</b> what is wrong: ink and rub out with the brush, specks, a region with a "
    "threshold of its own.<br>"
    "4. <b>Save</b>: <i>Save black-and-white page…</i> for the page itself; <i>Save pair</i> if "
    "a model shall learn from your corrections."
)
NAPARI_KEYS = (
    ("Ctrl+S", "Save the selected layers; ink becomes a black-and-white page"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo, redo what was painted"),
    ("Space", "Held: move the page with the mouse"),
)


def help_line(keys: Sequence[tuple[str, str]] = ()) -> QLabel:
    """Make the line.

    Parameters
    ----------
    keys : sequence of (str, str)
        Keys of the panel and what they do.

    Returns
    -------
    QLabel
        A link that opens the help.
    """
    line = QLabel('<a href="help" style="color: #6c9ee8">Help and keys</a>')
    line.setAlignment(Qt.AlignmentFlag.AlignRight)
    line.linkActivated.connect(lambda _: _open(line, keys))
    return line


def sheet(keys: Sequence[tuple[str, str]]) -> str:
    """Write the keys as a table.

    Parameters
    ----------
    keys : sequence of (str, str)
        Keys and what they do; napari's own follow.

    Returns
    -------
    str
        HTML.
    """
    rows = "".join(
        f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>"
        for key, what in (*keys, *NAPARI_KEYS)
    )
    return f"<table>{rows}</table>"


def _open(line: Any, keys: Sequence[tuple[str, str]]) -> None:
    box = QMessageBox(line.window())
    box.setWindowTitle("Help and keys")
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(f"{JOURNEY}<br><br>{sheet(keys)}")
    box.open()
