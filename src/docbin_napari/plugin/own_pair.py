"""The pair that labels were read from or saved as, noted in the metadata of their layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docbin_napari.correction.reviewed import Reviewed
from docbin_napari.io.pair_saving import pair_of
from docbin_napari.plugin.looked import restore_reviewed

if TYPE_CHECKING:
    from docbin_napari.io.pairs import Pair
    from docbin_napari.plugin.subject import Subject

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
        `docbin_napari.plugin.watched_page.checksum_of` its labels.
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
