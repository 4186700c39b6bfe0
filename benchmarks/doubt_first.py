"""Is it better to label where the network doubts? benchmarks/doubt_first.py COLLECTIONS --model M.

COLLECTIONS is a folder of collections that the model never saw. Of each, the same number of
windows is labelled in the same pages in three ways: from the top of the first page on, at
random, and where the doubt of the model is largest. Then the model learns from them, and the
other pages of the collection are measured.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adaptation import Measured, mean, settings
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.finetune.stages import finetune
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import load_model
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from hardware import hardware
from labelling import Window, from_the_top, window_doubts, write_partly_labelled
from records import Journal, print_header, print_row

Place = tuple[int, Window]


def main() -> None:
    """Label, learn and measure; print one table."""
    arguments = parse()
    device = choose_device("auto")
    journal = Journal(arguments.csv, "doubt first", hardware(device), f"model {arguments.model}")
    print(f"model {arguments.model}; {hardware(device)}; {arguments.windows} windows\n")
    print_header(["collection", "nothing learnt", *ORDERS])
    table: list[list[float]] = []
    for name in arguments.names or names(arguments.collections):
        figures = compare(name, arguments)
        for what, value in zip(("nothing learnt", *ORDERS), figures, strict=True):
            journal.add(f"{name}, {what}", "FM", "%", [value])
        print_row([name, *(f"{value:.2f}" for value in figures)])
        table.append(figures)
    print_row(["mean", *(f"{value:.2f}" for value in np.mean(table, axis=0))])


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--model", required=True, help="a model that saw none of the collections")
    parser.add_argument("--names", nargs="+", help="only these collections")
    parser.add_argument("--pages", type=int, default=4, help="pages that may be labelled")
    parser.add_argument("--windows", type=int, default=12, help="windows that are labelled")
    parser.add_argument("--set", default="", metavar='"NAME=VALUE …"')
    parser.add_argument("--seed", type=int, default=0, help="chooses the pages")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    return parser.parse_args()


def names(collections: Path) -> list[str]:
    """Collections of a folder."""
    return sorted({pair.page.parent.name for pair in find_pairs(collections)})


def mean_f_measure(name: str, pairs: Sequence[Pair]) -> float:
    """Mean F-measure of a model in one pass, as it is shipped."""
    return mean(Measured(load_model(name, "auto"), pairs).before, "f_measure")


def compare(name: str, arguments: argparse.Namespace) -> list[float]:
    """Mean F-measure on the other pages: nothing learnt, then each order."""
    pairs = find_pairs(arguments.collections / name)
    order = np.random.default_rng(arguments.seed).permutation(len(pairs))
    open_pages = [pairs[index] for index in order[: arguments.pages]]
    measured = [pairs[index] for index in sorted(order[arguments.pages :])]
    figures = [mean_f_measure(arguments.model, measured)]
    doubts = page_doubts(arguments.model, open_pages)
    for choose in ORDERS.values():
        places = choose(doubts, arguments.windows, np.random.default_rng(arguments.seed))
        figures.append(learn_and_measure(open_pages, places, measured, arguments))
    return figures


def page_doubts(model_name: str, pairs: Sequence[Pair]) -> list[np.ndarray]:
    """The doubt of the model in every window of some pages."""
    model = load_model(model_name, "auto")
    return [
        window_doubts(ink_probability(read_pair(pair)[0], model, PRESETS["fast"])) for pair in pairs
    ]


def top(doubts: Sequence[np.ndarray], count: int, _: np.random.Generator) -> list[Place]:
    """Page after page in reading order.

    Examples
    --------
    >>> top([np.zeros((1, 2)), np.zeros((2, 2))], 3, np.random.default_rng(0))
    [(0, (0, 0)), (0, (0, 1)), (1, (0, 0))]
    """
    return [
        (page, window) for page, doubt in enumerate(doubts) for window in from_the_top(doubt.shape)
    ][:count]


def anywhere(doubts: Sequence[np.ndarray], count: int, random: np.random.Generator) -> list[Place]:
    """Any windows of any page."""
    every = top(doubts, sum(doubt.size for doubt in doubts), random)
    return [every[index] for index in random.permutation(len(every))[:count]]


def doubtful(doubts: Sequence[np.ndarray], count: int, random: np.random.Generator) -> list[Place]:
    """Where the doubt is largest, whatever the page.

    Examples
    --------
    >>> doubtful([np.array([[0.1, 0.3]]), np.array([[0.2]])], 2, np.random.default_rng(0))
    [(0, (0, 1)), (1, (0, 0))]
    """
    every = top(doubts, sum(doubt.size for doubt in doubts), random)
    return sorted(every, key=lambda place: -doubts[place[0]][place[1]])[:count]


ORDERS: dict[str, Callable[[Sequence[np.ndarray], int, np.random.Generator], list[Place]]] = {
    "from the top": top,
    "at random": anywhere,
    "where the model doubts": doubtful,
}


def learn_and_measure(
    pages: Sequence[Pair],
    places: Sequence[Place],
    measured: Sequence[Pair],
    arguments: argparse.Namespace,
) -> float:
    """Label some windows, learn from them, and measure other pages."""
    with tempfile.TemporaryDirectory() as folder:
        collection = Path(folder) / pages[0].collection
        for number in sorted({page for page, _ in places}):
            windows = [window for page, window in places if page == number]
            write_partly_labelled(collection, pages[number], windows)
        model = str(Path(folder) / "adapted.safetensors")
        given: dict[str, Any] = {"seed": arguments.seed, **settings(arguments.set)}
        for _ in finetune(FinetuneConfig((collection,), model, (), arguments.model, **given)):
            pass
        return mean_f_measure(model, measured)


if __name__ == "__main__":
    main()
