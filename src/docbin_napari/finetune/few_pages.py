"""Split the pages of a user into windows to learn from and held-out blocks.

Strategy: often there are one or two pages, and of each only some windows are labelled. So
the labelled part of a page is laid out in square blocks, and a few blocks with ink are held
out: there the ground truth is taken away from training, and the model is measured on them
with the paper around them. Of many pages, whole ones are held out. What is learnt from is
cut to the labelled part, so that hardly a training window is drawn where nothing is labelled.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from docbin_napari.features.edge_level import edge_level
from docbin_napari.features.page_look import FamiliarPages, looks_of
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import (
    PageReader,
    PageSize,
    dark_on_light,
    doubled,
    enlarged,
)
from docbin_napari.io.errors import PairError
from docbin_napari.model.ink_model import InkModel
from docbin_napari.pairs.pair import Pair
from docbin_napari.pairs.provenance import folder_key, read_provenance
from docbin_napari.train.dataset import LoadedPair, count_in_cells, load_pair, pairs_in

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
    familiar : FamiliarPages
        How the pages look, and their folders.
    digest : str
        The same for the same pages and labels only.
    """

    learn: list[LoadedPair]
    held_out: list[LoadedPair]
    pages: tuple[str, ...]
    familiar: FamiliarPages
    digest: str


def load_few_pages(
    folders: Sequence[Path],
    names: Sequence[str],
    share: float,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
    model: InkModel | None = None,
) -> FewPages:
    """Read labelled pages and keep a part of them out of training.

    Parameters
    ----------
    folders : sequence of Path
        Collections, or folders of collections.
    names : sequence of str
        Only these pages, ``PAGE`` or ``COLLECTION/PAGE``; all where it is empty.
    share : float
        Share of the labelled blocks, or of many pages, that is held out.
    seed : int
        Chooses which.
    check : callable
        Called before each page; may raise.
    model : InkModel, optional
        Decides for each page in which size it is learnt from; by default all have their own.

    Returns
    -------
    FewPages
        At least something to learn from; nothing is held out where there is too little.

    Raises
    ------
    PairError
        If a named page is missing, a pair does not fit together, or no pixel is labelled.
    """
    loaded, places = [], set[str]()
    for chosen in chosen_pairs(folders, names):
        check()
        places |= _folders_of(chosen)
        loaded.append(_as_read(load_pair(chosen), model))
    labelled = [pair for pair in loaded if pair.truth[..., 1].any()]
    if not labelled:
        raise PairError(folders[0], "nothing is labelled in these pages; label some ink first")
    random = np.random.default_rng([seed, 1])
    apart = _pages_held_out(labelled, share, random)
    most = max(2, _MOST_HELD_OUT // max(1, len(apart) or len(labelled)))
    learn, held_out = [], []
    for number, pair in enumerate(labelled):
        if apart and number not in apart:
            learn += _islands(pair)
            continue
        blocks = _choose_blocks(pair, 1.0 if apart else share, most, random)
        held_out += [_only(pair, block) for block in blocks]
        if not apart:
            learn += _islands(pair, blocks)
    check()
    looks = looks_of(pair.pixels for pair in labelled)
    familiar = FamiliarPages(looks, folders=tuple(sorted(places)))
    # Parts of all pages come early: a measurement may end before the last one.
    held_out = [held_out[index] for index in random.permutation(len(held_out))]
    names = tuple(pair.name for pair in labelled)
    digest = hashlib.sha256()
    for pair in labelled:
        digest.update(pair.name.encode())
        digest.update(np.ascontiguousarray(pair.pixels).data)
        digest.update(np.ascontiguousarray(pair.truth).data)
    return FewPages(learn, held_out, names, familiar, digest.hexdigest())


def _folders_of(pair: Pair) -> set[str]:
    """Give the keys of the folder of a page, and of the scan that it was made from."""
    made = read_provenance(pair.ground_truth)
    files = [pair.page, *([Path(made.source)] if made and made.source else [])]
    return {folder_key(file) for file in files}


def _as_read(pair: LoadedPair, model: InkModel | None) -> LoadedPair:
    """Exchange light and dark where that is done before a page is read, and choose its size."""
    pixels, survey, inverted = dark_on_light(pair.pixels, InferenceConfig())
    if inverted:
        rows = np.asarray(pixels[0 : pair.pixels.shape[0]])
        edge, other = edge_level(rows, *pair.masks), survey.inverted().ink
        pair = replace(pair, pixels=rows, ink=survey.ink, edge=edge, inverted_ink=other)
    if model is None or learnt_size(pair, model) == "own":
        return replace(pair, size="own")
    return replace(pair, size="double", thin_ink=survey.thin_ink)


def chosen_pairs(folders: Sequence[Path], names: Sequence[str]) -> list[Pair]:
    """Find pairs, or the named ones among them; none twice.

    Parameters
    ----------
    folders : sequence of Path
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
    found = list({pair.page.resolve(): pair for pair in pairs_in(folders)}.values())
    called = [{pair.name, f"{pair.collection}/{pair.name}"} for pair in found]
    for name in names:
        if not any(name in known for known in called):
            where = ", ".join(str(folder) for folder in folders)
            raise PairError(where, f"there is no pair named {name}; see docbin pairs list")
    wanted = zip(found, called, strict=True)
    return [pair for pair, known in wanted if not names or known.intersection(names)]


def _pages_held_out(
    pages: Sequence[LoadedPair], share: float, random: np.random.Generator
) -> set[int]:
    """Choose the pages that are held out whole: of many, and such that something is measured."""
    inked = [number for number, pair in enumerate(pages) if _blocks_with_ink(pair)]
    count = min(max(1, round(share * len(pages))), len(inked) - 1)
    if len(pages) < _MANY_PAGES or not share or count < 1:
        return set()
    return {int(number) for number in random.choice(inked, count, replace=False)}


def _choose_blocks(
    pair: LoadedPair, share: float, most: int, random: np.random.Generator
) -> list[Region]:
    """Choose some blocks of a page that are labelled and have ink."""
    inked = _blocks_with_ink(pair)
    # Something must remain to learn from.
    count = min(round(share * len(inked)) or 1, most, len(inked) - (share < 1))
    if not share or count < 1:
        return []
    chosen = random.choice(len(inked), count, replace=False)
    return [inked[index] for index in sorted(chosen)]


def _blocks_with_ink(pair: LoadedPair) -> list[Region]:
    """Find the labelled blocks of a page that have ink; none where there is one block only."""
    for side in _SIDES:
        blocks = _blocks(pair, side)
        if len(blocks) >= _FEWEST_BLOCKS:
            break
    if len(blocks) < 2:
        return []
    return [block for block in blocks if pair.truth[(*block, 0)].mean() > 255 * _LEAST_INK]


def _blocks(pair: LoadedPair, side: int) -> list[Region]:
    """Find the blocks of a page of which at least half is labelled."""
    height, width = pair.truth.shape[:2]
    blocks = []
    for top, left in itertools.product(range(0, height, side), range(0, width, side)):
        block = slice(top, min(top + side, height)), slice(left, min(left + side, width))
        labelled = pair.truth[(*block, 1)]
        if labelled.size >= side * side / 2 and labelled.mean() >= 255 * _LEAST_LABELLED:
            blocks.append(block)
    return blocks


def _around(region: Region) -> Region:
    """Add the paper around a region that its logits can depend on."""
    rows, columns = (slice(max(0, side.start - _MARGIN), side.stop + _MARGIN) for side in region)
    return rows, columns


def _only(pair: LoadedPair, block: Region) -> LoadedPair:
    """Cut out a block with its surroundings, labelled inside the block only."""
    truth = np.zeros_like(pair.truth)
    truth[block] = pair.truth[block]
    seen = _around(block)
    return replace(pair, pixels=pair.pixels[seen].copy(), truth=truth[seen].copy())


def _islands(pair: LoadedPair, held_out: Sequence[Region] = ()) -> list[LoadedPair]:
    """Cut out what is labelled outside some blocks, each part with the paper around it."""
    truth = pair.truth.copy()
    for block in held_out:
        truth[block] = 0
    parts, _ = ndimage.label(count_in_cells(truth[..., 1] > 0, _MARGIN), np.ones((3, 3)))
    islands = []
    for box in ndimage.find_objects(parts):
        rows, columns = (slice(side.start * _MARGIN, side.stop * _MARGIN) for side in box)
        seen = _around((rows, columns))
        islands.append(replace(pair, pixels=pair.pixels[seen], truth=truth[seen]))
    return islands


def in_reading_size(pairs: Sequence[LoadedPair]) -> list[LoadedPair]:
    """Enlarge the pages whose strokes are so thin that they are read enlarged.

    Parameters
    ----------
    pairs : sequence of LoadedPair
        Pages or parts of them, from `load_few_pages`.

    Returns
    -------
    list of LoadedPair
        Each page as it is, or of twice its height and width.
    """
    return [_enlarged(pair) if pair.size == "double" else pair for pair in pairs]


def learnt_size(pair: LoadedPair, model: InkModel) -> PageSize:
    """Choose the size in which a page is learnt from.

    Parameters
    ----------
    pair : LoadedPair
        A whole page.
    model : InkModel
        What reads it.

    Returns
    -------
    {"own", "double"}
        Never "half": reading in half of the size, too, as is done with soft pages, makes strokes
        bolder, and would be taken for a wish for thinner ones.
    """
    reader = PageReader.of(pair.pixels, model, InferenceConfig(invert="never"))
    return "double" if reader.size == "double" else "own"


def _enlarged(pair: LoadedPair) -> LoadedPair:
    """Double height and width; ink has smooth edges, and only labelled pixels stay labelled."""
    pixels = enlarged(pair.pixels[None])[0]
    truth = pair.truth.repeat(2, axis=0).repeat(2, axis=1)
    ink = doubled(pair.truth[None, ..., 0].astype(np.float32))[0]
    truth[..., 0] = 255 * (ink >= 127.5)
    return replace(pair, pixels=pixels, truth=truth, ink=pair.thin_ink, size="own")
