"""Kill runs of every kind at random moments, start them again, and compare what is there then.

Strategy: each kind of run says how it is begun, how it is begun again after a kill, and what a
folder has come to. What it says is compared with a run that nobody disturbed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tests.attack.children import age, files_in, fresh, killed_after, temporary_in, to_the_end
from tests.attack.inputs import letter

from docbin_napari.cli import main as docbin
from docbin_napari.finetune.finetune_config import FinetuneConfig
from docbin_napari.finetune.stages import finetune
from docbin_napari.io.mask import read_ground_truth, write_mask
from docbin_napari.io.page import find_pages, read_pages
from docbin_napari.model.unet import UNet  # noqa: F401  imported before the children are forked
from docbin_napari.pairs.drafts import Draft, PageKey, find_drafts, read_draft, write_draft
from docbin_napari.pairs.pair import PairContent, find_pairs, write_pair
from docbin_napari.pairs.save import PairPlace, pair_of, replace_mask, save_pair
from docbin_napari.train.loop import train
from docbin_napari.train.model_output import unfinished_path
from docbin_napari.train.train_config import TrainConfig

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from numpy.typing import NDArray

PAGES = 6
SAVES = 12
_ACKNOWLEDGED = "acknowledged"


class Run(Protocol):
    """A run that may be killed."""

    def prepare(self, folder: Path) -> None:
        """Put what the run needs into an empty folder."""

    def work(self, folder: Path) -> object:
        """Do all of it, or go on where a killed run has stopped."""

    def result(self, folder: Path) -> dict[str, Any]:
        """Say what has come out, in values that can be compared."""

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """Say what a killed run has half-written or lost; "" if nothing."""


@dataclass
class Killed:
    """What came out of many kills.

    Parameters
    ----------
    kills, too_late : int
        How often the run was killed, and how often it had ended before.
    faults : list of str
        What was half-written, lost, different or left over.
    """

    kills: int
    too_late: int
    faults: list[str]


def kill_often(run: Run, times: int, random: Random, folder: Path) -> Killed:
    """Kill a run at random moments, begin it again each time, and compare.

    Parameters
    ----------
    run : Run
        What is killed.
    times : int
        How often.
    random : Random
        Decides the moments.
    folder : Path
        To work in.

    Returns
    -------
    Killed
        `faults` is empty if all is well.
    """
    log = folder.with_name(f"{folder.name}.log")
    run.prepare(fresh(folder / "whole"))
    began = time.monotonic()
    if to_the_end(partial(run.work, folder / "whole"), log):
        return Killed(0, 0, [f"the run fails by itself: {log.read_text()[-2000:]}"])
    lasts = time.monotonic() - began
    whole = run.result(folder / "whole")
    found = Killed(0, 0, [])
    while found.kills < times and found.too_late <= 5 + 2 * times:
        place = fresh(folder / "killed")
        run.prepare(place)
        moment = random.uniform(0, 0.9 * lasts)
        if not killed_after(partial(run.work, place), moment, log):
            # The first run may have waited for a busy machine: no later one lasts longer than this.
            found.too_late, lasts = found.too_late + 1, moment
            continue
        found.kills += 1
        where = f"killed after {moment:.3f} s"
        if half := run.half(place, whole):
            found.faults.append(f"{where}: {half}")
        age(place)
        code = to_the_end(partial(run.work, place), log)
        if code:
            found.faults.append(f"{where}: the next run ended with {code}: {_end_of(log)}")
        elif run.result(place) != whole:
            found.faults.append(f"{where}: the next run came to another result")
        if left := temporary_in(place):
            found.faults.append(f"{where}: {', '.join(path.name for path in left)} is left")
    return found


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-600:]


class Batch:
    """`docbin binarize` of a folder."""

    def __init__(self, model: Path) -> None:
        self._model = model

    def prepare(self, folder: Path) -> None:
        """Draw pages of several formats."""
        draw_pages(folder / "pages")

    def work(self, folder: Path) -> object:
        """Binarize them."""
        return binarize(folder, self._model)

    def result(self, folder: Path) -> dict[str, Any]:
        """The files of the output."""
        return files_in(folder / "out")

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """Each result that is there is whole."""
        wrong = [
            name
            for name, content in files_in(folder / "out").items()
            if whole.get(name) != content and (folder / "out" / name) not in temporary_in(folder)
        ]
        return f"{', '.join(wrong)} is not whole" if wrong else ""


def draw_pages(folder: Path) -> None:
    """Write pages of several formats, each with other words."""
    folder.mkdir(parents=True)
    suffixes = (".png", ".bmp", ".tif", ".jpg", ".ppm", ".webp")
    for number in range(PAGES):
        page = letter().rotate(number, fillcolor=(230, 225, 210)).resize((450, 330))
        page.save(folder / f"page{number}{suffixes[number % len(suffixes)]}")


def binarize(folder: Path, model: Path) -> int:
    """Run the command line on the pages of a folder."""
    options = ("--preset", "fast", "--device", "cpu", "--model", str(model))
    return docbin(["binarize", str(folder / "pages"), "--output", str(folder / "out"), *options])


class Training:
    """A training that keeps a checkpoint at each step."""

    def prepare(self, folder: Path) -> None:
        """Draw two pairs."""
        draw_pairs(folder / "pairs" / "letters", 2)

    def work(self, folder: Path) -> object:
        """Train, or resume where there is a checkpoint."""
        config = TrainConfig(
            (folder / "pairs" / "letters",), (folder / "pairs" / "letters",),
            str(folder / "new.safetensors"), steps=6, batch=2, window=64, channels=(8, 8),
            average=0.5, run=folder / "run", device="cpu", every=1e-9,
        )  # fmt: skip
        resume = (folder / "run" / "checkpoint.pt").exists()
        return _ran(train(replace(config, resume=resume)))

    def result(self, folder: Path) -> dict[str, Any]:
        """The weights; how long it took stands beside them."""
        return _weights(folder / "new.safetensors")

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """A model that is there is whole; what checkpoints are good for shows the next run."""
        return _unlike(folder / "new.safetensors", whole)


class Finetuning:
    """A fine-tuning on two pages."""

    def __init__(self, model: Path) -> None:
        self._model = model

    def prepare(self, folder: Path) -> None:
        """Draw two pairs."""
        draw_pairs(folder / "pairs" / "mine", 2)

    def work(self, folder: Path) -> object:
        """Learn them."""
        if (folder / "mine.safetensors").exists():
            return 0
        config = FinetuneConfig(
            collections=(folder / "pairs" / "mine",), output=str(folder / "mine.safetensors"),
            start=str(self._model), minutes=0, steps=6, batch=2, window=64, learning_rate=5e-3,
            average=0.5, replay=0.0, validations=3, device="cpu",
        )  # fmt: skip
        return _ran(finetune(config))

    def result(self, folder: Path) -> dict[str, Any]:
        """The weights, and that no unfinished model is left."""
        left = unfinished_path(folder / "mine.safetensors").exists()
        return {**_weights(folder / "mine.safetensors"), "unfinished": left}

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """A model that is there is whole."""
        known = {name: digest for name, digest in whole.items() if name != "unfinished"}
        return _unlike(folder / "mine.safetensors", known)


def _ran(reports: Any) -> int:
    for _ in reports:
        pass
    return 0


def _weights(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return {name: hashlib.sha256(v.tobytes()).hexdigest() for name, v in load_file(path).items()}


def _unlike(path: Path, whole: dict[str, Any]) -> str:
    if not path.exists():
        return ""
    try:
        return "" if _weights(path) == whole else f"{path.name} is another model"
    except Exception as error:
        return f"{path.name} cannot be read: {error}"


def draw_pairs(folder: Path, count: int) -> None:
    """Write training pairs of 150 × 110 pixels."""
    for number in range(count):
        pixels, ink = numbered_page(number)
        write_pair(folder, f"page{number}", pixels, ink)


def numbered_page(number: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A page and its ink, others for each number."""
    page = np.asarray(letter().rotate(number / 2, fillcolor=(230, 225, 210)))
    return page, page[..., 0] < 128


class Saving:
    """New pairs are saved, and the mask of the first is replaced each time."""

    def prepare(self, folder: Path) -> None:
        """The folder is empty."""

    def work(self, folder: Path) -> object:
        """Save what is not said to be saved; say so after each."""
        known = set(acknowledged(folder))
        for number in range(SAVES):
            if number in known:
                continue
            pixels, ink = numbered_page(number)
            pair = pair_of(folder / "train" / "mine" / f"page{number}.png")
            if pair is None or not pair.ground_truth.exists():
                content = PairContent(pixels, ink)
                save_pair(PairPlace(folder, "train", "mine", f"page{number}"), content)
            first = pair_of(folder / "train" / "mine" / "page0.png")
            if first is not None:
                content = PairContent(numbered_page(0)[0], numbered_page(number)[1])
                replace_mask(first, content)
            acknowledge(folder, number)
        return 0

    def result(self, folder: Path) -> dict[str, Any]:
        """All pairs; how often a mask was replaced differs from kill to kill."""
        return {
            pair.name: _ink_of(pair.ground_truth) for pair in find_pairs(folder / "train" / "mine")
        }

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """What was said to be saved is there, and each mask is a whole one."""
        for number in acknowledged(folder):
            if not (folder / "train" / "mine" / "fg_mask" / f"page{number}.png").exists():
                return f"page{number} was saved, and is gone"
        if not (folder / "train" / "mine" / "fg_mask").exists():
            return ""
        for pair in find_pairs(folder / "train" / "mine"):
            next(read_pages(pair.page))
            allowed = {whole[pair.name]}
            if pair.name == "page0":
                allowed = {_digest(numbered_page(number)[1]) for number in range(SAVES)}
            if _ink_of(pair.ground_truth) not in allowed:
                return f"the mask of {pair.name} is another one"
        return ""


class Drafts:
    """One draft is written again and again, as autosave does."""

    _key = PageKey("1" * 24, "/pages/letter.png", 1)

    def prepare(self, folder: Path) -> None:
        """The folder is empty."""

    def work(self, folder: Path) -> object:
        """Write drafts; say so after each."""
        for number in range(SAVES * 4):
            labels = np.full((800, 600), number % 3, np.uint8)
            labels[0, 0] = number
            write_draft(folder / "drafts", self._key, Draft(labels), writer=f"session{os.getpid()}")
            acknowledge(folder, number)
        return 0

    def result(self, folder: Path) -> dict[str, Any]:
        """The last draft, and that there is one."""
        return {"last": self._last(folder)}

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """The draft is at least as new as the last one that was said to be kept."""
        said = max(acknowledged(folder), default=-1)
        last = self._last(folder)
        return f"draft {said} was kept, but {last} is there" if last < said else ""

    def _last(self, folder: Path) -> int:
        found = find_drafts([folder / "drafts"], self._key)
        return int(read_draft(found[0]).labels[0, 0]) if found else -1


class Export:
    """Ink of several pages is written into one TIFF file, and into PNG files."""

    def prepare(self, folder: Path) -> None:
        """The folder is empty."""

    def work(self, folder: Path) -> object:
        """Write all."""
        planes = [np.kron(numbered_page(number)[1], np.ones((6, 6), bool)) for number in range(8)]
        write_mask(folder / "out" / "stack.tif", planes, dpi=[None] * len(planes))
        for number, plane in enumerate(planes):
            write_mask(folder / "out" / f"page_{number}.png", plane)
        return 0

    def result(self, folder: Path) -> dict[str, Any]:
        """The files."""
        return files_in(folder / "out")

    def half(self, folder: Path, whole: dict[str, Any]) -> str:
        """Each file that is there is whole."""
        shown = [path.name for path in find_pages(folder / "out")] if whole and _is(folder) else []
        wrong = [n for n in shown if (folder / "out" / n).read_bytes() != whole.get(n)]
        return f"{', '.join(wrong)} is not whole" if wrong else ""


def _is(folder: Path) -> bool:
    return (folder / "out").is_dir()


def acknowledge(folder: Path, number: int) -> None:
    """Note that something was saved, in one write."""
    handle = os.open(folder / _ACKNOWLEDGED, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(handle, json.dumps(number).encode() + b"\n")
    os.close(handle)


def acknowledged(folder: Path) -> list[int]:
    """Numbers of what was said to be saved."""
    path = folder / _ACKNOWLEDGED
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def _ink_of(mask: Path) -> str:
    return _digest(read_ground_truth(mask).ink)


def _digest(ink: NDArray[np.bool_]) -> str:
    return hashlib.sha256(ink.tobytes()).hexdigest()


def runs(model: Path) -> dict[str, Run]:
    """All kinds of runs that are killed, by name."""
    return {
        "batch": Batch(model),
        "training": Training(),
        "finetuning": Finetuning(model),
        "saving": Saving(),
        "drafts": Drafts(),
        "export": Export(),
    }
