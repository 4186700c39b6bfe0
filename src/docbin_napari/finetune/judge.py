"""Measure weights on labelled pages by the inference that users run.

Pages to learn from are brought to the size in which they are read.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.ink_colour import page_ink, page_strips
from docbin_napari.inference.config import PRESETS, ChosenSize
from docbin_napari.inference.page_size import page_size
from docbin_napari.inference.predict import predict
from docbin_napari.metrics import confusion
from docbin_napari.metrics.confusion import Counts
from docbin_napari.metrics.rates import f_measure_of
from docbin_napari.model.calibration import Calibration
from docbin_napari.model.device import Device
from docbin_napari.model.registry import ModelInfo
from docbin_napari.model.sized_look import PageSize
from docbin_napari.model.torch_engine import torch_model
from docbin_napari.model.unet import UNet
from docbin_napari.model.weights import InkModel, load_network
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair, count_in_cells, load_pair
from docbin_napari.train.hard_places import wide_errors
from docbin_napari.train.validate import calibrate

_EDGE_STEPS = (0.1, 0.05)
_LOWEST_EDGE, _HIGHEST_EDGE = 0.25, 0.9
# Parts of pages that the edge level is chosen on: more hardly change the choice.
_EDGE_PARTS = 4
# A page and a half: enough to see where the start errs, in some seconds.
_MOST_PIXELS_READ = 4_000_000
_ENOUGH_TO_CALIBRATE = 1_000_000
_PRESET = PRESETS["fast"]


class Stopped(Exception):  # noqa: N818
    """Somebody asked to stop in the middle of a measurement."""


def _never() -> None:
    """Go on: nobody asks to stop."""


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
    check : callable, optional
        Called after every batch of windows; raises `Stopped` where a measurement is to end.

    Attributes
    ----------
    own : dict
        What the file of the new model says otherwise than that of the base.
    check : callable
        As given; may be exchanged.
    seconds_a_look : float
        How long the last measurement of all held-out parts took.
    """

    def __init__(
        self,
        base: ModelInfo,
        network: UNet,
        held_out: Sequence[LoadedPair],
        device: Device,
        check: Callable[[], None] = _never,
    ) -> None:
        self._base = base
        self.check = check
        self.seconds_a_look = 0.0
        self._before: list[Counts] = []
        self.own: dict[str, Any] = {}
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
        return self.pages_of(len(self._held_out))

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
        self,
        weights: Mapping[str, Tensor],
        header: Mapping[str, object] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> Figures:
        """Compare weights with the start on the held-out parts.

        Parameters
        ----------
        weights, header : mapping
            As in `model`.
        enough : callable
            Asked after each part; once it says True, both are compared on the parts so far.

        Returns
        -------
        Figures
            `before` must have been called.
        """
        after = self._counts(self.model(weights, header), enough=enough)
        return Figures(
            self._mean(self._before[: len(after)]), self._mean(after), self.pages_of(len(after))
        )

    def before(self) -> float:
        """Mean F-measure of the start on the held-out parts, percent."""
        self._before = self._counts(self.base_model())
        return self._mean(self._before)

    def draw_strokes_as_held_out(self) -> float | None:
        """Choose how bold strokes are drawn, for all models that are made from now on.

        Strategy: the ground truth itself shows at which level it cuts the edges of strokes, and
        the network was told that very figure when it learnt. From there it goes uphill, in
        steps of a tenth and then of half of that, on some of the held-out parts.

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
        known: dict[float | None, float] = {}

        def figure(level: float | None) -> float:
            if level not in known:
                counts = self._counts(start.cutting_edges_at(level), _EDGE_PARTS)
                known[level] = self._mean(counts)
            return known[level]

        best = max((start.edge_level, None, self._measured_edge()), key=figure)
        if best is not None:
            for step in _EDGE_STEPS:
                best = _uphill(figure, best, step)
        self.own["edge_level"] = best
        return best

    def _measured_edge(self) -> float:
        """The edge level of the ground truth, on a grid of half of a tenth."""
        measured = [pair.edge for pair in self._held_out if pair.edge is not None]
        level = float(np.median(measured)) if measured else USUAL_EDGE_LEVEL
        return round(min(max(level, _LOWEST_EDGE), _HIGHEST_EDGE) * 20) / 20

    def pages_of(self, parts: int) -> int:
        """Number of pages that so many parts belong to."""
        return len({pair.name for pair in self._held_out[:parts]})

    def _counts(
        self,
        model: InkModel,
        parts: int | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[Counts]:
        """Hits and errors on the held-out parts, each in the size in which pages are learnt."""
        if self._sizes is None:
            self._sizes = learnt_sizes(self._held_out, self.base_model())
        begun, counts = time.monotonic(), []
        for pair, size in zip(self._held_out[:parts], self._sizes, strict=False):
            counts.append(read_part(model, pair, size, self.check))
            if enough():
                break
        if len(counts) == len(self._held_out):
            self.seconds_a_look = time.monotonic() - begun
        return counts

    def _mean(self, counts: Sequence[Counts]) -> float:
        """Mean F-measure of the pages that these counts, one a part, belong to; percent."""
        names = [pair.name for pair in self._held_out[: len(counts)]]
        return float(np.mean(list(scores_of(names, counts).values())))

    def errors_on(self, pairs: Sequence[LoadedPair]) -> tuple[list[NDArray[np.uint16]], float]:
        """Find where the start errs on pages to learn from.

        Parameters
        ----------
        pairs : sequence of LoadedPair
            In the size in which they are read. Of many, those after the first megapixels are
            not looked at.

        Returns
        -------
        places : list of ndarray
            For each pair as `hard_places` counts errors; all 0 where nobody has looked.
        share : float
            Errors that are no border's, as a share of the labelled ink.
        """
        start = self.base_model()
        start = start.cutting_edges_at(self.own.get("edge_level", start.edge_level))
        places, errors, ink, seen = [], 0, 1, 0
        for pair in pairs:
            marks = np.zeros(pair.truth.shape[:2], np.bool_)
            if seen < _MOST_PIXELS_READ:
                marks = wide_errors(read_ink(start, pair, "own", self.check), pair)
                seen += marks.size
                errors += int(np.count_nonzero(marks))
                ink += int(np.count_nonzero(pair.truth[..., 0]))
            places.append(count_in_cells(marks))
        return places, errors / ink

    def telling_part(self) -> LoadedPair | None:
        """Choose the held-out part that the start reads worst; None where there is none."""
        if not self._held_out:
            return None
        errors = [counts.errors for counts in self._before]
        return self._held_out[int(np.argmax(errors))]

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


def _uphill(figure: Callable[[float | None], float], level: float, step: float) -> float:
    """Go in steps to where the figure is highest nearby."""
    for direction in (-step, step):
        began = level
        while True:
            further = round(level + direction, 2)
            if not _LOWEST_EDGE <= further <= _HIGHEST_EDGE or figure(further) <= figure(level):
                break
            level = further
        if level != began:
            break
    return level


def read_part(
    model: InkModel, pair: LoadedPair, size: ChosenSize = "auto", check: Callable[[], None] = _never
) -> Counts:
    """Read a page or a part of it, as the model is shipped, and count hits and errors.

    Parameters
    ----------
    model : InkModel
        Calibrated, with its own threshold.
    pair : LoadedPair
        A page, or a part of it.
    size : {"auto", "own", "half", "double"}
        In which size it is read.
    check : callable
        Called after every batch of windows; may raise.

    Returns
    -------
    Counts
        Of the labelled pixels.
    """
    truth, labelled = pair.truth[..., 0] > 0, pair.truth[..., 1] > 0
    return confusion.compare(read_ink(model, pair, size, check), truth, labelled).counts()


def read_ink(
    model: InkModel, pair: LoadedPair, size: ChosenSize = "auto", check: Callable[[], None] = _never
) -> NDArray[np.bool_]:
    """Read a page or a part of it: bool (H, W), True where there is ink; see `read_part`."""
    probability = np.zeros(pair.pixels.shape[:2], np.float32)
    conditioned = model.for_page(pair.pixels, pair.ink)
    for _ in predict(pair.pixels, conditioned, replace(_PRESET, size=size), probability):
        check()
    return probability >= model.threshold


def scores_of(names: Sequence[str], counts: Sequence[Counts]) -> dict[str, float]:
    """F-measure of each page.

    Parameters
    ----------
    names : sequence of str
        Page that each part belongs to.
    counts : sequence of Counts
        Of the parts, in the same order.

    Returns
    -------
    dict
        Name of the page to F-measure of all its parts together, percent.
    """
    pages: dict[str, list[Counts]] = defaultdict(list)
    for name, part in zip(names, counts, strict=True):
        pages[name].append(part)
    return {name: f_measure_of(_sum(parts)) for name, parts in pages.items()}


def _sum(parts: Sequence[Counts]) -> Counts:
    """All parts together."""
    return Counts(
        sum(part.hits for part in parts),
        sum(part.false for part in parts),
        sum(part.missed for part in parts),
        sum(part.clear for part in parts),
    )


def compare(
    before: InkModel, after: InkModel, pairs: Sequence[Pair], check: Callable[[], None]
) -> Iterator[Figures]:
    """Measure two models on the same pages, page after page.

    Parameters
    ----------
    before, after : InkModel
        The two.
    pairs : sequence of Pair
        Read one at a time.
    check : callable
        Called after every batch of windows; where it raises `Stopped`, this is the end.

    Yields
    ------
    Figures
        Of the pages so far, after each page.
    """
    first: list[float] = []
    second: list[float] = []
    try:
        for pair in pairs:
            check()
            page = load_pair(pair)
            if not page.truth[..., 1].any():
                continue
            both = [
                f_measure_of(read_part(model, page, "auto", check)) for model in (before, after)
            ]
            first.append(both[0])
            second.append(both[1])
            yield Figures(float(np.mean(first)), float(np.mean(second)), len(second))
    except Stopped:
        return


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
    sizes: dict[str, PageSize] = {}
    for pair in pairs:
        yield _enlarged(pair) if _size_of(pair, model, sizes) == "double" else pair


def learnt_sizes(pairs: Iterable[LoadedPair], model: InkModel) -> list[PageSize]:
    """Choose the sizes in which pages, or parts of them, are learnt from; see `learnt_size`."""
    sizes: dict[str, PageSize] = {}
    return [_size_of(pair, model, sizes) for pair in pairs]


def _size_of(pair: LoadedPair, model: InkModel, sizes: dict[str, PageSize]) -> PageSize:
    """One size for all parts of a page, as a page is read in one size."""
    if pair.name not in sizes:
        sizes[pair.name] = learnt_size(pair, model)
    return sizes[pair.name]


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
