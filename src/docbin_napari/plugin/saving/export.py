"""Export ink as black-and-white pages: a page, a stack, a folder, and the buttons for it."""

from __future__ import annotations

import functools
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, PushButton
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.QtWidgets import QFileDialog

from docbin_napari.io.errors import FileError
from docbin_napari.io.mask import write_mask
from docbin_napari.io.paths import clean_name
from docbin_napari.pairs.work_list import RESULT_ENDING
from docbin_napari.plugin import widgets
from docbin_napari.plugin.dock import PanelWatch
from docbin_napari.plugin.layers.choosing import same_page
from docbin_napari.plugin.layers.ink_result import INK, UNLABELLED, NotInkError
from docbin_napari.plugin.layers.page_record import provenance
from docbin_napari.plugin.layers.page_source import current_page
from docbin_napari.plugin.pages.prepare import PageReady, make_ready
from docbin_napari.plugin.reader import is_training_folder
from docbin_napari.plugin.settings import remember, remembered
from docbin_napari.plugin.signals import list_of
from docbin_napari.plugin.threads import Failed, begin, logged, readable
from docbin_napari.plugin.writer import (
    INK_SUFFIXES,
    free_path,
    numbered,
    refuse_scan,
    take_pages,
    with_resolutions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import napari
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from docbin_napari.plugin.pages.prepare import PageOrder
    from docbin_napari.plugin.threads import Loader
    from docbin_napari.plugin.writer import Pages

FORMATS = {"PNG": ".png", "TIFF (G4)": ".tif"}
# State of the process: the rows that are open, which all show the format that was chosen last.
_ROWS: weakref.WeakSet[ExportRow] = weakref.WeakSet()
_KINDS = {".png": "1-bit PNG (*.png)", ".tif": "1-bit TIFF, CCITT G4 (*.tif *.tiff)"}


@dataclass(frozen=True)
class Exported:
    """How far an export is: `done` of `total` pages."""

    done: int
    total: int


@dataclass(frozen=True)
class ExportEnd:
    """An export that went to its end.

    Parameters
    ----------
    files : tuple of Path
        What was written.
    troubles : tuple of str
        One line for each page that could not be.
    unlabelled : bool
        Whether unlabelled pixels were written as paper.
    missing : str
        What is not in the files, in words, with a space before each sentence.
    """

    files: tuple[Path, ...]
    troubles: tuple[str, ...] = ()
    unlabelled: bool = False
    missing: str = ""

    @property
    def sentence(self) -> str:
        """What happened, in one line for the user."""
        if not self.files:
            return f"Nothing was saved: {'; '.join(self.troubles) or 'no page'}."
        where = self.files[0].name if len(self.files) == 1 else f"{len(self.files)} pages"
        text = f"Saved {where} in {self.files[0].parent.name or self.files[0].parent}."
        if self.unlabelled:
            text += " Unlabelled places are white."
        text += self.missing
        if self.troubles:
            text += f" {len(self.troubles)} could not be saved."
        return text


def origin_of(layer: Labels, image: Image | None) -> dict[str, Any]:
    """Give ``dpi``, ``source`` and ``page`` of ink: as it knows them itself, else as its image."""
    mine = image is not None and same_page(image, layer) is not False
    known = provenance(image) if mine and image is not None else {}
    return known | {name: value for name, value in layer.metadata.items() if value is not None}


def offered_path(
    layer: Labels, suffix: str, image: Image | None = None, only: int | None = None
) -> Path:
    """Offer a file beside the scan, under a name that is free.

    Parameters
    ----------
    layer : Labels
        Ink; its metadata may name the file of the scan.
    suffix : str
        Of the format.
    image : Image, optional
        The page, whose metadata may name it where those of the ink do not.
    only : int, optional
        One page of a stack, from 0.

    Returns
    -------
    Path
        ``letter-bw.png`` for ``letter.jpg``; in the home folder where the scan has no file, or
        lies among training pairs, where each page needs a mask.
    """
    known = origin_of(layer, image)
    source, page = known.get("source"), known.get("page")
    if layer.ndim == 3 and only is not None:
        page = only + 1
    several = layer.ndim == 3 or (isinstance(page, int) and page > 1)
    number = f"-p{page}" if several and page else ""
    scan = Path(source) if source else Path.home() / layer.name
    beside = scan.parent.is_dir() and not is_training_folder(scan.parent)
    name = clean_name(scan.stem if source else layer.name)
    folder = scan.parent if beside else Path.home()
    return free_path(folder / f"{name}{number}{RESULT_ENDING}{suffix}")


def with_suffix(path: Path, wanted: str) -> Path:
    """Give a typed name a suffix that can be written; then nothing is overwritten by it."""
    if path.suffix.lower() in INK_SUFFIXES:
        return path
    return free_path(path.with_name(path.name + wanted))


def export_stack(
    pages: Pages, target: Path, total: int, missing: str = "", scan: str | None = None
) -> Iterator[Exported | ExportEnd | Failed]:
    """Write pages of a layer; run in the background.

    Parameters
    ----------
    pages : list of (ndarray, (float, float) or None, int)
        As `take_pages` gives them.
    target : Path
        The file; several pages become one TIFF, or PNG files with the numbers of the pages.
    total : int
        Number of pages of the stack.
    missing : str
        What is not in the pages, from `take_pages`.
    scan : str, optional
        The file of the pages, to look up resolutions that are not known.

    Yields
    ------
    Exported, ExportEnd or Failed
        One of the last two ends it; nothing is raised, see `threads.run`. When it is stopped
        between two PNG files, those that are written stay.
    """
    count = len(pages)
    names = [target] if count == 1 else numbered(target, total)
    unlabelled = any(bool((plane == UNLABELLED).any()) for plane, _, _ in pages)
    files = []
    try:
        pages = with_resolutions(pages, scan)
        if len(names) == 1:
            yield Exported(0, count)
            ink = (plane == INK for plane, _, _ in pages)
            files.append(write_mask(target, ink, dpi=[dpi for _, dpi, _ in pages]))
        else:
            for done, (plane, dpi, number) in enumerate(pages, start=1):
                files.append(write_mask(free_path(names[number]), plane == INK, dpi=dpi))
                yield Exported(done, count)
        yield ExportEnd(tuple(files), (), unlabelled, missing)
    except Exception as error:
        yield Failed(f"Not saved: {logged(error, 'pages were not exported')}")


def export_folder(
    orders: list[PageOrder],
    target: Path,
    suffix: str,
    load: Loader,
    shown: dict[int, NDArray[Any]],
) -> Iterator[Exported | ExportEnd | Failed]:
    """Write all pages of a folder: as saved or corrected, else as the model finds them.

    Parameters
    ----------
    orders : list of PageOrder
        The pages. Those that were binarized before are not computed again.
    target : Path
        Folder of the new files; files of other runs in it are not overwritten.
    suffix : str
        ``.png`` or ``.tif``.
    load : callable
        Makes the engine.
    shown : dict of int to ndarray
        Labels of pages that are in the viewer, by their place in the list.

    Yields
    ------
    Exported, ExportEnd or Failed
        As `export_stack`.
    """
    files: list[Path] = []
    troubles: list[str] = []
    unlabelled = False
    for done, order in enumerate(orders, start=1):
        try:
            for event in make_ready(order, load):
                yield Exported(done - 1, len(orders))
                if isinstance(event, Failed):
                    troubles.append(event.message)
                elif isinstance(event, PageReady):
                    labels = event.labels if event.corrected is None else event.corrected
                    labels = shown.get(order.number, labels)
                    entry = order.entry
                    number = f"-p{entry.page:0{len(str(entry.count))}}" if entry.count > 1 else ""
                    name = f"{entry.file.stem}{number}{RESULT_ENDING}{suffix}"
                    dpi = event.metadata.get("dpi")
                    files.append(write_mask(free_path(target / name), labels == INK, dpi=dpi))
                    unlabelled = unlabelled or bool((labels == UNLABELLED).any())
        except Exception as error:
            # First: a page that cannot be read stops no other, a disk that is full stops all.
            troubles.insert(0, f"{order.entry.title}: {logged(error, 'a page was not exported')}")
        yield Exported(done, len(orders))
    yield ExportEnd(tuple(files), tuple(troubles), unlabelled)


# ---- buttons


class ExportRow(widgets.PlainContainer):
    """Saves the shown page, or all pages, as black and white.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    chosen : callable
        Gives the image and the ink labels that are worked on; None for what there is not.
    busy : callable
        Whether this ink is being computed.

    Attributes
    ----------
    page : PushButton
        Save the ink of the shown page as a 1-bit PNG or a TIFF (CCITT G4), black on white, in the
        resolution of the scan. Ctrl+S on the ink layer does the same.
    format : ComboBox
        The format that is offered. TIFF holds all pages of a stack in one file.
    all : PushButton
        Save all pages of the stack that have ink, or all of the folder in “Correct”: as you
        corrected them, else as the model finds them. Pressed again, it stops.
    said : Signal
        What happened, for the message line of the panel (str).
    """

    said = Signal(str)

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        chosen: Callable[[], tuple[Image | None, Labels | None]],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._viewer, self._chosen, self._busy = viewer, chosen, busy
        self._asks_file = _ask_file
        self._worker: Any = None
        field, known = functools.partial(widgets.field, ExportRow), remembered().get("format")
        self.page = field(PushButton, "page", text="Save black-and-white page…")
        format_now = known if known in FORMATS else "PNG"
        self.format = field(ComboBox, "format", choices=list(FORMATS), value=format_now)
        self.all = field(PushButton, "all", text="Export all pages…")
        below = widgets.row_of([self.format, self.all], "export_below")
        super().__init__([self.page, below], name="export")
        self._watch = PanelWatch(self.native)
        self.page.changed.connect(self._save_page)
        self.all.changed.connect(self._save_all)
        self.format.changed.connect(_choose_format)
        _ROWS.add(self)

    def refresh(self) -> None:
        """Follow what can be saved."""
        if self._watch.gone:
            return
        image, ink = self._chosen()
        turner = list_of(self._viewer, image)
        several = turner is not None or (ink is not None and ink.ndim == 3)
        running = self._worker is not None
        self.page.enabled = ink is not None and not running and not self._busy()
        self.all.enabled = running or several
        self.all.text = "Stop" if running else "Export all pages…"

    def _save_page(self, _: Any = None) -> None:
        image, ink = self._chosen()
        if ink is not None:
            self._save_layer(ink, image, current_page(ink, self._viewer.dims.point))

    def _save_all(self, _: Any = None) -> None:
        image, ink = self._chosen()
        turner = list_of(self._viewer, image)
        if self._worker is not None:
            self._worker.quit()
        elif turner is not None:
            try:
                orders, shown, load = turner.export_orders()
            except NotInkError as error:
                self.said.emit(f"Not saved: {error}.")
                return
            folder = _ask_folder(self.native, orders[0].entry.file.parent)
            if folder is not None:
                suffix = FORMATS[self.format.value]
                self._start(export_folder, orders, folder, suffix, load, shown)
        elif ink is not None:
            self._save_layer(ink, image)

    def _save_layer(self, ink: Labels, image: Image | None, only: int | None = None) -> None:
        known = origin_of(ink, image)
        offered = offered_path(ink, FORMATS[self.format.value], image, only)
        try:
            pages, missing = take_pages(offered, ink, known.get("dpi"), only)
            path = self._asks_file(self.native, offered)
            if path is None:
                return
            refuse_scan(path, known.get("source"))
            copies = [(plane.copy(), dpi, at) for plane, dpi, at in pages]  # Painting may go on.
        except Exception as error:
            reason = error.reason if isinstance(error, FileError) else readable(error)
            self.said.emit(f"Not saved: {reason}")
            return
        total = len(ink.data) if ink.ndim == 3 else 1
        self._start(export_stack, copies, path, total, missing, known.get("source"))

    # ---- in the background

    def _start(self, steps: Callable[..., Iterator[Any]], *arguments: Any) -> None:
        heard = {
            "yielded": self._on_event,
            "aborted": lambda: self.said.emit("Stopped. The pages that were saved are kept."),
            "finished": self._on_finished,
        }
        self._worker = begin(steps, *arguments, **heard)
        self.said.emit("Saving…")
        self.refresh()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, Exported):
            if event.total > 1:
                self.said.emit(f"Saving: {event.done} of {event.total} pages.")
            return
        if isinstance(event, Failed):
            show_error(event.message)
            self.said.emit(event.message)
        else:
            self.said.emit(event.sentence)
            if event.troubles:
                show_error("\n".join(event.troubles))

    def _on_finished(self) -> None:
        self._worker = None
        self.refresh()


def _choose_format(name: str) -> None:
    remember(format=name)
    for row in list(_ROWS):
        if not row._watch.gone:
            widgets.show_value(row.format, name)


def _ask_file(parent: Any, offered: Path) -> Path | None:
    """Ask for a file; the dialog asks before it takes one that exists."""
    first, kinds = _KINDS[offered.suffix], ";;".join(_KINDS.values())
    name, used = QFileDialog.getSaveFileName(parent, "Save as", str(offered), kinds, first)
    suffix = ".png" if used == _KINDS[".png"] else ".tif"
    return with_suffix(Path(name), suffix) if name else None


def _ask_folder(parent: Any, offered: Path) -> Path | None:
    title = "Folder for the black-and-white pages"
    name = QFileDialog.getExistingDirectory(parent, title, str(offered))
    return Path(name) if name else None
