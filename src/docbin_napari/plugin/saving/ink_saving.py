"""Save ink labels through napari: File > Save, Ctrl+S, ``layers.save``, ``layer.save``.

Strategy: napari asks its writers in the order in which plugins were registered, its own first,
and the file type of its dialog stays at its own "labels": a 32-bit image of zeros and ones, black
in every viewer, or an empty file where the format cannot hold it. A plugin has no way to say that
its writer is meant for the layers it made. All four ways of saving go through
`napari.plugins.io.save_layers`, so that function is replaced, once, by one that takes the labels
made by this package out and leaves everything else as it was: layers of others, other plugins'
writers that were chosen, and formats that only others have.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from docbin_napari.io.paths import clean_name
from docbin_napari.plugin.layers.ink_result import UNLABELLED
from docbin_napari.plugin.writer import write_ink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari.layers import Layer

INK_SUFFIXES = (".png", ".tif", ".tiff")
_KNOWN_BY = ("dpi", "source", "page")
# A format of arrays, which keeps label values; all other built-in ones show zeros and ones.
_ARRAYS = (".npz",)
_NAPARI, _OURS = "napari", "docbin-napari"


def is_ink(layer: Layer) -> bool:
    """Tell whether a layer holds labels that this package made.

    Parameters
    ----------
    layer : Layer
        Any layer.

    Returns
    -------
    bool
        Whether it is a labels layer that knows of file, page and resolution, as all labels of
        this package and copies of them do.
    """
    return layer._type_string == "labels" and all(name in layer.metadata for name in _KNOWN_BY)


def take_over_saving() -> None:
    """Let napari save ink labels as black-and-white pages from now on; again does nothing."""
    from napari.plugins import io

    if not getattr(io.save_layers, "saves_ink", False):
        io.save_layers = _with_ink(io.save_layers)


def _with_ink(others: Callable[..., list[str]]) -> Callable[..., list[str]]:
    @functools.wraps(others)
    def save_layers(
        path: Any,
        layers: list[Layer],
        *,
        plugin: str | None = None,
        _writer: Any = None,
    ) -> list[str]:
        mine = [is_ink(layer) for layer in layers]
        chosen = plugin or (_writer.plugin_name if _writer is not None else None)
        if not any(mine) or chosen not in (None, _NAPARI, _OURS):
            return others(path, layers, plugin=plugin, _writer=_writer)
        if len(layers) == 1:
            target = _target(Path(path), layers[0], chosen, _writer)
            if target is None:
                return others(path, layers, plugin=plugin, _writer=_writer)
            return _write(target, layers[0])
        if Path(path).suffix.lower() in INK_SUFFIXES:
            raise ValueError(
                f"{len(layers)} layers do not go into one file: select the ink alone, or give a "
                "folder to save each layer into a file of its own"
            )
        return _to_folder(Path(path), layers, mine, others)

    save_layers.saves_ink = True  # type: ignore[attr-defined]
    return save_layers


def _target(path: Path, layer: Layer, chosen: str | None, writer: Any) -> Path | None:
    """Choose the file for one ink layer; None if a format that only others have was asked for."""
    suffix = path.suffix.lower()
    if suffix in INK_SUFFIXES:
        return path if len(_files(path, _count(layer))) == 1 else free_path(path, _count(layer))
    if chosen != _OURS and suffix and (suffix in _ARRAYS or _claimed_by_others(path)):
        return None
    offered = writer.filename_extensions if chosen == _OURS and writer is not None else ()
    added = next(iter(offered), default_suffix(layer))
    return free_path(path.with_name(path.name + added), _count(layer))


def _claimed_by_others(path: Path) -> bool:
    """Whether another plugin than napari's own has a writer of labels for this suffix."""
    from npe2 import plugin_manager

    name = path.name.lower()
    return any(
        name.endswith(suffix.lower())
        for writer in plugin_manager.iter_compatible_writers(["labels"])
        if writer.plugin_name not in (_NAPARI, _OURS)
        for suffix in writer.filename_extensions
    )


def default_suffix(layer: Layer) -> str:
    """Choose a format: a TIFF of many pages for a stack, PNG for a page.

    Parameters
    ----------
    layer : Layer
        Ink labels.

    Returns
    -------
    str
        ``.png`` or ``.tif``; PNG where something is unlabelled, which 1-bit TIFF cannot hold.
    """
    if _count(layer) == 1 or bool((np.asarray(_pixels(layer)) == UNLABELLED).any()):
        return ".png"
    return ".tif"


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
    while any(file.exists() for file in _files(free, count)):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _files(path: Path, count: int) -> list[Path]:
    """The files that `write_ink` makes: PNG holds one page only."""
    if count == 1 or path.suffix.lower() != ".png":
        return [path]
    digits = len(str(count))
    return [
        path.with_name(f"{path.stem}_{number:0{digits}}{path.suffix}")
        for number in range(1, count + 1)
    ]


def _to_folder(
    folder: Path, layers: Sequence[Layer], mine: Iterable[bool], others: Callable[..., list[str]]
) -> list[str]:
    """Save each layer into a file of its own, as napari does with several layers."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for layer, ink in zip(layers, mine, strict=True):
        path = folder / clean_name(layer.name)
        if ink:
            path = path.with_name(path.name + default_suffix(layer))
            written += _write(free_path(path, _count(layer)), layer)
        else:
            written += others(str(path), [layer], plugin=_NAPARI)
    return written


def _write(target: Path, layer: Layer) -> list[str]:
    data, meta, _ = layer.as_layer_data_tuple()
    return write_ink(str(target), data, meta)


def _pixels(layer: Layer) -> Any:
    return layer.data[0] if layer.multiscale else layer.data


def _count(layer: Layer) -> int:
    pixels = _pixels(layer)
    return int(pixels.shape[0]) if pixels.ndim == 3 else 1
