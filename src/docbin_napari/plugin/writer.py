"""Write ink labels as 1-bit PNG or CCITT G4 TIFF, also where napari saves by itself.

Strategy: napari asks its writers in the order in which plugins were registered, its own first,
and the file type of its dialog stays at its own "labels": a 32-bit image of zeros and ones, black
in every viewer, or an empty file where the format cannot hold it. A plugin has no way to say that
its writer is meant for the layers it made. All four ways of saving (File > Save, Ctrl+S,
``layers.save``, ``layer.save``) go through `napari.plugins.io.save_layers`, so that function is
replaced, once, by one that takes the labels made by this package out and leaves everything else as
it was: layers of others, other plugins' writers that were chosen, and formats that only others
have.
"""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.errors import FileError
from docbin_napari.io.mask import MaskError, write_ground_truth, write_mask
from docbin_napari.io.paths import clean_name
from docbin_napari.plugin.layers.ink_result import INK, UNLABELLED, result_behind
from docbin_napari.plugin.layers.page_record import resolution_of
from docbin_napari.plugin.layers.page_source import full_resolution
from docbin_napari.plugin.signals import LISTS
from docbin_napari.plugin.threads import resolution_in, resolutions_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Labels, Layer
    from numpy.typing import NDArray

    Pages = list[tuple[NDArray[Any], tuple[float, float] | None, int]]

INK_SUFFIXES = (".png", ".tif", ".tiff")
_KNOWN_BY = ("dpi", "source", "page")
# A format of arrays, which keeps label values; all other built-in ones show zeros and ones.
_ARRAYS = (".npz",)
_NAPARI, _OURS = "napari", "docbin-napari"
_DIALOG = "_save_layers_dialog"  # napari's function behind File > Save and Ctrl+S


def write_ink(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Save labels as black ink on white paper.

    A stack becomes one TIFF of many pages, or numbered PNG files (``page_01.png``…).
    Unlabelled pixels are kept, as gray 128 in an 8-bit PNG; a 1-bit TIFF has no place for
    them and is refused.

    Parameters
    ----------
    path : str
        ``.png``, ``.tif`` or ``.tiff``.
    data : array_like
        Labels (H, W) or (pages, H, W): 0 background, 1 ink, 2 unlabelled; the list of
        levels of a multiscale layer.
    meta : dict
        Attributes of the layer. ``meta["metadata"]["dpi"]`` is (x, y), a list of one for
        each page, or None.

    Returns
    -------
    list of str
        The files.

    Raises
    ------
    MaskError
        If the labels are not those of ink, or the file cannot be written.
    """
    target, dpi = Path(path), meta.get("metadata", {}).get("dpi")
    pages = _ink_pages(target, data[0] if meta.get("multiscale") else data, dpi)
    return _write_pages(target, pages, len(pages))


def _write_pages(target: Path, pages: Pages, total: int) -> list[str]:
    """Write pages of a stack of `total`, which give PNG files their numbers."""
    if target.suffix.lower() == ".png":
        files = numbered(target, total)
        return [
            str(write_ground_truth(files[at], page == INK, page != UNLABELLED, dpi=dpi))
            for page, dpi, at in pages
        ]
    if any(bool((page == UNLABELLED).any()) for page, _, _ in pages):
        raise MaskError(target, "a 1-bit TIFF has no place for unlabelled pixels; save as PNG")
    ink = (page == INK for page, _, _ in pages)
    return [str(write_mask(target, ink, dpi=[dpi for _, dpi, _ in pages]))]


def _ink_pages(target: Path, data: Any, dpi: Any, wanted: Sequence[int] | None = None) -> Pages:
    """Take pages, all of them or those at the `wanted` places, out of labels of ink."""
    if data.ndim not in (2, 3) or 0 in data.shape:
        raise MaskError(target, f"labels of shape {data.shape} are neither a page nor a stack")
    stack = data if data.ndim == 3 else data[np.newaxis]
    places = range(len(stack)) if wanted is None else wanted
    pages = [(np.asarray(stack[at]), resolution_of(dpi, at, len(stack)), at) for at in places]
    for page, _, _ in pages:
        if page.min() < 0 or page.max() > UNLABELLED:
            # Somebody's cells or regions: saving them as ink would lose what they are.
            raise MaskError(
                target,
                "only ink can be saved in this format (0 background, 1 ink, 2 unlabelled), but "
                f"these labels go from {page.min()} to {page.max()}; choose another format",
            )
    return pages


def take_pages(target: Path, layer: Labels, dpi: Any, only: int | None = None) -> tuple[Pages, str]:
    """Take the pages of a layer that hold ink.

    Parameters
    ----------
    target : Path
        Where they are to be written, for errors.
    layer : Labels
        0 background, 1 ink, 2 unlabelled; (H, W) or (pages, H, W).
    dpi : tuple, list or None
        (x, y) of all pages, or a list of one for each.
    only : int, optional
        One page of the stack, from 0; all that have been binarized, or may have been painted,
        are taken otherwise.

    Returns
    -------
    pages : list of (ndarray, (float, float) or None, int)
        Labels (H, W) of each, views; its resolution, (x, y); and its place in the stack, from 0.
    missing : str
        What is not in them, in words for the user, with a space before each sentence.

    Raises
    ------
    MaskError
        If the layer is being computed, no page has been binarized, or the labels are not those
        of ink.
    """
    result, places = result_behind(layer), range(_count(layer)) if only is None else (only,)
    if result is not None and result.computing:
        raise MaskError(target, "this page is still being binarized; wait until it is done")
    taken = [at for at in places if result is None or not result.is_untouched(at)]
    if not taken:
        raise MaskError(target, "no page has been binarized yet: press Run first")
    missing = ""
    if result is not None and any(map(result.is_partial, taken)):
        missing += " Its run was stopped: the rest of the page is white."
    if left_out := len(places) - len(taken):
        pages = "1 page that was" if left_out == 1 else f"{left_out} pages that were"
        missing += f" {pages} not binarized: left out."
    return _ink_pages(target, full_resolution(layer), dpi, taken), missing


def with_resolutions(pages: Pages, scan: str | None) -> Pages:
    """Look up in the file of a scan the resolutions of pages that are not known."""
    wanted = [at for _, dpi, at in pages if dpi is None]
    found = resolutions_in(Path(scan), min(wanted), max(wanted)) if scan and wanted else {}
    return [(page, dpi or found.get(at), at) for page, dpi, at in pages]


def numbered(path: Path, count: int) -> list[Path]:
    """Name the files of some pages: one, but a PNG for each."""
    if count == 1 or path.suffix.lower() != ".png":
        return [path]
    digits = len(str(count))
    names = (f"{path.stem}_{number:0{digits}}{path.suffix}" for number in range(1, count + 1))
    return [path.with_name(name) for name in names]


def free_path(path: Path, count: int = 1) -> Path:
    """Find a name next to a wanted one under which nothing is overwritten.

    Parameters
    ----------
    path : Path
        The wanted file.
    count : int
        Number of pages.

    Returns
    -------
    Path
        The same, or with a number at the end of its name.
    """
    number, free = 1, path
    while any(file.exists() for file in numbered(free, count)):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def refuse_scan(path: Path, source: str | None) -> None:
    """Refuse to write ink over the scan that it came from, or over another page of an open list.

    Parameters
    ----------
    path : Path
        Where the ink is to be written.
    source : str or None
        The file of the scan, if it is known.

    Raises
    ------
    MaskError
        If that is a scan.
    """
    name, scans = path.name.casefold(), [Path(source)] if source else []
    scans += [scan for pages in list(LISTS) for scan in pages.files]
    alike = (scan for scan in scans if scan.name.casefold() == name and scan.exists())
    if path.exists() and any(map(path.samefile, alike)):
        raise MaskError(path, "this is a scan, which the ink would replace; choose another name")


# ---- where napari saves by itself


def take_over_saving() -> None:
    """Let napari save ink labels as black-and-white pages; a second call changes nothing."""
    from napari.plugins import io

    if not getattr(io.save_layers, "saves_ink", False):
        io.save_layers = _with_ink(io.save_layers)


def _with_ink(others: Callable[..., list[str]]) -> Callable[..., list[str]]:
    @functools.wraps(others)
    def save_layers(
        path: Any, layers: list[Layer], *, plugin: str | None = None, _writer: Any = None
    ) -> list[str]:
        from napari.utils.notifications import show_error

        try:
            return _save(others, path, layers, plugin, _writer)
        except FileError as error:
            if not _is_called_by(_DIALOG):
                raise
            show_error(str(error))
            return [str(path)]  # An empty list is an error for napari's dialog.

    save_layers.saves_ink = True  # type: ignore[attr-defined]
    return save_layers


def _is_called_by(name: str) -> bool:
    """Whether a function of that name is being executed: it has no place for an error."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != name:
        frame = frame.f_back
    return frame is not None


def _save(
    others: Callable[..., list[str]], path: Any, layers: list[Layer], plugin: Any, writer: Any
) -> list[str]:
    """Save layers as napari does, but ink labels as black-and-white pages."""
    chosen = plugin or (writer.plugin_name if writer is not None else None)
    ours = any(map(_is_ink, layers)) and chosen in (None, _NAPARI, _OURS)
    if ours and len(layers) > 1:
        if Path(path).suffix.lower() in INK_SUFFIXES:
            raise MaskError(
                path,
                f"{len(layers)} layers do not go into one file: select the ink alone, or give a "
                "folder to save each layer into a file of its own",
            )
        if chosen is not None or not _claimed_by_others(Path(path), layers):
            return _to_folder(Path(path), layers, others)
    elif ours and (target := _target(Path(path), layers[0], chosen, writer)) is not None:
        return _write(target, layers[0])
    return others(path, layers, plugin=plugin, _writer=writer)


def _is_ink(layer: Layer) -> bool:
    """Whether a layer knows of file, page and resolution, as all labels of this package do."""
    return layer._type_string == "labels" and all(name in layer.metadata for name in _KNOWN_BY)


def _target(path: Path, layer: Layer, chosen: str | None, writer: Any) -> Path | None:
    """Choose the file for one ink layer; None if a format that only others have was asked for."""
    suffix, count = path.suffix.lower(), _count(layer)
    if suffix in INK_SUFFIXES:
        return path if len(numbered(path, count)) == 1 else free_path(path, count)
    if chosen != _OURS and suffix and (suffix in _ARRAYS or _claimed_by_others(path, [layer])):
        return None
    offered = writer.filename_extensions if chosen == _OURS and writer is not None else ()
    added = next(iter(offered), _default_suffix(layer))
    return free_path(path.with_name(path.name + added), count)


def _claimed_by_others(path: Path, layers: Sequence[Layer]) -> bool:
    """Whether another plugin than napari's own has a writer of such layers for this suffix."""
    from npe2 import plugin_manager

    name = path.name.lower()
    return any(
        name.endswith(suffix.lower())
        for writer in plugin_manager.iter_compatible_writers(
            [layer._type_string for layer in layers]
        )
        if writer.plugin_name not in (_NAPARI, _OURS)
        for suffix in writer.filename_extensions
    )


def _default_suffix(layer: Layer) -> str:
    """A TIFF of many pages for a stack; PNG for a page, and where something is unlabelled."""
    if _count(layer) == 1 or bool((np.asarray(full_resolution(layer)) == UNLABELLED).any()):
        return ".png"
    return ".tif"


def _to_folder(
    folder: Path, layers: Sequence[Layer], others: Callable[..., list[str]]
) -> list[str]:
    """Save each layer into a new file of its own, as napari does with several layers.

    A suffix is always added: napari takes ".pdf, page 3" for one, and writes nothing.
    """
    from napari.utils.notifications import show_warning

    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for layer in layers:
        name = clean_name(layer.name)
        if _is_ink(layer):
            path = folder / f"{name}{_default_suffix(layer)}"
            files = _write(free_path(path, _count(layer)), layer)
        else:
            suffix = ".tif" if layer._type_string in ("image", "labels") else ".csv"
            files = others(str(free_path(folder / f"{name}{suffix}")), [layer], plugin=_NAPARI)
        if not files:
            show_warning(f"“{layer.name}” was not saved: napari has no file format for it")
        written += files
    return written


def _write(target: Path, layer: Labels) -> list[str]:
    from napari.utils.notifications import show_warning

    scan = layer.metadata["source"]
    refuse_scan(target, scan)
    # Napari saves in its window's thread: to look into a file of many pages for each takes long.
    dpi = layer.metadata["dpi"] or resolution_in(Path(scan) if scan else None)
    pages, missing = take_pages(target, layer, dpi)
    written = _write_pages(target, pages, _count(layer))
    if missing:
        show_warning(f"Saved {target.name}.{missing}")
    return written


def _count(layer: Labels) -> int:
    pixels = full_resolution(layer)
    return int(pixels.shape[0]) if pixels.ndim == 3 else 1
