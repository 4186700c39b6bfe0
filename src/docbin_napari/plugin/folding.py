"""Section of a panel that folds: a heading and its parts."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, PushButton
from qtpy.QtCore import Qt

from docbin_napari.plugin.settings import remember, remembered

_OPEN, _FOLDED = "▾", "▸"


class Section(Container[Any]):
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
        super().__init__(widgets=[self.heading, self.body], labels=False, name=name)
        self.margins = (0, 0, 0, 0)
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
