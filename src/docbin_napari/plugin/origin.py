"""Where the pixels of a layer came from: the file, its resolution, pages that were left out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docbin_napari.io.tiff_header import TiffDamage, read_tiff_header
from docbin_napari.plugin.layers import page_source

if TYPE_CHECKING:
    from napari.layers import Image, Labels

_REDUCED = 1


def provenance(image: Image) -> dict[str, Any]:
    """Collect what the writer needs to know about a page.

    Parameters
    ----------
    image : Image
        A layer, opened by this package or by napari.

    Returns
    -------
    dict
        ``dpi``, ``source`` and ``page`` as `docbin_napari.plugin.reader.read_document`
        describes them; None where nothing is known.
    """
    found = {name: image.metadata.get(name) for name in ("dpi", "source", "page")}
    if found["source"] is None and image.source.path is not None:
        found["source"] = str(image.source.path)
    return found


def file_without_resolution(layer: Labels) -> Path | None:
    """Find the file in which the resolution of a layer may stand.

    Parameters
    ----------
    layer : Labels
        A layer with the metadata of `provenance`.

    Returns
    -------
    Path or None
        None if the resolution is known, or there is no file.
    """
    if layer.metadata.get("dpi") is not None or not layer.metadata.get("source"):
        return None
    return Path(layer.metadata["source"])


def hidden_pages(image: Image) -> int:
    """Count the pages of a TIFF file that napari's own reader left out.

    It stacks the pages that have the size of the first one and says nothing of the others.

    Parameters
    ----------
    image : Image
        A layer that `docbin_napari.plugin.layers.refusal` has nothing against.

    Returns
    -------
    int
        0 for layers that did not come from a TIFF file through napari's reader.
    """
    path = image.source.path
    if path is None or image.source.reader_plugin != "napari":
        return 0
    if Path(path).suffix.lower() not in (".tif", ".tiff"):
        return 0
    return max(0, _pages_in(str(path)) - page_source(image).count)


@lru_cache(maxsize=64)
def _pages_in(path: str) -> int:
    try:
        pages = read_tiff_header(Path(path)).pages
    except (OSError, TiffDamage):
        return 0
    return sum(1 for page in pages if not page.subfile & _REDUCED)
