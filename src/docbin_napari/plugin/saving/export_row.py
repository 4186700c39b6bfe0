"""Buttons that save black-and-white pages, the same in each panel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, Container, PushButton
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.QtWidgets import QFileDialog

from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.saving import export
from docbin_napari.plugin.settings import remember, remembered
from docbin_napari.plugin.signals import list_of
from docbin_napari.plugin.threads import Failed, readable

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image, Labels

_FILTERS = "1-bit PNG (*.png);;1-bit TIFF, CCITT G4 (*.tif *.tiff)"


class ExportRow(Container[Any]):
    """Saves the shown page, or all pages, as black and white.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    chosen : callable
        Gives the image and the ink labels that are worked on; None for what there is not.
    asks_file, asks_folder : callable
        Ask where to; others in tests.

    Attributes
    ----------
    said : Signal
        What happened, for the message line of the panel (str).
    """

    said = Signal(str)

    def __init__(
        self,
        viewer: napari.viewer.Viewer,
        chosen: Callable[[], tuple[Image | None, Labels | None]],
        asks_file: Any = None,
        asks_folder: Any = None,
    ) -> None:
        self._viewer, self._chosen = viewer, chosen
        self._asks_file = asks_file or _ask_file
        self._asks_folder = asks_folder or _ask_folder
        self._worker: Any = None
        self.page = PushButton(
            name="save_page",
            text="Save black-and-white page…",
            tooltip="Save the ink of the shown page as a 1-bit PNG or a TIFF (CCITT G4), black on "
            "white, in the resolution of the scan. Ctrl+S on the ink layer does the same.",
        )
        self.format = ComboBox(
            name="format",
            choices=list(export.FORMATS),
            value=self._known_format(),
            tooltip="The format that is offered. TIFF holds all pages of a stack in one file.",
        )
        self.all = PushButton(
            name="export_all",
            text="Export all pages…",
            tooltip="Save all pages of the stack, or of the folder in “Correct pages”: as you "
            "corrected them, else as the model finds them. Pressed again, it stops.",
        )
        below = Container(
            widgets=[self.format, self.all], layout="horizontal", labels=False, name="export_below"
        )
        below.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.page, below], labels=False, name="export")
        self.margins = (0, 0, 0, 0)
        self.page.changed.connect(self._save_page)
        self.all.changed.connect(self._save_all)
        self.format.changed.connect(lambda name: remember(format=name))

    @staticmethod
    def _known_format() -> str:
        known = remembered().get("format", "")
        return known if known in export.FORMATS else next(iter(export.FORMATS))

    @property
    def running(self) -> bool:
        """Whether pages are being written."""
        return self._worker is not None

    def refresh(self) -> None:
        """Look again at what can be saved."""
        image, ink = self._chosen()
        turner = list_of(image)
        several = turner is not None or (ink is not None and ink.ndim == 3)
        self.page.enabled = ink is not None and not self.running
        self.all.enabled = self.running or several
        self.all.text = "Stop" if self.running else "Export all pages…"

    def stop(self) -> None:
        """Stop after the page that is being written."""
        if self._worker is not None:
            self._worker.quit()

    # ---- one page

    def _save_page(self, _: Any = None) -> None:
        _, ink = self._chosen()
        if ink is None or self.running:
            return
        suffix = export.FORMATS[self.format.value]
        path = self._asks_file(self.native, export.offered_path(ink, suffix), _FILTERS)
        if path is None:
            return
        page = page_source.current_page(ink, self._viewer.dims.point) if ink.ndim == 3 else 0
        self._write_stack(ink, export.with_suffix(path, suffix), page)

    def _write_stack(self, ink: Labels, target: Path, only: int | None) -> None:
        try:
            order = export.take_pages(ink, target, only)
        except Exception as error:
            self.said.emit(f"Not saved: {readable(error)}")
            return
        self._start(export.export_stack(order))

    # ---- all pages

    def _save_all(self, _: Any = None) -> None:
        if self.running:
            self.stop()
            return
        image, ink = self._chosen()
        suffix = export.FORMATS[self.format.value]
        turner = list_of(image)
        if turner is not None:
            orders, shown, load = turner.export_orders()
            folder = self._asks_folder(self.native, orders[0].entry.file.parent)
            if folder is not None:
                self._start(export.export_folder(orders, folder, suffix, load, shown))
        elif ink is not None:
            offered = export.offered_path(ink, suffix)
            path = self._asks_file(self.native, offered, _FILTERS)
            if path is not None:
                self._write_stack(ink, export.with_suffix(path, suffix), None)

    # ---- beside the window

    def _start(self, steps: Any) -> None:
        # A generator that exists already: the worker takes a function that gives one.
        self._worker = create_worker(lambda: (yield from steps), _ignore_errors=True)
        self._worker.yielded.connect(self._on_event)
        self._worker.finished.connect(self._on_finished)
        self._told = False
        self._worker.start()
        self.said.emit("Saving…")
        self.refresh()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, export.Exported):
            if event.total > 1:
                self.said.emit(f"Saving: {event.done} of {event.total} pages.")
            return
        self._told = True
        if isinstance(event, Failed):
            show_error(event.message)
            self.said.emit(event.message)
        else:
            self.said.emit(event.sentence)
            if event.troubles:
                show_error("\n".join(event.troubles))

    def _on_finished(self) -> None:
        self._worker = None
        if not self._told:
            self.said.emit("Stopped. The pages that were saved are kept.")
        self.refresh()


def _ask_file(parent: Any, offered: Path, filters: str) -> Path | None:
    """Ask for a file; the dialog asks before it takes one that exists."""
    kinds = filters.split(";;")
    first = kinds[0] if offered.suffix == ".png" else kinds[1]
    name, used = QFileDialog.getSaveFileName(parent, "Save as", str(offered), filters, first)
    if not name:
        return None
    return export.with_suffix(Path(name), ".png" if used == kinds[0] else ".tif")


def _ask_folder(parent: Any, offered: Path) -> Path | None:
    name = QFileDialog.getExistingDirectory(
        parent, "Folder for the black-and-white pages", str(offered)
    )
    return Path(name) if name else None
