"""Measure weights on labelled pages by the inference that users run."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.io.errors import FileError
from docbin_napari.metrics.rates import Counts, f_measure_of
from docbin_napari.metrics.rates import compare as compare_masks
from docbin_napari.model.ink_model import InkModel
from docbin_napari.model.torch_engine import torch_model
from docbin_napari.model.unet import UNet
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair, count_in_cells, load_pair
from docbin_napari.train.finish import calibrate
from docbin_napari.train.train_config import Stopped
from docbin_napari.train.validate import read_pair, wide_errors

_SAME = 0.05
_EDGE_STEPS = (0.1, 0.05)
_LOWEST_EDGE, _HIGHEST_EDGE = 0.25, 0.9
# Parts of pages that the edge level is chosen on: more hardly change the choice.
_EDGE_PARTS = 4
# A page and a half: enough to find where the start errs, in some seconds.
_MOST_PIXELS_READ = 4_000_000
_ENOUGH_TO_CALIBRATE = 1_000_000


@dataclass(frozen=True)
class BeforeAfter:
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

    @property
    def is_better(self) -> bool:
        """Whether that is more than chance."""
        return self.gain > _SAME


class Judge:
    """Measures weights of one architecture on held-out parts of pages.

    Parameters
    ----------
    start : InkModel
        The start, with the calibration and the threshold that new weights get.
    network : UNet
        Of the same architecture; it stays as it is.
    parts : sequence of LoadedPair
        Held-out parts of pages; those of one name count as one page.
    check : callable, optional
        Called after every batch of windows; raises `Stopped` where a measurement is to end.

    Attributes
    ----------
    start : InkModel
        As given.
    edge_level : float or None
        Where new models cut the edges of strokes.
    before : list of Counts
        Hits and errors of the start on the parts, after `measure_start`.
    seconds : float
        How long the last measurement of all parts took.
    """

    def __init__(
        self,
        start: InkModel,
        network: UNet,
        parts: Sequence[LoadedPair],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.parts = parts
        self.check = check
        self.before: list[Counts] = []
        self.seconds = 0.0
        self.start = start
        self.edge_level = start.edge_level
        self._network = network

    def model(
        self,
        weights: Mapping[str, Tensor],
        header: Mapping[str, object] | None = None,
        base: InkModel | None = None,
    ) -> InkModel:
        """Make the model of some weights, as it would be shipped.

        Parameters
        ----------
        weights : mapping
            State of the network.
        header : mapping, optional
            Replaces entries of the header of the start, such as ``calibration``.
        base : InkModel, optional
            Reads the pages that the header does not name as known.

        Returns
        -------
        InkModel
            Ready to run.
        """
        network = copy.deepcopy(self._network)
        network.load_state_dict(dict(weights))
        changes = {"edge_level": self.edge_level, **(header or {})}
        info = replace(self.start.info, header={**self.start.info.header, **changes})
        return torch_model(network, info, self.start.device, base)

    def measure_start(self) -> float | None:
        """Measure the start: mean F-measure, percent; None where nothing is held out."""
        if not self.parts:
            return None
        self.before = self._counts(self.start)
        return self._mean(self.before)

    def compare(
        self,
        weights: Mapping[str, Tensor],
        header: Mapping[str, object] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> BeforeAfter | None:
        """Compare weights with the start on the held-out parts.

        Parameters
        ----------
        weights, header : mapping
            As in `model`.
        enough : callable
            Asked after each part; once it is true, both are compared on the parts so far.

        Returns
        -------
        BeforeAfter or None
            `measure_start` must have been called. None where nothing is held out.
        """
        if not self.parts:
            return None
        after = self._counts(self.model(weights, header), enough=enough)
        before = self._mean(self.before[: len(after)])
        pages = {pair.name for pair in self.parts[: len(after)]}
        return BeforeAfter(before, self._mean(after), len(pages))

    def choose_edge_level(self) -> float | None:
        """Choose where all models that are made from now on cut the edges of strokes.

        Strategy: the ground truth itself shows at which level it cuts the edges of strokes, and
        the network got that very figure when it learnt. From there it goes uphill, in
        steps of a tenth and then of half of that, on some of the held-out parts.

        Returns
        -------
        float or None
            The edge level at which the start reads the held-out parts best; that of the start
            where nothing is held out, or the network does not know of edge levels. None leaves
            it to the network.
        """
        if not self.parts or not self._network.config.page_ink:
            return self.edge_level

        @cache
        def figure(level: float | None) -> float:
            return self._mean(self._counts(self.start.with_edge_level(level), _EDGE_PARTS))

        best = max((self.start.edge_level, None, self._measured_edge()), key=figure)
        if best is not None:
            for step in _EDGE_STEPS:
                best = _uphill(figure, best, step)
        self.edge_level = best
        return best

    def _measured_edge(self) -> float:
        """Measure the edge level of the ground truth, on a grid of half of a tenth."""
        measured = [pair.edge for pair in self.parts if pair.edge is not None]
        level = float(np.median(measured)) if measured else USUAL_EDGE_LEVEL
        return round(min(max(level, _LOWEST_EDGE), _HIGHEST_EDGE) * 20) / 20

    def _counts(
        self,
        model: InkModel,
        parts: int | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[Counts]:
        """Count hits and errors on the held-out parts."""
        begun, counts = time.monotonic(), []
        for pair in self.parts[:parts]:
            counts.append(read_part(model, pair, self.check))
            if enough():
                break
        if len(counts) == len(self.parts):
            self.seconds = time.monotonic() - begun
        return counts

    def _mean(self, counts: Sequence[Counts]) -> float:
        """Average the F-measures of the pages that these counts, one a part, belong to; percent."""
        pages: dict[str, Counts] = {}
        for pair, part in zip(self.parts, counts, strict=False):
            pages[pair.name] = part + pages.get(pair.name, Counts(0, 0, 0, 0))
        return float(np.mean([f_measure_of(page) for page in pages.values()]))

    def errors_on(self, pairs: Sequence[LoadedPair]) -> list[NDArray[np.uint16]]:
        """Find where the start errs on pages to learn from.

        Parameters
        ----------
        pairs : sequence of LoadedPair
            In the size in which they are read. Of many, those after the first megapixels are
            not read.

        Returns
        -------
        list of ndarray
            For each pair as `hard_places` counts errors; all 0 where it was not read.
        """
        start = self.start.with_edge_level(self.edge_level)
        places, read = [], 0
        for pair in pairs:
            marks = np.zeros(pair.truth.shape[:2], np.bool_)
            if read < _MOST_PIXELS_READ:
                marks = wide_errors(read_ink(start, pair, self.check), pair)
                read += marks.size
            places.append(count_in_cells(marks))
        return places

    def worst_part(self) -> LoadedPair | None:
        """Choose the held-out part that the start reads worst; None where there is none."""
        if not self.parts:
            return None
        return self.parts[int(np.argmax([counts.errors for counts in self.before]))]

    def calibrated(
        self, weights: Mapping[str, Tensor], refit: str, layers: str = "norms"
    ) -> dict[str, Any]:
        """Choose the calibration of new weights.

        The threshold stays that of the start: on so few windows its optimum is mostly chance.

        Parameters
        ----------
        weights : mapping
            State of the network.
        refit : {"auto", "keep", "refit"}
            As in `FinetuneConfig`.
        layers : str
            What has learnt. Where everything has, the calibration of the start fits less.

        Returns
        -------
        dict
            ``calibration`` for the header: that of the start, or fitted on the held-out parts.
        """
        known = sum(int(np.count_nonzero(pair.truth[..., 1])) for pair in self.parts)
        few = refit == "auto" and known < _ENOUGH_TO_CALIBRATE / (10 if layers == "all" else 1)
        calibration = self.start.calibration
        if refit != "keep" and not few and self.parts:
            model = self.model(weights, {"calibration": {}})
            calibration, _ = calibrate(model, self.parts, "fast")
        return {"calibration": asdict(calibration)}


def _uphill(figure: Callable[[float | None], float], level: float, step: float) -> float:
    """Climb in steps to the nearest maximum of a figure."""
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
    model: InkModel, pair: LoadedPair, check: Callable[[], None] = lambda: None
) -> Counts:
    """Read a page or a part of it, as the model is shipped, and count hits and errors.

    Parameters
    ----------
    model : InkModel
        Calibrated, with its own threshold.
    pair : LoadedPair
        A page, or a part of it.
    check : callable
        Called after every batch of windows; may raise.

    Returns
    -------
    Counts
        Of the labelled pixels.
    """
    return compare_masks(read_ink(model, pair, check), *pair.masks).counts()


def read_ink(
    model: InkModel, pair: LoadedPair, check: Callable[[], None] = lambda: None
) -> NDArray[np.bool_]:
    """Read a page or a part of it: bool (H, W), True where there is ink; see `read_part`."""
    return read_pair(model, pair, PRESETS["fast"], check) >= model.threshold


def compare_on_pages(
    before: InkModel,
    after: InkModel,
    pairs: Sequence[Pair],
    check: Callable[[], None],
    left_out: list[FileError],
) -> Iterator[BeforeAfter]:
    """Measure two models on the same pages, page after page.

    Parameters
    ----------
    before, after : InkModel
        The two.
    pairs : sequence of Pair
        Read one at a time.
    check : callable
        Called after every batch of windows; where it raises `Stopped`, this is the end.
    left_out : list of FileError
        Gets the reasons of the pages that cannot be read.

    Yields
    ------
    BeforeAfter
        Of the pages so far, after each page.
    """
    figures: list[list[float]] = []
    try:
        for pair in pairs:
            check()
            try:
                page = load_pair(pair)
            except FileError as error:
                left_out.append(error)
                continue
            if not page.truth[..., 1].any():
                continue
            both = (read_part(model, page, check) for model in (before, after.for_file(pair.page)))
            figures.append([f_measure_of(counts) for counts in both])
            first, second = np.mean(figures, axis=0)
            yield BeforeAfter(float(first), float(second), len(figures))
    except Stopped:
        return
