"""What collections of training pairs hold: pages, size, ink and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from docbin_napari.io.errors import FileError, PairError
from docbin_napari.io.file_names import same_name
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.pair_folders import Collection, find_collections, image_files
from docbin_napari.io.pairs import GROUND_TRUTH_FOLDER, find_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Summary:
    """Figures of a collection.

    Parameters
    ----------
    collection : Collection
        Which one.
    pages : int
        Number of pairs.
    without_mask : int
        Number of pages that wait for their mask.
    pixels, labelled, ink : int
        Pixels of the masks, those that are labelled, and those that are ink.
    troubles : tuple of FileError
        What could not be read and is not counted.
    """

    collection: Collection
    pages: int = 0
    without_mask: int = 0
    pixels: int = 0
    labelled: int = 0
    ink: int = 0
    troubles: tuple[FileError, ...] = ()

    @property
    def megapixels(self) -> float:
        """Size of all pages together."""
        return self.pixels / 1e6

    @property
    def ink_share(self) -> float | None:
        """Ink among the labelled pixels, 0..1; None if nothing is labelled."""
        return self.ink / self.labelled if self.labelled else None

    @property
    def labelled_share(self) -> float | None:
        """Labelled pixels among all, 0..1; None if there are none."""
        return self.labelled / self.pixels if self.pixels else None


def summarize_collections(folder: Path) -> Iterator[Summary]:
    """Count what lies in the collections of a folder. Only the masks are read.

    Parameters
    ----------
    folder : Path
        A collection, a folder of collections, or a data set with ``train`` and ``test``.

    Yields
    ------
    Summary
        One a collection.

    Raises
    ------
    PairError
        When the first is asked for, if there is no collection.
    """
    for collection in find_collections(folder):
        try:
            yield _summarize(collection)
        except PairError as error:
            yield Summary(collection, troubles=(error,))


def _summarize(collection: Collection) -> Summary:
    pages = {same_name(path.stem) for path in image_files(collection.path)}
    if not (collection.path / GROUND_TRUTH_FOLDER).is_dir():
        return Summary(collection, without_mask=len(pages))
    try:
        pairs = find_pairs(collection.path)
    except PairError as error:
        return Summary(collection, without_mask=len(pages), troubles=(error,))
    pixels = labelled = ink = 0
    troubles: list[FileError] = []
    for pair in pairs:
        try:
            truth = read_ground_truth(pair.ground_truth)
        except FileError as error:
            troubles.append(error)
            continue
        pixels += truth.ink.size
        labelled += int(truth.labelled.sum())
        ink += int(truth.ink.sum())
    return Summary(
        collection,
        pages=len(pairs) - len(troubles),
        without_mask=len(pages - {pair.name for pair in pairs}),
        pixels=pixels,
        labelled=labelled,
        ink=ink,
        troubles=tuple(troubles),
    )
