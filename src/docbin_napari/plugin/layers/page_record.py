"""Record of a page kept with its layers: origin, reviewed windows, own pair."""

from __future__ import annotations

import weakref
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docbin_napari.correction.reviewed import Reviewed
from docbin_napari.io.tiff_header import TiffDamage, read_tiff_header
from docbin_napari.pairs.save import pair_of
from docbin_napari.plugin.layers.page_source import page_source

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from docbin_napari.pairs.pair import Pair
    from docbin_napari.plugin.layers.corrected_page import Subject

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
        A layer that `docbin_napari.plugin.layers.page_source.refusal` has nothing against.

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


# Doors may keep state: the widget can be closed and opened again. Gone with the layer.
_GRIDS: weakref.WeakKeyDictionary[Labels, dict[int, Reviewed]] = weakref.WeakKeyDictionary()


def reviewed_of(labels: Labels, page: int) -> Reviewed:
    """Find what was looked at on a page of a labels layer.

    Parameters
    ----------
    labels : Labels
        (H, W) or (pages, H, W).
    page : int
        Place in the stack, from 0.

    Returns
    -------
    Reviewed
        The grid itself, not a copy; an empty one for a page that nobody has looked at.
    """
    grids = _GRIDS.setdefault(labels, {})
    data = labels.data[0] if labels.multiscale else labels.data
    shape = int(data.shape[-2]), int(data.shape[-1])
    grid = grids.get(page)
    if grid is None or grid.shape != shape:
        grid = grids[page] = Reviewed(shape)
    return grid


def restore_reviewed(labels: Labels, page: int, reviewed: Reviewed) -> bool:
    """Put back what was stored, for example by an autosave.

    Parameters
    ----------
    labels : Labels
        The layer.
    page : int
        Place in the stack, from 0.
    reviewed : Reviewed
        A grid of the same page.

    Returns
    -------
    bool
        False if it was made for a page of another size; then nothing changes.
    """
    if reviewed.shape != reviewed_of(labels, page).shape:
        return False
    _GRIDS[labels][page] = reviewed
    return True


AS_SAVED = "as_saved"
"""Name in the metadata of labels: checksum of the labels of each page as they were saved."""
PAIR = "pair"
"""Name in the metadata of labels: page file of the pair of each page, None where there is none."""
DRAFT = "draft"
"""Name in the metadata of labels: file of the draft they were read from."""
LOOKED = "reviewed"
"""Name in the metadata of labels: what was reviewed of each page when the pair was saved."""


def own_pair(subject: Subject) -> Pair | None:
    """Find the pair that the labels of a page were read from or saved as.

    Parameters
    ----------
    subject : Subject
        The page.

    Returns
    -------
    Pair or None
        None if there is none, or its files are gone.
    """
    return pair_of(pair_file(subject))


def pair_file(subject: Subject) -> str | None:
    """Tell which page file of a pair belongs to the labels; None if there is none."""
    path = _of_page(subject, PAIR)
    return path if isinstance(path, str) else None


def saved_state(subject: Subject) -> int | None:
    """Tell the checksum of the labels as they were saved; None for labels of no pair."""
    checksum = _of_page(subject, AS_SAVED)
    return checksum if isinstance(checksum, int) else None


def note_pair(subject: Subject, pair: Pair, checksum: int) -> None:
    """Note that the labels of a page are those of a pair now.

    Parameters
    ----------
    subject : Subject
        The page.
    pair : Pair
        The pair.
    checksum : int
        `docbin_napari.plugin.saving.page_draft.checksum_of` its labels.
    """
    _set(subject, PAIR, str(pair.page))
    _set(subject, AS_SAVED, checksum)


def take_reviewed(subject: Subject) -> bool:
    """Bring back, once, what was reviewed when the pair was saved.

    Parameters
    ----------
    subject : Subject
        The page.

    Returns
    -------
    bool
        Whether something was brought back.
    """
    stored = _of_page(subject, LOOKED)
    if not stored:
        return False
    _set(subject, LOOKED, None)
    try:
        return restore_reviewed(subject.labels, subject.page, Reviewed.from_bytes(stored))
    except ValueError:
        return False


def _of_page(subject: Subject, name: str) -> Any:
    values = subject.labels.metadata.get(name)
    if not isinstance(values, list) or subject.page >= len(values):
        return None
    return values[subject.page]


def _set(subject: Subject, name: str, value: Any) -> None:
    known = subject.labels.metadata.get(name)
    # Layers that were opened together share one dictionary and its lists.
    values = list(known) if isinstance(known, list) else []
    values += [None] * (subject.page + 1 - len(values))
    values[subject.page] = value
    subject.labels.metadata[name] = values
