"""Warn of validation pages that share parts with training pages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from docbin_napari.pairs.overlap import fingerprint, shared_parts
from docbin_napari.pairs.polarity import lightness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docbin_napari.train.dataset import LoadedPair

_LOG = logging.getLogger(__name__)


def tell_of_learnt_pages(learn: Sequence[LoadedPair], judge: Sequence[LoadedPair]) -> None:
    """Log a warning for pages for validation that are, in part, pages to learn from.

    Parameters
    ----------
    learn, judge : sequence of LoadedPair
        What is learnt from, and what is held out. Takes some seconds for a hundred pages.
    """
    pages = [*learn, *judge]
    shared = shared_parts([fingerprint(lightness(page.pixels)) for page in pages])
    for (one, other), share in sorted(shared.items()):
        if one < len(learn) <= other:
            _LOG.warning(
                "warning: %s is learnt from, and %.0f %% of the smaller of it and %s is the same, "
                "which judges: its figures are too good. Leave one of them out.",
                pages[one].name,
                100 * share,
                pages[other].name,
            )
