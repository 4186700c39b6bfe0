"""How much a few corrected pages of an archive improve its other pages: benchmarks/adaptation.py.

PAGES is a folder of collections. People correct pages where a model fails, so what counts are
archives that MODEL never saw and reads badly. ``NAME:PREFIX`` takes the pages of a collection
whose names begin so, such as one manuscript. In each draw, some pages are learnt from, as
``docbin finetune`` does, and others are measured. An error is visible
where it is not at the border of a stroke: false ink, and strokes that are missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from docbin_napari.features.survey import PageSurvey
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.finetune.stages import finetune
from docbin_napari.inference.inference_config import PRESETS
from docbin_napari.inference.predict import ink_probability
from docbin_napari.metrics.error_kinds import error_maps
from docbin_napari.metrics.rates import f_measure
from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import InkModel, load_model
from docbin_napari.pairs.pair import Pair, find_pairs, read_pair
from hardware import hardware
from labelling import at_random, write_partly_labelled
from records import Journal, print_header, print_row

_COLUMNS = [
    *("archive", "draw", "pages", "settings", "FM", "false ink %", "missed %"),
    *("visible error gone", "error gone", "own model reads", "others FM", "others false ink %"),
    "CPU min",
]


def main() -> None:
    """Fine-tune on draws of pages of each archive and print one table."""
    arguments = parse()
    device = choose_device("auto")
    journal = Journal(arguments.csv, "adaptation", hardware(device), f"model {arguments.model}")
    print(f"model {arguments.model}; {hardware(device)}\n")
    start = load_model(arguments.model, "auto")
    others = Measured(start, found(arguments.others)), Measured(start, found(arguments.blank))
    print_header(_COLUMNS)
    rows: list[Row] = []
    for name in arguments.names:
        for draw in range(arguments.first_draw, arguments.first_draw + arguments.draws):
            study = Study(name, draw, start, arguments)
            for count in arguments.counts:
                for given in arguments.set or [""]:
                    rows.append(study.learn(count, given, others))
                    rows[-1].show(journal)
    summary(rows, journal)


def parse() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collections", type=Path, metavar="PAGES")
    parser.add_argument("--model", required=True, help="a model that saw none of the archives")
    parser.add_argument("--names", nargs="+", required=True, help="archives, NAME or NAME:PREFIX")
    parser.add_argument("--leave-out", nargs="*", default=[], help="names of pages")
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="pages of other kinds")
    parser.add_argument("--blank", type=Path, nargs="*", default=[], help="the same without ink")
    parser.add_argument("--counts", type=int, nargs="+", default=[2], help="pages to learn from")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--first-draw", type=int, default=0)
    parser.add_argument("--most", type=int, default=0, help="at most so many pages are measured")
    parser.add_argument("--labelled", type=float, default=1.0, help="share of windows")
    parser.add_argument(
        "--set",
        action="append",
        metavar='"NAME=VALUE …"',
        help="settings of FinetuneConfig; once for each row",
    )
    parser.add_argument("--csv", type=Path, help="append the figures to this file")
    return parser.parse_args()


def found(folders: Iterable[Path]) -> list[Pair]:
    """Pairs of some folders."""
    return [pair for folder in folders for pair in find_pairs(folder)]


def settings(given: str) -> dict[str, Any]:
    """Read ``NAME=VALUE NAME=VALUE`` as values of `FinetuneConfig`.

    Examples
    --------
    >>> settings("steps=20 keep=0.5 layers=norms")
    {'steps': 20, 'keep': 0.5, 'layers': 'norms'}
    """
    defaults = {field.name: field.default for field in dataclasses.fields(FinetuneConfig)}
    values: dict[str, Any] = {}
    for entry in given.split():
        name, _, value = entry.partition("=")
        if name not in defaults:
            raise SystemExit(
                f"--set {entry}: there is no such setting; known: {', '.join(defaults)}"
            )
        kind = type(defaults[name])
        values[name] = (Path(value),) if kind is tuple else kind(value)
    return values


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a page was read; shares in percent of its labelled pixels."""

    f_measure: float
    false_ink: float
    missed: float
    all_ink: float


class Measured:
    """Pages as the start reads them; pages that are left to the start are not read again.

    Parameters
    ----------
    start : InkModel
        What everything is compared to.
    pairs : sequence of Pair
        Pages.
    """

    def __init__(self, start: InkModel, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs
        self.before = [reading(start, pair) for pair in pairs]

    def after(self, model: InkModel) -> tuple[list[Reading], float]:
        """The same pages by another model, and the share that it reads itself."""
        readings, own = [], 0
        for pair, before in zip(self._pairs, self.before, strict=True):
            reader = model.for_file(pair.page)
            itself = reader.for_page(PageSurvey.of(read_pair(pair)[0])) is reader
            readings.append(reading(reader, pair) if itself else before)
            own += itself
        return readings, own / max(1, len(self._pairs))


def reading(model: InkModel, pair: Pair) -> Reading:
    """Read a page in one pass and compare it with its ground truth."""
    pixels, truth = read_pair(pair)
    ink = ink_probability(pixels, model, PRESETS["fast"]) >= model.threshold
    maps = error_maps(ink, truth.ink, truth.labelled)
    labelled = max(1, np.count_nonzero(truth.labelled))
    counts = (maps.false_ink, maps.missed, ink & truth.labelled)
    shares = [100 * np.count_nonzero(area) / labelled for area in counts]
    score = f_measure(ink, truth.ink, truth.labelled) if truth.ink.any() else float("nan")
    return Reading(score, *shares)


def mean(readings: Sequence[Reading], name: str) -> float:
    """Mean of one figure over pages; not a number without any."""
    return float(np.mean([getattr(each, name) for each in readings])) if readings else float("nan")


@dataclasses.dataclass(frozen=True)
class Row:
    """What one fine-tuning gave."""

    archive: str
    draw: int
    pages: int
    settings: str
    before: Sequence[Reading]
    after: Sequence[Reading]
    own: float
    others_gain: float
    blank_gain: float
    minutes: float

    @property
    def error_gone(self) -> float:
        """Share of 100 - FM that is gone; NaN where there was no error."""
        before, after = (100 - mean(each, "f_measure") for each in (self.before, self.after))
        return 1 - after / before if before else math.nan

    @property
    def visible_gone(self) -> float:
        """Share of false ink and missed strokes that is gone; NaN where there were none."""
        before, after = (
            mean(each, "false_ink") + mean(each, "missed") for each in (self.before, self.after)
        )
        return 1 - after / before if before else math.nan

    def show(self, journal: Journal) -> None:
        """Print a line of the table; the values before stand in front of those after."""
        what = f"{self.archive}, draw {self.draw}, {self.pages} pages, {self.settings or 'shipped'}"
        journal.add(what, "visible error gone", "1", [self.visible_gone])
        journal.add(what, "error gone", "1", [self.error_gone])
        journal.add(what, "FM", "%", [mean(self.after, "f_measure")])
        journal.add(what, "processor time", "min", [self.minutes])
        pairs = [
            f"{mean(self.before, name):.2f} → {mean(self.after, name):.2f}"
            for name in ("f_measure", "false_ink", "missed")
        ]
        gone = [f"{self.visible_gone:.0%}", f"{self.error_gone:.0%}", f"{self.own:.0%}"]
        others = [f"{self.others_gain:+.2f}", f"{self.blank_gain:+.3f}", f"{self.minutes:.1f}"]
        head = [self.archive, str(self.draw), str(self.pages), self.settings or "shipped"]
        print_row([*head, *pairs, *gone, *others])


class Study:
    """One draw of pages of an archive: which are learnt from and which are measured.

    Parameters
    ----------
    name : str
        Of the archive, as in the options.
    draw : int
        Chooses the pages.
    start : InkModel
        What is adapted.
    arguments : Namespace
        The options.
    """

    def __init__(
        self, name: str, draw: int, start: InkModel, arguments: argparse.Namespace
    ) -> None:
        collection, _, prefix = name.partition(":")
        pairs = [
            pair
            for pair in find_pairs(arguments.collections / collection)
            if pair.name.startswith(prefix) and pair.name not in arguments.leave_out
        ]
        most = max(arguments.counts)
        if len(pairs) <= most:
            raise SystemExit(f"{name}: {len(pairs)} pages, but {most} are learnt from")
        order = np.random.default_rng(draw).permutation(len(pairs))
        last = most + arguments.most if arguments.most else len(pairs)
        self._name, self._draw = name, draw
        self._model, self._labelled = arguments.model, arguments.labelled
        self._learnt = [pairs[index] for index in order[:most]]
        self._measured = Measured(start, [pairs[index] for index in sorted(order[most:last])])

    def learn(self, count: int, given: str, others: tuple[Measured, Measured]) -> Row:
        """Learn from the first pages of the draw and measure."""
        learnt = self._learnt[:count]
        with tempfile.TemporaryDirectory() as place:
            folder = learnt[0].page.parent
            if self._labelled < 1:
                folder = Path(place) / learnt[0].collection
                write_partly(folder, learnt, self._labelled, self._draw)
            output = str(Path(place) / "adapted.safetensors")
            names = tuple(pair.name for pair in learnt)
            chosen = {"seed": self._draw, **settings(given)}
            begun = time.process_time()
            for _ in finetune(FinetuneConfig((folder,), output, names, self._model, **chosen)):
                pass
            minutes = (time.process_time() - begun) / 60
            model = load_model(output, "auto")
            after, own = self._measured.after(model)
            gains = []
            for measured, figure in zip(others, ("f_measure", "all_ink"), strict=True):
                now, _ = measured.after(model)
                gains.append(mean(now, figure) - mean(measured.before, figure))
        before = self._measured.before
        return Row(self._name, self._draw, count, given, before, after, own, *gains, minutes)


def write_partly(folder: Path, pairs: Sequence[Pair], share: float, seed: int) -> None:
    """Write pairs of which a share of the windows is labelled."""
    random = np.random.default_rng([seed, 4])
    for pair in pairs:
        _, truth = read_pair(pair)
        write_partly_labelled(folder, pair, at_random(truth.ink.shape, share, random))


def summary(rows: Sequence[Row], journal: Journal) -> None:
    """Means over archives and draws."""
    print()
    print_header(["pages", "settings", "visible error gone", "error gone", "worst"])
    for key in dict.fromkeys((row.pages, row.settings) for row in rows):
        chosen = [row for row in rows if (row.pages, row.settings) == key]
        visible = float(np.mean([row.visible_gone for row in chosen]))
        error = float(np.mean([row.error_gone for row in chosen]))
        worst = min(row.visible_gone for row in chosen)
        journal.add(f"mean, {key[0]} pages, {key[1]}", "visible error gone", "1", [visible])
        cells = [f"{visible:.0%}", f"{error:.0%}", f"{worst:.0%}"]
        print_row([str(key[0]), key[1] or "shipped", *cells])


if __name__ == "__main__":
    main()
