"""Actions of the tools on press, drag and release over the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.correction.brush import find_ink, find_paper, segment
from docbin_napari.correction.component import component_at, nearest_ink
from docbin_napari.correction.region import lasso, rectangle, whole
from docbin_napari.plugin.correct.correct_session import REGION
from docbin_napari.plugin.layers import canvas, undo
from docbin_napari.plugin.layers.ink_result import BACKGROUND, INK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from docbin_napari.correction.region import Point
    from docbin_napari.plugin.correct.correct_session import CorrectSession
    from docbin_napari.plugin.correct.overlays import Overlays
    from docbin_napari.plugin.layers.page_record import Subject

_MISS_SCREEN_PIXELS = 5
_MISS_LIMIT = 40


class InkView:
    """Labels as ink, asked for by rows and columns: no copy of a large page is made.

    Parameters
    ----------
    plane : ndarray
        (H, W): 0 background, 1 ink, 2 unlabelled.
    """

    def __init__(self, plane: NDArray[Any]) -> None:
        self._plane = plane
        self.shape = plane.shape

    def __getitem__(self, place: Any) -> NDArray[np.bool_]:
        ink: NDArray[np.bool_] = self._plane[place] == INK
        return ink


def stroke(session: CorrectSession, subject: Subject, event: Any) -> Iterator[None]:
    """Draw with the ink brush or the paper eraser until the button is released.

    The whole stroke is one step of napari's undo. It ends early if its layer is removed
    or gets other data.

    Parameters
    ----------
    session : CorrectSession
        With the tool ``"ink"`` or ``"paper"`` in hand.
    subject : Subject
        The page.
    event : Event
        napari's mouse event, which changes while the button is held.

    Yields
    ------
    None
        After every movement.
    """
    labels, data = subject.labels, subject.labels.data
    find, value = (find_ink, INK) if session.tool == "ink" else (find_paper, BACKGROUND)
    last = canvas.point_on(labels, event.position)
    with labels.block_history():
        changed = _dab(session, subject, (last, last), find, value)
        yield
        while event.type == "mouse_move":
            if labels not in session.viewer.layers or labels.data is not data:
                session.status = "The labels changed in the middle of the stroke; it ends there."
                return
            point = canvas.point_on(labels, event.position)
            changed += _dab(session, subject, (last, point), find, value)
            last = point
            yield
    session.status = _outcome(changed, value)


def _outcome(changed: int, value: int) -> str:
    if changed:
        return f"{changed:,} pixels are now {'ink' if value == INK else 'background'}."
    if value == INK:
        return "No new ink under the stroke. A lower strictness takes fainter ink."
    return "No paper that was labelled otherwise under the stroke."


def _dab(
    session: CorrectSession, subject: Subject, way: tuple[Point, Point], find: Any, value: int
) -> int:
    """One piece of a stroke; gives the number of pixels that changed."""
    plane = subject.plane()
    shape = plane.shape[0], plane.shape[1]
    region = segment(*way, subject.labels.brush_size / 2, shape)
    if region is None:
        return 0
    found = find(session.gray(subject), region, shape, session.brush)
    before = plane[region.place]
    after = np.where(found, before.dtype.type(value), before)
    return undo.write(subject.labels, subject.page, region.place, after)


def click_piece(session: CorrectSession, subject: Subject, event: Any) -> None:
    """Remove the piece of ink under the pointer, or with Shift all others.

    Parameters
    ----------
    session : CorrectSession
        The state; its region bounds what Shift removes.
    subject : Subject
        The page.
    event : Event
        napari's mouse event.
    """
    plane = subject.plane()
    row, column = (round(value) for value in canvas.point_on(subject.labels, event.position))
    per_pixel = canvas.camera_of(session.viewer).zoom * abs(float(subject.labels.scale[-1]))
    reach = int(np.clip(_MISS_SCREEN_PIXELS / max(per_pixel, 1e-9), 1, _MISS_LIMIT))
    found = nearest_ink(InkView(plane), row, column, reach)  # type: ignore[arg-type]
    if found is None:
        session.status = "There is no ink here."
        return
    piece = component_at(InkView(plane), *found)  # type: ignore[arg-type]
    if "Shift" not in event.modifiers:
        before = plane[piece.place]
        after = np.where(piece.inside, before.dtype.type(BACKGROUND), before)
        count = undo.write(subject.labels, subject.page, piece.place, after)
        session.status = f"A piece of {count:,} pixels was removed."
        return
    area = session.region or whole((plane.shape[0], plane.shape[1]))
    kept = np.zeros(plane.shape, bool)
    kept[piece.place] = piece.inside
    before = plane[area.place]
    gone = area.inside & (before == INK) & ~kept[area.place]
    after = np.where(gone, before.dtype.type(BACKGROUND), before)
    count = undo.write(subject.labels, subject.page, area.place, after)
    where = "region" if session.region else "page"
    session.status = f"All other ink of the {where} was removed: {count:,} pixels."


def draw_region(
    session: CorrectSession, overlays: Overlays, subject: Subject, event: Any
) -> Iterator[None]:
    """Draw a rectangle, or with Shift a lasso, until the button is released.

    Parameters
    ----------
    session : CorrectSession
        Gets the region.
    overlays : Overlays
        Show its outline.
    subject : Subject
        The page.
    event : Event
        napari's mouse event, which changes while the button is held.

    Yields
    ------
    None
        After every movement.
    """
    free = "Shift" in event.modifiers
    points = [canvas.point_on(subject.labels, event.position)]
    yield
    while event.type == "mouse_move":
        if session.refusal(subject.image, subject.labels):
            return
        points.append(canvas.point_on(subject.labels, event.position))
        overlays.show_outline(subject.labels, subject.page, _outline(points, free))
        yield
    shape = subject.plane().shape[0], subject.plane().shape[1]
    drawn = lasso(points, shape) if free else rectangle(points[0], points[-1], shape)
    if len(points) < 2 or drawn is None:
        session.status = "Drag over the page to draw a region."
        return
    session.region, session.area = drawn, REGION
    session.status = f"Region of {drawn.size:,} pixels."


def _outline(points: list[Point], free: bool) -> list[Point]:
    if free:
        return points
    (top, left), (bottom, right) = points[0], points[-1]
    return [(top, left), (top, right), (bottom, right), (bottom, left)]
