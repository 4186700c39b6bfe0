"""State and actions of the correction panel, without a window."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels

from docbin_napari.correction.brush import BrushConfig
from docbin_napari.correction.doubt import doubt_grid, next_place
from docbin_napari.correction.region import Region, whole
from docbin_napari.plugin.layers import canvas, choosing, page_source, undo
from docbin_napari.plugin.layers.ink_result import UNLABELLED, bind, image_behind, result_behind
from docbin_napari.plugin.layers.page_record import DRAFT, Subject, provenance, reviewed_of
from docbin_napari.plugin.layers.page_source import gray_key, gray_page
from docbin_napari.plugin.layers.refresh import Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from docbin_napari.correction.reviewed import Reviewed

VISIBLE, REGION, PAGE = "Visible part", "Region", "Whole page"
AREAS = (VISIBLE, REGION, PAGE)


class CorrectSession:
    """State of one correction widget.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer with the pages.
    clock : callable
        Seconds that only rise.

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

    def __init__(self, viewer: ViewerModel, clock: Callable[[], float] = time.monotonic) -> None:
        self.viewer = viewer
        self.image: Image | None = None
        self.labels: Labels | None = None
        self.tool = ""
        self.brush = BrushConfig()
        self.area = VISIBLE
        self.region: Region | None = None
        self.status = ""
        self.upkeep = Upkeep(viewer, clock)
        self._gray: tuple[Any, Callable[[slice, slice], NDArray[np.uint8]]] | None = None
        self._doubt: tuple[Any, NDArray[np.float64]] | None = None
        self._sent: tuple[Labels, int, tuple[int, int]] | None = None

    # ---- layers

    def refusal(self, image: Image | None, labels: Labels | None) -> str:
        """Say why these layers cannot be corrected; as `choosing.refusal`."""
        return choosing.refusal(self.viewer, image, labels)

    def caution(self, image: Image | None, labels: Labels | None) -> str:
        """Say why these layers cannot be corrected, or what is strange about them."""
        return self.refusal(image, labels) or choosing.warning(image, labels)

    def subject(self) -> Subject | None:
        """Give the page that is corrected; None while `refusal` has something against it."""
        if self.refusal(self.image, self.labels) or self.image is None or self.labels is None:
            return None
        page = page_source.current_page(self.labels, self.viewer.dims.point)
        return Subject(self.image, self.labels, page)

    def new_labels(self, image: Image, value: int, draft: Path | None = None) -> Labels:
        """Add labels over an image.

        Parameters
        ----------
        image : Image
            A layer that `page_source.refusal` has nothing against.
        value : int
            Of every pixel: 0 background or 2 unlabelled.
        draft : Path, optional
            The draft with which they are filled at once: it is offered no more.

        Returns
        -------
        Labels
            The new layer, which is active.
        """
        layer = Labels(
            np.full(page_source.page_source(image).shape, value, np.uint8),
            name=f"Corrected {image.name}",
            metadata=provenance(image) | ({DRAFT: str(draft)} if draft else {}),
            **page_source.placement(image),
            **page_source.label_style(),
        )
        bind(layer, None, image)
        self.viewer.add_layer(layer)
        self.image, self.labels = image, layer
        return layer

    def gray(self, subject: Subject) -> Callable[[slice, slice], NDArray[np.uint8]]:
        """Give the gray values of the page; kept until the page or its contrast changes."""
        key = gray_key(subject.image, subject.page)
        if self._gray is None or self._gray[0] != key:
            self._gray = key, gray_page(subject.image, subject.page)
        return self._gray[1]

    def forget_page(self) -> None:
        """Drop what belongs to the page that was shown: its region."""
        self.region = None
        if self.area == REGION:
            self.area = VISIBLE

    # ---- areas

    def area_of(self, subject: Subject) -> Region | None:
        """Give the pixels that the chosen area means; None if there are none."""
        shape = subject.plane().shape
        if self.area == PAGE:
            return whole((shape[0], shape[1]))
        if self.area == REGION:
            return self.region
        rows, columns = canvas.visible_part(subject.labels)
        size = rows.stop - rows.start, columns.stop - columns.start
        return Region(rows, columns, np.broadcast_to(np.True_, size)) if min(size) else None

    def mark_unlabelled(self) -> None:
        """Mark the area as unlabelled, in one step."""
        found = self._area_or_reason()
        if found is None:
            return
        subject, area = found
        before = subject.plane()[area.place]
        after = before.copy()
        np.copyto(after, before.dtype.type(UNLABELLED), where=area.inside)
        count = undo.write(subject.labels, subject.page, area.place, after)
        self.status = f"{count:,} pixels are now unlabelled."

    def mark_reviewed(self) -> None:
        """Note that the area was looked at; if all of it was, take the mark away."""
        found = self._area_or_reason()
        if found is None:
            return
        subject, area = found
        reviewed = self.reviewed(subject)
        before = reviewed.grid.copy()
        reviewed.mark(*area.place, inside=area.inside)
        if np.array_equal(before, reviewed.grid):
            reviewed.mark(*area.place, looked=False, inside=area.inside)
        self.status = f"{reviewed.share:.0%} of the page is reviewed."

    def _area_or_reason(self) -> tuple[Subject, Region] | None:
        subject = self.subject()
        if subject is None:
            self.status = self.refusal(self.image, self.labels)
            return None
        area = self.area_of(subject)
        if area is None:
            missing = self.area == REGION
            self.status = "Draw a region first (key T)." if missing else "The page is not in view."
            return None
        return subject, area

    # ---- doubt and review

    def reviewed(self, subject: Subject) -> Reviewed:
        """Give the grid of what was looked at on a page."""
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
        # A run may still be filling the page: some pixels of it tell.
        samples = [int(one[::61, ::67].sum()) for one in (first, second) if one is not None]
        key = (id(subject.labels), subject.page, first.shape, *samples)
        if self._doubt is None or self._doubt[0] != key:
            self._doubt = key, doubt_grid(first, second)
        return self._doubt[1]

    def _second_opinion(self, subject: Subject) -> NDArray[np.uint8] | None:
        """Probability of another run on the same image, if there is one."""
        mine = result_behind(subject.labels)
        for layer in choosing.labels_layers(self.viewer):
            other = result_behind(layer)
            if other is None or other is mine or image_behind(layer) is not subject.image:
                continue
            if other.has(subject.page) and mine is not None and other.shape == mine.shape:
                return other.probability_plane(subject.page)
        return None

    def go_to_next(self) -> None:
        """Bring the most doubtful window to the canvas; the one that is left is reviewed."""
        subject = self.subject()
        if subject is None:
            self.status = self.refusal(self.image, self.labels)
            return
        reviewed = self.reviewed(subject)
        if self._sent is not None and self._sent[:2] == (subject.labels, subject.page):
            reviewed.mark(*reviewed.place(*self._sent[2]))
        doubt = self.doubt(subject)
        place = next_place(doubt, reviewed)
        self._sent = None if place is None else (subject.labels, subject.page, place)
        if place is None:
            self.status = "All of this page is reviewed."
            return
        canvas.centre_on(self.viewer, subject.labels, subject.page, reviewed.place(*place))
        if doubt is None:
            self.status = (
                "These labels have no ink probability, so the places come in reading order."
            )
        else:
            self.status = f"Most doubtful place left ({doubt[place]:.0%})."

    @property
    def sent_to(self) -> tuple[Labels, int, tuple[slice, slice]] | None:
        """The place that was brought to the canvas last: labels, page, rows and columns."""
        subject = self.subject()
        if subject is None or self._sent is None:
            return None
        if self._sent[:2] != (subject.labels, subject.page):
            return None
        return subject.labels, subject.page, self.reviewed(subject).place(*self._sent[2])

    def go_to(self, row: int, column: int) -> None:
        """Bring a window of the grid to the canvas."""
        subject = self.subject()
        if subject is not None:
            reviewed = self.reviewed(subject)
            self._sent = subject.labels, subject.page, (row, column)
            canvas.centre_on(self.viewer, subject.labels, subject.page, reviewed.place(row, column))
