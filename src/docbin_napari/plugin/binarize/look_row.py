"""Buttons and keys that show the page, the result, or both side by side."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, PushButton

from docbin_napari.plugin.keys import BorrowedKeys
from docbin_napari.plugin.layers.look import LOOKS, Look

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari


class LookRow(Container[Any]):
    """Three buttons that stay down; a second press shows all as it was.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    chosen : callable
        Gives the image and its ink labels; None for what there is not.
    """

    def __init__(self, viewer: napari.viewer.Viewer, chosen: Callable[[], tuple[Any, Any]]) -> None:
        self.look = Look(viewer, chosen)
        self._chosen = chosen
        self._keys = BorrowedKeys(viewer)
        self.buttons = {
            name: PushButton(
                name=f"look_{name}",
                text=f"{words} ({key})",
                tooltip=f"Show it until this is pressed again.\nHold {key} for a quick look.",
            )
            for name, (words, key) in LOOKS.items()
        }
        super().__init__(
            widgets=list(self.buttons.values()), layout="horizontal", labels=False, name="look"
        )
        self.margins = (0, 0, 0, 0)
        for name, button in self.buttons.items():
            button.native.setCheckable(True)
            button.native.clicked.connect(functools.partial(self._on_button, name))

    def attach(self) -> None:
        """Bind the keys."""
        self._keys.take({key: self.look.hold(name) for name, (_, key) in LOOKS.items()}, held=True)

    def detach(self) -> None:
        """Show all as it was and give the keys back."""
        self.look.show("")
        self._keys.give_back()

    def refresh(self) -> None:
        """Look again at what there is to show."""
        image, ink = self._chosen()
        for name, button in self.buttons.items():
            button.enabled = image is not None and (ink is not None or name == "page")
            button.native.setChecked(self.look.shown == name)

    def _on_button(self, name: str, _: bool = False) -> None:
        self.look.show("" if self.look.shown == name else name)
        self.refresh()
