"""How good the presets are beside classical methods: python benchmarks/quality.py COLLECTIONS.

COLLECTIONS is a collection of pairs (PAGE and fg_mask/PAGE.png) or a folder of collections.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from tqdm import tqdm

from docbin_napari.inference.classical import BASELINES
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.inference.predict import binarize
from docbin_napari.metrics.scores import PageScores, mean_scores, score_page
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from doxa import DOXA_METHODS, has_doxapy
from hardware import hardware
from records import Journal, print_header, print_row

Method = Callable[[np.ndarray], np.ndarray]

KNOWN = [*BASELINES, *DOXA_METHODS, *PRESETS]
KINDS = ["border %", "false ink %", "worst page %", "missed %", "FM lost to false ink", "to missed"]
DEFAULT = ["otsu", "sauvola", "wolf", "su", *PRESETS]


def main() -> None:
    """Measure all methods on all pages and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--methods", nargs="+", choices=KNOWN, default=DEFAULT, metavar="METHOD")
    parser.add_argument(
        "--apart", nargs="+", default=[], metavar="COLLECTION", help="one more row without these"
    )
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    arguments = parser.parse_args()
    model = load_model(arguments.model, arguments.device)
    methods = known_methods(model)
    settings = f"model {model.info.name}, threshold {model.threshold}"
    print(f"{settings}; {hardware(model.device)}\n")
    missing = [name for name in arguments.methods if name not in methods]
    if missing:
        print(f"Left out, because doxapy is not installed: {', '.join(missing)}\n")
    print_header(
        ["method", "collection", "pages", "FM", "pFM", "skeleton pFM", "PSNR", "DRD", *KINDS]
    )
    journal = Journal(arguments.csv, "quality", hardware(model.device), settings)
    pairs = find_pairs(arguments.collections)
    for name in arguments.methods:
        if name in methods:
            measure(name, methods[name], pairs, journal, arguments.apart)


def known_methods(model: InkModel) -> dict[str, Method]:
    """What can be measured here, by name.

    Parameters
    ----------
    model : InkModel
        Network of the presets.

    Returns
    -------
    dict of str to callable
        From uint8 (H, W, 3) to bool (H, W).
    """
    methods: dict[str, Method] = dict(BASELINES)
    if has_doxapy():
        methods.update(DOXA_METHODS)
    for name, config in PRESETS.items():
        methods[name] = lambda pixels, config=config: binarize(pixels, model, config)
    return methods


def measure(
    name: str, method: Method, pairs: list[Pair], journal: Journal, apart: Sequence[str] = ()
) -> None:
    """Print one row for each collection, one for all pages, and one without those apart."""
    everything: list[PageScores] = []
    others: list[PageScores] = []
    for collection, group in groupby(pairs, lambda pair: pair.collection):
        scores = [score(method, pair) for pair in tqdm(list(group), collection, leave=False)]
        show(name, collection, scores, journal)
        everything += scores
        others += [] if collection in apart else scores
    show(name, "all", everything, journal)
    if others and len(others) < len(everything):
        show(name, f"all but {', '.join(apart)}", others, journal)


def score(method: Method, pair: Pair) -> PageScores:
    """Figures of one method on one page."""
    pixels, truth = read_pair(pair)
    return score_page(method(pixels), truth.ink, truth.labelled)


def show(name: str, collection: str, scores: list[PageScores], journal: Journal) -> None:
    """One line of the table."""
    mean = mean_scores(scores)
    figures = {
        ("FM", "%"): mean.f_measure,
        ("pFM", "%"): mean.weighted_pseudo_f_measure,
        ("skeleton pFM", "%"): mean.skeleton_pseudo_f_measure,
        ("PSNR", "dB"): mean.psnr,
        ("DRD", "1"): mean.drd,
        ("errors at borders", "%"): mean.border,
        ("false ink", "%"): mean.false_ink,
        ("false ink, worst page", "%"): mean.worst_false_ink,
        ("missed strokes", "%"): mean.missed,
        ("FM lost to false ink", "%"): mean.false_ink_cost,
        ("FM lost to missed strokes", "%"): mean.missed_cost,
    }
    for (quantity, unit), value in figures.items():
        journal.add(f"{name}, {collection}", quantity, unit, [value])
    shown = ["-" if math.isnan(value) else f"{value:.2f}" for value in figures.values()]
    print_row([name, collection, str(len(scores)), *shown])


if __name__ == "__main__":
    main()
