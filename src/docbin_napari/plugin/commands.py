"""Commands of the File menu and the command palette."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from docbin_napari.io.errors import FileError
from docbin_napari.io.page import PAGE_SUFFIXES
from docbin_napari.plugin.reader import LayerData, is_training_folder, read_layers
from docbin_napari.plugin.threads import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari


def open_document(viewer: napari.viewer.Viewer) -> None:
    """Ask for documents and open all their pages, with their resolution.

    Parameters
    ----------
    viewer : Viewer
        Where they are opened; napari gives it.
    """
    patterns = " ".join(f"*{suffix}" for suffix in sorted(PAGE_SUFFIXES))
    kinds = f"Documents ({patterns});;All files (*)"
    paths, _ = QFileDialog.getOpenFileNames(None, "Open documents", filter=kinds)
    if paths:
        open_paths(viewer, paths)


def open_training_folder(viewer: napari.viewer.Viewer) -> None:
    """Ask for a training folder and open its pages with their ground truth.

    Parameters
    ----------
    viewer : Viewer
        Where they are opened; napari gives it.
    """
    caption = "Open training folder (the one that holds fg_mask)"
    if folder := QFileDialog.getExistingDirectory(None, caption):
        open_paths(viewer, [folder])


def open_folder(viewer: napari.viewer.Viewer) -> None:
    """Ask for a folder of scans and open it as a list of pages.

    Parameters
    ----------
    viewer : Viewer
        Where it is opened; napari gives it.
    """
    if folder := QFileDialog.getExistingDirectory(None, "Open a folder of scans"):
        list_pages(viewer, Path(folder))


def list_pages(viewer: napari.viewer.Viewer, folder: Path) -> None:
    """Open a folder: scans as a list in *Correct*, training pairs as layers.

    Parameters
    ----------
    viewer : Viewer
        Where it is opened.
    folder : Path
        The folder.
    """
    from docbin_napari.plugin.dock import CORRECT, open_panel

    if is_training_folder(folder):
        open_paths(viewer, [str(folder)])
    else:
        panel = open_panel(viewer, CORRECT)
        panel.sections["folder"].fold(False)
        panel.page_list.folder.choose(folder)


def open_paths(viewer: napari.viewer.Viewer, paths: Sequence[str]) -> None:
    """Read files and folders in the background and add their layers.

    Parameters
    ----------
    viewer : Viewer
        Where they are opened.
    paths : sequence of str
        Documents and training folders.
    """
    from napari.qt.threading import create_worker

    from docbin_napari.plugin.dock import say

    def add(outcome: tuple[list[LayerData], str]) -> None:
        from napari.layers import Layer
        from napari.utils.notifications import show_error

        layers, trouble = outcome
        for data, meta, kind in layers:
            viewer.add_layer(Layer.create(data, meta, kind))
        if trouble:
            show_error(trouble)
            say(viewer, trouble)

    shown = {"desc": "Reading documents"}
    create_worker(read_all, paths, _connect={"returned": add}, _progress=shown)


def read_all(paths: Sequence[str]) -> tuple[list[LayerData], str]:
    """Read what can be read.

    Parameters
    ----------
    paths : sequence of str
        Documents and training folders.

    Returns
    -------
    layers : list of tuple
        napari layer data of all that could be read.
    trouble : str
        One line for each that could not; empty if all went well.
    """
    layers: list[LayerData] = []
    trouble = []
    for path in paths:
        try:
            layers += read_layers(path)
        except Exception as error:
            where = "" if isinstance(error, FileError) else f"{Path(path).name}: "
            trouble.append(where + readable(error))
    return layers, "\n".join(trouble)
