"""What people wait for at the command line: start-up, one page, a folder of pages."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from docbin_napari.inference.inference_config import PRESETS, PresetName
from docbin_napari.inference.predict import predict
from docbin_napari.model.ink_model import load_model
from pages import different, megapixels, write_pages
from records import Journal, print_header, print_row, span
from timing import interleaved, median_ratio, ratios, seconds


@dataclass(frozen=True)
class Command:
    """``docbin binarize`` as it is measured.

    Parameters
    ----------
    model, device : str
        As the options of the same names.
    presets : tuple of str
        The presets to run.
    """

    model: str
    device: str
    presets: tuple[PresetName, ...]

    def binarize(self, source: Path, preset: PresetName) -> None:
        """Run it in a fresh process; results go to a folder of their own, and away."""
        with tempfile.TemporaryDirectory() as output:
            words = ["binarize", source, "--output", output, "--preset", preset, "--quiet"]
            docbin(*words, "--model", self.model, "--device", self.device)


def docbin(*words: object) -> None:
    """Run the command in a fresh process."""
    command = [sys.executable, "-m", "docbin_napari", *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def cold_start(command: Command, pixels: np.ndarray, rounds: int, journal: Journal) -> None:
    """Print how long one page takes from the start of the process to the file.

    The first run of all is shown apart: there, files come from the disk, and whatever the
    program measures once for this machine is measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        page, dot = Path(folder) / "page.png", Path(folder) / "dot.png"
        Image.fromarray(pixels).save(page, dpi=(300, 300), compress_level=1)
        Image.fromarray(np.full((64, 64, 3), 230, np.uint8)).save(dot)
        works = {"docbin --help": lambda: docbin("--help")}
        works["one page of 64²"] = lambda: command.binarize(dot, command.presets[0])
        for preset in command.presets:
            name = f"one page of {megapixels(pixels):.1f} Mpix, {preset}"
            works[name] = lambda preset=preset: command.binarize(page, preset)
        first = {name: seconds(work) for name, work in works.items()}
        runs = interleaved(works, rounds)
    print("\nFrom the start of the process to its end:\n")
    print_header(["command", "median, s", "lowest–highest", "first run, s"])
    for name, taken in runs.items():
        journal.add(name, "process", "s", taken)
        journal.add(name, "process, first run", "s", [first[name]])
        print_row([name, f"{np.median(taken):.2f}", span(taken), f"{first[name]:.2f}"])


def folder_overhead(
    command: Command, pixels: np.ndarray, count: int, rounds: int, journal: Journal
) -> None:
    """Print the share of the time of a folder of pages that is not the network.

    The same pages go through the network alone, in memory and with the model loaded; what the
    command takes longer is start-up, reading, writing, and what does not overlap with it.
    """
    model = load_model(command.model, command.device)
    print(f"\nA folder of {count} PNG pages of {megapixels(pixels):.1f} Mpix:\n")
    print_header(["preset", "docbin binarize, s", "network alone, s", "share of the rest"])
    with tempfile.TemporaryDirectory() as folder:
        write_pages(Path(folder), pixels, count)
        for preset in command.presets:

            def network(preset: PresetName = preset) -> None:
                out = np.empty(pixels.shape[:2], np.uint8)
                for page in different(pixels, count):
                    for _ in predict(page, model, PRESETS[preset], out):
                        pass

            works = {
                "command": lambda preset=preset: command.binarize(Path(folder), preset),
                "network": network,
            }
            runs = interleaved(works, rounds)
            rest = [1 - share for share in ratios(runs["network"], runs["command"])]
            for what, unit, values in (
                ("docbin binarize", "s", runs["command"]),
                ("network alone", "s", runs["network"]),
                ("share that is not the network", "1", rest),
            ):
                journal.add(f"folder of {count} pages, {preset}", what, unit, values)
            medians = [f"{np.median(runs[name]):.1f}" for name in works]
            share = 1 - median_ratio(runs["network"], runs["command"])
            print_row([preset, *medians, f"{share:.0%}"])
