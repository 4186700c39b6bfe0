"""State and actions of the correction panel, without a window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error

from docbin_napari.correction.brush import BrushConfig
from docbin_napari.correction.region import PieceSizes, Region, cut_region, measure_pieces, whole
from docbin_napari.correction.reviewed import doubt_grid, next_place
from docbin_napari.plugin.correct.overlays import SPECKS_NAME
from docbin_napari.plugin.layers import canvas, choosing, ink_result, page_source, undo
from docbin_napari.plugin.layers.page_record import DRAFT, Subject, reviewed_of
from docbin_napari.plugin.threads import readable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from docbin_napari.correction.brush import Gray
    from docbin_napari.correction.reviewed import Reviewed
    from docbin_napari.plugin.correct.overlays import Overlays

    Do = Callable[[Callable[[], None]], None]
    Place = tuple[Subject, tuple[slice, slice]]

VISIBLE, REGION, PAGE = "Visible part", "Region", "Whole page"
AREAS = (VISIBLE, REGION, PAGE)
_INLINE_PIXELS = 4_000_000
_NO_REGION = "Draw a region first (key T)."


class CorrectSession:
    """State of one correction widget.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer with the pages.

    Attributes
    ----------
    image, labels : Image or None, Labels or None
        What was chosen; ask `subject` whether they can be worked on.
    tool : str
        Name of the tool in hand; empty for none.
    brush : BrushConfig
        How strict brush and eraser are.
    area : str
        One of `AREAS`: what the buttons for an area work on.
    region : Region or None
        What was drawn last on this page.
    status : str
        What happened, for the user; empty when there is nothing to say.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self.image: Image | None = None
        self.labels: Labels | None = None
        self.tool = ""
        self.brush = BrushConfig()
        self.area = VISIBLE
        self.region: Region | None = None
        self.status = ""
        self.upkeep = ink_result.Upkeep(viewer)
        self._amendment = lru_cache(1)(undo.Amendment)
        # Kept until the page, its data or its contrast limits are others.
        self._gray = lru_cache(1)(lambda image, page, *_: page_source.gray_page(image, page))
        self._doubt: tuple[Any, NDArray[np.float64]] | None = None
        self._sent: tuple[Labels, int, tuple[int, int]] | None = None

    # ---- layers

    def refusal(self, image: Image | None, labels: Labels | None) -> str:
        """Say why these layers cannot be corrected; as `choosing.refusal`."""
        return choosing.refusal(self.viewer, image, labels)

    def subject(self) -> Subject | None:
        """Give the page that is corrected; None while `refusal` refuses it."""
        if self.refusal(self.image, self.labels) or self.image is None or self.labels is None:
            return None
        page = page_source.current_page(self.labels, self.viewer.dims.point)
        return Subject(self.image, self.labels, page)

    def subject_or_reason(self) -> Subject | None:
        """Give the page that is corrected; if there is none, `status` says why."""
        subject = self.subject()
        if subject is None:
            self.status = self.refusal(self.image, self.labels)
        return subject

    def new_labels(self, image: Image, value: int, draft: Path | None = None) -> Labels:
        """Add labels over an image.

        Parameters
        ----------
        image : Image
            A layer that `page_source.refusal` accepts.
        value : int
            Of every pixel: 0 background or 2 unlabelled.
        draft : Path, optional
            The draft with which they are filled at once: it is offered no more.

        Returns
        -------
        Labels
            The new layer, which is active.
        """
        data = np.full(page_source.page_source(image).shape, value, np.uint8)
        layer = choosing.labels_over(image, data, f"Corrected {image.name}")
        if draft:
            layer.metadata[DRAFT] = str(draft)
        ink_result.bind(layer, None, image)
        self.viewer.add_layer(layer)
        self.image, self.labels = image, layer
        return layer

    def gray(self, subject: Subject) -> Gray:
        """Give the gray values of the page; kept until the page or its contrast changes."""
        image = subject.image
        limits = None if image.rgb else tuple(image.contrast_limits)
        return self._gray(image, subject.page, id(image.data), limits)

    def forget_page(self) -> None:
        """Drop what belongs to the page that was shown: its region."""
        self.region = None
        if self.area == REGION:
            self.area = VISIBLE

    def choose_for_undo(self, subject: Subject) -> None:
        """Make labels that are written to the active layer: napari undoes steps of no other."""
        self.viewer.layers.selection.active = subject.labels

    # ---- areas

    def area_of(self, subject: Subject) -> Region | None:
        """Give the pixels that the chosen area means; None if there are none."""
        if self.area == PAGE:
            return whole(subject.size)
        if self.area == REGION:
            return self.region
        rows, columns = canvas.visible_part(subject.labels)
        size = rows.stop - rows.start, columns.stop - columns.start
        return Region(rows, columns, np.broadcast_to(np.True_, size)) if min(size) else None

    def area_or_reason(self) -> tuple[Subject, Region] | None:
        """Give the page and the chosen area; if there is none, `status` says why."""
        subject = self.subject_or_reason()
        if subject is None:
            return None
        if area := self.area_of(subject):
            return subject, area
        self.status = _NO_REGION if self.area == REGION else "The page is not in view."
        return None

    def mark_unlabelled(self) -> None:
        """Mark the area as unlabelled, in one step."""
        if found := self.area_or_reason():
            self.choose_for_undo(found[0])
            count = undo.paint(*found, ink_result.UNLABELLED)
            self.status = f"{count:,} pixels are now unlabelled."

    def mark_reviewed(self) -> None:
        """Mark the area as reviewed; if all of it is, remove the mark."""
        if found := self.area_or_reason():
            subject, area = found
            reviewed = self.reviewed(subject)
            before = reviewed.grid.copy()
            reviewed.mark(*area.place, inside=area.inside)
            if np.array_equal(before, reviewed.grid):
                reviewed.mark(*area.place, reviewed=False, inside=area.inside)
            self.status = f"{reviewed.share:.0%} of the page is reviewed."

    # ---- threshold of the region

    def threshold_refusal(self, subject: Subject | None) -> str:
        """Say why the region cannot follow a threshold of its own; empty if it can."""
        if subject is None:
            return self.refusal(self.image, self.labels)
        if subject.probability() is None:
            return "Threshold here needs the ink probability: run Binarize document on this page."
        return _NO_REGION if self.region is None else ""

    def move_threshold(self, threshold: float) -> None:
        """Let the drawn region alone follow a threshold.

        Strategy: however often the slider moves over one region, it is one step of undo: the step
        is taken back and made anew, as long as nothing else was done since.

        Parameters
        ----------
        threshold : float
            Probability from which a pixel is ink, 0 to 1; at 1 no pixel is.
        """
        subject = self.subject()
        self.status = self.threshold_refusal(subject)
        if self.status or subject is None or self.region is None:
            return
        self.choose_for_undo(subject)
        step = self._amendment(subject.labels, subject.page, self.region)
        step.take_back()
        result, probability = ink_result.result_behind(subject.labels), subject.probability()
        assert result is not None
        assert probability is not None
        # Above 8 bits at 1, so that what the model is sure of can be taken away, too.
        level = ink_result.level_of(threshold) if threshold < 1 else 256
        step.put(cut_region(subject.plane(), probability, self.region, level))
        result.set_region_threshold(subject.page, self.region, level)
        self.upkeep.touch(subject.labels)
        self.status = f"The region follows a threshold of {threshold:.2f}."

    def threshold_is_undone(self) -> bool:
        """Tell whether the region had a threshold of its own, and undo took it away."""
        subject = self.subject()
        if subject is None or self.region is None:
            return False
        return self._amendment(subject.labels, subject.page, self.region).undone

    # ---- doubt and review

    def reviewed(self, subject: Subject) -> Reviewed:
        """Give the grid of what was reviewed on a page."""
        return reviewed_of(subject.labels, subject.page)

    def doubt(self, subject: Subject) -> NDArray[np.float64] | None:
        """Measure the doubt of a page.

        Returns
        -------
        ndarray or None
            As `doubt_grid`; kept until the probability changes. None without a probability.
        """
        first = subject.probability()
        if first is None:
            return None
        second = self._second_opinion(subject)
        # A run may still be filling the page: a few pixels show whether it has changed.
        samples = [int(one[::61, ::67].sum()) for one in (first, second) if one is not None]
        key = (id(subject.labels), subject.page, first.shape, *samples)
        if self._doubt is None or self._doubt[0] != key:
            self._doubt = key, doubt_grid(first, second)
        return self._doubt[1]

    def _second_opinion(self, subject: Subject) -> NDArray[np.uint8] | None:
        """Find the probability of another run on the same image, if there is one."""
        layers = choosing.results_of(self.viewer, subject.image)
        own = subject.labels
        alike = [one for one in layers if one is not own and one.data.shape == own.data.shape]
        known = (replace(subject, labels=layer).probability() for layer in alike)
        return next((probability for probability in known if probability is not None), None)

    def go_to_next(self) -> Place | None:
        """Bring the most doubtful window to the canvas; the one that is left is reviewed.

        Returns
        -------
        tuple or None
            The page, and rows and columns of the window; None if there is none.
        """
        subject = self.subject_or_reason()
        if subject is None:
            return None
        reviewed = self.reviewed(subject)
        if self._sent is not None and self._sent[:2] == (subject.labels, subject.page):
            reviewed.mark(*reviewed.place(*self._sent[2]))
        doubt = self.doubt(subject)
        place = next_place(doubt, reviewed)
        if place is None:
            self._sent = None
            self.status = "All of this page is reviewed."
            return None
        self.status = "These labels have no ink probability, so the places come in reading order."
        if doubt is not None:
            self.status = f"Most doubtful place left ({doubt[place]:.0%})."
        return self.go_to(*place)

    def go_to(self, row: int, column: int) -> Place | None:
        """Bring a window of the grid to the canvas; gives what `go_to_next` does."""
        subject = self.subject()
        if subject is None:
            return None
        self._sent = subject.labels, subject.page, (row, column)
        place = self.reviewed(subject).place(row, column)
        canvas.centre_on(self.viewer, subject.labels, subject.page, place)
        return subject, place


@dataclass(frozen=True, eq=False)
class _Measured:
    """A part of a page, its ink at that time, and the pieces of that ink."""

    subject: Subject
    area: Region
    ink: NDArray[np.bool_]
    pieces: PieceSizes


class Specks:
    """The slider for specks: shown first, removed on a press.

    Strategy: a small area is searched at once, a large one in a thread; one search at a time.

    Parameters
    ----------
    session : CorrectSession
        With the area.
    overlays : Overlays
        Show what would go.
    do : callable
        Does something in the widget and shows its errors.
    begin : callable
        Starts a thread, as `docbin_napari.plugin.threads.begin` does.

    Attributes
    ----------
    size : int
        Pieces of fewer pixels are specks.
    """

    def __init__(
        self, session: CorrectSession, overlays: Overlays, do: Do, begin: Callable[..., Any]
    ) -> None:
        self._session, self._overlays, self._do, self._begin = session, overlays, do, begin
        self._measured: _Measured | None = None
        self._worker: Any = None
        self._asked_again = False
        self.size = 1

    @property
    def shown(self) -> bool:
        """Whether specks are highlighted and can be removed."""
        return self._measured is not None

    def move(self, size: int) -> None:
        """Highlight what is below another size; search for it if nothing is highlighted."""
        self.size = size
        self.show()
        if not self.shown:
            self.search()

    def search(self) -> None:
        """Take out the ink of the area and measure its pieces; one after the other."""
        self._asked_again = self._worker is not None
        found = None if self._asked_again else self._session.area_or_reason()
        if found is None:
            return
        subject, area = found
        ink = subject.plane()[area.place] == ink_result.INK

        def measure() -> _Measured:
            return _Measured(subject, area, ink, measure_pieces(ink, area, subject.size))

        if ink.size <= _INLINE_PIXELS:
            self._take(measure())
            return
        self._session.status = "Looking for specks…"
        self._worker = self._begin(
            measure,
            returned=lambda measured: self._do(lambda: self._take(measured)),
            errored=self._on_error,
            finished=self._on_end,
        )

    def _on_error(self, error: Exception) -> None:
        self._session.status = readable(error)
        show_error(self._session.status)

    def _on_end(self) -> None:
        self._worker = None
        if self._asked_again and not self.shown:
            self._do(self.search)  # The answer was for a page that was left meanwhile.

    def _take(self, measured: _Measured) -> None:
        self._measured = measured
        self.show()

    def show(self) -> None:
        """Highlight what is below the size now."""
        if (now := self._valid()) is not None:
            corner = now.area.rows.start, now.area.columns.start
            self._overlays.show_specks(now.subject, corner, now.pieces.below(self.size))
            number = now.pieces.count_below(self.size)
            self._session.status = f"{number:,} specks of fewer than {self.size} pixels."

    def remove(self) -> None:
        """Remove the specks that are shown, in one step."""
        if (now := self._valid()) is not None:
            self.forget()
            self._session.choose_for_undo(now.subject)
            gone = Region(*now.area.place, now.pieces.below(self.size))
            count = undo.paint(now.subject, gone, ink_result.BACKGROUND)
            number = now.pieces.count_below(self.size)
            self._session.status = f"{number:,} specks removed, {count:,} pixels."

    def forget(self) -> None:
        """Hide the specks and remove nothing."""
        if self.shown:
            self._measured = None
            self._overlays.hide(SPECKS_NAME)

    def _valid(self) -> _Measured | None:
        """Give what was measured if page, area and ink are still the same; else forget it."""
        known, subject = self._measured, self._session.subject()
        if known is None:
            return None
        area = None if subject is None else self._session.area_of(subject)
        if (
            area is not None
            and subject == known.subject
            and area.place == known.area.place
            and np.array_equal(area.inside, known.area.inside)
            and np.array_equal(known.subject.plane()[area.place] == ink_result.INK, known.ink)
        ):
            return known
        self.forget()
        self._session.status = "The page changed; move the slider again."
        return None
