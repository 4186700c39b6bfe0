"""What happens to pages that contests do not look at: python benchmarks/stress.py.

Pages are drawn by this project's own generator, from seeds that no training uses. With
--collections the transformations are applied to the pages of a folder of pairs instead. "Change"
is the FM against that of the same pages as they are, or at 300 dpi; false ink is a share of all
labelled pixels.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.inference.predict import binarize
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.model.model_file import DEFAULT_MODEL
from docbin_napari.pairs.pair import find_pairs, read_pair
from hardware import hardware
from inverted_pages import is_inverted
from records import Journal, print_header, print_row
from stress_pages import CHANGED, DRAWN, REFERENCES, TruePage, drawn

FIRST_SEED = 9_000_000
_LEAST_FALSE = {"blank": 0.01}
_LEAST_FM = {"out of focus, sigma 2.5": 85.0, "solid shapes": 97.0, "mixed polarity": 95.0}
_MOST_LOST = {"150 dpi": 2.0, "600 dpi": 2.0, "drawn at 600 dpi": 2.0}
_AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Outcome:
    """Figures of the pages of one case.

    Parameters
    ----------
    f_measures, false : list of float
        FM of each page and its share of false ink, percent.
    said : int
        Pages that were said to be light writing on dark ground.
    """

    f_measures: list[float]
    false: list[float]
    said: int

    @property
    def mean(self) -> float:
        """Mean FM, percent."""
        return float(np.mean(self.f_measures))


def main() -> None:
    """Measure all cases and print one table."""
    arguments = parse()
    model = load_model(arguments.model, arguments.device)
    config = PRESETS[arguments.preset]
    pages = _pages(arguments)
    settings = f"model {model.info.name}, preset {arguments.preset}, {_told(arguments)}"
    journal = Journal(arguments.csv, "stress", hardware(model.device), settings)
    print(f"{settings}; {hardware(model.device)}\n")
    print_header(["case", "pages", "FM", "change", "false ink, %", "worst", "said inverted", "bar"])
    outcomes: dict[str, Outcome] = {}
    for name, case in cases(pages, arguments):
        outcome = measure(tqdm(list(case()), name, leave=False), model, _config(config, name))
        outcomes[name] = outcome
        # What else is drawn for a case has no other page to be compared with.
        reference = outcomes.get(REFERENCES.get(name, "" if name in DRAWN else _AS_IT_IS))
        show(name, outcome, reference and reference.mean, journal)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=Path, help="pairs to transform instead")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--preset", choices=PRESETS, default="balanced")
    parser.add_argument("--pages", type=int, default=8, help="drawn pages a case")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first drawn page")
    parser.add_argument("--height", type=int, default=1600)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--cases", nargs="+", metavar="CASE", help="only these; default: all")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    return parser.parse_args()


def cases(
    pages: Callable[[], Iterator[TruePage]], arguments: argparse.Namespace
) -> Iterator[tuple[str, Callable[[], Iterator[TruePage]]]]:
    """All cases that are wanted, each with what makes its pages; pages as they are come first."""
    wanted = set(arguments.cases or [*DRAWN, *CHANGED])
    unknown = wanted - {*DRAWN, *CHANGED}
    if unknown:
        raise SystemExit(
            f"there is no case {', '.join(sorted(unknown))}; choose from "
            + ", ".join([*DRAWN, *CHANGED])
        )
    yield _AS_IT_IS, pages
    for name, change in CHANGED.items():
        if name in wanted:
            yield name, lambda change=change: map(change, pages())
            if name == "inverted":
                yield f"{name}, --invert never", lambda change=change: map(change, pages())
    for name, draw in DRAWN.items():
        if name in wanted and arguments.collections is None:
            yield (
                name,
                lambda draw=draw: (draw(seed, _shape(arguments)) for seed in _seeds(arguments)),
            )


def measure(pages: Iterable[TruePage], model: InkModel, config: InferenceConfig) -> Outcome:
    """Binarize the pages of one case.

    Parameters
    ----------
    pages : iterable of TruePage
        The pages.
    model : InkModel
        The network.
    config : InferenceConfig
        Windows, overlap, symmetries, what is done about light writing.
    """
    outcome = Outcome([], [], 0)
    for page in pages:
        said = config.invert == "auto" and is_inverted(page.pixels)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="this page seems to show light writing")
            found = binarize(page.pixels, model, config)
        false = found & ~page.ink & page.labelled
        outcome.f_measures.append(f_measure(found, page.ink, page.labelled))
        outcome.false.append(100 * np.count_nonzero(false) / np.count_nonzero(page.labelled))
        outcome = replace(outcome, said=outcome.said + said)
    return outcome


def show(name: str, outcome: Outcome, plain: float | None, journal: Journal) -> None:
    """One line of the table; the FM of pages without ink says nothing and is left out."""
    has_ink = not name.startswith(("blank", "halftone picture alone"))
    false = float(np.mean(outcome.false))
    change = outcome.mean - plain if plain is not None else 0.0
    journal.add(name, "false ink", "%", [false])
    if has_ink:
        journal.add(name, "FM", "%", [outcome.mean])
    bar = ""
    if name in _LEAST_FALSE:
        bar = _kept(false <= _LEAST_FALSE[name], f"at most {_LEAST_FALSE[name]} % false")
    if name in _LEAST_FM:
        bar = _kept(outcome.mean >= _LEAST_FM[name], f"FM at least {_LEAST_FM[name]:g}")
    if name in _MOST_LOST and plain is not None:
        bar = _kept(abs(change) <= _MOST_LOST[name], f"within {_MOST_LOST[name]:g} FM")
    compared = has_ink and plain is not None and name != _AS_IT_IS
    print_row(
        [
            name,
            str(len(outcome.false)),
            f"{outcome.mean:.2f}" if has_ink else "–",
            f"{change:+.2f}" if compared else "–",
            f"{false:.3f}",
            f"{max(outcome.false):.3f}",
            str(outcome.said),
            bar,
        ]
    )


def _kept(kept: bool, bar: str) -> str:
    return f"{bar}: {'kept' if kept else 'missed'}"


def _config(config: InferenceConfig, name: str) -> InferenceConfig:
    return replace(config, invert="never") if name.endswith("never") else config


def _pages(arguments: argparse.Namespace) -> Callable[[], Iterator[TruePage]]:
    """What gives the pages as they are: drawn ones, or those of the collections."""
    if arguments.collections is None:
        drawn_pages = [drawn(seed, _shape(arguments)) for seed in _seeds(arguments)]
        return lambda: iter(drawn_pages)
    pairs = find_pairs(arguments.collections)

    def read() -> Iterator[TruePage]:
        for pair in pairs:
            pixels, truth = read_pair(pair)
            yield TruePage(pixels, truth.ink, truth.labelled)

    return read


def _seeds(arguments: argparse.Namespace) -> range:
    return range(arguments.seed, arguments.seed + arguments.pages)


def _shape(arguments: argparse.Namespace) -> tuple[int, int]:
    return arguments.height, arguments.width


def _told(arguments: argparse.Namespace) -> str:
    if arguments.collections is not None:
        return f"pages of {arguments.collections.name}"
    return (
        f"{arguments.pages} drawn pages of {arguments.width} × {arguments.height} pixels a case, "
        f"seeds from {arguments.seed}"
    )


if __name__ == "__main__":
    main()
