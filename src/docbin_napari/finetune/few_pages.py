"""Split the pages of a user into windows to learn from and held-out blocks.

Strategy: often there are one or two pages, and of each only some windows are labelled. So
the labelled part of a page is laid out in square blocks, and a few blocks with ink are held
out: there the ground truth is taken away from training, and the model is measured on them
with the paper around them. Of many pages, whole ones are held out. What is learnt from is
cut to the labelled part, so that hardly a training window is drawn where nothing is labelled.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from docbin_napari.features.page_look import FamiliarPages
from docbin_napari.io.errors import PairError
from docbin_napari.pairs.pair import Pair, find_pairs
from docbin_napari.train.dataset import LoadedPair, count_in_cells, load_pair

_SIDES = (256, 128, 64)
_FEWEST_BLOCKS = 8
_MARGIN = 128
_MANY_PAGES = 8
_MOST_HELD_OUT = 12
_LEAST_LABELLED = 0.5
_LEAST_INK = 0.005

Region = tuple[slice, slice]


@dataclass(frozen=True)
class FewPages:
    """Pages cut into what is learnt from and what is held out.

    Parameters
    ----------
    learn : list of LoadedPair
        Labelled parts of pages; held-out blocks are unlabelled in them.
    held_out : list of LoadedPair
        Blocks with the paper around them, labelled inside the block only. Several bear the
        name of the same page.
    pages : tuple of str
        ``collection/page`` of all pages.
    labelled : int
        Labelled pixels of all pages.
    familiar : FamiliarPages
        How the pages look.
    digest : str
        The same for the same pages and labels only.
    """

    learn: list[LoadedPair]
    held_out: list[LoadedPair]
    pages: tuple[str, ...]
    labelled: int
    familiar: FamiliarPages
    digest: str

    def drawn_at(self, edge_level: float | None) -> FewPages:
        """Set one edge level for all pages, so that what is learnt from is what is read with.

        Parameters
        ----------
        edge_level : float or None
            From `edge_level`; None leaves it open.

        Returns
        -------
        FewPages
            The same pages.
        """
        edge = math.nan if edge_level is None else edge_level
        return replace(self, learn=[replace(pair, edge=edge) for pair in self.learn])


def load_few_pages(
    folders: Iterable[Path],
    names: Sequence[str],
    share: float,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> FewPages:
    """Read labelled pages and keep a part of them out of training.

    Parameters
    ----------
    folders : iterable of Path
        Collections, or folders of collections.
    names : sequence of str
        Only these pages, ``PAGE`` or ``COLLECTION/PAGE``; all where it is empty.
    share : float
        Share of the labelled blocks, or of many pages, that is held out.
    seed : int
        Chooses which.
    check : callable
        Called before each page; may raise.

    Returns
    -------
    FewPages
        At least something to learn from; nothing is held out where there is too little.

    Raises
    ------
    PairError
        If a named page is missing, a pair does not fit together, or no pixel is labelled.
    """
    folders = list(folders)
    loaded = []
    for chosen in chosen_pairs(folders, names):
        check()
        loaded.append(load_pair(chosen))
    labelled = [pair for pair in loaded if pair.truth[..., 1].any()]
    if not labelled:
        raise PairError(folders[0], "nothing is labelled in these pages; label some ink first")
    random = np.random.default_rng([seed, 1])
    apart = _pages_held_out(len(labelled), share, random)
    most = max(2, _MOST_HELD_OUT // max(1, len(apart) or len(labelled)))
    learn, held_out = [], []
    for number, pair in enumerate(labelled):
        if apart and number not in apart:
            learn += _islands(pair)
            continue
        blocks = _choose_blocks(pair, 1.0 if apart else share, most, random)
        held_out += [_only(pair, block) for block in blocks]
        if not apart:
            learn += _islands(_without(pair, blocks))
    count = sum(int(np.count_nonzero(pair.truth[..., 1])) for pair in labelled)
    check()
    familiar = FamiliarPages.of(pair.pixels for pair in labelled)
    # Parts of all pages come early: a measurement may end before the last one.
    held_out = [held_out[index] for index in random.permutation(len(held_out))]
    names = tuple(pair.name for pair in labelled)
    return FewPages(learn, held_out, names, count, familiar, _digest(labelled))


def _digest(pairs: Iterable[LoadedPair]) -> str:
    """Name pages and labels by their content."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(pair.name.encode())
        for plane in (pair.pixels, pair.truth):
            digest.update(np.ascontiguousarray(plane).data)
    return digest.hexdigest()


def chosen_pairs(folders: Iterable[Path], names: Sequence[str]) -> list[Pair]:
    """Find pairs, or the named ones among them; none twice.

    Parameters
    ----------
    folders : iterable of Path
        Collections, or folders of collections.
    names : sequence of str
        ``PAGE`` or ``COLLECTION/PAGE``; all pairs where it is empty.

    Returns
    -------
    list of Pair
        In order of folders and names.

    Raises
    ------
    PairError
        If a folder has no pairs, or a named page is not among them.
    """
    found: dict[Path, Pair] = {}
    folders = list(folders)
    for folder in folders:
        pairs = find_pairs(folder)
        if not pairs:
            raise PairError(folder, "no pairs found: expected PAGE.png and fg_mask/PAGE.png")
        found.update({pair.page.resolve(): pair for pair in pairs})
    if not names:
        return list(found.values())
    chosen: dict[Path, Pair] = {}
    for name in names:
        matching = {
            path: pair
            for path, pair in found.items()
            if name in (pair.name, f"{pair.collection}/{pair.name}")
        }
        if not matching:
            where = ", ".join(str(folder) for folder in folders)
            raise PairError(where, f"no pair of the name {name}; docbin pairs list shows them")
        chosen.update(matching)
    return [pair for path, pair in found.items() if path in chosen]


def _pages_held_out(pages: int, share: float, random: np.random.Generator) -> set[int]:
    """Choose the pages that are held out whole; none where pages are few."""
    if pages < _MANY_PAGES or not share:
        return set()
    chosen = random.choice(pages, max(1, round(share * pages)), replace=False)
    return {int(number) for number in chosen}


def _choose_blocks(
    pair: LoadedPair, share: float, most: int, random: np.random.Generator
) -> list[Region]:
    """Choose some blocks of a page that are labelled and have ink."""
    if not share:
        return []
    for side in _SIDES:
        blocks = _blocks(pair, side)
        if len(blocks) >= _FEWEST_BLOCKS:
            break
    inked = [block for block in blocks if pair.truth[(*block, 0)].mean() > 255 * _LEAST_INK]
    # Something must remain to learn from.
    count = min(round(share * len(blocks)) or 1, most, len(inked))
    if len(blocks) < 2 or not count or (share < 1 and count >= len(inked)):
        return []
    chosen = random.choice(len(inked), count, replace=False)
    return [inked[index] for index in sorted(chosen)]


def _blocks(pair: LoadedPair, side: int) -> list[Region]:
    """Find the blocks of a page of which at least half is labelled."""
    height, width = pair.truth.shape[:2]
    regions = [
        (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    return [
        region
        for region in regions
        if pair.truth[(*region, 1)].mean() >= 255 * _LEAST_LABELLED
        and pair.truth[(*region, 1)].size >= side * side / 2
    ]


def _around(region: Region, shape: tuple[int, ...]) -> Region:
    """Add the paper around a region that its logits can depend on."""
    rows, columns = region
    return (
        slice(max(0, rows.start - _MARGIN), min(shape[0], rows.stop + _MARGIN)),
        slice(max(0, columns.start - _MARGIN), min(shape[1], columns.stop + _MARGIN)),
    )


def _only(pair: LoadedPair, block: Region) -> LoadedPair:
    """Cut out a block with its surroundings, labelled inside the block only."""
    truth = np.zeros_like(pair.truth)
    truth[block] = pair.truth[block]
    seen = _around(block, truth.shape)
    return replace(pair, pixels=pair.pixels[seen].copy(), truth=truth[seen].copy())


def _without(pair: LoadedPair, blocks: list[Region]) -> LoadedPair:
    """Copy a page with nothing labelled in some blocks."""
    truth = pair.truth.copy()
    for block in blocks:
        truth[block] = 0
    return replace(pair, truth=truth)


def _islands(pair: LoadedPair) -> list[LoadedPair]:
    """Cut out the labelled parts of a page, each with the paper around it."""
    labelled = count_in_cells(pair.truth[..., 1] > 0, _MARGIN)
    parts, _ = ndimage.label(labelled, np.ones((3, 3)))
    islands = []
    for rows, columns in ndimage.find_objects(parts):
        region = (
            slice(rows.start * _MARGIN, rows.stop * _MARGIN),
            slice(columns.start * _MARGIN, columns.stop * _MARGIN),
        )
        seen = _around(region, pair.truth.shape)
        islands.append(replace(pair, pixels=pair.pixels[seen], truth=pair.truth[seen]))
    return islands
