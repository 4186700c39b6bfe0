"""State and actions of the list of pages, without a window."""

from __future__ import annotations

import functools
import gc
import weakref
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels

from docbin_napari.io.errors import FileError
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, Page
from docbin_napari.io.paths import modified
from docbin_napari.pairs.drafts import draft_folder
from docbin_napari.pairs.pair import folders_in, images_by_name
from docbin_napari.pairs.provenance import read_provenance
from docbin_napari.pairs.save import SPLITS
from docbin_napari.pairs.work_list import PageList, PageListError, is_newer, open_list
from docbin_napari.plugin.layers import canvas, undo
from docbin_napari.plugin.layers.choosing import labels_layers, marks_of
from docbin_napari.plugin.layers.ink_result import bind, image_behind, result_behind
from docbin_napari.plugin.layers.look import end_looks
from docbin_napari.plugin.layers.page_record import PAIR
from docbin_napari.plugin.layers.page_source import label_style
from docbin_napari.plugin.pages.prepare import PageReady
from docbin_napari.plugin.threads import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.components import ViewerModel
    from napari.layers import Layer

    from docbin_napari.inference.inference_config import PresetName
    from docbin_napari.inference.predict import Progress
    from docbin_napari.pairs.work_list import State


class QuickRemoval:
    """Makes layers of pages quick and safe to remove.

    napari collects garbage whenever a layer is removed, and visits every object of the process
    for it: tenths of a second for each page that is turned. What was there before the first list of
    pages is left out of that, until a layer is removed that was there, too.

    Parameters
    ----------
    viewer : ViewerModel
        With the layers.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._before: weakref.WeakSet[Layer] | None = None
        viewer.layers.events.removing.connect(self._on_removing)

    def begin(self) -> None:
        """Leave what is there now out of garbage collection; later lists change nothing."""
        if self._before is None:
            self._before = weakref.WeakSet(self._viewer.layers)
            gc.freeze()

    def end(self) -> None:
        """Collect everything again."""
        if self._before is not None:
            self._before = None
            gc.unfreeze()

    def _on_removing(self, event: Any) -> None:
        if self._viewer.layers[event.index] in (self._before or ()):
            self.end()


class PageListSession:
    """A list of pages, the one that is shown, and the next one that is made ready.

    Parameters
    ----------
    viewer : ViewerModel
        Where pages are shown.
    soon : callable
        Gets what is to be done after the window was drawn: each layer takes a while.

    Attributes
    ----------
    pages : PageList
        The list; empty until a folder is opened.
    current : int
        The page that is worked on, from 0.
    status : str
        What happens or happened, for the user.
    troubles : dict of int to str
        Pages that could not be opened or binarized, and why.
    all_wanted : bool
        Whether all pages are binarized, one after the other, not only this one and the next.
    """

    def __init__(
        self, viewer: ViewerModel, soon: Callable[[Callable[[], None]], None] = lambda work: work()
    ) -> None:
        self._viewer, self._soon = viewer, soon
        self.pages = PageList(Path(), Path())
        self.current = 0
        self.status = ""
        self.troubles: dict[int, str] = {}
        self.all_wanted = False
        self.image: Image | None = None
        self.labels: Labels | None = None
        self._shape, self._threshold = (0, 0), 0.0
        self._step, self._passed = 1, ""
        self._opened: dict[int, Page] = {}
        self._inked: dict[int, PageReady] = {}
        self._removal = QuickRemoval(viewer)

    @property
    def count(self) -> int:
        """Number of pages in the list."""
        return len(self.pages.entries)

    def open(self, folder: Path, datasets: Path | None = None) -> None:
        """Open a folder at the page that was worked on last.

        Parameters
        ----------
        folder : Path
            The pages.
        datasets : Path or None
            The data sets, for folders that cannot be written to.

        Raises
        ------
        PageListError
            If it is no folder of pages; then the list before stays.
        """
        self._leave()
        self.pages = open_list(folder, draft_folder(datasets))
        self._removal.begin()
        end_looks()  # Or what they hid would be shown again when the page comes.
        for layer in self._viewer.layers:
            layer.visible = False  # What was open before would shine through the pages.
        self._shape = (0, 0)
        self.troubles.clear()
        self._opened.clear()
        self._inked.clear()
        self.status = self.pages.note
        self.all_wanted = False
        if datasets is not None:
            note_saved_pages(self.pages, datasets)
        self._step, self._passed = 1, ""
        self._turn_to(self.pages.position)

    def close(self) -> None:
        """Leave the viewer as it would be without the list."""
        self._leave()
        self._removal.end()

    def go_to(self, number: int) -> None:
        """Turn to a page: what is ready of it is shown, the rest comes with `receive`.

        A page that cannot be read is passed over, in the direction of the turn.

        Parameters
        ----------
        number : int
            Place in the list, from 0.
        """
        self._leave()
        self._step, self._passed = (-1 if number < self.current else 1), ""
        self._turn_to(number)

    def _leave(self) -> None:
        """Keep the threshold that the user chose for the ink of this page."""
        result, ink = result_behind(self.labels), self.labels
        model = None if ink is None else ink.metadata.get("model")
        if result is not None and model is not None and result.threshold != self._threshold:
            note = self.pages.set_threshold
            self._keep(functools.partial(note, self.current, model, result.threshold))

    def _turn_to(self, number: int) -> None:
        marks = [] if self.image is None else marks_of(self._viewer, self.image)
        before = (*marks, *self.labels_of_page(), self.labels, self.image)
        self.image = self.labels = None
        self.current = self.pages.position = number
        self.troubles.pop(number, None)
        if not self.pages.note:
            self.status = ""
        self.pages.note = ""
        self._opened = self._near(self._opened)
        self._inked = self._near(self._inked)
        self._keep(self.pages.keep)
        # The new page comes first: a canvas that is drawn without any layer in between can end the
        # program (napari 0.9 with software OpenGL), and it would flicker.
        self._show()
        self._soon(functools.partial(self._take_away, before))

    def labels_of_page(self) -> list[Labels]:
        """List the labels that were made for the shown page, by runs and by hand, topmost first."""
        layers = labels_layers(self._viewer) if self.image is not None else []
        return [
            layer
            for layer in layers
            if image_behind(layer) is self.image and "source" in layer.metadata
        ]

    def wanted(self) -> int | None:
        """Tell which page is to be made ready now: this one, then the next one.

        Returns
        -------
        int or None
            Place in the list; None if there is nothing to do.
        """
        here = [] if self.labels is not None else [self.current]
        near = [
            number
            for number in (*here, self.current + 1)
            if number < self.count and number not in self._inked and number not in self.troubles
        ]
        all_others = [*range(self.current, self.count), *range(self.current)]
        far = filter(self._is_to_do, all_others if self.all_wanted else ())
        return next(iter((*near, *far)), None)

    @property
    def left(self) -> int:
        """Number of pages that are still to be binarized."""
        return sum(map(self._is_to_do, range(self.count)))

    def _is_to_do(self, number: int) -> bool:
        return self.pages.entries[number].state == "to do" and number not in self.troubles

    def choose(self, model: str, preset: PresetName, stamp: str = "") -> None:
        """Say how pages are binarized from now on; it is kept with the states of the pages.

        What lies ready but was found otherwise is found anew, and pages that were binarized
        otherwise are to do again; corrected and saved ones, and the page that is shown, stay.

        Parameters
        ----------
        model, preset, stamp : str
            As in `PageOrder`.
        """
        chosen = {"model": model, "preset": preset, "stamp": stamp}
        if self.pages.choices != chosen:
            if self.pages.choices:
                self._inked.clear()
                self._forget_binarized()
                self.try_again()
            self.pages.choices = chosen
            self._keep(self.pages.keep)

    def try_again(self) -> None:
        """Forget which pages could not be opened or binarized, so that they are wanted again."""
        if self.troubles:
            self.troubles.clear()
            self.status = ""

    def _forget_binarized(self) -> None:
        for number, entry in enumerate(self.pages.entries):
            if entry.state == "binarized" and number != self.current:
                self.pages.set_state(number, "to do", keep=False)

    def receive(self, number: int, event: Page | Progress | PageReady | Failed) -> None:
        """Take in what `make_ready` yields for the page of that number, from 0."""
        if isinstance(event, Page):
            # Also one farther away: it may be turned to while it is binarized.
            self._opened = self._near(self._opened) | {number: event}
            words = "Binarizing this page…"
        elif isinstance(event, PageReady):
            # Of pages farther away the probability is kept on the disk, and nothing in memory; a
            # page whose pixels were let go since is read again.
            if number in self._opened or (number == self.current and self.image is not None):
                self._inked |= self._near({number: event})
            words = event.note
            # Scans of the same names may have come into the folder since the states were kept.
            found: State = "saved" if PAIR in event.metadata else "binarized"
            self._set(number, found if event.corrected is None else "corrected")
        elif isinstance(event, Failed):
            self.troubles[number] = words = event.message
        else:
            words = f"Binarizing this page: {event.done / max(1, event.total):.0%}"
        if number == self.current:
            self.status = f"{words} {self._passed}".strip()
            if isinstance(event, (Page, PageReady)):
                self._soon(self._show)
            elif isinstance(event, Failed) and self.image is None:
                self._pass_over(words)

    def _pass_over(self, reason: str) -> None:
        """Show the next page that can be read instead of this one, and say why."""
        known = [number for number in range(self.count) if number not in self.troubles]
        known.sort(key=lambda at: ((at - self.current) * self._step < 0, abs(at - self.current)))
        if known:
            self._passed = reason
            self._turn_to(known[0])
            self.status = reason

    def note(self, file: Path | None, page: int, state: State, pair: str | None = None) -> None:
        """Note what became of a page.

        Parameters
        ----------
        file : Path or None
            The file of the page.
        page : int
            Page of the file, from 1.
        state : str
            ``corrected`` or ``saved``.
        pair : str, optional
            The page file of the pair.
        """
        number = self.pages.find(file, page)
        if number is not None:
            self._set(number, state, pair)
        if number == self.current and state == "saved":
            self.status = ""  # What was said of corrections that were not saved is over.

    def message(self, working_on: int | None) -> str:
        """Say what happened, and how far the list is if nothing did or all pages are binarized."""
        parts = [self.summary(working_on)] if self.all_wanted or not self.status else []
        return " ".join([*parts, self.status]).strip()

    def summary(self, working_on: int | None) -> str:
        """Say how far the list is.

        Parameters
        ----------
        working_on : int or None
            The page that is made ready now, from 0.

        Returns
        -------
        str
            For the user; empty without a list.
        """
        if not self.count:
            return ""
        done = sum(entry.state == "saved" for entry in self.pages.entries)
        text = f"Page {self.current + 1} of {self.count}, {done} saved"
        failed = f"{len(self.troubles)} with ⚠" if self.troubles else ""
        if self.all_wanted and not self.left:
            return f"{text}. All pages are binarized{failed and f', but {failed}'}."
        failed = failed and f", {failed}"
        if self.all_wanted:
            found = self.count - self.left - len(self.troubles)
            return f"{text}. Binarizing all: {found} of {self.count} done{failed}."
        text = f"{text}{failed}."
        ahead = working_on not in (None, self.current)
        return f"{text} The next page is being binarized." if ahead else text

    # ---- inside

    def _near(self, pages: dict[int, Any]) -> dict[int, Any]:
        """Leave out all but the page that is shown and the next one."""
        near = (self.current, self.current + 1)
        return {number: page for number, page in pages.items() if number in near}

    def _show(self) -> None:
        """Add the image of this page if it is ready and not there yet, then the labels."""
        entry, page = self.pages.entries[self.current], self._opened.get(self.current)
        if page is not None and self.image is None:
            metadata = {"dpi": page.dpi, "source": str(entry.file.resolve()), "page": entry.page}
            self.image = Image(page.pixels, name=entry.title, rgb=True, metadata=metadata)
            self._viewer.add_layer(self.image)
            if self._shape != page.pixels.shape[:2]:
                self._shape = page.pixels.shape[:2]
                canvas.show_whole(self._viewer, self.image)
            self._soon(self._show_labels)
        else:
            self._show_labels()

    def _show_labels(self) -> None:
        ready = self._inked.get(self.current)
        if ready is None or self.image is None or self.labels is not None:
            return
        name = f"Ink of {self.pages.entries[self.current].title}"
        self.labels = Labels(ready.labels, name=name, metadata=ready.metadata, **label_style())
        if ready.result is not None:
            self._threshold = ready.result.threshold
            bind(self.labels, ready.result, self.image)
        if ready.corrected is not None:
            height, width = ready.corrected.shape
            undo.write(self.labels, 0, np.s_[0:height, 0:width], ready.corrected)
        self._viewer.add_layer(self.labels)
        # Most pages were made ready while the one before was shown.
        self.status = f"{ready.note} {self._passed}".strip() or self.status
        self._opened.pop(self.current, None)
        self._inked.pop(self.current, None)

    def _take_away(self, before: tuple[Layer | None, ...]) -> None:
        """Take the layers of another page away; drafts and pairs keep their content."""
        layers = self._viewer.layers
        # In one go: napari collects garbage after each removal, which takes tenths of a second.
        with getattr(layers, "batched_update", nullcontext)():
            for layer in before:
                if layer is not None and layer in layers:
                    layers.remove(layer)

    def _set(self, number: int, state: State, pair: str | None = None) -> None:
        self._keep(functools.partial(self.pages.set_state, number, state, pair))

    def _keep(self, change: Callable[[], None]) -> None:
        """Change and write the states; if they cannot be written, `status` names the reason."""
        try:
            change()
        except PageListError as error:
            self.status = f"The states of the pages are not kept: {error}"


def note_saved_pages(pages: PageList, datasets: Path) -> None:
    """Note in a list which of its pages were saved before it was opened; `keep` writes it.

    Parameters
    ----------
    pages : PageList
        States that are further than saved pages stay: a page that was corrected since.
    datasets : Path
        The folder of the data sets; only the texts of its masks are read, no pixels.
    """
    saved: dict[int, Path] = {}
    # Of several pairs of a page, the one that was saved last.
    for page, mask in sorted(_pairs_in(datasets), key=lambda pair: modified(pair[1])):
        with suppress(FileError, OSError, RuntimeError):
            origin = read_provenance(mask)
            file = Path((origin and origin.source) or "").expanduser()
            number = pages.find(file, (origin and origin.page) or 1)
            if number is not None and file.is_absolute():
                saved[number] = page
    for number, page in saved.items():
        entry = pages.entries[number]
        if entry.state not in ("corrected", "saved") and not is_newer(entry.file, page):
            pages.set_state(number, "saved", str(page), keep=False)


def _pairs_in(datasets: Path) -> Iterator[tuple[Path, Path]]:
    """Give page and mask of each pair, whatever is wrong with other files beside them."""
    for split in SPLITS:
        with suppress(FileError, OSError):
            for collection in (datasets / split, *folders_in(datasets / split)):
                with suppress(FileError, OSError):
                    pages = images_by_name(collection)
                    for name, masks in images_by_name(collection / GROUND_TRUTH_FOLDER).items():
                        if name in pages:
                            yield pages[name][0], masks[0]
