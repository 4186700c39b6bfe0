"""Figures of weights on labelled pages, by the inference that users run.

Pages to learn from, in the size in which they are going to be read.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.features.ink_colour import page_ink, page_strips
from docbin_napari.inference.config import PRESETS, ChosenSize
from docbin_napari.inference.page_size import page_size
from docbin_napari.inference.predict import ink_probability
from docbin_napari.metrics import f_measure
from docbin_napari.model.calibration import Calibration
from docbin_napari.model.device import Device
from docbin_napari.model.registry import ModelInfo
from docbin_napari.model.sized_look import PageSize
from docbin_napari.model.torch_engine import torch_model
from docbin_napari.model.unet import UNet
from docbin_napari.model.weights import InkModel, load_network
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair, load_pair
from docbin_napari.train.validate import calibrate

_EDGE_LEVELS = (None, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
_ENOUGH_TO_CALIBRATE = 1_000_000
_PRESET = PRESETS["fast"]


@dataclass(frozen=True)
class Figures:
    """F-measures of the start and of what was learnt, on the same pages.

    Parameters
    ----------
    before, after : float
        Mean over the pages, percent.
    pages : int
        How many.
    """

    before: float
    after: float
    pages: int

    @property
    def gain(self) -> float:
        """How much better the new model is, points of F-measure."""
        return self.after - self.before


class Judge:
    """Measures weights of one architecture.

    Parameters
    ----------
    base : ModelInfo
        The start, with the calibration and the threshold that new weights get.
    network : UNet
        Its network.
    held_out : sequence of LoadedPair
        Parts of pages; those of one name count as one page.
    device : Device
        Where to run.

    Attributes
    ----------
    own : dict
        What the file of the new model says otherwise than that of the base.
    """

    def __init__(
        self,
        base: ModelInfo,
        network: UNet,
        held_out: Sequence[LoadedPair],
        device: Device,
    ) -> None:
        self._base = base
        self.own: dict[str, object] = {}
        self._network = copy.deepcopy(network).cpu()
        self._held_out = held_out
        self._sizes: list[PageSize] | None = None
        self._device = device

    @property
    def can_tell(self) -> bool:
        """Whether anything is held out."""
        return bool(self._held_out)

    @property
    def pages(self) -> int:
        """Number of pages of which something is held out."""
        return len({pair.name for pair in self._held_out})

    def model(
        self, weights: Mapping[str, Tensor], header: Mapping[str, object] | None = None
    ) -> InkModel:
        """Weights as the model that would be shipped.

        Parameters
        ----------
        weights : mapping
            State of the network.
        header : mapping, optional
            Replaces entries of the base's header, such as ``calibration``.

        Returns
        -------
        InkModel
            Ready to run.
        """
        return self._made(weights, header, None)

    def shipped(self, weights: Mapping[str, Tensor], header: Mapping[str, object]) -> InkModel:
        """The same, with the base for the pages that the header does not name as known."""
        return self._made(weights, header, self.base_model())

    def _made(
        self,
        weights: Mapping[str, Tensor],
        header: Mapping[str, object] | None,
        base: InkModel | None,
    ) -> InkModel:
        network = copy.deepcopy(self._network)
        network.load_state_dict(dict(weights))
        info = replace(self._base, header={**self._base.header, **self.own, **(header or {})})
        return torch_model(network, info, self._device, base)

    @property
    def base_calibration(self) -> Calibration:
        """Calibration of the base."""
        return Calibration(**self._base.header.get("calibration", {}))

    def held_out(
        self, weights: Mapping[str, Tensor], header: Mapping[str, object] | None = None
    ) -> float:
        """Mean F-measure of weights on the held-out parts, percent; see `model`."""
        return self._mean(self.model(weights, header))

    def draw_strokes_as_held_out(self) -> float | None:
        """Choose how bold strokes are drawn, for all models that are made from now on.

        Returns
        -------
        float or None
            The edge level at which the start reads the held-out parts best; that of the start
            where nothing is held out, or the network does not know of edge levels. None leaves
            it to the network.
        """
        start = self.base_model()
        if not self._held_out or not self._network.config.page_ink:
            return start.edge_level

        def figure(level: float | None) -> float:
            return self._mean(start.cutting_edges_at(level))

        level = max((start.edge_level, *_EDGE_LEVELS), key=figure)
        self.own["edge_level"] = level
        return level

    def before(self) -> float:
        """Mean F-measure of the start on the held-out parts, percent."""
        return self._mean(self.base_model())

    def _mean(self, model: InkModel) -> float:
        """Mean F-measure on the held-out parts, each in the size in which pages are learnt."""
        if self._sizes is None:
            self._sizes = [learnt_size(pair, self.base_model()) for pair in self._held_out]
        return float(np.mean(list(page_scores(model, self._held_out, self._sizes).values())))

    def base_model(self) -> InkModel:
        """The start, ready to run."""
        return torch_model(load_network(self._base), self._base, self._device)

    def calibrated(self, weights: Mapping[str, Tensor], refit: str) -> tuple[Calibration, float]:
        """Calibration and threshold of new weights.

        Parameters
        ----------
        weights : mapping
            State of the network.
        refit : {"auto", "keep", "refit"}
            As in `FinetuneConfig`.

        Returns
        -------
        calibration : Calibration
            The base's, or one fitted on the held-out parts.
        threshold : float
            Likewise.
        """
        known = sum(int(np.count_nonzero(pair.truth[..., 1])) for pair in self._held_out)
        few = refit == "auto" and known < _ENOUGH_TO_CALIBRATE
        if refit == "keep" or few or not self._held_out:
            return self.base_calibration, self._base.threshold
        plain = self.model(weights, {"calibration": {}})
        return calibrate(plain, self._held_out, _PRESET)


def page_scores(
    model: InkModel, pairs: Sequence[LoadedPair], sizes: Sequence[ChosenSize] = ()
) -> dict[str, float]:
    """F-measure of each page, as the model is shipped: calibrated, at its own threshold.

    Parameters
    ----------
    model : InkModel
        What is measured.
    pairs : sequence of LoadedPair
        Pages or parts of them; parts of one name are put together before they are measured.
    sizes : sequence, optional
        In which size each is read; by default as for any page.

    Returns
    -------
    dict
        Name of the page to F-measure, percent.
    """
    found, truth = defaultdict(list), defaultdict(list)
    chosen: Sequence[ChosenSize] = sizes or ["auto"] * len(pairs)
    for pair, size in zip(pairs, chosen, strict=True):
        labelled = pair.truth[..., 1] > 0
        told = model.for_page(pair.pixels, pair.ink)
        probability = ink_probability(pair.pixels, told, replace(_PRESET, size=size))
        found[pair.name].append(probability[labelled] >= model.threshold)
        truth[pair.name].append(pair.truth[..., 0][labelled] > 0)
    return {
        name: f_measure(np.concatenate(found[name])[None], np.concatenate(truth[name])[None])
        for name in found
    }


def compare(
    before: InkModel, after: InkModel, pairs: Sequence[Pair], enough: Callable[[], bool]
) -> Iterator[Figures]:
    """Measure two models on the same pages, page after page.

    Parameters
    ----------
    before, after : InkModel
        The two.
    pairs : sequence of Pair
        Read one at a time.
    enough : callable
        Asked before each page; once it says True, no further one is begun.

    Yields
    ------
    Figures
        Of the pages so far, after each page.
    """
    first: list[float] = []
    second: list[float] = []
    for pair in pairs:
        if enough():
            return
        page = load_pair(pair)
        if not page.truth[..., 1].any():
            continue
        first += page_scores(before, [page]).values()
        second += page_scores(after, [page]).values()
        yield Figures(float(np.mean(first)), float(np.mean(second)), len(first))


def in_reading_size(pairs: Iterable[LoadedPair], model: InkModel) -> Iterator[LoadedPair]:
    """Enlarge the pages whose strokes are so thin that a model reads them enlarged.

    Parameters
    ----------
    pairs : iterable of LoadedPair
        Pages, or parts of them.
    model : InkModel
        What reads them.

    Yields
    ------
    LoadedPair
        The page as it is, or of twice its height and width.
    """
    for pair in pairs:
        yield _enlarged(pair) if learnt_size(pair, model) == "double" else pair


def learnt_size(pair: LoadedPair, model: InkModel) -> PageSize:
    """In which size a page is learnt from.

    Parameters
    ----------
    pair : LoadedPair
        A page, or a part of it.
    model : InkModel
        What reads it.

    Returns
    -------
    {"own", "double"}
        Never "half": the look at half of the size, which soft pages get as well when they are
        read, makes strokes bolder, and would be taken for a wish for thinner ones.
    """
    told = model.for_page(pair.pixels, pair.ink)
    return "double" if page_size(pair.pixels, told, "auto") == "double" else "own"


def _enlarged(pair: LoadedPair) -> LoadedPair:
    """Twice as high and wide; ink has smooth edges, and only labelled pixels stay labelled."""
    pixels = _resized(pair.pixels, "bicubic")
    ink = _resized(pair.truth[..., :1], "bilinear").ge(127.5) * 255
    labelled = _resized(pair.truth[..., 1:], "nearest")
    rows = pixels.round().clamp(0, 255).to(torch.uint8).numpy()
    truth = torch.cat([ink, labelled], dim=-1).to(torch.uint8).numpy()
    return replace(pair, pixels=rows, truth=truth, ink=page_ink(page_strips(rows)))


def _resized(values: np.ndarray, mode: str) -> Tensor:
    """Float32 (2 H, 2 W, C) of (H, W, C)."""
    tensor = torch.from_numpy(np.ascontiguousarray(values)).permute(2, 0, 1)[None].float()
    return F.interpolate(tensor, scale_factor=2.0, mode=mode)[0].permute(1, 2, 0).contiguous()
