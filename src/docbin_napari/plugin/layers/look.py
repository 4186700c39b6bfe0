"""Show the page alone, the result alone, or both side by side: by buttons and by keys."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton

from docbin_napari.plugin.keys import BorrowedKeys
from docbin_napari.plugin.layers import canvas, choosing
from docbin_napari.plugin.layers.ink_result import BACKGROUND, INK, UNLABELLED
from docbin_napari.plugin.widgets import PlainContainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Image, Labels

    Chosen = Callable[[], tuple[Image | None, Labels | None]]

PAGE, RESULT, BESIDE = "page", "result", "beside"
LOOKS = {PAGE: ("Page", "Q"), RESULT: ("Result", "G"), BESIDE: ("Side by side", "H")}
"""What can be shown: text of the button, and the key to hold."""
_BLACK_ON_WHITE: dict[int | None, str] = {
    BACKGROUND: "white",
    INK: "black",
    UNLABELLED: "#b0b0b0",
    None: "black",
}


# State of the process: two panels share one viewer, and each remembers how all was before.
_SHOWING: weakref.WeakSet[Look] = weakref.WeakSet()


def end_looks() -> None:
    """Show all as the user has set it, whatever view is on."""
    for look in list(_SHOWING):
        look.show("")


def grid_of(viewer: ViewerModel) -> Any:
    """Give the grid, under its name before and since napari 0.9."""
    drawn_on = getattr(viewer, "canvas", None)
    return viewer.grid if drawn_on is None else drawn_on.grid


class Look:
    """Shows one of `LOOKS`, and afterwards, or when a layer is added, all as it was.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    chosen : callable
        Gives the image and its ink labels; None for what there is not.
    ended : callable
        Called when all is as it was.

    Attributes
    ----------
    shown : str
        One of `LOOKS`; empty as long as all is as the user has set it.
    """

    def __init__(
        self, viewer: ViewerModel, chosen: Chosen, ended: Callable[[], None] = lambda: None
    ) -> None:
        self._viewer, self._chosen, self._ended = viewer, chosen, ended
        self._before: list[tuple[Any, str, Any]] = []
        self.shown = ""

    def show(self, what: str) -> None:
        """Show something else.

        Parameters
        ----------
        what : str
            One of `LOOKS`; empty for all as it was.
        """
        self._restore()
        if what:
            end_looks()
        image, ink = self._chosen()
        if not what or image is None or (ink is None and what != PAGE):
            return
        self.shown = what
        wanted = {PAGE: (image,), RESULT: (ink,), BESIDE: (image, ink)}[what]
        for layer in self._viewer.layers:
            self._set(layer, "visible", layer in wanted)
        if what != PAGE and ink is not None:
            self._set(ink, "colormap", dict(_BLACK_ON_WHITE))
            self._set(ink, "opacity", 1.0)
            self._set(ink, "blending", "translucent")
        if what == BESIDE:
            self._put_apart(image, ink)
        _SHOWING.add(self)
        for event in self._events():
            event.connect(self._on_layers)

    def hold(self, what: str, _: Any = None) -> Iterator[None]:
        """Show something as long as a key is held; napari calls it with the viewer."""
        before = self.shown
        self.show(what)
        yield
        self.show(before)

    def _put_apart(self, *pair: Any) -> None:
        """Show both whole, in cells of napari's grid, which share one camera."""
        layers, grid = self._viewer.layers, grid_of(self._viewer)
        first, second = (layers.index(layer) for layer in pair)
        self._set(grid, "shape", (1, 2))
        for stride in range(1, len(layers) + 1):
            if (first // stride) % 2 != (second // stride) % 2:
                self._set(grid, "stride", stride)
                break
        self._set(grid, "enabled", True)
        if canvas.lies_flat(self._viewer):
            camera = canvas.camera_of(self._viewer)
            for name in ("zoom", "center"):
                self._set(camera, name, getattr(camera, name))
            canvas.show_whole(self._viewer, pair[0], cells=2)

    def _set(self, thing: Any, name: str, value: Any) -> None:
        self._before.append((thing, name, getattr(thing, name)))
        setattr(thing, name, value)

    def _events(self) -> tuple[Any, Any]:
        events = self._viewer.layers.events
        return events.inserted, events.removed

    def _on_layers(self, event: Any) -> None:
        """End the look; not for marks over a page, unless they move the cells of the grid."""
        if self.shown == BESIDE or not choosing.is_overlay(event.value):
            self._restore()

    def _restore(self) -> None:
        for event in self._events():
            event.disconnect(self._on_layers)
        _SHOWING.discard(self)
        while self._before:
            thing, name, value = self._before.pop()
            setattr(thing, name, value)
        self.shown = ""
        self._ended()


class LookRow(PlainContainer):
    """Three buttons that stay down; a second press shows all as it was.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    chosen : callable
        Gives the image and its ink labels; None for what there is not.
    """

    def __init__(self, viewer: ViewerModel, chosen: Chosen) -> None:
        self._chosen = chosen
        self._keys = BorrowedKeys(viewer)
        self.look = Look(viewer, chosen, self._show_buttons)
        self.buttons = {
            name: PushButton(
                name=f"look_{name}",
                text=f"{words} ({key})",
                tooltip=f"Show it until this is pressed again.\nHold {key} to show it briefly.",
            )
            for name, (words, key) in LOOKS.items()
        }
        super().__init__(list(self.buttons.values()), layout="horizontal", name="look")
        for name, button in self.buttons.items():
            button.native.setCheckable(True)
            button.native.clicked.connect(functools.partial(self._on_button, name))

    def attach(self) -> None:
        """Bind the keys."""
        hold, partial = self.look.hold, functools.partial
        self._keys.take({key: partial(hold, name) for name, (_, key) in LOOKS.items()}, held=True)

    def detach(self) -> None:
        """Show all as it was and give the keys back."""
        self.look.show("")
        self._keys.give_back()

    def refresh(self) -> None:
        """Follow what there is to show."""
        image, ink = self._chosen()
        for name, button in self.buttons.items():
            button.enabled = image is not None and (ink is not None or name == PAGE)
        self._show_buttons()

    def _show_buttons(self) -> None:
        for name, button in self.buttons.items():
            button.native.setChecked(self.look.shown == name)

    def _on_button(self, name: str, _: bool = False) -> None:
        self.look.show("" if self.look.shown == name else name)
        self.refresh()
