"""Save the corrected page in a thread, or say why it could not be saved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.io.errors import FileError
from docbin_napari.io.page import read_pages
from docbin_napari.io.paths import clean_name, file_hash
from docbin_napari.model.model_file import ModelError, find_model
from docbin_napari.pairs.drafts import content_of
from docbin_napari.pairs.pair import PairContent
from docbin_napari.pairs.provenance import WHOLE_PAGE, Provenance, read_provenance, without_home
from docbin_napari.pairs.save import replace_mask, save_pair
from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.layers.ink_result import INK, UNLABELLED, NotInkError
from docbin_napari.plugin.layers.page_record import reviewed_of
from docbin_napari.plugin.saving.autosave import checksum_of, reviewed_bytes
from docbin_napari.plugin.threads import Failed, logged, resolution_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.pairs.pair import Pair
    from docbin_napari.pairs.save import PairPlace, Saved
    from docbin_napari.plugin.layers.page_record import Subject
    from docbin_napari.plugin.layers.page_source import PageSource


@dataclass(frozen=True)
class SaveOrder:
    """What the fields of the panel say when Save is pressed.

    Parameters
    ----------
    place : PairPlace
        Where to.
    own : Pair or None
        The pair whose mask is to be replaced; None for a new pair.
    region : ndarray or None
        bool (H, W): what of the page is labelled; None for the whole page.
    region_words : str
        The same in words.
    who : str
        The person; may be empty.
    """

    place: PairPlace
    own: Pair | None = None
    region: NDArray[np.bool_] | None = None
    region_words: str = WHOLE_PAGE
    who: str = ""


@dataclass(frozen=True, eq=False)
class SaveJob:
    """A page on its way to the disk, taken out of the viewer: painting may go on.

    Parameters
    ----------
    source : PageSource
        The pages of the image.
    page : int
        Which of them, from 0.
    labels : ndarray
        (H, W), a copy.
    checksum : int
        Of labels and reviewed windows, for the autosave.
    dpi : (float, float) or None
        Resolution.
    provenance : Provenance
        All but the hash of the model.
    order : SaveOrder
        What was asked for.
    """

    source: PageSource
    page: int
    labels: NDArray[np.uint8]
    checksum: int
    dpi: tuple[float, float] | None
    provenance: Provenance
    order: SaveOrder


def name_for(subject: Subject) -> str:
    """Name a page after its file, with its number where the file has several."""
    source = subject.source_file()
    if source is None:
        return clean_name(subject.image.name)
    number, name = subject.page_of_file(), clean_name(source.stem)
    several = number > 1 or page_source.page_source(subject.image).is_stack
    return f"{name}-p{number}" if several else name


def prepare(subject: Subject, order: SaveOrder) -> SaveJob:
    """Take a page out of the viewer.

    Parameters
    ----------
    subject : Subject
        The page.
    order : SaveOrder
        What was asked for.

    Returns
    -------
    SaveJob
        For `save`.
    """
    looked, plane = reviewed_bytes(subject), np.array(subject.plane())
    file, model = subject.source_file(), subject.labels.metadata.get("model")
    provenance = Provenance(
        source=None if file is None else without_home(file),
        page=None if file is None else subject.page_of_file(),
        region=order.region_words,
        model=model,
        who=order.who.strip() or None,
        reviewed=reviewed_of(subject.labels, subject.page).share if looked else None,
        reviewed_windows=looked or None,
    )
    source, dpi = page_source.page_source(subject.image), subject.resolution()
    checksum = checksum_of(plane, looked)
    return SaveJob(source, subject.page, plane, checksum, dpi, provenance, order)


def save(job: SaveJob) -> Saved | Failed:
    """Write the pair; run in the background.

    Parameters
    ----------
    job : SaveJob
        From `prepare`.

    Returns
    -------
    Saved or Failed
        Nothing is raised.
    """
    try:
        content, own = _content(job), job.order.own
        return replace_mask(own, content) if own else save_pair(job.order.place, content)
    except FileError as error:
        return Failed(f"Not saved: {error.reason} ({error.path})")
    except Exception as error:
        return Failed(f"Not saved: {logged(error, 'a pair was not saved')}")


def _content(job: SaveJob) -> PairContent:
    labels = job.labels
    if labels.min() < 0 or labels.max() > UNLABELLED:
        # Somebody's cells or regions: saving them as ink would lose what they are.
        raise NotInkError(
            "ink has the labels 0 background, 1 ink, 2 unlabelled, but these go from "
            f"{labels.min()} to {labels.max()}. To correct a mask of a file, put it beside its "
            "page as fg_mask/PAGE.png, and open the folder of both with File > IO Utilities > "
            "Open training folder…"
        )
    labelled = labels != UNLABELLED
    if job.order.region is not None:
        labelled &= job.order.region
    ink = (labels == INK) & labelled
    known = replace(job.provenance, content=content_of(job.source.stored.read(job.page)))
    pixels, own, before = job.source.read(job.page)[:], job.order.own, None
    if own is not None:
        with suppress(FileError):
            before = read_provenance(own.ground_truth)
            if before is not None and before.content == known.content:
                # It was saved with the contrast of then.
                pixels = next(read_pages(own.page)).pixels
    dpi = job.dpi
    if dpi is None and known.source:
        dpi = resolution_in(Path(known.source).expanduser(), known.page or 1)
    return PairContent(pixels, ink, labelled, dpi, _full(known, before).texts())


def _full(known: Provenance, before: Provenance | None) -> Provenance:
    """Complete the provenance by the hash of the model and by what that of its own pair says."""
    if known.model:
        with suppress(ModelError, OSError):
            known = replace(known, model_hash=file_hash(find_model(known.model).path))
    if before is not None:
        # The page came from a pair: where that came from is what matters.
        content = before.content or known.content
        known = replace(known, source=before.source, page=before.page, content=content)
        if known.model is None:
            known = replace(known, model=before.model, model_hash=before.model_hash)
    return known
