"""Tools of the correction panel: names, keys, what they do on the canvas, the one in use; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.correction.brush import find_ink, find_paper, segment
from docbin_napari.correction.region import (
    Region,
    component_at,
    lasso,
    nearest_ink,
    rectangle,
    whole,
)
from docbin_napari.plugin.correct.correct_session import REGION
from docbin_napari.plugin.keys import BorrowedKeys
from docbin_napari.plugin.layers import canvas, undo
from docbin_napari.plugin.layers.ink_result import BACKGROUND, INK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from napari.layers import Labels

    from docbin_napari.correction.region import Point
    from docbin_napari.plugin.correct.correct_session import CorrectSession
    from docbin_napari.plugin.correct.overlays import Overlays
    from docbin_napari.plugin.layers.page_record import Subject

_CURSORS = {"ink": "circle", "paper": "circle", "piece": "pointing", "region": "cross"}
# Keys with which napari's labels go back to moving the camera.
_PUT_DOWN_KEYS = ("Z", "Escape")
_CHANGED = "The labels changed in the middle of the stroke; it ends there."
_MISS_SCREEN_PIXELS = 5
_MISS_LIMIT = 40


@dataclass(frozen=True)
class Action:
    """A tool or a button that has a key.

    Parameters
    ----------
    name : str
        Inside the program.
    text : str
        On the button.
    key : str
        On the keyboard; no key of napari's labels or of its viewer.
    help : str
        What it does, for the tooltip.
    """

    name: str
    text: str
    key: str
    help: str

    @property
    def tooltip(self) -> str:
        """The help, with the key."""
        return f"{self.help}\nKey: {self.key}"

    @property
    def short(self) -> str:
        """The first sentence of the help."""
        return self.help.split(". ")[0].rstrip(".").split(": ")[-1]


_AGAIN = "The same key again, Z or Escape puts the tool down; Space moves the page meanwhile."
_INK = (
    "Ink brush: a rough stroke labels what is ink under it, and nothing else. "
    f"[ and ] change its size. {_AGAIN}"
)
_RUB_OUT = (
    "Rub out: a rough stroke sets to background what is paper under it, and leaves the ink. "
    f"It labels unlabelled paper as well. [ and ] change its size. {_AGAIN}"
)
_PIECE = (
    "Click a piece of ink to remove it: a speck, a stain, a line. With Shift, keep only it and "
    f"remove all other ink of the region, or of the page if there is no region. {_AGAIN}"
)
_REGION = (
    "Drag a rectangle, or with Shift a lasso. “Threshold here” then moves the ink of this "
    f"region alone, and the buttons for an area work on it. {_AGAIN}"
)
_UNLABELLED = "Mark the area as unlabelled: training leaves out what nobody is sure of."
_REVIEWED = "Mark the area as reviewed; a second time removes the mark."
_NEXT = (
    "Go to the window of the page where the network doubts most, of those not reviewed yet. "
    "The place that you leave counts as reviewed."
)

TOOLS = (
    Action("ink", "Ink", "I", _INK),
    Action("paper", "Rub out", "R", _RUB_OUT),
    Action("piece", "Piece", "K", _PIECE),
    Action("region", "Region", "T", _REGION),
)

ACTIONS = (
    *TOOLS,
    Action("unlabelled", "Unlabelled", "U", _UNLABELLED),
    Action("reviewed", "Reviewed", "W", _REVIEWED),
    Action("next", "Next doubtful place", "N", _NEXT),
)


class ToolController:
    """Takes tools up and puts them down.

    Parameters
    ----------
    session : CorrectSession
        Its `tool` says what is in hand.
    overlays : Overlays
        Where regions are drawn.
    changed : callable
        Called after everything that a tool did.
    """

    def __init__(
        self, session: CorrectSession, overlays: Overlays, changed: Callable[[], None]
    ) -> None:
        self._session, self._viewer = session, session.viewer
        self._overlays, self._changed = overlays, changed
        self._held: Labels | None = None
        self._keys, self._space = BorrowedKeys(session.viewer), BorrowedKeys(session.viewer)

    # ---- keys and mouse of the viewer

    def attach(self, keys: Mapping[str, Callable[[], None]]) -> None:
        """Listen to the mouse and bind keys of the viewer.

        Parameters
        ----------
        keys : mapping
            What each key does; what it did before comes back with `detach`.
        """
        if self._on_drag not in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.append(self._on_drag)
        self._keys.take(keys)

    def detach(self) -> None:
        """Put the tool down, listen no more, give the keys back."""
        self.put_down()
        if self._on_drag in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_drag)
        self._keys.give_back()

    # ---- tools

    def take(self, name: str) -> None:
        """Take a tool up; the one that is in hand already is put down.

        Parameters
        ----------
        name : str
            Of one of `docbin_napari.plugin.correct.tools.TOOLS`.
        """
        session, again = self._session, self._session.tool == name
        self.put_down()
        self._put_down_others()
        session.status = ""
        subject = None if again else session.subject_or_reason()
        if subject is None:
            self._changed()
            return
        labels = subject.labels
        labels.visible = True
        self._viewer.layers.selection.active = labels
        labels.mode = "pan_zoom"
        labels.mouse_pan = False
        labels.cursor = _CURSORS[name]
        # Setting it makes napari draw the circle in the right size.
        labels.brush_size = labels.brush_size
        labels.events.mode.connect(self._let_go)
        for key in _PUT_DOWN_KEYS:
            labels.bind_key(key, self._on_put_down_key, overwrite=True)
        self._space.take({"Space": self._on_space}, held=True)
        self._held, session.tool = labels, name
        session.status = next(tool.help for tool in TOOLS if tool.name == name).split(". ")[0] + "."
        self._changed()

    def put_down(self) -> None:
        """Give the mouse back to napari."""
        labels, self._held = self._held, None
        self._session.tool = ""
        if labels is None:
            return
        labels.events.mode.disconnect(self._let_go)
        for key in _PUT_DOWN_KEYS:
            labels.bind_key(key, None)
        self._space.give_back()
        if labels.mode == "pan_zoom":
            labels.mouse_pan = True
            labels.cursor = "standard"

    def _put_down_others(self) -> None:
        """Put down the tools of other panels: the mouse works for one tool at a time."""
        for callback in self._viewer.mouse_drag_callbacks:
            other = getattr(callback, "__self__", None)
            if isinstance(other, ToolController) and other is not self:
                other._let_go()

    def check(self) -> None:
        """Put the tool down if its layer is no longer the one that is worked on."""
        subject, active = self._session.subject(), self._viewer.layers.selection.active
        if subject is None or not subject.labels is self._held is active:
            self.put_down()

    def _let_go(self, _: Any = None) -> None:
        """Put the tool down and show it: one of napari's own was chosen, or the page has gone."""
        self.put_down()
        self._changed()

    def _on_put_down_key(self, _: Labels) -> None:
        self._session.status = ""
        self._let_go()

    def _on_space(self, _: Any) -> Iterator[None]:
        """Move the page as long as the key is held, as with napari's own tools."""
        if (held := self._held) is not None:
            held.mouse_pan = True
            yield
            if self._held is not None and self._held is held:
                self._held.mouse_pan = False

    # ---- mouse

    def _on_drag(self, _: Any, event: Any) -> Iterator[None]:
        if self._held is None or self._held.mouse_pan or event.button != 1:
            return
        subject = self._session.subject()
        if subject is None or subject.labels is not self._held:
            self._let_go()
            return
        works = {"piece": self._click_piece, "region": self._draw_region}
        try:
            yield from works.get(self._session.tool, self._stroke)(subject, event)
        finally:
            self._changed()

    def _stroke(self, subject: Subject, event: Any) -> Iterator[None]:
        """Draw with the ink brush or the paper eraser until the button is released.

        The whole stroke is one step of napari's undo. It ends early if its layer is removed
        or gets other data.

        Parameters
        ----------
        subject : Subject
            The page.
        event : Event
            napari's mouse event, which changes while the button is held.

        Yields
        ------
        None
            After every movement.
        """
        session, labels, data = self._session, subject.labels, subject.labels.data
        find, value = (find_ink, INK) if session.tool == "ink" else (find_paper, BACKGROUND)

        def dab(start: Point, end: Point) -> int:
            """Paint one piece of the stroke; return the number of pixels that changed."""
            region = segment(start, end, labels.brush_size / 2, subject.size)
            if region is None:
                return 0
            found = find(session.gray(subject), region, subject.size, session.brush)
            return undo.paint(subject, Region(*region.place, found), value)

        last = canvas.point_on(labels, event.position)
        with labels.block_history():
            changed = dab(last, last)
            yield
            while event.type == "mouse_move":
                if labels not in self._viewer.layers or labels.data is not data:
                    session.status = _CHANGED
                    return
                point = canvas.point_on(labels, event.position)
                changed += dab(last, point)
                last = point
                yield
        session.status = _outcome(changed, value)

    def _click_piece(self, subject: Subject, event: Any) -> Iterator[None]:
        """Remove the piece of ink under the pointer, or with Shift all others.

        The region of the session bounds what Shift removes.
        """
        session, ink = self._session, subject.plane() == INK
        row, column = (round(value) for value in canvas.point_on(subject.labels, event.position))
        per_pixel = canvas.camera_of(self._viewer).zoom * abs(float(subject.labels.scale[-1]))
        reach = int(np.clip(_MISS_SCREEN_PIXELS / max(per_pixel, 1e-9), 1, _MISS_LIMIT))
        found = nearest_ink(ink, row, column, reach)
        if found is None:
            session.status = "There is no ink here."
            return
        piece = component_at(ink, *found)
        if "Shift" not in event.modifiers:
            count = undo.paint(subject, piece, BACKGROUND)
            session.status = f"A piece of {count:,} pixels was removed."
            return
        area = session.region or whole(subject.size)
        ink[piece.place] &= ~piece.inside
        others = Region(*area.place, area.inside & ink[area.place])
        count = undo.paint(subject, others, BACKGROUND)
        where = "region" if session.region else "page"
        session.status = f"All other ink of the {where} was removed: {count:,} pixels."
        yield from ()  # A click has nothing to do while the button is held.

    def _draw_region(self, subject: Subject, event: Any) -> Iterator[None]:
        """Draw a rectangle, or with Shift a lasso, until the button is released."""
        session, size, free = self._session, subject.size, "Shift" in event.modifiers
        points = [canvas.point_on(subject.labels, event.position)]
        yield
        while event.type == "mouse_move":
            if session.refusal(subject.image, subject.labels):
                return
            points.append(canvas.point_on(subject.labels, event.position))
            self._overlays.show_outline(subject, _outline(points, free))
            yield
        drawn = lasso(points, size) if free else rectangle(points[0], points[-1], size)
        if len(points) < 2 or drawn is None:
            session.status = "Drag over the page to draw a region."
            return
        session.region, session.area = drawn, REGION
        session.status = f"Region of {drawn.size:,} pixels."


def _outcome(changed: int, value: int) -> str:
    if changed:
        return f"{changed:,} pixels are now {'ink' if value == INK else 'background'}."
    if value == INK:
        return "No new ink under the stroke. A lower strictness takes fainter ink."
    return "Nothing changed: the paper under the stroke is labelled already."


def _outline(points: list[Point], free: bool) -> list[Point]:
    (top, left), (bottom, right) = points[0], points[-1]
    box = [(top, left), (top, right), (bottom, right), (bottom, left)]
    return points if free else box
