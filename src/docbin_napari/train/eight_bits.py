"""Give a model its eight-bit form: python -m docbin_napari.train.eight_bits MODEL.

Strategy: pages are read as users read them, in float32, and the ranges of all features are
watched. A range that holds every value wastes steps on the rarest, so several shares of the
windows are tried, and the one stays whose probabilities come nearest to those of float32. What
the format costs is then measured on other pages. Nothing of it needs a GPU or a tool that users
would have to install, and the weights stay as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tyro

from docbin_napari.inference.config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.io.errors import FileError
from docbin_napari.metrics import f_measure
from docbin_napari.model.architecture import architecture
from docbin_napari.model.device import DeviceError
from docbin_napari.model.eight_bits import EIGHT_BITS_KEY, EightBits, weights_digest
from docbin_napari.model.engine import EngineConfig, Precision
from docbin_napari.model.ink_model import InkModel
from docbin_napari.model.normalisation import Normalisation
from docbin_napari.model.openvino_engine import OpenVINOEngine, RangeObserver
from docbin_napari.model.registry import ModelError, ModelInfo, find_model
from docbin_napari.model.tensors import checked, load_tensors
from docbin_napari.model.weights import load_network, save_model
from docbin_napari.pairs.pair import Pair, find_pairs
from docbin_napari.train.dataset import LoadedPair, load_pair
from docbin_napari.train.synthesis import draw_page

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHARES = (0.5, 0.9, 0.99, 1.0)
_SIDE = 1024
_COMPARED = 24
_FIRST_SEED = 70_000
_PRESET = PRESETS["fast"]


@dataclass(frozen=True)
class EightBitsConfig:
    """Settings of an eight-bit form.

    Parameters
    ----------
    model : str
        Name of a model, or a .safetensors file; the form is written into it.
    pages : tuple of Path
        Collections, or folders of collections, whose pages show the ranges: of all kinds.
    judge : tuple of Path
        Collections with ground truth that tell what the format costs.
    generated : int
        Generated pages that are added to `pages`.
    each : int
        At most so many pages of each collection of `pages`.
    """

    model: tyro.conf.Positional[str]
    pages: tuple[Path, ...]
    judge: tuple[Path, ...]
    generated: int = 12
    each: int = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Find the form and write it; returns the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 when the form was written and will be used, 1 otherwise.
    """
    name = "python -m docbin_napari.train.eight_bits"
    config = tyro.cli(EightBitsConfig, args=arguments, prog=name, description=__doc__)
    try:
        found = add_eight_bits(config)
    except (FileError, ModelError, DeviceError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    used = "used where the processor has eight-bit units" if found.is_good_enough else "not used"
    sys.stdout.write(
        f"int8 costs {found.mean_loss:.3f} FM in the mean of {found.pages} pages, "
        f"{found.worst_loss:.3f} on the worst: {used}\n"
    )
    return 0 if found.is_good_enough else 1


def add_eight_bits(config: EightBitsConfig) -> EightBits:
    """Find the eight-bit form of a model, and write it into its file.

    Parameters
    ----------
    config : EightBitsConfig
        Which model, and by which pages.

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
        If there are no pages.
    """
    info = find_model(config.model)
    shown = [_middle(load_pair(pair)) for pair in _some(_found(config.pages), config.each)]
    shown += [_generated(number) for number in range(config.generated)]
    form = find_form(info, shown)
    costs = format_costs(info, form, _found(config.judge))
    form = replace(
        form,
        mean_loss=round(float(np.mean(costs)), 4),
        worst_loss=round(max(costs), 4),
        pages=len(costs),
    )
    save_model(info.path, load_network(info), {**info.header, EIGHT_BITS_KEY: form.to_header()})
    return form


def find_form(info: ModelInfo, pages: Sequence[LoadedPair]) -> EightBits:
    """Find the ranges with which eight bits come nearest to float32.

    Parameters
    ----------
    info : ModelInfo
        The model.
    pages : sequence of LoadedPair
        Pages of all kinds; their ground truth is not asked for.

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
    with checked(info):
        tensors = load_tensors(info)
        watched = RangeObserver(architecture(info), tensors, _normalisation(info))
    exact = _read(InkModel(watched, info), pages)
    forms = [
        EightBits(weights_digest(tensors), watched.ranges(share), 0.0, 0.0, 0) for share in _SHARES
    ]
    step = max(1, len(pages) // _COMPARED)

    def distance(form: EightBits) -> float:
        found = _read(in_eight_bits(info, form), pages[::step])
        pairs = zip(found, exact[::step], strict=True)
        return float(np.mean([np.abs(one - other).mean() for one, other in pairs]))

    return min(forms, key=distance)


def format_costs(info: ModelInfo, form: EightBits, pages: Iterable[Pair]) -> list[float]:
    """Measure what eight bits cost, page by page.

    Parameters
    ----------
    info : ModelInfo
        The model.
    form : EightBits
        Its ranges.
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
    exact = InkModel(_engine(info, None, "f32"), info)
    rounded = in_eight_bits(info, form)
    costs = []
    for page in map(load_pair, pages):
        if (page.truth[..., 0] & page.truth[..., 1]).any():
            before, after = (_f_measure(model, page) for model in (exact, rounded))
            costs.append(before - after)
    if not costs:
        raise ValueError("there are no pages with ink to measure the cost on")
    return costs


def in_eight_bits(info: ModelInfo, form: EightBits) -> InkModel:
    """Load a model in an eight-bit form.

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
    return InkModel(_engine(info, form, "int8"), info)


def _engine(info: ModelInfo, form: EightBits | None, precision: Precision) -> OpenVINOEngine:
    with checked(info):
        return OpenVINOEngine(
            architecture(info),
            load_tensors(info),
            _normalisation(info),
            form,
            EngineConfig(precision=precision),
        )


def _f_measure(model: InkModel, page: LoadedPair) -> float:
    """F-measure as the model is shipped: calibrated, at its own threshold."""
    ink = ink_probability(page.pixels, model, _PRESET) >= model.threshold
    return f_measure(ink, page.truth[..., 0] > 0, page.truth[..., 1] > 0)


def _read(model: InkModel, pages: Sequence[LoadedPair]) -> list[NDArray[np.float32]]:
    return [
        ink_probability(pair.pixels, model.for_page(pair.pixels, pair.ink), _PRESET)
        for pair in pages
    ]


def _normalisation(info: ModelInfo) -> Normalisation:
    return Normalisation(**info.header.get("normalisation", {}))


def _found(folders: Iterable[Path]) -> list[Pair]:
    return [pair for folder in folders for pair in find_pairs(folder)]


def _some(pairs: Iterable[Pair], each: int) -> list[Pair]:
    """So many pages of each collection, spread over it."""
    collections: dict[str, list[Pair]] = {}
    for pair in pairs:
        collections.setdefault(pair.collection, []).append(pair)
    return [
        pair for group in collections.values() for pair in group[:: max(1, -(-len(group) // each))]
    ]


def _middle(pair: LoadedPair) -> LoadedPair:
    """The middle of a page, with the ink of all of it."""
    height, width = pair.pixels.shape[:2]
    top, left = max(0, height - _SIDE) // 2, max(0, width - _SIDE) // 2
    part = slice(top, top + _SIDE), slice(left, left + _SIDE)
    return replace(pair, pixels=pair.pixels[part], truth=pair.truth[part])


def _generated(number: int) -> LoadedPair:
    page = draw_page(_FIRST_SEED + number, _SIDE, _SIDE)
    truth = np.stack([page.ink, np.ones_like(page.ink)], axis=-1).astype(np.uint8) * 255
    return LoadedPair(f"generated/{number}", "generated", page.pixels, truth, None)


if __name__ == "__main__":
    sys.exit(main())
