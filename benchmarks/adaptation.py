"""How much better a few corrected pages make the other pages: benchmarks/adaptation.py.

COLLECTIONS is a folder of collections that the model MODEL never saw. Of each, some pages are
learnt from, as ``python -m docbin_napari.train --finetune`` does, and others are measured:
with nothing learnt, with one, two and four pages, and with a quarter of their windows labelled.
The same pages are measured in every row of a collection, and none of them is learnt from.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docbin_napari.finetune.finetune import FinetuneConfig, finetune
from docbin_napari.inference.config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.metrics import f_measure
from docbin_napari.model.device import choose_device
from docbin_napari.model.weights import load_model
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from hardware import hardware
from labelling import at_random, write_partly_labelled
from records import Journal, print_header, print_row

_WHOLE, _QUARTER = "whole", "quarter"
_SET = "other settings of the fine-tuning than those that are shipped"


def main() -> None:
    """Fine-tune on each collection and print one table."""
    arguments = parse()
    device = choose_device("auto")
    journal = Journal(arguments.csv, "adaptation", hardware(device), f"model {arguments.model}")
    changes = " ".join(arguments.set) or "settings as shipped"
    print(f"model {arguments.model}; {hardware(device)}; {changes}\n")
    print_header(["collection", "pages", "labelled", "FM", "error less by", "others FM", "CPU min"])
    rows: list[Row] = []
    for name in arguments.names or names(arguments.collections):
        study = Study(name, arguments)
        before = f"{study.before:.2f}", "", f"{study.others_before:.2f}", ""
        print_row([name, "0", "", *before])
        for labelled, count in itertools.product(arguments.labelled, arguments.counts):
            row, minutes = study.learn(count, labelled)
            show(row, minutes, study.others_before, journal)
            rows.append(row)
    summary(rows, journal)


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path)
    parser.add_argument("--model", required=True, help="a model that saw none of the collections")
    parser.add_argument("--names", nargs="+", help="only these collections")
    parser.add_argument("--others", type=Path, help="pages that must not get worse")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--apart", type=int, default=4, help="pages that are never measured")
    parser.add_argument(
        "--labelled", nargs="+", choices=(_WHOLE, _QUARTER), default=[_WHOLE, _QUARTER]
    )
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="of FinetuneConfig"
    )
    parser.add_argument("--seed", type=int, default=0, help="chooses the pages")
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    return parser.parse_args()


@dataclasses.dataclass(frozen=True)
class Row:
    """What one fine-tuning gave; figures are means over pages, percent."""

    collection: str
    pages: int
    labelled: str
    before: float
    after: float
    others: float

    @property
    def less(self) -> float:
        """Share of the error, 100 - FM, that is gone."""
        return (self.after - self.before) / (100 - self.before)


def names(collections: Path) -> list[str]:
    """Collections of a folder."""
    return sorted({pair.page.parent.name for pair in find_pairs(collections)})


def settings(given: Sequence[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` as values of `FinetuneConfig`.

    Examples
    --------
    >>> settings(["steps=20", "keep=0.5", "layers=norms"])
    {'steps': 20, 'keep': 0.5, 'layers': 'norms'}
    """
    defaults = {field.name: field.default for field in dataclasses.fields(FinetuneConfig)}
    found: dict[str, Any] = {}
    for entry in given:
        name, _, value = entry.partition("=")
        if name not in defaults:
            raise SystemExit(
                f"--set {entry}: there is no such setting; known: {', '.join(defaults)}"
            )
        kind = type(defaults[name])
        found[name] = (Path(value),) if kind is tuple else kind(value)
    return found


class Study:
    """A collection that the model never saw, split into what is learnt from and what is measured.

    Parameters
    ----------
    name : str
        Name of the collection.
    arguments : Namespace
        The options.
    """

    def __init__(self, name: str, arguments: argparse.Namespace) -> None:
        pairs = find_pairs(arguments.collections / name)
        order = np.random.default_rng(arguments.seed).permutation(len(pairs))
        most = max(arguments.apart, *arguments.counts)
        if len(pairs) <= most:
            raise SystemExit(f"{name}: {len(pairs)} pages, but {most} are learnt from")
        self.name = name
        self._model, self._seed = arguments.model, arguments.seed
        self._settings = settings(arguments.set)
        self._learnt = [pairs[index] for index in order[:most]]
        self._measured = [pairs[index] for index in sorted(order[most:])]
        self._others = find_pairs(arguments.others) if arguments.others else []
        self.before = mean_f_measure(self._model, self._measured)
        self.others_before = mean_f_measure(self._model, self._others)

    def learn(self, count: int, labelled: str) -> tuple[Row, float]:
        """Learn from some pages and measure; with the minutes of processor time to learn."""
        learnt = self._learnt[:count]
        with tempfile.TemporaryDirectory() as place:
            folder = learnt[0].page.parent
            if labelled == _QUARTER:
                folder = Path(place) / learnt[0].collection
                write_quarters(folder, learnt, self._seed)
            model = str(Path(place) / "adapted.safetensors")
            minutes = self._finetune(folder, tuple(pair.name for pair in learnt), model)
            after = mean_f_measure(model, self._measured)
            others = mean_f_measure(model, self._others)
        return Row(self.name, count, labelled, self.before, after, others), minutes

    def _finetune(self, folder: Path, pages: tuple[str, ...], model: str) -> float:
        given: dict[str, Any] = {"seed": self._seed, **self._settings}
        config = FinetuneConfig((folder,), model, pages, self._model, **given)
        start = time.process_time()
        for _ in finetune(config):
            pass
        return (time.process_time() - start) / 60


def write_quarters(folder: Path, pairs: Sequence[Pair], seed: int) -> None:
    """Write pairs of which a quarter of the windows is labelled."""
    random = np.random.default_rng([seed, 4])
    for pair in pairs:
        _, truth = read_pair(pair)
        write_partly_labelled(folder, pair, at_random(truth.ink.shape, 0.25, random))


def mean_f_measure(name: str, pairs: Sequence[Pair]) -> float:
    """Mean F-measure of a model in one pass, as it is shipped."""
    if not pairs:
        return float("nan")
    model = load_model(name, "auto")
    scores = []
    for pair in pairs:
        pixels, truth = read_pair(pair)
        ink = ink_probability(pixels, model, PRESETS["fast"]) >= model.threshold
        scores.append(f_measure(ink, truth.ink, truth.labelled))
    return float(np.mean(scores))


def show(row: Row, minutes: float, harm: float, journal: Journal) -> None:
    """One line of the table."""
    what = f"{row.collection}, {row.pages} pages, {row.labelled}"
    journal.add(what, "FM before", "%", [row.before])
    journal.add(what, "FM", "%", [row.after])
    journal.add(what, "FM of others, gain", "%", [row.others - harm])
    journal.add(what, "processor time", "min", [minutes])
    cells = [f"{row.after:.2f}", f"{row.less:.0%}", f"{row.others:.2f}", f"{minutes:.1f}"]
    print_row([row.collection, str(row.pages), row.labelled, *cells])


def summary(rows: Sequence[Row], journal: Journal) -> None:
    """Means over the collections."""
    print()
    print_header(["pages", "labelled", "error less by, mean"])
    for key in dict.fromkeys((row.pages, row.labelled) for row in rows):
        less = float(np.mean([row.less for row in rows if (row.pages, row.labelled) == key]))
        journal.add(f"mean, {key[0]} pages, {key[1]}", "error less by", "1", [less])
        print_row([str(key[0]), key[1], f"{less:.0%}"])


if __name__ == "__main__":
    main()
