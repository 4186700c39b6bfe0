"""Give a model its int8 form.

Strategy: pages are read as users read them, in float32, and the ranges of all features are
watched. A range of all values wastes steps on the rarest, so several shares of the
windows are tried, and the one stays whose probabilities come nearest to those of float32. What
the format costs is then measured on other pages. Nothing of it needs a GPU or a tool that users
would have to install, and the weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from docbin_napari.drawing.generator import draw_page
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.ink_model import InkModel, load_network, save_model
from docbin_napari.model.model_file import ModelInfo, find_model, load_tensors
from docbin_napari.model.openvino_engine import (
    EIGHT_BITS_KEY,
    EightBits,
    OpenVINOEngine,
    RangeObserver,
    weights_digest,
)
from docbin_napari.pairs.pair import Pair
from docbin_napari.train.dataset import LoadedPair, generated_pair, load_pair, pairs_in
from docbin_napari.train.validate import page_f_measure, read_pair

_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_SIDE = 1024
_COMPARED = 24
_FIRST_SEED = 70_000
_PRESET, _EXACT = PRESETS["fast"], EngineConfig(precision="f32")


def quantize(
    model: str, pages: Iterable[Path], judge: Iterable[Path], generated: int, each: int
) -> EightBits:
    """Find the int8 form of a model, and write it into its file if it costs little enough.

    The weights of its convolutions are rounded to 16 bits then, which counts as cost of the form,
    too, and the file becomes half as large. Otherwise the file stays as it is.

    Parameters
    ----------
    model : str
        Name of a model, or a .safetensors file.
    pages : iterable of Path
        Collections, or folders of collections, whose pages give the ranges; of all kinds.
    judge : iterable of Path
        Collections with ground truth, on which the cost of the format is measured.
    generated : int
        Generated pages that are added to `pages`.
    each : int
        Most pages that are taken from each collection of `pages`.

    Returns
    -------
    EightBits
        The form.

    Raises
    ------
    ModelError
        If the model is missing or damaged.
    PairError, PageError, MaskError
        If pages cannot be read.
    ValueError
        If there are no pages, or `each` or `generated` is too small.
    """
    if each < 1 or generated < 0:
        raise ValueError(f"--each must be above 0, --generated 0 or more, not {each}, {generated}")
    info = find_model(model)
    chosen, judges = _some(pairs_in(pages), each), pairs_in(judge)
    with TemporaryDirectory() as folder:
        interim = Path(folder) / info.path.name
        rounded = save_model(interim, load_network(info), info.header, compact=True)
        shown = [_middle(load_pair(pair)) for pair in chosen]
        for number in range(generated):
            page = draw_page(_FIRST_SEED + number, _SIDE, _SIDE)
            shown.append(generated_pair(number, page.pixels, page.ink))
        form = find_form(rounded, shown)
        costs = format_costs(info, in_eight_bits(rounded, form), judges)
        form = replace(
            form,
            mean_loss=round(float(np.mean(costs)), 4),
            worst_loss=round(max(costs), 4),
            pages=len(costs),
        )
        if form.is_good_enough:
            header = {**info.header, EIGHT_BITS_KEY: form.to_header()}
            save_model(info.path, load_network(rounded), header, compact=True)
    return form


def find_form(info: ModelInfo, pages: Sequence[LoadedPair]) -> EightBits:
    """Find the ranges with which eight bits come nearest to float32.

    Parameters
    ----------
    info : ModelInfo
        The model.
    pages : sequence of LoadedPair
        Pages of all kinds; their ground truth is not used.

    Returns
    -------
    EightBits
        What it costs is not yet known.

    Raises
    ------
    ValueError
        If there are no pages.
    """
    if not pages:
        raise ValueError("there are no pages to find ranges on")
    watched = RangeObserver.load(info, _EXACT)
    exact = [read_pair(InkModel(watched, info), page, _PRESET) for page in pages]
    weights = weights_digest(load_tensors(info))
    forms = [EightBits(weights, watched.ranges(share), 0.0, 0.0, 0) for share in _SHARES]
    step = max(1, len(pages) // _COMPARED)

    def distance(form: EightBits) -> float:
        rounded = in_eight_bits(info, form)
        pairs = zip(pages[::step], exact[::step], strict=True)
        apart = [np.abs(read_pair(rounded, page, _PRESET) - read).mean() for page, read in pairs]
        return float(np.mean(apart))

    return min(forms, key=distance)


def format_costs(info: ModelInfo, rounded: InkModel, pages: Iterable[Pair]) -> list[float]:
    """Measure what eight bits cost, page by page.

    Parameters
    ----------
    info : ModelInfo
        The model.
    rounded : InkModel
        The same in an int8 form.
    pages : iterable of Pair
        Pages with ground truth; those without ink are left out.

    Returns
    -------
    list of float
        F-measure in float32 less that in eight bits.

    Raises
    ------
    ValueError
        If there is no page with ink.
    """
    exact = InkModel(OpenVINOEngine.load(info, _EXACT), info)
    costs = []
    for page in map(load_pair, pages):
        if np.logical_and(*page.masks).any():
            # As the model is shipped: calibrated, at its own threshold.
            at = info.threshold
            costs.append(page_f_measure(exact, page, at) - page_f_measure(rounded, page, at))
    if not costs:
        raise ValueError("there are no pages with ink to measure the cost on")
    return costs


def in_eight_bits(info: ModelInfo, form: EightBits) -> InkModel:
    """Load a model in an int8 form.

    Parameters
    ----------
    info : ModelInfo
        The model.
    form : EightBits
        Its ranges.

    Returns
    -------
    InkModel
        Ready to run.
    """
    formed = replace(info, header={**info.header, EIGHT_BITS_KEY: form.to_header()})
    return InkModel(OpenVINOEngine.load(formed, EngineConfig(precision="int8")), info)


def _some(pairs: Iterable[Pair], each: int) -> list[Pair]:
    """Choose up to `each` pages of each collection, spread over it."""
    collections: dict[str, list[Pair]] = {}
    for pair in pairs:
        collections.setdefault(pair.collection, []).append(pair)
    return [
        pair for group in collections.values() for pair in group[:: max(1, -(-len(group) // each))]
    ]


def _middle(pair: LoadedPair) -> LoadedPair:
    """Cut out the middle of a page, with the ink of all of it."""
    height, width = pair.pixels.shape[:2]
    top, left = max(0, height - _SIDE) // 2, max(0, width - _SIDE) // 2
    part = slice(top, top + _SIDE), slice(left, left + _SIDE)
    return replace(pair, pixels=pair.pixels[part], truth=pair.truth[part])
