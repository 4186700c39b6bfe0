"""Keep pairs in memory and draw random windows of them.

Strategy: pages lie decoded in memory as uint8, and a batch is drawn by a generator
whose state depends on seed and step alone, so a resumed training sees the very windows
it would have seen. Pages are drawn by the square root of their area: a large page has
more to show than a small one, but not so much more. The windows of a batch are drawn at
even steps through all pages, so that each has its share of every kind: a collection that
makes up an eighth is in every batch of eight. A window is placed around a small square of the
page: one where a network errs, one with ink, since blank paper is learnt quickly, or any that is
labelled. So a page of which little is labelled, or without any ink, is used where it teaches.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.measure import block_reduce
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL, edge_level
from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.inference_config import ChosenSize
from docbin_napari.io.errors import PairError
from docbin_napari.io.mask import GroundTruth
from docbin_napari.pairs.mask_trouble import lightness, mask_trouble
from docbin_napari.pairs.overlap import fingerprint, shared_parts
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from docbin_napari.train.train_config import AugmentConfig, collection_factors

_LOG = logging.getLogger(__name__)
_NEAR_INK = 0.6
_LEAST_INK, _LEAST_LABELLED = 16, 256
_UNKNOWN = torch.full((7,), math.nan)

CELL = 32
"""Side of the squares of a page in which errors are counted, pixels."""


@dataclass(frozen=True)
class LoadedPair:
    """A page with its ground truth.

    Parameters
    ----------
    name : str
        ``collection/page``.
    collection : str
        Name of the collection.
    pixels : ndarray
        uint8 (H, W, 3).
    truth : ndarray
        uint8 (H, W, 2): ink and labelled, 0 or 255.
    ink : ndarray or None
        float32 (6,): colours of ink and paper of the page, as `page_ink` finds them.
    edge : float or None
        Where the ground truth cuts the edges of strokes, as `edge_level` measures it; NaN where
        the network does not get it.
    inverted_ink, thin_ink : ndarray or None
        As `ink`, of the page with light and dark exchanged, and as large as "double" reads it.
    size : {"auto", "own", "double"}
        In which size it is read. Where that is decided, light and dark are exchanged already.
    """

    name: str
    collection: str
    pixels: np.ndarray
    truth: np.ndarray
    ink: np.ndarray | None
    edge: float | None = None
    inverted_ink: np.ndarray | None = None
    thin_ink: np.ndarray | None = None
    size: ChosenSize = "auto"

    @property
    def masks(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Ink and labelled, bool (H, W) each."""
        return self.truth[..., 0] > 0, self.truth[..., 1] > 0


@dataclass(frozen=True)
class DrawnWindows:
    """Windows of pages, with what is known of each.

    Parameters
    ----------
    pixels : Tensor
        Float32 (N, 3, H, W), 0 to 255.
    truth : Tensor
        Float32 (N, 2, H, W): ink 0 to 1, labelled 0 or 1.
    ink : Tensor
        Float32 (N, 7), 0 to 255: colours of ink and paper of the page, edge level times 255;
        NaN where not known.
    scale : Tensor
        Float32 (N,): how much larger the page is than it was.
    inverted_ink : Tensor
        As `ink`, of the pages with light and dark exchanged.
    """

    pixels: Tensor
    truth: Tensor
    ink: Tensor
    scale: Tensor
    inverted_ink: Tensor


def pairs_in(folders: Iterable[Path]) -> list[Pair]:
    """Find the pairs of some collections, or folders of collections.

    Raises
    ------
    PairError
        If a folder has no pairs.
    """
    found: list[Pair] = []
    for folder in folders:
        pairs = find_pairs(folder)
        if not pairs:
            raise PairError(folder, "no pairs found: expected PAGE.png and fg_mask/PAGE.png")
        found += pairs
    return found


def load_pairs(folders: Iterable[Path]) -> list[LoadedPair]:
    """Read all pairs of some collections.

    Parameters
    ----------
    folders : iterable of Path
        Collections, or folders of collections.

    Returns
    -------
    list of LoadedPair
        In order of folders and names.

    Raises
    ------
    PairError
        If a folder has no pairs, or a pair does not fit together.
    """
    with ThreadPoolExecutor() as readers:
        return list(readers.map(load_pair, pairs_in(folders)))


def load_pair(pair: Pair) -> LoadedPair:
    """Read a pair.

    Parameters
    ----------
    pair : Pair
        From `find_pairs`.

    Returns
    -------
    LoadedPair
        Named ``collection/page``.

    Raises
    ------
    PairError, PageError, MaskError
        If the files cannot be read or do not fit together.

    Warns
    -----
    UserWarning
        If the mask looks reversed or does not lie on its page, as in `docbin pairs check`.
    """
    pixels, truth = read_pair(pair)
    if trouble := mask_trouble(lightness(pixels), truth):
        warnings.warn(f"{pair.ground_truth}: {trouble}", stacklevel=2)
    return _measured(f"{pair.collection}/{pair.name}", pixels, truth)


def generated_pair(number: int, pixels: NDArray[np.uint8], ink: NDArray[np.bool_]) -> LoadedPair:
    """Make a pair of a generated page, which is labelled everywhere; see `LoadedPair`."""
    return _measured(f"generated/{number}", pixels, GroundTruth(ink, np.ones_like(ink)))


def _measured(name: str, pixels: NDArray[np.uint8], truth: GroundTruth) -> LoadedPair:
    """Measure what the network is given of a page."""
    both = np.stack([truth.ink, truth.labelled], axis=-1).astype(np.uint8) * 255
    edge = edge_level(pixels, truth.ink, truth.labelled)
    survey = PageSurvey.of(pixels)
    collection = name.partition("/")[0]
    return LoadedPair(name, collection, pixels, both, survey.ink, edge, survey.inverted().ink)


def check_held_out(held_out: Sequence[LoadedPair], learnt: Sequence[LoadedPair]) -> None:
    """Refuse held-out pages that measure nothing, and warn of those that are learnt from.

    Raises
    ------
    ValueError
        If no pixel of a page is labelled.
    """
    for pair in held_out:
        if not pair.truth[..., 1].any():
            raise ValueError(
                f"--validate: no pixel of {pair.name} is labelled, so it measures nothing; "
                "leave it out"
            )
    if held_out:
        warn_of_overlap(learnt, held_out)


def warn_of_overlap(learnt: Sequence[LoadedPair], held_out: Sequence[LoadedPair]) -> None:
    """Log a warning for held-out pages that are, in part, pages to learn from.

    Parameters
    ----------
    learnt, held_out : sequence of LoadedPair
        What is learnt from, and what is held out. Takes some seconds for a hundred pages.
    """
    pages = [*learnt, *held_out]
    shared = shared_parts([fingerprint(lightness(page.pixels)) for page in pages])
    for (one, other), share in sorted(shared.items()):
        if one < len(learnt) <= other:
            _LOG.warning(
                "warning: %s is learnt from, and %.0f %% of the smaller of it and %s is the same, "
                "which judges: its figures are too good. Leave one of them out.",
                pages[one].name,
                100 * share,
                pages[other].name,
            )


def factors_of(weights: tuple[str, ...], pairs: Sequence[LoadedPair]) -> dict[str, float]:
    """Read how much more often collections are drawn; all of them must be there.

    Parameters
    ----------
    weights : tuple of str
        As in `TrainConfig`.
    pairs : sequence of LoadedPair
        What is drawn from.

    Returns
    -------
    dict
        Collection name to factor.

    Raises
    ------
    ValueError
        If there is no collection of a name.
    """
    factors, known = collection_factors(weights), {pair.collection for pair in pairs}
    if unknown := sorted(set(factors) - known):
        there = ", ".join(sorted(known))
        raise ValueError(f"--weights: there is no collection {unknown[0]}; there are {there}")
    return factors


class WindowSampler:
    """Random windows of loaded pairs.

    Parameters
    ----------
    pairs : list of LoadedPair
        What to draw from.
    window : int
        Side of a window, pixels.
    factors : mapping
        Collection name to factor of how often it is drawn.
    augment : AugmentConfig
        Which windows are turned, scaled and mirrored.
    hard : (float, sequence of ndarray), optional
        Where windows are drawn more often: the share, 0 to 1, of the windows of pages that have
        such places, and for each pair how much a network errs in each square of its page, as
        `hard_places` counts it.
    device : str, optional
        Where the pages lie and windows are drawn.
    """

    def __init__(
        self,
        pairs: list[LoadedPair],
        window: int,
        factors: Mapping[str, float],
        augment: AugmentConfig,
        hard: tuple[float, Sequence[np.ndarray]] | None = None,
        device: str = "cpu",
    ) -> None:
        self._pairs = pairs
        # On the CPU these share the memory of the pages.
        self._planes = [
            tuple(torch.from_numpy(plane).to(device) for plane in (pair.pixels, pair.truth))
            for pair in pairs
        ]
        self._hard = hard
        self._ink_places, self._labelled_places = (
            [count_in_cells(pair.truth[..., plane] > 0) >= least for pair in pairs]
            for plane, least in enumerate((_LEAST_INK, _LEAST_LABELLED))
        )
        self._window = window
        self.augment = augment
        chances = [
            math.sqrt(pair.pixels.shape[0] * pair.pixels.shape[1])
            * factors.get(pair.collection, 1.0)
            for pair in pairs
        ]
        if sum(chances) <= 0:
            raise ValueError("the factors leave no collection to draw from")
        self._reached = np.cumsum(chances) / sum(chances)

    def batch(self, size: int, random: np.random.Generator) -> DrawnWindows:
        """Draw windows.

        Parameters
        ----------
        size : int
            How many.
        random : numpy.random.Generator
            Source of all choices.

        Returns
        -------
        DrawnWindows
            Turned, scaled and mirrored, but not changed otherwise.
        """
        points = (random.random() + np.arange(size)) / size
        chosen = random.permutation(np.searchsorted(self._reached, points, side="right"))
        chosen = chosen.clip(max=len(self._pairs) - 1).tolist()
        drawn, scales = zip(*[self._draw(index, random) for index in chosen], strict=True)
        both = torch.stack(drawn)
        truth = torch.cat([both[:, 3:4] / 255, (both[:, 4:5] >= 254).float()], dim=1)
        pairs = [self._pairs[index] for index in chosen]
        conditions = torch.stack([_condition(pair.ink, pair.edge) for pair in pairs])
        inverted = torch.stack([_condition(pair.inverted_ink, pair.edge) for pair in pairs])
        known = (conditions, torch.tensor(scales), inverted)
        return DrawnWindows(both[:, :3], truth, *(values.to(both.device) for values in known))

    def _draw(self, index: int, random: np.random.Generator) -> tuple[Tensor, float]:
        """Draw a window of a page, float32 (5, side, side), and its magnification."""
        warped = random.random() < self.augment.warp
        low, high = self.augment.scale
        scale = math.exp(random.uniform(math.log(low), math.log(high))) if warped else 1.0
        angle = random.uniform(0, 2 * math.pi) if warped else 0.0
        reach = self._window / scale * (math.sqrt(2) if warped else 1.0)
        side = math.ceil(reach / 2) * 2
        source = _cut(self._planes[index], *self._place(index, side, random), side)
        window = _warp(source, self._window, scale, angle) if warped else source
        if random.random() < self.augment.mirror:
            window = torch.flip(window, (-1,))
        return torch.rot90(window, int(random.integers(4)), (-2, -1)), scale

    def _place(self, index: int, side: int, random: np.random.Generator) -> tuple[int, int]:
        """Choose top and left of a square; it may begin before the page or end beyond it."""
        shape = self._pairs[index].truth.shape[:2]
        choices = [self._labelled_places[index]]
        if random.random() < _NEAR_INK:
            choices.insert(0, self._ink_places[index])
        if self._hard and random.random() < self._hard[0]:
            choices.insert(0, self._hard[1][index])
        for places in choices:
            if places.any():
                return _around(places, shape, side, random)
        top, left = (int(random.integers(*_range(length, side))) for length in shape)
        return top, left


def count_in_cells(marks: np.ndarray, side: int = CELL) -> np.ndarray:
    """Count marked pixels in squares of a page.

    Parameters
    ----------
    marks : ndarray
        bool (H, W).
    side : int
        Side of the squares, pixels, 255 or less.

    Returns
    -------
    ndarray
        uint16 (ceil(H / side), ceil(W / side)).

    Examples
    --------
    >>> count_in_cells(np.ones((33, 40), bool)).tolist()
    [[1024, 256], [32, 8]]
    """
    counts = block_reduce(marks, (side, side), np.sum)  # type: ignore[no-untyped-call]
    return np.asarray(counts, np.uint16)


def _range(length: int, side: int) -> tuple[int, int]:
    """Give the range of places where a square of a page begins."""
    return min(0, length - side), max(0, length - side) + 1


def _around(
    places: np.ndarray, shape: tuple[int, ...], side: int, random: np.random.Generator
) -> tuple[int, int]:
    """Choose a square that shows a cell; the higher its number, the more often."""
    reached = places.cumsum(dtype=np.int64)
    cell = int(np.searchsorted(reached, random.integers(reached[-1]), side="right"))
    corners = []
    for number, length in zip(divmod(cell, places.shape[1]), shape, strict=True):
        middle = CELL * number + int(random.integers(CELL)) + int(random.integers(-side, side)) // 4
        first, behind = _range(length, side)
        corners.append(min(max(middle - side // 2, first), behind - 1))
    return corners[0], corners[1]


def _cut(planes: tuple[Tensor, ...], top: int, left: int, side: int) -> Tensor:
    """Cut a square of the page, float32 (5, side, side), unlabelled beyond the page's edge."""
    height, width = planes[0].shape[:2]
    rows, columns = slice(max(top, 0), top + side), slice(max(left, 0), left + side)
    pixels, truth = (plane[rows, columns].permute(2, 0, 1).float() for plane in planes)
    beyond = [max(edge, 0) for edge in (-left, left + side - width, -top, top + side - height)]
    if any(beyond):
        pixels = F.pad(pixels[None], beyond, mode="replicate")[0]
        truth = F.pad(truth, beyond)
    return torch.cat([pixels, truth])


def _condition(ink: np.ndarray | None, edge: float | None) -> Tensor:
    """Join colours and edge level as the network takes them, float32 (7,)."""
    if ink is None:
        return _UNKNOWN
    # Blank pages have no edges, but are to stay blank wherever edges are cut.
    level = USUAL_EDGE_LEVEL if edge is None else edge
    return torch.cat([torch.from_numpy(ink), torch.tensor([255 * level])])


def _warp(source: Tensor, side: int, scale: float, angle: float) -> Tensor:
    """Turn and scale the middle of a square; shrinking is done on a doubled grid, then averaged."""
    fine = 2 if scale < 0.8 else 1
    share = side / scale / source.shape[-1]
    sine, cosine = share * math.sin(angle), share * math.cos(angle)
    turn = torch.tensor([[[cosine, -sine, 0.0], [sine, cosine, 0.0]]], device=source.device)
    grid = F.affine_grid(turn, [1, 1, side * fine, side * fine], align_corners=False)
    window = F.grid_sample(source[None], grid, padding_mode="border", align_corners=False)
    return (F.avg_pool2d(window, 2) if fine == 2 else window)[0]
