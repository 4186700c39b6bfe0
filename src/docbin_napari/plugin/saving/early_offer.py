"""Offer drafts left by a crash as soon as a page opens, before it has labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from docbin_napari.correction.reviewed import Reviewed
from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.drafts import PageKey, content_of, find_drafts, read_draft
from docbin_napari.plugin.layers import page_source
from docbin_napari.plugin.layers import undo as edits
from docbin_napari.plugin.layers.ink_result import BACKGROUND
from docbin_napari.plugin.layers.page_record import provenance, restore_reviewed

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from napari.layers import Image, Labels

    from docbin_napari.plugin.correct.correct_session import CorrectSession


def drafts_of_image(
    image: Image, page: int, folders: Iterable[Path], at_work: Container[str]
) -> list[Path]:
    """Look for drafts of a page that has no labels; its pixels are read, so not in the window.

    Parameters
    ----------
    image : Image
        A layer that `page_source.refusal` has nothing against.
    page : int
        Place in the stack, from 0.
    folders : iterable of Path
        Where drafts may lie.
    at_work : container of str
        Names of writers whose drafts are not meant: their layers are open.

    Returns
    -------
    list of Path
        The newest first.
    """
    known = provenance(image)
    source = str(Path(known["source"]).resolve()) if known["source"] else ""
    number = int(known["page"] or page + 1)
    content = content_of(page_source.stored_pages(image).read(page))
    return find_drafts(folders, PageKey(content, source, number), at_work)


def take_draft(session: CorrectSession, image: Image, page: int, path: Path) -> Labels:
    """Give a page new labels with the corrections of a draft.

    Parameters
    ----------
    session : CorrectSession
        Gets the labels.
    image : Image
        The page or the stack.
    page : int
        Place in the stack, from 0.
    path : Path
        The draft.

    Returns
    -------
    Labels
        The new layer; one step of undo takes the corrections away.

    Raises
    ------
    DraftError
        If the draft cannot be read, or is of another size; then nothing is added.
    """
    draft = read_draft(path)
    height, width = draft.labels.shape
    if page_source.page_source(image).shape[-2:] != (height, width):
        raise DraftError(path, "these corrections belong to a page of another size")
    labels = session.new_labels(image, BACKGROUND, draft=path)
    edits.write(labels, page, np.s_[0:height, 0:width], draft.labels)
    if draft.reviewed:
        restore_reviewed(labels, page, Reviewed.from_bytes(draft.reviewed))
    labels.refresh()
    return labels
