"""Whether the ink probability means what it says: python benchmarks/calibration.py COLLECTIONS.

COLLECTIONS is a collection of pairs (PAGE and fg_mask/PAGE.png) or a folder of collections. The
probability is that of every preset, after its symmetries, blending and the model's calibration.
Measured is the expected calibration error (ECE) over 15 bins of equal width: of all labelled
pixels together, of each page by itself (pages that promise too much do not make up for pages that
promise too little there), and of those near the borders of ink, where probabilities other than
0 and 1 lie; and, to compare with, that of the mask, a probability of 0 and 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy import ndimage
from tqdm import tqdm

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import ink_probability
from docbin_napari.io.mask import GroundTruth
from docbin_napari.metrics.calibration_curves import ProbabilityCounts
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from hardware import hardware
from records import Journal, print_header, print_row

NEAR = 2
"""Pixels are near a border of ink where ink and paper both lie within so many pixels."""


@dataclass
class Counts:
    """Pixels of some pages, all of them and those near borders of ink.

    Parameters
    ----------
    every, near : ProbabilityCounts
        Labelled pixels, and those near borders of ink.
    mask : ProbabilityCounts
        All labelled pixels, with the mask for a probability.
    errors : list of float
        ECE of each page, percent.
    """

    every: ProbabilityCounts = field(default_factory=ProbabilityCounts)
    near: ProbabilityCounts = field(default_factory=ProbabilityCounts)
    mask: ProbabilityCounts = field(default_factory=ProbabilityCounts)
    errors: list[float] = field(default_factory=list)

    def add(self, probability: np.ndarray, truth: GroundTruth, threshold: float) -> None:
        """Count a page."""
        page = ProbabilityCounts()
        page.add(probability, truth.ink, truth.labelled)
        self.errors.append(100 * page.expected_calibration_error())
        self.every.merge(page)
        self.near.add(probability, truth.ink, truth.labelled & near_border(truth.ink))
        mask = (probability >= threshold).astype(np.float32)
        self.mask.add(mask, truth.ink, truth.labelled)

    def merge(self, other: Counts) -> None:
        """Add what another one has counted."""
        self.every.merge(other.every)
        self.near.merge(other.near)
        self.mask.merge(other.mask)
        self.errors += other.errors


def main() -> None:
    """Measure all presets on all collections and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=[*PRESETS])
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    arguments = parser.parse_args()
    model = load_model(arguments.model, arguments.device)
    settings = f"model {model.info.name}, {model.calibration}"
    print(f"{settings}; {hardware(model.device)}\n")
    print_header(
        [
            "preset",
            "collection",
            "pages",
            "ECE",
            "mean of the pages",
            "worst page",
            "of the mask",
            "near borders",
            "mean p − ink",
            "best threshold",
        ]
    )
    journal = Journal(arguments.csv, "calibration", hardware(model.device), settings)
    pairs = find_pairs(arguments.collections)
    for name in arguments.presets:
        total = Counts()
        for collection, counts in measure(model, PRESETS[name], pairs):
            show(name, collection, counts, journal)
            total.merge(counts)
        show(name, "all", total, journal)


def measure(
    model: InkModel, config: InferenceConfig, pairs: list[Pair]
) -> Iterator[tuple[str, Counts]]:
    """Count the pixels of each collection by their probability.

    Parameters
    ----------
    model : InkModel
        The network.
    config : InferenceConfig
        Windows, overlap and symmetries.
    pairs : list of Pair
        Pages with ground truth, sorted by collection.

    Yields
    ------
    str
        Name of the collection.
    Counts
        Its pixels.
    """
    for collection, group in groupby(pairs, lambda pair: pair.collection):
        counts = Counts()
        for pair in tqdm(list(group), collection, leave=False):
            pixels, truth = read_pair(pair)
            probability = ink_probability(pixels, model, config)
            counts.add(probability, truth, model.threshold)
        yield collection, counts


def near_border(ink: np.ndarray, distance: int = NEAR) -> np.ndarray:
    """Where ink and paper both lie within a square about the pixel: bool (H, W).

    Parameters
    ----------
    ink : ndarray of bool, shape (H, W)
        Ink of the ground truth.
    distance : int
        Half the side of the square, pixels.

    Examples
    --------
    >>> near_border(np.array([[0, 0, 0, 0, 1, 1, 1, 1]], bool), 1).astype(int)
    array([[0, 0, 0, 1, 1, 0, 0, 0]])
    """
    side = 2 * distance + 1
    return ndimage.maximum_filter(ink, side) ^ ndimage.minimum_filter(ink, side)


def show(name: str, collection: str, counts: Counts, journal: Journal) -> None:
    """One line of the table; all shares in percent."""
    every, near = counts.every, counts.near
    excess = 100 * (every.total.sum() - every.ink.sum()) / every.pixels
    error = 100 * every.expected_calibration_error()
    what = f"{name}, {collection}"
    journal.add(what, "ECE", "%", [error])
    journal.add(what, "ECE of each page", "%", counts.errors)
    of_mask = 100 * counts.mask.expected_calibration_error()
    journal.add(what, "ECE of the mask", "%", [of_mask])
    figures = (error, float(np.mean(counts.errors)), max(counts.errors), of_mask)
    row = [name, collection, str(len(counts.errors)), *(f"{figure:.2f}" for figure in figures)]
    journal.add(what, "mean p - ink", "%", [excess])
    if near.pixels:
        error = 100 * near.expected_calibration_error()
        journal.add(what, "ECE near borders", "%", [error])
        best = every.precision_recall().best_threshold
        journal.add(what, "best threshold", "1", [best])
        row += [f"{error:.2f}", f"{excess:+.2f}", f"{best:.2f}"]
    else:
        row += ["–", f"{excess:+.2f}", "–"]
    print_row(row)


if __name__ == "__main__":
    main()
