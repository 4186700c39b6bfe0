"""Tools of the correction panel: names, keys and tooltips, and the one in use; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from docbin_napari.plugin.correct.tool_strokes import click_piece, draw_region, stroke
from docbin_napari.plugin.keys import BorrowedKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.layers import Labels

    from docbin_napari.plugin.correct.correct_session import CorrectSession
    from docbin_napari.plugin.correct.overlays import Overlays
    from docbin_napari.plugin.layers.page_record import Subject

_CURSORS = {"ink": "circle", "paper": "circle", "piece": "pointing", "region": "cross"}
# Keys with which napari's labels go back to moving the camera.
_PUT_DOWN_KEYS = ("Z", "Escape")


class ToolController:
    """Takes tools up and puts them down.

    Parameters
    ----------
    session : CorrectSession
        Its `tool` says what is in hand.
    overlays : Overlays
        Where regions are drawn.
    changed : callable
        Called after everything that the hand did.
    """

    def __init__(
        self, session: CorrectSession, overlays: Overlays, changed: Callable[[], None]
    ) -> None:
        self._session = session
        self._viewer = session.viewer
        self._overlays = overlays
        self._changed = changed
        self._held: Labels | None = None
        self._moving_page = False
        self._keys = BorrowedKeys(session.viewer)
        self._space_before: Any = None
        self._attached = False

    # ---- keys and mouse of the viewer

    def attach(self, keys: dict[str, Callable[[], None]]) -> None:
        """Listen to the mouse and bind keys of the viewer.

        Parameters
        ----------
        keys : dict
            What each key does; what it did before comes back with `detach`.
        """
        if self._attached:
            return
        self._attached = True
        self._viewer.mouse_drag_callbacks.append(self._on_drag)
        self._keys.take(keys)

    def detach(self) -> None:
        """Put the tool down, listen no more, give the keys back."""
        self.put_down()
        if not self._attached:
            return
        self._attached = False
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
        subject = session.subject()
        if again or subject is None:
            session.status = "" if again else session.refusal(session.image, session.labels)
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
        labels.events.mode.connect(self._on_mode)
        for key in _PUT_DOWN_KEYS:
            labels.bind_key(key, self._on_put_down_key, overwrite=True)
        self._space_before = self._viewer.bind_key("Space", self._on_space, overwrite=True)
        self._held, session.tool = labels, name
        session.status = next(tool.help for tool in TOOLS if tool.name == name).split(". ")[0] + "."
        self._changed()

    def put_down(self) -> None:
        """Give the mouse back to napari."""
        labels, self._held = self._held, None
        self._session.tool, self._moving_page = "", False
        if labels is None:
            return
        labels.events.mode.disconnect(self._on_mode)
        for key in _PUT_DOWN_KEYS:
            labels.bind_key(key, None)
        self._viewer.bind_key("Space", self._space_before, overwrite=True)
        if labels.mode == "pan_zoom":
            labels.mouse_pan = True
            labels.cursor = "standard"

    def _put_down_others(self) -> None:
        """Let hands of other panels put down theirs: the mouse works for one tool at a time."""
        for callback in self._viewer.mouse_drag_callbacks:
            other = getattr(callback, "__self__", None)
            if isinstance(other, ToolController) and other is not self:
                other.put_down()
                other._changed()

    def check(self) -> None:
        """Put the tool down if its layer is no longer the one that is worked on."""
        subject = self._session.subject()
        active = self._viewer.layers.selection.active
        gone = subject is None or subject.labels is not self._held
        if self._held is not None and (gone or active is not self._held):
            self.put_down()

    def _on_mode(self, _: Any = None) -> None:
        """One of napari's own tools was chosen."""
        self.put_down()
        self._changed()

    def _on_put_down_key(self, _: Labels) -> None:
        self.put_down()
        self._session.status = ""
        self._changed()

    def _on_space(self, _: Any) -> Iterator[None]:
        """Move the page as long as the key is held, as with napari's own tools."""
        held = self._held
        if held is None:
            return
        self._moving_page = True
        held.mouse_pan = True
        yield
        self._moving_page = False
        if self._held is not None and self._held is held:
            self._held.mouse_pan = False

    # ---- mouse

    def _on_drag(self, _: Any, event: Any) -> Iterator[None] | None:
        if not self._session.tool or self._moving_page or event.button != 1:
            return None
        subject = self._session.subject()
        if subject is None or subject.labels is not self._held:
            self.put_down()
            self._changed()
            return None
        return self._work(subject, event)

    def _work(self, subject: Subject, event: Any) -> Iterator[None]:
        tool = self._session.tool
        try:
            if tool == "piece":
                click_piece(self._session, subject, event)
            elif tool == "region":
                yield from draw_region(self._session, self._overlays, subject, event)
            else:
                yield from stroke(self._session, subject, event)
        finally:
            self._changed()


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

TOOLS = (
    Action(
        "ink",
        "Ink",
        "I",
        "Ink brush: a rough stroke labels what is ink under it, and nothing else. "
        f"[ and ] change its size. {_AGAIN}",
    ),
    Action(
        "paper",
        "Rub out",
        "R",
        "Rub out: a rough stroke sets to background what is paper under it, and leaves the ink. "
        f"It labels unlabelled paper as well. [ and ] change its size. {_AGAIN}",
    ),
    Action(
        "piece",
        "Piece",
        "K",
        "Click a piece of ink to remove it: a speck, a stain, a line. With Shift, keep only it and "
        f"remove all other ink of the region, or of the page if there is no region. {_AGAIN}",
    ),
    Action(
        "region",
        "Region",
        "T",
        "Drag a rectangle, or with Shift a lasso. “Threshold here” then moves the ink of this "
        f"region alone, and the buttons for an area work on it. {_AGAIN}",
    ),
)

UNLABELLED = Action(
    "unlabelled",
    "Unlabelled",
    "U",
    "Mark the area as unlabelled: training leaves out what nobody is sure of.",
)
REVIEWED = Action(
    "reviewed",
    "Reviewed",
    "W",
    "Note that you have looked at the area; again takes the mark away.",
)
NEXT = Action(
    "next",
    "Next doubtful place",
    "N",
    "Go to the window of the page where the network doubts most and nobody has looked yet. The "
    "place that you leave counts as reviewed.",
)
ACTIONS = (*TOOLS, UNLABELLED, REVIEWED, NEXT)
