"""Page that is being corrected, and the record kept with its layers: origin, review, own pair."""

from __future__ import annotations

import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docbin_napari.correction.reviewed import Reviewed
from docbin_napari.io.tiff_header import read_tiff_header
from docbin_napari.pairs.save import pair_of
from docbin_napari.plugin.layers.ink_result import result_behind
from docbin_napari.plugin.layers.page_source import page_source, plane_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

    from docbin_napari.pairs.pair import Pair

AS_SAVED = "as_saved"
"""Name in the metadata of labels: checksum of the labels of each page as they were saved."""
PAIR = "pair"
"""Name in the metadata of labels: page file of the pair of each page, None where there is none."""
DRAFT = "draft"
"""Name in the metadata of labels: file of the draft they were read from."""
LOOKED = "reviewed"
"""Name in the metadata of labels: what was reviewed of each page when the pair was saved."""


def with_model(metadata: Mapping[str, Any], model: str | None) -> dict[str, Any]:
    """Name the model whose ink was corrected in the metadata of labels; None for no model."""
    if model == metadata.get("model"):
        return dict(metadata)
    others = {name: known for name, known in metadata.items() if name not in ("model", "preset")}
    return others | {"model": model} if model else others


@dataclass(frozen=True)
class Subject:
    """One page and its labels; equal to another one if layers and page are the same.

    Parameters
    ----------
    image : Image
        A layer that `docbin_napari.plugin.layers.page_source.refusal` accepts.
    labels : Labels
        Its ink: 0 background, 1 ink, 2 unlabelled.
    page : int
        Place in the stack, from 0; 0 for a single page.
    """

    image: Image
    labels: Labels
    page: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the page, pixels."""
        height, width = self.labels.data.shape[-2:]
        return int(height), int(width)

    def plane(self) -> NDArray[np.uint8]:
        """Give the labels of the page.

        Returns
        -------
        ndarray
            (H, W), a view: what is written to it is written to the layer. uint8 for
            labels of this package; labels that a user made keep their own dtype.
        """
        return plane_of(self.labels.data, self.page)

    def probability(self) -> NDArray[np.uint8] | None:
        """Give the ink probability behind the labels.

        Returns
        -------
        ndarray or None
            uint8 (H, W), probability times 255, a view; None for labels that were not
            made by a run, and for a page of them that was not computed.
        """
        result = result_behind(self.labels)
        if result is None or not result.has(self.page):
            return None
        return result.probability_plane(self.page)

    def source_file(self) -> Path | None:
        """Find the file the page came from; None if the image knows of none."""
        source = provenance(self.image)["source"]
        return Path(source) if source else None

    def page_of_file(self) -> int:
        """Tell which page of its file this is, from 1."""
        return int(provenance(self.image)["page"] or self.page + 1)

    def resolution(self) -> tuple[float, float] | None:
        """Tell the dots per inch, x and y; None if nothing says so."""
        count = page_source(self.image).count
        known = (layer.metadata.get("dpi") for layer in (self.labels, self.image))
        return next(filter(None, (resolution_of(dpi, self.page, count) for dpi in known)), None)

    def noted(self, name: str) -> Any:
        """Give what `AS_SAVED`, `PAIR` or `LOOKED` says of this page; None for nothing."""
        values = self.labels.metadata.get(name)
        known = isinstance(values, list) and self.page < len(values)
        return values[self.page] if known else None

    def note(self, name: str, value: Any) -> None:
        """Keep something under one of these names for this page alone."""
        known = self.labels.metadata.get(name)
        # Layers that were opened together share one dictionary and its lists.
        values = list(known) if isinstance(known, list) else []
        values += [None] * (self.page + 1 - len(values))
        values[self.page] = value
        self.labels.metadata[name] = values


def resolution_of(dpi: Any, page: int, count: int) -> tuple[float, float] | None:
    """Read the resolution of a page from what the metadata of a layer call ``dpi``.

    Parameters
    ----------
    dpi : tuple, list or None
        (x, y) of all pages, or a list of one for each.
    page : int
        Place in the stack, from 0.
    count : int
        Number of pages.

    Returns
    -------
    (float, float) or None
        Dots per inch, x and y; None if nothing sensible stands there.
    """
    if isinstance(dpi, list) and not all(isinstance(one, (int, float)) for one in dpi):
        dpi = dpi[page] if len(dpi) == count else None
    is_pair = isinstance(dpi, (tuple, list)) and len(dpi) == 2
    return (float(dpi[0]), float(dpi[1])) if is_pair else None


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
        path = str(image.source.path)
        found["source"] = path if "://" in path else str(Path(path).absolute())
    return found


def hidden_pages(image: Image) -> int:
    """Count the pages of a TIFF file that napari's own reader left out.

    It stacks the pages that have the size of the first one and says nothing of the others.

    Parameters
    ----------
    image : Image
        A layer that `docbin_napari.plugin.layers.page_source.refusal` accepts.

    Returns
    -------
    int
        0 for layers that did not come from a TIFF file through napari's reader.
    """
    path, reader = image.source.path, image.source.reader_plugin
    if path is None or reader != "napari" or Path(path).suffix.lower() not in (".tif", ".tiff"):
        return 0
    return max(0, _pages_in(str(path)) - page_source(image).count)


@lru_cache(maxsize=64)
def _pages_in(path: str) -> int:
    try:
        return len(read_tiff_header(Path(path)).pages)
    except OSError:
        return 0


# State of the process: the widget can be closed and opened again. Gone with the layer.
_GRIDS: weakref.WeakKeyDictionary[Labels, dict[int, Reviewed]] = weakref.WeakKeyDictionary()


def reviewed_of(labels: Labels, page: int) -> Reviewed:
    """Find what was reviewed on a page of a labels layer.

    Parameters
    ----------
    labels : Labels
        (H, W) or (pages, H, W).
    page : int
        Place in the stack, from 0.

    Returns
    -------
    Reviewed
        The grid itself, not a copy; an empty one for a page that nobody has reviewed.
    """
    grids = _GRIDS.setdefault(labels, {})
    shape = int(labels.data.shape[-2]), int(labels.data.shape[-1])
    if page not in grids or grids[page].shape != shape:
        grids[page] = Reviewed(shape)
    return grids[page]


def restore_reviewed(labels: Labels, page: int, stored: bytes) -> None:
    """Put back what was stored, for example by an autosave.

    Nothing changes if it is damaged, or of another size or other windows.

    Parameters
    ----------
    labels : Labels
        The layer.
    page : int
        Place in the stack, from 0.
    stored : bytes
        `Reviewed.to_bytes` of a grid of the same page.
    """
    with suppress(ValueError):
        reviewed, known = Reviewed.from_bytes(stored), reviewed_of(labels, page)
        if (reviewed.shape, reviewed.window) == (known.shape, known.window):
            _GRIDS[labels][page] = reviewed


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
    return pair_of(subject.noted(PAIR))


def note_pair(subject: Subject, pair: Pair, checksum: int) -> None:
    """Note that the labels of a page are those of a pair now.

    Parameters
    ----------
    subject : Subject
        The page.
    pair : Pair
        The pair.
    checksum : int
        `docbin_napari.plugin.saving.autosave.checksum_of` its labels.
    """
    subject.note(PAIR, str(pair.page))
    subject.note(AS_SAVED, checksum)


def take_reviewed(subject: Subject) -> None:
    """Bring back, once, what was reviewed when the pair was saved.

    Parameters
    ----------
    subject : Subject
        The page.
    """
    if stored := subject.noted(LOOKED):
        subject.note(LOOKED, None)
        restore_reviewed(subject.labels, subject.page, stored)
